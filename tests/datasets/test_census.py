"""Census-Income: small made files, and the real files where they are."""

import csv
import gzip
import hashlib
import tarfile
import zipfile
from io import BytesIO
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe.datasets import _census, _files, fetch_census_income

TRAIN, TEST = "census-income.data", "census-income.test"
NUMERIC = [
    "age",
    "wage_per_hour",
    "capital_gains",
    "capital_losses",
    "dividends",
    "num_persons_worked_for_employer",
    "weeks_worked_in_year",
]
MISSING = [
    "state_of_previous_residence",
    "migration_msa",
    "migration_region",
    "migration_within_region",
    "migration_prev_sunbelt",
    "country_of_birth_father",
    "country_of_birth_mother",
    "country_of_birth_self",
]


def line(
    age=30,
    sector="Private",
    industry=4,
    education="High school graduate",
    marital="Divorced",
    hispanic="All other",
    state="?",
    weight="1500.25",
    citizen="Native",
    weeks=52,
    income="- 50000.",
):
    """Return a line of a file, in its format."""
    fields = [age, sector, industry, 34, education, 0, "No school", marital, "Retail", "Sales"]
    fields += ["White", hispanic, "Male", "No", "Not in universe", "Full-time", 10, 20, 30, "Joint"]
    fields += ["South", state, "Head", "Householder", weight, "MSA", "Same", "Same", "No", "Yes", 3]
    fields += ["None", "Peru", "Peru", "?", citizen, 0, "No", 2, weeks, 94, income]
    return ", ".join(map(str, fields)) + "\n"


MADE = {
    TRAIN: (
        line(citizen="Foreign born- Not a citizen of U S ", income="50000+.")
        + line(age=7, industry=12, education="Children", marital="Never married", hispanic="NA")
        + line(education="Associates degree-occup /vocational", weight="37.5", state="Utah")
        + line(education="Some college but no degree", marital="Never married", income="50000+.")
    ).encode(),
    TEST: (
        line(sector="Federal", weight="99", education="Doctorate degree(PhD EdD)", weeks=8)
        + line(industry=3, marital="Never married", education="Associates degree-academic program")
    ).encode(),
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """No test sees the user's data, or the network."""
    monkeypatch.delenv("SK_MMOE_DATA", raising=False)
    monkeypatch.setattr(_files, "urlopen", None)
    monkeypatch.setattr(_files.time, "sleep", None)


@pytest.fixture
def made(monkeypatch):
    """Take the made files for the published ones."""
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in MADE.items()}
    monkeypatch.setattr(_census, "_CHECKSUMS", checksums)


@pytest.fixture
def home(tmp_path, made):
    """Return a folder with the made files."""
    place(tmp_path)
    return tmp_path


def place(home, names=(TRAIN, TEST)):
    folder = home / "census_income"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(MADE[name])


# The table


def test_features_are_38_with_their_types(home):
    data = fetch_census_income(data_home=home).data
    assert data.shape == (4, 38)
    assert [name for name in data if data[name].dtype == np.float64] == NUMERIC
    nominal = data.drop(columns=NUMERIC)
    assert nominal.shape[1] == 31
    for name in nominal:
        assert isinstance(data[name].dtype, pd.CategoricalDtype)
        assert all(isinstance(level, str) for level in data[name].cat.categories)


def test_labels_and_weight_are_no_features(home):
    for tasks in (["income"], ["college", "never_married"]):
        names = fetch_census_income(data_home=home, tasks=tasks).feature_names
        assert not {"income", "education", "marital_status", "instance_weight"} & set(names)


def test_values_come_from_their_fields(home):
    data = fetch_census_income(data_home=home).data
    assert data["age"].tolist() == [30, 7, 30, 30]
    assert data["wage_per_hour"].tolist() == [0] * 4
    assert data.loc[0, ["capital_gains", "capital_losses", "dividends"]].tolist() == [10, 20, 30]
    assert data["num_persons_worked_for_employer"].tolist() == [3] * 4
    assert data["weeks_worked_in_year"].tolist() == [52] * 4
    assert data["detailed_industry"].tolist() == ["4", "12", "4", "4"]
    assert data["detailed_occupation"].tolist() == ["34"] * 4
    assert data["country_of_birth_mother"].tolist() == ["Peru"] * 4
    assert data["year"].tolist() == ["94"] * 4


def test_levels_are_stripped(home):
    citizenship = fetch_census_income(data_home=home).data["citizenship"]
    assert citizenship.tolist() == ["Foreign born- Not a citizen of U S", *["Native"] * 3]


def test_level_na_is_an_answer_and_question_mark_is_missing(home):
    data = fetch_census_income(data_home=home).data
    assert data["hispanic_origin"].tolist() == ["All other", "NA", "All other", "All other"]
    assert data["state_of_previous_residence"].isna().tolist() == [True, True, False, True]
    assert data["country_of_birth_self"].isna().all()
    assert data["state_of_previous_residence"].cat.categories.tolist() == ["Utah"]
    assert data.isna().sum().sum() == 7


