"""Scorers see every form of targets and weights, and the right rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from sk_mmoe.metrics import make_mean_scorer, make_task_scorer, multitask_scoring

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = pd.DataFrame({"click": (X[:, 0] > 0) * 1, "like": (X[:, 1] + RNG.normal(size=60) > 0) * 1})
MODEL = RandomForestClassifier(5, random_state=0).fit(X[:30], Y[:30])
GAPPY = Y.astype("Int64").mask(RNG.random(Y.shape) < 0.3)
SCORER = multitask_scoring(["accuracy", "neg_log_loss"])
EXPECTED = SCORER(MODEL, X, GAPPY)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_targets_of_other_libraries_have_the_same_scores(library):
    module = pytest.importorskip(library)
    columns = {name: [None if v is pd.NA else v for v in GAPPY[name].tolist()] for name in GAPPY}
    table = module.DataFrame(columns) if library == "polars" else module.table(columns)
    assert SCORER(MODEL, X, table) == EXPECTED


def test_masked_labels_are_left_out():
    masked = np.ma.array(Y.to_numpy(), mask=GAPPY.isna().to_numpy())
    assert list(SCORER(MODEL, X, masked).values()) == list(EXPECTED.values())


@pytest.mark.parametrize("rows", [59, 30])
def test_targets_and_weights_of_another_length_are_refused(rows):
    scorer = make_task_scorer("accuracy", "like")
    with pytest.raises(ValueError, match=rf"inconsistent numbers of samples: \[60, {rows}\]"):
        scorer(MODEL, X, Y[:rows])
    with pytest.raises(ValueError, match=rf"inconsistent numbers of samples: \[60, {rows}\]"):
        scorer(MODEL, X, Y, sample_weight=np.ones(rows))


def test_weights_of_a_table_go_by_name():
    weights = pd.DataFrame({"like": RNG.uniform(0, 2, 60), "click": RNG.uniform(0, 2, 60)})
    for task in Y:
        scorer = make_task_scorer("accuracy", task)
        expected = scorer(MODEL, X, Y, sample_weight=weights[task])
        assert scorer(MODEL, X, Y, sample_weight=weights) == expected
    with pytest.raises(ValueError, match=r"columns of sample_weight must be the tasks"):
        make_mean_scorer("accuracy")(MODEL, X, Y, sample_weight=weights[["like"]])
