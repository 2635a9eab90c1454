"""Labels of any type: as classes they come back as what they were."""

import datetime
import enum
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe.metrics import make_task_scorer
from sk_mmoe.tasks._kinds import make_task
from sk_mmoe.tasks._labels import are_numbers, check_labels, distinct_labels
from sk_mmoe.tasks._targets import read_targets

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
FAST = {
    "max_iter": 10,
    "learning_rate_init": 0.03,
    "batch_size": 32,
    "numeric_encoding": None,
    "random_state": 0,
}


class Colour(enum.Enum):
    RED = "r"
    GREEN = "g"
    BLUE = "b"


# Three labels in their order, and the type that predictions have.
LABELS = {
    "intervals": pd.cut([1, 5, 9], [0, 3, 6, 10]).categories.to_list(),
    "overlapping intervals": [pd.Interval(0, 2), pd.Interval(0, 5), pd.Interval(1, 3)],
    "dates": [datetime.date(2020, 1, k) for k in (1, 2, 3)],
    "aware timestamps": list(pd.date_range("2020", periods=3, tz="Europe/Oslo")),
    "periods": list(pd.period_range("2020-01", periods=3, freq="M")),
    "decimals": [Decimal("0.10"), Decimal("2"), Decimal("10.5")],
    "members of an Enum": list(Colour),
    "bytes": [b"a", b"bc", b"d"],
    "tuples": [("a", 1), ("a", 2), ("b", 0)],
    "tuples of other lengths": [(), (1,), (1, 2)],
    "large integers": [-(2**70), 0, 2**70],
    "unicode": ["é", "ø", "日本"],
}


def column(labels, codes):
    """Return labels by codes as a column of objects."""
    array = np.empty(len(codes), dtype=object)
    array[:] = [labels[code] for code in codes]
    return array


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_of_any_type_are_classes_and_come_back(labels, n_classes):
    codes = np.digitize(X[:, 0], [-0.4, 0.4]) % n_classes
    y = pd.Series(column(labels, codes), name="label")
    model = MMoEClassifier(**FAST).fit(X, y)
    assert model.classes_.tolist() == labels[:n_classes]
    predicted = model.predict(X)
    assert set(predicted.tolist()) <= set(labels)
    assert {type(label) for label in predicted.tolist()} == {type(labels[0])}
    right = np.mean([a == b for a, b in zip(predicted.tolist(), y.tolist(), strict=True)])
    assert right > 0.5
    assert model.score(X, y) == pytest.approx(right)
    assert make_task_scorer("accuracy", "label")(model, X, y) == pytest.approx(right)
    assert np.isfinite(make_task_scorer("neg_log_loss", 0)(model, X, y))


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_type_may_be_missing_and_stand_beside_others(labels):
    codes = np.digitize(X[:, 0], [-0.4, 0.4])
    gappy = column(labels, codes)
    gappy[::4] = None
    y = pd.DataFrame({"label": gappy, "click": (X[:, 1] > 0).astype(int)})
    model = MMoEClassifier(**FAST | {"max_iter": 2}).fit(X, y)
    assert model.classes_[0].tolist() == labels
    assert model.predict(X).shape == (120, 2)
    first = pd.DataFrame(y.iloc[1:4])
    stream = MMoEClassifier(random_state=0)
    stream.partial_fit(X[1:4], first, classes=[y["label"].unique(), [0, 1]])
    stream.partial_fit(X, y)
    assert stream.classes_[0].tolist() == labels


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_codes_do_not_depend_on_the_order_of_rows(labels):
    labels = column(labels, [0, 1, 2, 1, 0])
    codes = make_task("t", "classification", labels).encode(labels)
    backwards = make_task("t", "classification", labels[::-1])
    assert codes.tolist() == backwards.encode(labels).tolist() == [0, 1, 2, 1, 0]


def test_equal_instants_in_other_zones_are_the_same_class():
    utc = column(list(pd.date_range("2020", periods=2, tz="UTC")), [0, 1, 1])
    oslo = column([label.tz_convert("Europe/Oslo") for label in utc], [0, 1, 2])
    assert make_task("t", "classification", utc).encode(oslo).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, "a"], r"several types, \['number', 'str'\]"),
        ([True, 1], r"several types, \['bool', 'number'\]"),
        ([b"a", "a"], r"several types, \['bytes', 'str'\]"),
        ([[1], [2]], "cannot be classes: unhashable type: 'list'"),
        ([{"a": 1}, {"a": 2}], "cannot be classes: unhashable type: 'dict'"),
        ([object(), object()], "cannot be sorted: .* not supported"),
        ([pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC")], "cannot be sorted"),
    ],
)
def test_labels_that_cannot_be_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"the labels of task 't' .*{message}"):
        make_task("t", "classification", check_labels(column(labels, [0, 1, 0])))


def test_records_are_refused():
    y = np.array([(1, 0.5), (0, 1.5)], dtype=[("a", int), ("b", float)])
    with pytest.raises(ValueError, match=r"has records .* Pass a DataFrame"):
        read_targets(y, estimator_name="E")


# -- decimals and times as numbers --------------------------------------------------------------


def test_decimal_numbers_are_numbers_in_mixed_predictors():
    price = [Decimal(f"{value:.2f}") for value in X[:, 0]]
    y = pd.DataFrame({"price": price, "like": [Decimal(int(value > 0)) for value in X[:, 1]]})
    model = MMoEMixedPredictor(**FAST).fit(X, y)
    assert model.task_kinds_ == ["regression", "binary"]
    as_floats = MMoEMixedPredictor(**FAST).fit(X, y.astype(float))
    assert_allclose(
        model.predict(X)[:, 0].astype(float), as_floats.predict(X)[:, 0].astype(float), rtol=1e-6
    )


def test_decimals_are_numbers_for_regressors():
    y = column([Decimal("1.5"), Decimal("-2")], np.arange(120) % 2)
    model = MMoERegressor(**FAST).fit(X, y)
    assert model.predict(X).dtype == np.float64
    assert np.isfinite(model.score(X, y))


@pytest.mark.parametrize("value", [Decimal("Infinity"), Decimal("1e400"), 10**400])
def test_numbers_beyond_floats_are_refused(value):
    with pytest.raises(ValueError, match=r"contains infinity|needs numbers, got labels such as"):
        make_task("t", "regression", column([value, 1], [0, 1]))


@pytest.mark.parametrize(
    "y",
    [
        np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]"),
        np.array([1, 2], dtype="timedelta64[s]"),
        pd.Series(pd.date_range("2020", periods=2, tz="UTC")),
        pd.Series(pd.period_range("2020", periods=2, freq="D")),
        column([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)], [0, 1]),
    ],
    ids=["dates", "durations", "aware", "periods", "objects"],
)
@pytest.mark.parametrize("kind", ["regression", "count"])
def test_times_are_no_numbers(y, kind):
    labels = read_targets(y, estimator_name="E").labels[0]
    with pytest.raises(ValueError, match="needs numbers, got labels such as"):
        make_task("t", kind, labels)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([Decimal(1), 2, 2.5], True),
        ([1, True], False),
        (["1", "2"], False),
        ([datetime.date(2020, 1, 1)], False),
    ],
)
def test_numbers_are_told_from_other_objects(labels, expected):
    assert are_numbers(column(labels, range(len(labels)))) is expected


def test_distinct_labels_of_one_type_are_sorted():
    labels = column([Decimal(2), 1, 1.5, Decimal(1)], [0, 1, 2, 3])
    assert distinct_labels(labels, name="t").tolist() == [1, 1.5, 2]