def test_levels_are_the_same_for_all_subsets(home):
    sets = [fetch_census_income(data_home=home, subset=s) for s in ("train", "test", "all")]
    assert sets[0].categories == sets[1].categories == sets[2].categories
    for name, levels in sets[0].categories.items():
        assert levels == sorted(levels)
        for data in sets:
            assert data.data[name].cat.categories.tolist() == levels
    assert sets[0].categories["class_of_worker"] == ["Federal", "Private"]
    assert sets[1].categories["detailed_industry"] == ["12", "3", "4"]


def test_labels_follow_their_definition(home):
    target = fetch_census_income(
        data_home=home, subset="all", tasks=["college", "income", "never_married"]
    ).target
    assert target.dtypes.unique().tolist() == [np.int64]
    assert target["income"].tolist() == [1, 0, 0, 1, 0, 0]
    assert target["never_married"].tolist() == [0, 1, 0, 1, 0, 1]
    assert target["college"].tolist() == [0, 0, 1, 0, 1, 1]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ["income", "never_married"]),
        ({"group": 2}, ["college", "never_married"]),
        ({"tasks": ("never_married",)}, ["never_married"]),
        ({"tasks": np.array(["college", "income"]), "group": 1}, ["college", "income"]),
    ],
)
def test_tasks_are_those_asked_for(home, parameters, names):
    data = fetch_census_income(data_home=home, **parameters)
    assert data.target_names == list(data.target) == names


def test_all_appends_test_to_train(home):
    train, test, both = (
        fetch_census_income(data_home=home, subset=subset) for subset in ("train", "test", "all")
    )
    pd.testing.assert_frame_equal(
        both.frame, pd.concat([train.frame, test.frame], ignore_index=True)
    )
    assert both.instance_weight.tolist() == [1500.25, 1500.25, 37.5, 1500.25, 99.0, 1500.25]
    assert both.instance_weight.index.equals(both.data.index)


def test_frame_holds_features_and_labels(home):
    data = fetch_census_income(data_home=home)
    assert list(data.frame) == data.feature_names + data.target_names
    pd.testing.assert_frame_equal(data.frame[data.feature_names], data.data)
    pd.testing.assert_frame_equal(data.frame[data.target_names], data.target)
    assert "CC BY 4.0" in data.DESCR


def test_arrays_hold_the_index_of_each_level(home):
    frame = fetch_census_income(data_home=home, subset="all")
    array = fetch_census_income(data_home=home, subset="all", as_frame=False)
    assert array.frame is None
    assert array.data.dtype == np.float64
    assert array.target.dtype == np.int64
    assert type(array.instance_weight) is np.ndarray
    assert_array_equal(array.target, frame.target)
    assert_array_equal(array.instance_weight, frame.instance_weight)
    for column, name in zip(array.data.T, array.feature_names, strict=True):
        if name in NUMERIC:
            assert_array_equal(column, frame.data[name])
        else:
            decoded = [None if np.isnan(c) else array.categories[name][int(c)] for c in column]
            assert decoded == [None if pd.isna(v) else v for v in frame.data[name]]


@pytest.mark.parametrize("as_frame", [True, False])
def test_return_X_y_is_data_and_target(home, as_frame):
    X, y = fetch_census_income(data_home=home, return_X_y=True, as_frame=as_frame)
    data = fetch_census_income(data_home=home, as_frame=as_frame)
    assert type(X) is type(y) is (pd.DataFrame if as_frame else np.ndarray)
    assert_array_equal(y, data.target)
    assert X.shape == data.data.shape


def test_changing_the_names_changes_no_later_call(home):
    data = fetch_census_income(data_home=home)
    data.target_names.append("x")
    data.feature_names.clear()
    again = fetch_census_income(data_home=home)
    assert again.target_names == ["income", "never_married"]
    assert len(again.feature_names) == 38


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"subset": "validation"}, "subset"),
        ({"group": 3}, "group"),
        ({"tasks": "income"}, "tasks"),
        ({"tasks": []}, "tasks must be distinct names from"),
        ({"tasks": ["income", "age"]}, "'income', 'age'"),
        ({"tasks": ["income", "income"]}, "distinct"),
        ({"tasks": [["income"]]}, "tasks must be"),
        ({"data_home": 1}, "data_home"),
        ({"download_if_missing": "no"}, "download_if_missing"),
        ({"return_X_y": None}, "return_X_y"),
        ({"as_frame": "pandas"}, "as_frame"),
        ({"n_retries": -1}, "n_retries"),
        ({"delay": -1.0}, "delay"),
    ],
)
def test_bad_parameters_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        fetch_census_income(**parameters)


# The files, of which test_files.py has more


def test_files_come_from_the_folder_that_the_environment_names(home, monkeypatch):
    monkeypatch.setenv("SK_MMOE_DATA", str(home))
    assert len(fetch_census_income().data) == 4


