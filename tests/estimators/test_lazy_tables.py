"""Tables that are read part by part give what tables in memory give."""

import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV

from sk_mmoe import (
    MMoERegressor,
    SharedBottomClassifier,
    SharedBottomMixedPredictor,
    SharedBottomRegressor,
    fit_runs,
)
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.estimators import _look_through
from sk_mmoe.estimators._first_pass import prepare_lazy
from sk_mmoe.estimators._look_through import look_through
from sk_mmoe.inspection import ExpertUseDisplay, RocCurvesDisplay
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.streaming import LazyTable

SMALL = {
    "hidden_layer_sizes": (8,),
    "tower_hidden_layer_sizes": (4,),
    "max_iter": 4,
    "n_members": 1,
    "random_state": 0,
}
TARGETS = ["click", "level", "watch_time"]


@pytest.fixture
def frame(table):
    """Return a table of numbers and categories with three targets, some labels missing."""
    X, y = table
    rng = np.random.default_rng(0)
    X = X.assign(
        city=rng.choice(["Rome", "Oslo", "Lima"], len(X)),
        weight=rng.uniform(0.5, 2, len(X)),
    )
    y = y.assign(level=y["level"].where(rng.uniform(size=len(y)) < 0.8))
    return pd.concat([X, y], axis=1)


@pytest.fixture
def path(frame, tmp_path):
    """Return what writes a frame, in row groups of a size, and returns the folder."""

    def write(row_group_size, frame=frame):
        pq.write_table(
            pa.Table.from_pandas(frame), tmp_path / "table.parquet", row_group_size=row_group_size
        )
        return tmp_path

    return write


def in_memory(frame, *, weighted=False):
    """Return features, targets and weights of a frame."""
    return (
        frame.drop(columns=[*TARGETS, "weight"]),
        frame[TARGETS],
        frame["weight"] if weighted else None,
    )


def lazy(folder, *, weighted=False, **settings):
    """Return the lazy table of a folder."""
    table = LazyTable(folder, TARGETS, sample_weight="weight", **settings)
    if not weighted:
        table = LazyTable(folder, TARGETS, features=table.feature_names, **settings)
    return table


@pytest.mark.parametrize(
    ("parameters", "weighted"),
    [
        ({}, False),
        ({"class_weight": "balanced", "early_stopping": False}, True),
        ({"class_weight": "balanced"}, True),
        ({"class_weight": {"level": {"low": 3.0}}, "numeric_encoding": None}, False),
        ({"embedding_dim": None, "n_members": 2, "early_stopping": False}, True),
    ],
)
def test_a_single_row_group_gives_the_fit_in_memory_to_the_bit(frame, path, parameters, weighted):
    model = SharedBottomMixedPredictor(**SMALL | parameters)
    X, y, weight = in_memory(frame, weighted=weighted)
    expected = model.fit(X, y, weight)
    losses, predictions = expected.loss_curve_, expected.predict(X)
    validation, score = expected.validation_scores_, expected.score(X, y, weight)
    table = lazy(path(1000), weighted=weighted)
    model.fit(table)
    assert model.loss_curve_ == losses
    assert model.validation_scores_ == validation
    assert_array_equal(model.predict(table), predictions)
    assert model.score(table) == score


def test_small_row_groups_learn_as_much(frame, path):
    parameters = {**SMALL, "max_iter": 5, "learning_rate_init": 0.02}
    X, y, _ = in_memory(frame)
    whole = SharedBottomMixedPredictor(**parameters).fit(X, y)
    table = lazy(path(16), buffer_rows=100)
    parts = SharedBottomMixedPredictor(**parameters).fit(table)
    assert parts.loss_curve_ != whole.loss_curve_  # other batches
    assert parts.score(table) == pytest.approx(whole.score(X, y), abs=0.05)
    assert_array_equal(parts.predict(table), parts.predict(X))
    for found, expected in zip(parts.predict_proba(table), parts.predict_proba(X), strict=True):
        assert found is expected is None or not (found - expected).any()


