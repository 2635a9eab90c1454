"""Census-Income (KDD): the benchmark of section 6.3 of the paper."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_params

from sk_mmoe.datasets._files import data_folder, load_files

_URL = "https://archive.ics.uci.edu/static/public/117/census+income+kdd.zip"
# Of the uncompressed files.
_CHECKSUMS = {
    "census-income.data": "3676a81db7d3528f3f8b9f3c699d0f0aa28db45e6e994fa0b8ed38327539ee86",
    "census-income.test": "98402b1ab879573d0a7f38a699a40258080e25e33d3401e7bf9c96d3fa0fab8c",
}

# In the order of the files, which have no header.
_COLUMNS = [
    "age",
    "class_of_worker",
    "detailed_industry",
    "detailed_occupation",
    "education",
    "wage_per_hour",
    "enrolled_in_edu_last_wk",
    "marital_status",
    "major_industry",
    "major_occupation",
    "race",
    "hispanic_origin",
    "sex",
    "member_of_labor_union",
    "reason_for_unemployment",
    "full_or_part_time",
    "capital_gains",
    "capital_losses",
    "dividends",
    "tax_filer_status",
    "region_of_previous_residence",
    "state_of_previous_residence",
    "detailed_household_status",
    "detailed_household_summary",
    "instance_weight",
    "migration_msa",
    "migration_region",
    "migration_within_region",
    "live_in_this_house_1_year_ago",
    "migration_prev_sunbelt",
    "num_persons_worked_for_employer",
    "family_members_under_18",
    "country_of_birth_father",
    "country_of_birth_mother",
    "country_of_birth_self",
    "citizenship",
    "own_business_or_self_employed",
    "fill_inc_questionnaire_for_veterans",
    "veterans_benefits",
    "weeks_worked_in_year",
    "year",
    "income",
]
_NUMERIC = [
    "age",
    "wage_per_hour",
    "capital_gains",
    "capital_losses",
    "dividends",
    "num_persons_worked_for_employer",
    "weeks_worked_in_year",
]
_WEIGHT = "instance_weight"
_NOMINAL = [name for name in _COLUMNS if name not in {*_NUMERIC, _WEIGHT}]

# The column that a label is read from, and the levels that make it 1.
_LABELS = {
    "income": ("income", ["50000+."]),
    "never_married": ("marital_status", ["Never married"]),
    "college": (
        "education",
        [
            "Associates degree-academic program",
            "Associates degree-occup /vocational",
            "Bachelors degree(BA AB BS)",
            "Masters degree(MA MS MEng MEd MSW MBA)",
            "Prof school degree (MD DDS DVM LLB JD)",
            "Doctorate degree(PhD EdD)",
        ],
    ),
}
_GROUPS = {1: ["income", "never_married"], 2: ["college", "never_married"]}
_NO_FEATURES = {_WEIGHT, *(column for column, _ in _LABELS.values())}
_FEATURES = [name for name in _COLUMNS if name not in _NO_FEATURES]

_DESCR = """\
Census-Income (KDD)
===================

Answers of 299,285 persons to the Current Population Surveys of 1994 and 1995, which the U.S. Census
Bureau conducts: 199,523 for training and 99,762 for testing, as the donors T. Lane and R. Kohavi
split them. The UCI Machine Learning Repository publishes them as data set 117 under the licence
CC BY 4.0: https://archive.ics.uci.edu/dataset/117/census+income+kdd

Features: 7 numeric ones (age, weeks worked in the year, persons who work for the employer, on a
scale from 0 to 6, and wage per hour, capital gains, capital losses and dividends, of which 89 to
98 % are 0), and 31 nominal ones with 2 to 52 levels. Eight nominal features have missing values.

Labels, each 0 or 1: "income", more than 50,000 dollars a year (6 %); "never_married" (43 %);
"college", an associate's degree or more (20 %).