@pytest.mark.parametrize("present", [[], [TRAIN], [TEST]])
def test_both_files_are_needed_for_each_subset(tmp_path, made, present):
    place(tmp_path, present)
    for subset in ("train", "test"):
        with pytest.raises(OSError, match="not found") as caught:
            fetch_census_income(data_home=tmp_path, subset=subset, download_if_missing=False)
        for name in (TRAIN, TEST):
            assert (name in str(caught.value)) == (name not in present)


def test_published_files_are_told_by_their_checksum(tmp_path):
    place(tmp_path)
    with pytest.raises(OSError, match=r"census-income.data differs.*3676a81d"):
        fetch_census_income(data_home=tmp_path)


def test_missing_files_are_downloaded(tmp_path, made, monkeypatch):
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in MADE.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, BytesIO(content))
    published = BytesIO()
    with zipfile.ZipFile(published, "w") as archive:
        archive.writestr("census.tar.gz", buffer.getvalue())

    urls, pauses = [], []

    def urlopen(url, timeout):
        urls.append(url)
        if len(urls) < 3:
            raise URLError("down")
        return BytesIO(published.getvalue())

    monkeypatch.setattr(_files, "urlopen", urlopen)
    monkeypatch.setattr(_files.time, "sleep", pauses.append)
    with pytest.raises(OSError, match=r"1 times, last with: <urlopen error down>"):
        fetch_census_income(data_home=tmp_path, n_retries=0)
    data = fetch_census_income(data_home=tmp_path, subset="all", n_retries=1, delay=0.25)
    assert data.target["income"].tolist() == [1, 0, 0, 1, 0, 0]
    assert urls == ["https://archive.ics.uci.edu/static/public/117/census+income+kdd.zip"] * 3
    assert pauses == [0.25]
    again = fetch_census_income(data_home=tmp_path, subset="all", download_if_missing=False)
    pd.testing.assert_frame_equal(again.frame, data.frame)


# The real files


@pytest.fixture(scope="module")
def real(census_home):
    """Return the real data with all tasks."""
    tasks = ["income", "never_married", "college"]
    return fetch_census_income(
        data_home=census_home, subset="all", tasks=tasks, download_if_missing=False
    )


@pytest.fixture(scope="module")
def rows(census_home):
    """Return the test file's fields as text, read by another parser."""
    path = census_home / "census_income" / TEST
    with path.open() if path.exists() else gzip.open(f"{path}.gz", "rt") as file:
        return list(csv.reader(file, skipinitialspace=True))


N_TRAIN = 199_523


def test_real_sizes(real):
    assert real.data.shape == (199_523 + 99_762, 38)
    assert real.target.shape == (299_285, 3)
    assert len(real.categories) == 31


def test_real_missing_values_are_in_eight_features(real):
    counts = real.data.isna().sum()
    assert counts[counts > 0].index.tolist() == MISSING


def test_real_test_file_has_no_level_of_its_own(real):
    train = real.data[:N_TRAIN]
    for name, levels in real.categories.items():
        assert set(train[name].dropna()) == set(levels)


def test_real_wage_and_capital_are_nearly_always_zero(real):
    share = (real.data[["wage_per_hour", "capital_gains", "capital_losses"]] == 0).mean()
    assert share.between(0.94, 0.985).all()


def test_real_label_correlations_are_the_papers(real):
    correlation = real.target[N_TRAIN:].corr()["never_married"]
    assert correlation["income"] == pytest.approx(-0.1787, abs=5e-5)
    assert correlation["college"] == pytest.approx(-0.2376, abs=5e-5)
    # The paper's, without their sign.
    assert abs(correlation["income"]) == pytest.approx(0.1768, abs=0.003)
    assert abs(correlation["college"]) == pytest.approx(0.2373, abs=0.001)


def test_real_label_shares_are_those_of_the_description(real):
    share = real.target.mean()
    for name, percent in (("income", 6), ("never_married", 43), ("college", 20)):
        assert round(100 * share[name]) == percent
        assert f"({percent} %)" in real.DESCR


def test_real_test_rows_are_those_of_another_parser(real, rows):
    data = real.data[N_TRAIN:]
    places = [k for k in range(42) if k not in (4, 7, 24, 41)]
    for k, name in zip(places, real.feature_names, strict=True):
        column = [row[k].strip() for row in rows]
        if name in NUMERIC:
            assert_array_equal(data[name], np.array(column, dtype=float))
            assert data[name].sum() > 0
        else:
            assert_array_equal(data[name].astype(object).fillna("?"), column)
    target = real.target[N_TRAIN:]
    assert target["income"].tolist() == [int(row[41] == "50000+.") for row in rows]
    assert target["never_married"].tolist() == [int(row[7] == "Never married") for row in rows]
    college = ("Assoc", "Bach", "Mast", "Prof", "Doct")
    assert target["college"].tolist() == [int(row[4].startswith(college)) for row in rows]
    assert_allclose(real.instance_weight[N_TRAIN:], [float(row[24]) for row in rows])


def test_real_train_is_what_the_docstring_shows(census_home):
    X, y = fetch_census_income(data_home=census_home, return_X_y=True)
    shown = fetch_census_income.__doc__.strip().splitlines()[-1].strip()
    assert str((X.shape, list(y))) == shown