def test_each_epoch_has_every_row_once_but_those_held_out(frame, path):
    frame = frame.assign(x0=np.arange(len(frame)))
    model = SharedBottomMixedPredictor(numeric_encoding=None, **SMALL)
    table = lazy(path(16, frame), buffer_rows=50)
    data = prepare_lazy(model, table, None, None, (None, None, None))
    train = [
        row
        for block in data.train.blocks(torch.randperm)
        for row in block[:][0].numbers[:, 0].tolist()
    ]
    valid = data.valid[:][0].numbers[:, 0].tolist()
    assert len(valid) == 40
    assert len(train) == len(data.train) == 360
    assert sorted(train + valid) == list(range(400))


def test_weights_of_all_blocks_have_a_mean_of_one(path):
    model = SharedBottomMixedPredictor(class_weight="balanced", early_stopping=False, **SMALL)
    table = lazy(path(16), weighted=True, buffer_rows=50)
    data = prepare_lazy(model, table, None, None, (None, None, None))
    weights = np.concatenate([block.weights for block in data.train.blocks(torch.randperm)])
    assert_allclose(weights.mean(axis=0), 1, rtol=1e-5)


def test_a_gap_that_the_sample_lacks_changes_no_other_weight(frame, path, monkeypatch):
    monkeypatch.setattr(_look_through, "_SAMPLE_ROWS", 100)
    monkeypatch.setattr(_look_through, "_MANY_LABELS", 3)
    frame["level"] = frame["level"].fillna("low")
    model = SharedBottomMixedPredictor(early_stopping=False, **SMALL)
    places = look_through(lazy(path(16, frame)), "from_dtype", count=False).places
    frame.loc[np.setdiff1d(np.arange(400), places)[0], "level"] = None
    data = prepare_lazy(model, lazy(path(16, frame), buffer_rows=50), None, None, (None,) * 3)
    weights = [block.weights for block in data.train.blocks(torch.randperm)]
    [with_gap] = [part for part in weights if part is not None]
    assert with_gap.unique().tolist() == [0, 1]


def test_rare_classes_and_categories_are_learned_though_a_sample_would_miss_them(
    frame, path, monkeypatch
):
    monkeypatch.setattr(_look_through, "_SAMPLE_ROWS", 100)
    frame.loc[333, ["level", "city"]] = ["rare", "Bern"]
    table = lazy(path(50, frame))
    model = SharedBottomMixedPredictor(**SMALL).fit(table)
    assert model.classes_[1].tolist() == ["high", "low", "middle", "rare"]
    city = model.model_.reader.columns[-1]
    assert city.labels == ["Bern", "Lima", "Oslo", "Rome"]
    assert city.weights[0] == 1 / 21
    assert len(model.net_.history) == 4


def test_one_target_gives_one_dimension(frame, path):
    table = LazyTable(path(90), "watch_time", features=["x0", "x1"])
    model = SharedBottomRegressor(**SMALL).fit(table)
    assert model.task_names_ == ["watch_time"]
    assert model.predict(table).shape == (400,)
    assert model.score(table) == model.score(frame[["x0", "x1"]], frame["watch_time"])


def test_a_warm_start_and_a_validation_set(frame, path):
    X, y, _ = in_memory(frame)
    table = lazy(path(50))
    model = SharedBottomMixedPredictor(warm_start=True, **SMALL).fit(
        table, X_val=X[:50], y_val=y[:50]
    )
    reader = model.model_.reader
    assert len(model.validation_scores_) == 4
    model.fit(table)
    assert model.model_.reader is reader
    assert model.n_iter_ == 8


