"""Runs on streams of fresh tables: each sees in every epoch what its stream gives for it."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe import MMoEClassifier, MMoERegressor, SharedBottomRegressor, fit_runs
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.datasets import make_multitask_sinusoid

# With tables, they would stop after a few epochs, or hold something out.
PARAMETERS = {
    "dtype": "float64",
    "numeric_encoding": None,
    "batch_size": 64,
    "max_iter": 8,
    "n_iter_no_change": 1,
    "tol": 1.0,
    "learning_rate_init": 0.01,
}


def stream(epoch, seed, n_samples=250):
    """Return the samples of an epoch."""
    return make_multitask_sinusoid(n_samples, 10, random_state=1000 * seed + epoch)


def streams(n_runs, **kwargs):
    """Return the streams of some runs."""
    return [partial(stream, seed=seed, **kwargs) for seed in range(n_runs)]


def fit_in_a_loop(estimator, stream, n_epochs):
    """Return the estimator fitted by partial_fit to one table after the other."""
    for epoch in range(n_epochs):
        estimator.partial_fit(*stream(epoch))
    return estimator


@pytest.mark.parametrize("make_estimator", [MMoERegressor, SharedBottomRegressor])
@pytest.mark.parametrize("n_runs", [1, 3])
def test_a_stream_is_learned_as_by_partial_fit_in_a_loop(make_estimator, n_runs):
    models = fit_runs(make_estimator(**PARAMETERS, random_state=5), streams(n_runs))
    X = stream(99, 0)[0]
    for run, (model, of_run) in enumerate(zip(models, streams(n_runs), strict=True)):
        alone = fit_in_a_loop(make_estimator(**PARAMETERS, random_state=5 + run), of_run, 8)
        assert model.n_iter_ == 8
        assert_allclose(model.predict(X), alone.predict(X))
        assert_allclose(model.loss_curve_, alone.loss_curve_)
        assert_allclose(model.task_loss_curve_, alone.task_loss_curve_)
        assert model.validation_scores_ is None


def test_a_stream_that_repeats_its_table_is_a_fit_to_it():
    table = stream(0, 0)
    (model,) = fit_runs(MMoERegressor(**PARAMETERS, random_state=0), [lambda epoch: table])
    parameters = PARAMETERS | {"n_iter_no_change": 99, "early_stopping": False, "n_members": 1}
    alone = MMoERegressor(**parameters, random_state=0).fit(*table)
    assert_allclose(model.predict(table[0]), alone.predict(table[0]))


def test_every_epoch_asks_each_stream_once_and_in_order():
    asked = {0: [], 1: []}

    def watched(epoch, seed):
        asked[seed].append(epoch)
        return stream(epoch, seed)

    fit_runs(MMoERegressor(**PARAMETERS, random_state=0), [partial(watched, seed=s) for s in asked])
    assert asked == {0: list(range(8)), 1: list(range(8))}


def test_streams_of_classes_with_categories_and_missing_labels():
    def tables(epoch, seed):
        X, y = stream(epoch, seed)
        table = pd.DataFrame(X[:, :3], columns=list("abc"))
        table["city"] = pd.Categorical(np.where(X[:, 3] > 0, "Bern", "Oslo"))
        labels = np.where(y > 0, 1.0, 0.0)
        labels[epoch::5, 0] = np.nan
        return table, labels

    parameters = PARAMETERS | {"max_iter": 4, "random_state": 0}
    table = tables(9, 0)[0]
    models = fit_runs(MMoEClassifier(**parameters), [partial(tables, seed=s) for s in range(2)])
    for run, model in enumerate(models):
        alone = MMoEClassifier(**parameters | {"random_state": run})
        for epoch in range(4):
            alone.partial_fit(*tables(epoch, run), classes=[[0, 1], [0, 1]])
        for ours, theirs in zip(
            model.predict_proba(table), alone.predict_proba(table), strict=True
        ):
            assert_allclose(ours, theirs)


def test_a_training_on_streams_goes_on_from_its_checkpoint(tmp_path):
    class Interrupted(Exception):
        pass

    def breaks(epoch, seed):
        if epoch == 5:
            raise Interrupted
        return stream(epoch, seed)

    checkpoint = TrainingCheckpoint(tmp_path / "runs.pt")
    estimator = MMoERegressor(**PARAMETERS, random_state=0, callbacks=[checkpoint])
    with pytest.raises(Interrupted):
        fit_runs(estimator, [partial(breaks, seed=seed) for seed in range(2)])
    resumed = fit_runs(estimator, streams(2))
    whole = fit_runs(MMoERegressor(**PARAMETERS, random_state=0), streams(2))
    X = stream(99, 0)[0]
    for ours, theirs in zip(resumed, whole, strict=True):
        assert_array_equal(ours.predict(X), theirs.predict(X))
        assert ours.loss_curve_ == theirs.loss_curve_


def test_tables_and_streams_do_not_mix():
    with pytest.raises(ValueError, match="takes tables or streams, got 1 streams among 2"):
        fit_runs(MMoERegressor(), [stream(0, 0), *streams(1)])


def test_streams_are_not_stopped_early():
    with pytest.raises(ValueError, match="hold nothing out, but early_stopping=True"):
        fit_runs(MMoERegressor(early_stopping=True), streams(2))


@pytest.mark.parametrize("n_runs", [1, 2])
def test_later_tables_have_the_length_of_the_first(n_runs):
    def shrinks(epoch):
        return stream(epoch, 0, n_samples=250 - epoch)

    with pytest.raises(ValueError, match=r"the first, 250, got 249 in epoch 1 of stream \d"):
        fit_runs(MMoERegressor(**PARAMETERS), [*streams(n_runs - 1), shrinks])


def test_first_tables_have_one_shape():
    with pytest.raises(ValueError, match="table 1 differs from table 0"):
        fit_runs(MMoERegressor(**PARAMETERS), [*streams(1), *streams(1, n_samples=200)])


def test_later_tables_have_the_columns_of_the_first():
    def narrows(epoch):
        X, y = stream(epoch, 0)
        return (X if epoch < 2 else X[:, 1:]), y

    with pytest.raises(ValueError, match="9 features, but MMoERegressor is expecting 10"):
        fit_runs(MMoERegressor(**PARAMETERS), [narrows])