Instance weights: how many persons of the population a record stands for. They come from the
survey's stratified sampling, and say nothing about the person: they are no feature.
"""


@validate_params(
    {
        "subset": [StrOptions({"train", "test", "all"})],
        "group": [Options(Integral, {1, 2})],
        "tasks": ["array-like", None],
        "data_home": [str, os.PathLike, None],
        "download_if_missing": ["boolean"],
        "return_X_y": ["boolean"],
        "as_frame": ["boolean"],
        "n_retries": [Interval(Integral, 0, None, closed="left")],
        "delay": [Interval(Real, 0, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def fetch_census_income(
    *,
    subset: str = "train",
    group: int = 1,
    tasks: Sequence[str] | None = None,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Any:
    """Load the Census-Income (KDD) data with two or three binary tasks.

    The data of section 6.3 of [1]_, which pairs labels in two groups: income above 50,000 dollars
    and never married; an education of college level at least and never married. The files are
    downloaded from the UCI repository [2]_ if they are missing.

    =================   =====================
    Samples             199523 + 99762
    Features            7 numeric, 31 nominal
    Classes per task    2
    =================   =====================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        Which of the two files to load. "all" appends the test file to the training file. The paper
        splits the test file at random into two halves, for validation and test.
    group : {1, 2}, default=1
        The tasks: ("income", "never_married") or ("college", "never_married").
    tasks : list of {"income", "never_married", "college"}, default=None
        The tasks by name, instead of a group.
    data_home : str or path-like, default=None
        The folder of all data sets. `None` takes the environment variable ``SK_MMOE_DATA`` or,
        where that is not set, the data folder of scikit-learn. The files ``census-income.data``
        and ``census-income.test``, raw or with the ending ``.gz``, lie in its subfolder
        ``census_income``. Both are read for every subset, as nominal features have the levels
        of both.
    download_if_missing : bool, default=True
        If False, raise an OSError if a file is missing, instead of downloading it.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        If True, the data and the targets are DataFrames; nominal features are categoricals of
        strings. If False, they are arrays; a nominal feature is the index of its level in
        `categories`.
    n_retries : int, default=3
        How often to try again after a failed download.
    delay : float, default=1.0
        Seconds between tries.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : DataFrame or ndarray of shape (n_samples, 38)
            The features; numeric ones are float64. A missing value is NaN.
        target : DataFrame or ndarray of shape (n_samples, n_tasks), int64
            The labels, 0 or 1.
        frame : DataFrame of shape (n_samples, 38 + n_tasks) or None
            Features and labels, if `as_frame` is True.
        instance_weight : Series or ndarray of shape (n_samples,), float64
            How many persons of the population each sample stands for.
        feature_names : list of str
            The names of the features.
        target_names : list of str
            The names of the tasks.
        categories : dict from str to list of str
            The levels of each nominal feature, in alphabetical order; the same for all subsets.
        DESCR : str
            Where the data come from.

    (data, target) : tuple if `return_X_y` is True
        The first two of them.

    Raises
    ------
    ValueError
        If a task is unknown or repeated.
    OSError
        If a file is missing and cannot or must not be downloaded, or if a file is not the published
        one.

    Notes
    -----
    The columns that labels are read from (income, education, marital_status) are features in no
    group: the paper does not say whether income is one in group 2. Nor is the instance weight.

    The paper does not define the labels. These have its correlation of the two tasks: on the test
    file -.179 in group 1 (the paper: .1768) and -.238 in group 2 (.2373), but -.196 if an education
    of college level begins with a bachelor's degree.

    The level "NA" of hispanic_origin is an answer, unlike a missing value.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018.
    .. [2] `Census-Income (KDD) <https://archive.ics.uci.edu/dataset/117/census+income+kdd>`_,
       UCI Machine Learning Repository, 2000. doi:10.24432/C5N30T.

    Examples
    --------
    >>> from sk_mmoe.datasets import fetch_census_income
    >>> X, y = fetch_census_income(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, list(y)  # doctest: +SKIP
    ((199523, 38), ['income', 'never_married'])
    """
    names = list(_GROUPS[group]) if tasks is None else [str(task) for task in tasks]
    unknown = [name for name in names if name not in _LABELS]
    if not names or unknown or len(set(names)) < len(names):
        raise ValueError(f"tasks must be different ones of {list(_LABELS)}, got {names}.")

    contents = load_files(
        data_folder("census_income", data_home),
        _CHECKSUMS,
        url=_URL,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
    )
    train, test = _share_levels(*(_parse(content) for content in contents.values()))
    tables = {"train": [train], "test": [test], "all": [train, test]}
    table = pd.concat(tables[subset], ignore_index=True)

    data: Any = table[_FEATURES]
    target: Any = pd.DataFrame(
        {name: table[_LABELS[name][0]].isin(_LABELS[name][1]).astype(np.int64) for name in names}
    )
    instance_weight: Any = table[_WEIGHT]
    frame = pd.concat([data, target], axis=1) if as_frame else None
    nominal = [name for name in _FEATURES if name not in _NUMERIC]
    categories = {name: list(data[name].cat.categories) for name in nominal}
    if not as_frame:
        codes = {name: data[name].cat.codes.replace(-1, np.nan) for name in nominal}
        data = data.assign(**codes).to_numpy(dtype=np.float64)
        target = target.to_numpy()
        instance_weight = instance_weight.to_numpy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        instance_weight=instance_weight,
        feature_names=list(_FEATURES),
        target_names=names,
        categories=categories,
        DESCR=_DESCR,
    )


def _parse(content: bytes) -> pd.DataFrame:
    """Return the table of a file."""
    table = pd.read_csv(
        BytesIO(content),
        header=None,
        names=_COLUMNS,
        dtype={name: "category" if name in _NOMINAL else "float64" for name in _COLUMNS},
        skipinitialspace=True,
        keep_default_na=False,
        na_values="?",
    )
    for name in _NOMINAL:
        # Levels that are codes come as numbers, some others with a space at their end.
        table[name] = table[name].cat.rename_categories(lambda level: str(level).strip())
    return table


def _share_levels(*tables: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Give the nominal columns of all tables the levels of all, sorted."""
    for name in _NOMINAL:
        levels = sorted(set().union(*(table[name].cat.categories for table in tables)))
        for table in tables:
            table[name] = table[name].cat.set_categories(levels)
    return tables
