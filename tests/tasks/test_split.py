"""What a part that is held out leaves to learn from."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_mmoe import MMoEClassifier
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._split import keep_classes_to_learn
from sk_mmoe.tasks._targets import read_targets


def learn(y, kind="classification"):
    targets = read_targets(y, estimator_name="E")
    return TaskEncoder.learn(targets, kinds=[kind] * len(targets.names)), targets


@given(
    y=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=6, max_size=30),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=200)
def test_every_class_has_a_label_to_learn_from(y, seed):
    y = np.vstack([[[0, 0], [1, 1]], np.array(y)])
    encoder, targets = learn(y)
    rows = np.random.default_rng(seed).permutation(len(y))
    before = np.sort(rows[5:]), np.sort(rows[:5])
    train, valid = keep_classes_to_learn(encoder, targets, *before)
    assert sorted([*train, *valid]) == list(range(len(y)))
    assert set(before[0]) <= set(train)
    assert len(valid) >= 1
    if len(valid) > 1:
        for column in y.T:
            assert set(column) == set(column[train])
    # No more rows move than there are classes that need one.
    lost = sum(len(set(column) - set(column[before[0]])) for column in y.T)
    assert len(train) - len(before[0]) <= lost


def test_parts_that_have_all_classes_stay_as_they_are():
    encoder, targets = learn(np.arange(20) % 2)
    train, valid = keep_classes_to_learn(encoder, targets, np.arange(10), np.arange(10, 20))
    assert train.tolist() == list(range(10))
    assert valid.tolist() == list(range(10, 20))


def test_a_label_without_weight_is_nothing_to_learn_from():
    y = pd.Series(["a", "b", "b", "c", "c", "a"])
    encoder, targets = learn(y)
    weights = np.array([[1], [1], [1], [0], [1], [1]])
    parts = np.array([0, 1, 3]), np.array([2, 4, 5])
    train, valid = keep_classes_to_learn(encoder, targets, *parts, weights)
    assert train.tolist() == [0, 1, 3, 4]
    assert valid.tolist() == [2, 5]


def test_numbers_have_no_classes_to_keep():
    encoder, targets = learn(np.arange(4) + 0.5, kind="regression")
    train, valid = keep_classes_to_learn(encoder, targets, np.array([0, 1]), np.array([2, 3]))
    assert (train.tolist(), valid.tolist()) == ([0, 1], [2, 3])


@pytest.mark.parametrize("seed", range(3))
def test_a_class_with_one_label_is_learned(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 2))
    y = np.where(X[:, 0] > 0, "a", "b").astype(object)
    X[seed], y[seed] = [30.0, 0.0], "rare"
    parameters = {"max_iter": 15, "early_stopping": True, "n_iter_no_change": 15}
    parameters |= {"batch_size": 64, "learning_rate_init": 0.02, "class_weight": "balanced"}
    model = MMoEClassifier(random_state=seed, **parameters).fit(X / 3, y)
    assert model.predict(X[[seed]] / 3) == "rare"
