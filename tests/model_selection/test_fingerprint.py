"""Descriptions of data and settings: equal for equal ones, in any process, and for no others."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.pipeline import make_pipeline

from sk_mmoe.metrics import make_task_scorer
from sk_mmoe.model_selection._fingerprint import describe, describe_estimator

TABLE = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": ["x", "y", None], "c": [1, 2, 3]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
        (TABLE, pd.concat([TABLE[["a"]], TABLE[["b", "c"]]], axis=1)),
        (TABLE, TABLE.set_axis([5, 6, 7])),
        (TABLE["a"], TABLE["a"].copy()),
        (sparse.eye_array(3, format="csr"), sparse.eye_array(3, format="coo")),
        (["a", 1], ["a", 1]),
        ({"k": np.ones(30)}, {"k": np.ones(30)}),
        (make_classes := type("A", (), {}), make_classes),
        (lambda: 1, lambda: 2),  # without a content that can be compared
    ],
)
def test_equal_values_have_one_description(one, other):
    assert describe(one) == describe(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros(3), np.zeros(3, dtype=int)),
        (np.zeros(100_000), np.where(np.arange(100_000) == 70_123, 1e-300, 0)),
        (TABLE, TABLE.rename(columns={"a": "d"})),
        (TABLE, TABLE.iloc[::-1]),
        (TABLE, TABLE.astype({"c": float})),
        (TABLE, TABLE.assign(b=["x", "y", "z"])),
        (sparse.eye_array(3), sparse.eye_array(4)),
        (1, 1.0),
        ("1", 1),
        ([1, 2], (1, 2)),
        (list(range(100)), list(range(1, 101))),
        (make_task_scorer("roc_auc", "a"), make_task_scorer("roc_auc", "b")),
        (make_task_scorer("roc_auc", "a"), make_task_scorer("f1", "a")),
    ],
    ids=str,
)
def test_different_values_have_different_descriptions(one, other):
    assert describe(one) != describe(other)


def test_a_description_is_the_same_in_another_process():
    scoring = {"a": make_task_scorer("roc_auc", "a"), "b": make_scorer(accuracy_score)}
    code = """
from sklearn.metrics import accuracy_score, make_scorer
from sk_mmoe.metrics import make_task_scorer
from sk_mmoe.model_selection._fingerprint import describe
print(describe({"a": make_task_scorer("roc_auc", "a"), "b": make_scorer(accuracy_score)}))
"""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == describe(scoring)


def test_jobs_of_a_step_are_no_part_of_the_description_of_a_pipeline():
    one, two = (make_pipeline(LogisticRegression(verbose=v)) for v in (0, 1))
    assert describe_estimator(one, []) == describe_estimator(two, [])
    other = make_pipeline(LogisticRegression(C=2.0))
    assert describe_estimator(one, []) != describe_estimator(other, [])
    assert describe_estimator(one, ["logisticregression__C"]) == describe_estimator(
        other, ["logisticregression__C"]
    )


def test_the_description_of_an_estimator_leaves_out_what_is_searched(peaks):
    described = describe_estimator(peaks.Peak(rate=0.5), ["rate"])
    assert described["parameter width"] == "1"
    assert described["estimator"] == "peaks.Peak"
    assert "parameter rate" not in described
