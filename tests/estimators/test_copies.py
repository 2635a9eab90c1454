"""Copies of an estimator agree, whatever its labels, gaps and weights are."""

import datetime as dt
import io
import pickle
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sk_mmoe import MMoEMixedPredictor, load_model, save_model

# Two or more labels of each kind; a regression has numbers with fractions.
KINDS = {
    "integers": [3, 1, 2],
    "strings": ["b", "a", "c"],
    "booleans": [True, False],
    "bytes": [b"b", b"a"],
    "tuples": [(1, "a"), (0, "b")],
    "decimals": [Decimal(2), Decimal(1)],
    "dates": [dt.date(2026, 1, 2), dt.date(2026, 1, 1)],
    "timestamps": list(pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin")),
    "periods": list(pd.period_range("2026-01", periods=2, freq="M")),
    "intervals": list(pd.interval_range(0, 3)),
    "numbers": None,
}
SMALL = {
    "n_experts": 2,
    "expert_hidden_layer_sizes": 4,
    "tower_hidden_layer_sizes": (),
    "max_iter": 1,
    "n_members": 1,
    "random_state": 0,
}


def as_objects(values):
    """Return a column that holds values as they are."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return pd.Series(column)


@st.composite
def problems(draw):
    """Return a table, targets of several kinds with gaps, and weights."""
    n_rows = draw(st.integers(24, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = pd.DataFrame({"x": rng.normal(size=n_rows), "c": rng.choice(["u", "v"], n_rows)})
    if draw(st.booleans()):
        table = pl.from_pandas(table)
    y = {}
    for k, kind in enumerate(draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=3))):
        labels = KINDS[kind]
        values = (
            rng.normal(size=n_rows) if labels is None else rng.integers(len(labels), size=n_rows)
        )
        cells = [float(v) if labels is None else labels[v] for v in values]
        if labels is not None:
            cells[: len(labels)] = labels  # all of them occur
        if draw(st.booleans()):
            cells[-3:] = [None] * 3
        y[f"{kind} {k}"] = as_objects(cells)
    y = pd.DataFrame(y)
    weights = rng.uniform(0.5, 2, size=y.shape)
    weights = draw(
        st.sampled_from([None, weights[:, 0], weights, pd.DataFrame(weights, columns=y.columns)])
    )
    return table, y, weights


def copies(model, folder):
    """Return the estimator as each kind of file gives it back."""
    path = folder / "model.safetensors"
    save_model(model, path)
    stored = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(file=io.BytesIO(stored))
    return [
        pickle.loads(pickle.dumps(model)),
        skops.io.loads(stored, trusted=trusted),
        load_model(path),
    ]


def outputs(model, table):
    """Return predictions, and the probabilities of all classes, as lists."""
    probas = [proba for proba in model.predict_proba(table) if proba is not None]
    return np.asarray(model.predict(table), dtype=object).tolist(), [p.tolist() for p in probas]


@settings(max_examples=20, deadline=None)
@given(problem=problems())
def test_pickles_skops_and_model_files_agree(tmp_path_factory, problem):
    table, y, weights = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of accidents among few rows
        model = MMoEMixedPredictor(**SMALL).fit(table, y, sample_weight=weights)
    expected = outputs(model, table)
    for copy in copies(model, tmp_path_factory.mktemp("copies")):
        assert outputs(copy, table) == expected
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(table, y, sample_weight=np.ones(len(table) + 1))
    assert outputs(model, table) == expected


@settings(max_examples=8, deadline=None)
@given(problem=problems())
def test_weights_with_names_go_by_name(problem):
    table, y, _ = problem
    weights = np.random.default_rng(0).uniform(0.5, 2, size=y.shape)
    named = pd.DataFrame(weights, columns=y.columns)[y.columns[::-1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_place = MMoEMixedPredictor(**SMALL).fit(table, y, sample_weight=weights)
        by_name = MMoEMixedPredictor(**SMALL).fit(table, y, sample_weight=named)
    assert_array_equal(by_name.loss_curve_, by_place.loss_curve_)
    assert outputs(by_name, table) == outputs(by_place, table)