@pytest.mark.parametrize("weighted", [False, True])
def test_a_validation_set_in_files_is_that_in_memory(frame, path, tmp_path, weighted):
    (tmp_path / "held_out").mkdir()
    held_out = tmp_path / "held_out" / "rows.parquet"
    pq.write_table(pa.Table.from_pandas(frame[:80]), held_out, row_group_size=30)
    X_val, y_val, weights = in_memory(frame[:80], weighted=weighted)
    data = in_memory(frame[80:])[:2]
    memory, files = SharedBottomMixedPredictor(**SMALL), SharedBottomMixedPredictor(**SMALL)
    memory.fit(*data, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    files.fit(*data, X_val=lazy(held_out, weighted=weighted))
    assert files.validation_scores_ == memory.validation_scores_
    table = lazy(path(50, frame[80:].reset_index(drop=True)))
    files.fit(table, X_val=lazy(held_out))
    assert len(files.validation_scores_) == 4
    with pytest.raises(ValueError, match="y_val must be None with a LazyTable"):
        files.fit(table, X_val=lazy(held_out), y_val=y_val)
    with pytest.raises(ValueError, match=r"needs? targets"):
        files.fit(table, X_val=LazyTable(held_out))


def test_a_training_is_resumed_from_a_checkpoint(path, tmp_path):
    table = lazy(path(50), buffer_rows=100)
    whole = SharedBottomMixedPredictor(**SMALL).fit(table)
    for max_iter in (2, 4):
        checkpoint = TrainingCheckpoint(tmp_path / "run.pt")
        model = SharedBottomMixedPredictor(**SMALL | {"max_iter": max_iter}, callbacks=[checkpoint])
        model.fit(table)
    assert model.loss_curve_ == whole.loss_curve_
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(table), whole.predict(table))


def test_labels_and_weights_are_columns(frame, path):
    table = lazy(path(400))
    model = SharedBottomMixedPredictor(**SMALL)
    with pytest.raises(ValueError, match=r"y must be None with a LazyTable.*targets=\.\.\."):
        model.fit(table, frame[TARGETS])
    with pytest.raises(ValueError, match=r"sample_weight must be None.*sample_weight=\.\.\."):
        model.fit(table, sample_weight=frame["weight"])
    with pytest.raises(ValueError, match=r"needs? targets.*targets=\[\.\.\.\]"):
        model.fit(LazyTable(path(400)))
    model.fit(table)
    with pytest.raises(ValueError, match="y must be None"):
        model.score(table, frame[TARGETS])


def test_what_needs_a_table_in_memory_says_so(frame, path):
    table = LazyTable(path(400), ["click", "watch_time"])
    model = MMoERegressor(max_iter=1, random_state=0).fit(table)
    with pytest.raises(TypeError, match=r"table in memory here, got a LazyTable.*batches"):
        ExpertUseDisplay.from_estimator(model, table)
    with pytest.raises(TypeError, match="got a LazyTable"):
        model.partial_fit(table, frame[["click", "watch_time"]])
    with pytest.raises(TypeError, match="got a LazyTable"):
        fit_runs(SharedBottomClassifier(**SMALL), [(table, frame[["click"]])] * 2)
    with pytest.raises(TypeError, match=r"table in memory.*LazyTable.*batches"):
        GridSearchCV(model, {"alpha": [0.1]}).fit(table)


def test_scorers_and_displays_take_a_table_in_files_with_targets_in_memory(frame, path):
    X, y, _ = in_memory(frame)
    X, y = X[["x0", "x1"]], y[["click"]]
    table = LazyTable(path(50), "click", features=["x0", "x1"])
    model = SharedBottomClassifier(**SMALL).fit(table)
    scoring = multitask_scoring("roc_auc")
    assert scoring(model, table, y) == pytest.approx(scoring(model, X, y))
    for function in (scoring, RocCurvesDisplay.from_estimator):
        with pytest.raises(ValueError, match=r"y must have the true targets.*read_parquet"):
            function(model, table, None)


def test_bad_rows_are_told_before_anything_is_kept(frame, path):
    model = SharedBottomMixedPredictor(**SMALL).fit(lazy(path(400)))
    before = model.model_
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        model.fit(lazy(path(50, frame.assign(weight=np.nan)), weighted=True))
    with pytest.raises(ValueError, match=r"'when'.*dates"):
        model.fit(lazy(path(50, frame.assign(when=pd.Timestamp("2026-01-01")))))
    assert model.model_ is before
