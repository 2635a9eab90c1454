"""Census-Income (KDD), the benchmark of section 6.3 of the MMoE paper."""

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
# SHA256 of the uncompressed files.
_CHECKSUMS = {
    "census-income.data": "3676a81db7d3528f3f8b9f3c699d0f0aa28db45e6e994fa0b8ed38327539ee86",
    "census-income.test": "98402b1ab879573d0a7f38a699a40258080e25e33d3401e7bf9c96d3fa0fab8c",
}

# The files have no header. The order is that of their columns.
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
_CATEGORICAL = [name for name in _COLUMNS if name not in {*_NUMERIC, _WEIGHT}]

# The column that defines a label, and the categories for which the label is 1.
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
_NOT_FEATURES = {_WEIGHT, *(column for column, _ in _LABELS.values())}
_FEATURES = [name for name in _COLUMNS if name not in _NOT_FEATURES]

_DESCR = """\
Census-Income (KDD)
===================

Answers of 299,285 persons to the Current Population Surveys of 1994 and 1995, which the U.S. Census
Bureau conducts: 199,523 for training and 99,762 for testing, as the donors T. Lane and R. Kohavi
split them. The UCI Machine Learning Repository publishes them as data set 117 under the licence
CC BY 4.0: https://archive.ics.uci.edu/dataset/117/census+income+kdd

There are 7 numeric and 31 categorical features. The numeric ones are age, weeks worked in the year,
the number of persons who work for the employer (on a scale from 0 to 6), wage per hour, capital
gains, capital losses and dividends. The last four are mostly zero (89 to 98 %). The categorical
ones have 2 to 52 categories. Eight of them have missing values.

The labels are 0 or 1:

- "income": more than 50,000 dollars a year (6 %)
- "never_married": never married (43 %)
- "college": an associate's degree or a higher one (20 %)

An instance weight is the number of persons of the population that a record represents. The weights
result from the stratified sampling of the survey. They do not describe the person, so they are not
a feature.
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
    """Load the Census-Income (KDD) data with one to three binary tasks.

    These are the data of section 6.3 of [1]_. Missing files are downloaded from the UCI
    repository [2]_.

    =================   ===================================
    Samples             199523 for training, 99762 for test
    Features            7 numeric, 31 categorical
    Classes per task    2
    =================   ===================================

    Read more in the :doc:`User Guide </user_guide/data>`.

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The file to load. "all" appends the test file to the training file. The paper splits the
        test file at random into two halves, one for validation and one for the test.
    group : {1, 2}, default=1
        The tasks of the paper's group: ("income", "never_married") or ("college",
        "never_married").
    tasks : list of {"income", "never_married", "college"}, default=None
        The names of the tasks. Use it instead of `group` for one task, three tasks or another
        pair.
    data_home : str or path-like, default=None
        The folder of all data sets. `None` means the environment variable ``SK_MMOE_DATA`` or, if
        that is not set, the data folder of scikit-learn. The files ``census-income.data`` and
        ``census-income.test`` are in its subfolder ``census_income``, raw or compressed as
        ``.gz``. Every subset reads both files, because the categories are those of both.
    download_if_missing : bool, default=True
        Whether to download missing files. If False, a missing file raises an OSError. Set it to
        False if a program must not access the network.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=True
        Whether to return DataFrames. Categorical features are then pandas categoricals of strings.
        If False, data and targets are arrays, and a categorical feature is the index into
        `categories`.
    n_retries : int, default=3
        Number of further attempts after a failed download.
    delay : float, default=1.0
        Seconds between two attempts.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : DataFrame or ndarray of shape (n_samples, 38)
            The features. Numeric features are float64. Missing values are NaN.
        target : DataFrame or ndarray of shape (n_samples, n_tasks), int64
            The labels, 0 or 1.
        frame : DataFrame of shape (n_samples, 38 + n_tasks) or None
            Features and labels together. None if `as_frame` is False.
        instance_weight : Series or ndarray of shape (n_samples,), float64
            The number of persons of the population that each sample represents.
        feature_names : list of str
            The names of the features.
        target_names : list of str
            The names of the tasks.
        categories : dict from str to list of str
            The categories of each categorical feature in alphabetical order. They are the same for
            all subsets.
        DESCR : str
            The description of the data set.

    (data, target) : tuple if `return_X_y` is True
        `data` and `target`.

    Raises
    ------
    ValueError
        If a task is unknown or repeated.
    OSError
        If a file is missing and cannot be downloaded, or if a file differs from the published one.
        A missing file is not downloaded if `download_if_missing` is False.

    Notes
    -----
    The columns that define labels (income, education, marital_status) are never features. The paper
    does not say whether income is a feature in group 2. The instance weight is not a feature
    either.

    The paper does not define the labels. The definitions used here reproduce the correlation of
    the two tasks on the test file:

    ======  =========  ======================
    Group   The paper  These labels
    ======  =========  ======================
    1       .1768      -.179
    2       .2373      -.238
    ======  =========  ======================

    If "college" began with a bachelor's degree, the correlation of group 2 would be -.196.

    The category "NA" of hispanic_origin is an answer, not a missing value.

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
        raise ValueError(f"tasks must be distinct names from {list(_LABELS)}, got {names}.")

    contents = load_files(
        data_folder("census_income", data_home),
        _CHECKSUMS,
        url=_URL,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        delay=delay,
    )
    train, test = _share_categories(*(_parse(content) for content in contents.values()))
    tables = {"train": [train], "test": [test], "all": [train, test]}
    table = pd.concat(tables[subset], ignore_index=True)

    data: Any = table[_FEATURES]
    target: Any = pd.DataFrame(
        {name: table[_LABELS[name][0]].isin(_LABELS[name][1]).astype(np.int64) for name in names}
    )
    instance_weight: Any = table[_WEIGHT]
    frame = pd.concat([data, target], axis=1) if as_frame else None
    categorical = [name for name in _FEATURES if name not in _NUMERIC]
    categories = {name: list(data[name].cat.categories) for name in categorical}
    if not as_frame:
        codes = {name: data[name].cat.codes.replace(-1, np.nan) for name in categorical}
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
    """Return the content of a file as a table."""
    table = pd.read_csv(
        BytesIO(content),
        header=None,
        names=_COLUMNS,
        dtype={name: "category" if name in _CATEGORICAL else "float64" for name in _COLUMNS},
        skipinitialspace=True,
        keep_default_na=False,
        na_values="?",
    )
    for name in _CATEGORICAL:
        # Codes are read as numbers, and some names end with a space.
        table[name] = table[name].cat.rename_categories(lambda category: str(category).strip())
    return table


def _share_categories(*tables: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    """Give every categorical column the sorted categories of all tables."""
    for name in _CATEGORICAL:
        categories = sorted(set().union(*(table[name].cat.categories for table in tables)))
        for table in tables:
            table[name] = table[name].cat.set_categories(categories)
    return tables
