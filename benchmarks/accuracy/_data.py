"""The tables of the accuracy benchmarks, cut into what to learn, to choose by, and to judge by."""

import os
from pathlib import Path

import pandas as pd
from sklearn.datasets import get_data_home
from sklearn.model_selection import train_test_split

from sk_mmoe.datasets import fetch_census_income

# Of a video's impression: what is known before it, beside the columns of user and video.
_CONTEXT = ["user_id", "video_id", "hourmin", "tab", "duration_ms"]
_TASKS = {"is_click": "click", "long_view": "long_view", "is_like": "like"}
# Numbers in the files, but names of something.
_CODES = ("user_id", "video_id", "author_id", "music_id", "music_type", "tab", "onehot_feat")
_LAST_TRAINING_DAY = 20220504


def load(name, data_home=None):
    """Return (X, y) to learn, to choose by and to judge by.

    Parameters
    ----------
    name : {"census1", "census2", "kuairand"}
        Census-Income with the tasks of group 1 (income, never married) or 2 (college, never
        married), the test file halved at random; or KuaiRand (click, long view, like), the days
        after the fourth of May halved at random.
    data_home : str, default=None
        The folder with "census_income" and "kuairand". None: the environment variable.

    Returns
    -------
    list of three tuples (X, y) of DataFrames
        Numbers, and columns of dtype category; no other preparation.
    """
    if name.startswith("census"):
        options = {"group": int(name[-1]), "data_home": data_home, "return_X_y": True}
        train = fetch_census_income(subset="train", **options)
        later = fetch_census_income(subset="test", **options)
    else:
        train, later = _load_kuairand(_data_home(data_home) / "kuairand")
    X_val, X_test, y_val, y_test = train_test_split(*later, test_size=0.5, random_state=0)
    return [train, (X_val, y_val), (X_test, y_test)]


def _load_kuairand(folder):
    """Return the impressions before and after a day, with the columns of user and video."""
    table = pd.read_parquet(folder / "kuairand_pure_standard_20220425_20220508.parquet")
    table = table.drop_duplicates()
    users = pd.read_csv(folder / "user_features_pure.csv.gz")
    videos = pd.read_csv(folder / "video_features_basic_pure.csv.gz")
    # The same as duration_ms, but for holes.
    videos = videos.drop(columns=["video_duration"])
    X = table[_CONTEXT].merge(users, on="user_id", how="left")
    X = X.merge(videos, on="video_id", how="left")
    X = X.loc[:, X.nunique() > 1]
    names = [c for c in X if c.startswith(_CODES) or not pd.api.types.is_numeric_dtype(X[c])]
    X = X.astype(dict.fromkeys(names, "category"))
    for name in names:
        codes = X[name].cat.categories
        if pd.api.types.is_float_dtype(codes):  # as holes make them; XGBoost takes whole ones
            X[name] = X[name].cat.rename_categories(codes.astype(int))
    y = table[list(_TASKS)].rename(columns=_TASKS).reset_index(drop=True)
    early = (table["date"] <= _LAST_TRAINING_DAY).to_numpy()
    return [(X[rows], y[rows]) for rows in (early, ~early)]


def _data_home(data_home):
    """Return the folder of data sets."""
    return Path(data_home or os.environ.get("SK_MMOE_DATA") or get_data_home())


def load_small(name, data_home=None):
    """Return (X, y) of a small table of several targets from the Mulan collection.

    Parameters
    ----------
    name : str
        The table, such as "jura".
    data_home : str, default=None
        The folder with "multi_target". None: the environment variable.

    Returns
    -------
    X, y : DataFrame
        Numbers and columns of dtype category, with gaps; the targets.
    """
    table = pd.read_parquet(_data_home(data_home) / "multi_target" / f"{name}.parquet")
    of_targets = table.columns.str.startswith("target_")
    y = table.loc[:, of_targets]
    return table.loc[:, ~of_targets], y.astype(int if name == "emotions" else float)
