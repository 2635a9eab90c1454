"""Many fits of one estimator in one program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, TypeAlias

import torch
from sklearn.base import clone

from sk_mmoe.estimators._auto_settings import choose_settings
from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.estimators._first_scores import shift_heads
from sk_mmoe.estimators._fit import TrainingData, prepare, prepare_stream, read_chunk
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._net_settings import make_net, module_parameters
from sk_mmoe.estimators._polarised_gates import warn_of_polarised_gates
from sk_mmoe.training._divergence import warn_of_divergence
from sk_mmoe.training._fresh_tables import FreshTables
from sk_mmoe.training._members import split
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset

# From the number of an epoch to its table.
Stream: TypeAlias = Callable[[int], tuple[Any, Any]]


def fit_runs(
    estimator: MultiTaskEstimator,
    tables: Sequence[tuple[Any, Any]] | Sequence[Stream],
    *,
    random_states: Sequence[int] | None = None,
) -> list[MultiTaskEstimator]:
    """Fit one estimator to several tables of the same shape at once.

    Use it for eight or more small networks, such as those of a study with many seeds. Small
    networks leave a processor idle between their operations. Here the networks of all runs are
    stacked, so that one operation serves them all. The result of each run is that of a separate
    `fit` up to rounding: it has its own initialisation, held-out rows, order of rows and early
    stopping. Only the draws of dropout differ. Callbacks see the stack of all networks. For a warm
    start, the optimizer's moments and learned task weights are those of the last epoch of all runs.

    Read more in the :doc:`User Guide </user_guide/training>`.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, with ``n_members=1`` or "auto", which means 1 here. It is not
        changed.
    tables : sequence of (X, y), or sequence of callables
        The tables: X of shape (n_samples, n_features), y of shape (n_samples,) or
        (n_samples, n_tasks). They have the same numbers of samples, features and tasks, and the
        same classes. A table may occur repeatedly.

        To train on new data in every epoch, pass streams instead: functions that take the number of
        an epoch, from 0, and return the table (X, y) of this epoch. All tables of all streams have
        the same shape. The first table of a stream determines how columns are read and targets are
        scaled, and must contain every class. No rows are held out, and training takes `max_iter`
        epochs. A stream should depend on the number of the epoch only, so that a training that is
        resumed from a checkpoint sees the same tables.
    random_states : sequence of int of length n_tables, default=None
        The `random_state` of each run. `None`: if that of `estimator` is an integer, this integer
        and the following ones; otherwise that of `estimator` for all runs.

    Returns
    -------
    list of estimators
        The fitted estimators, one for each table.

    Raises
    ------
    ValueError
        If the tables differ in shape or kinds of tasks, a table or parameter is not valid, tables
        and streams are mixed, or `early_stopping` is True with streams.

    See Also
    --------
    MMoERegressor : With `n_members`, several networks for one table, as one estimator.

    Examples
    --------
    >>> from functools import partial
    >>> from sk_mmoe import MMoERegressor, fit_runs
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> tables = [make_multitask_sinusoid(300, 10, random_state=seed) for seed in range(5)]
    >>> models = fit_runs(MMoERegressor(max_iter=5, random_state=0), tables)
    >>> len(models), models[4].predict(tables[4][0]).shape
    (5, (300, 2))

    The same tasks, but new samples in every epoch:

    >>> def stream(epoch, seed):
    ...     tasks = make_multitask_sinusoid(1, 10, random_state=seed, return_params=True)[2]
    ...     return make_multitask_sinusoid(300, 10, random_state=1000 * seed + epoch, **tasks)
    >>> streams = [partial(stream, seed=seed) for seed in range(5)]
    >>> models = fit_runs(MMoERegressor(max_iter=5, random_state=0), streams)
    >>> models[0].n_iter_
    5
    """
    if not isinstance(estimator, MultiTaskEstimator):
        raise TypeError(
            f"fit_runs takes an estimator of sk_mmoe, got {type(estimator).__name__}. Prepare the "
            "tables with the other steps of a Pipeline, and pass its last step."
        )
    if estimator.n_members not in (1, "auto"):
        raise ValueError(f"fit_runs needs n_members=1, got {estimator.n_members}.")
    tables = list(tables)
    if not tables:
        raise ValueError("fit_runs needs at least one table, got none.")
    states = _random_states(estimator, len(tables), random_states)
    runs = [clone(estimator).set_params(n_members=1, random_state=state) for state in states]
    estimator._validate_params()
    streams = _check_streams(estimator, tables)
    if len(runs) == 1 and not streams:
        return [runs[0].fit(*tables[0])]
    if streams:
        data = [prepare_stream(run, *own(0)) for run, own in zip(runs, streams, strict=True)]
    else:
        data = [prepare(run, *table) for run, table in zip(runs, tables, strict=True)]
    shapes = [_shape(run, own) for run, own in zip(runs, data, strict=True)]
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(
                "the tables of fit_runs must have the same numbers of samples, features, "
                "categories and knots, and the same kinds of tasks; table "
                f"{number} differs from table 0. Fit it on its own."
            )
    train = _stack([own.train for own in data])
    valid = None if data[0].valid is None else _stack([own.valid for own in data])
    seeds = [seed for own in data for seed in own.seeds]
    settings = {
        "settings": choose_settings(estimator, data[0].reader, len(train)),
        "early_stopping": valid is not None,
    }
    net = make_net(estimator, data[0].reader, data[0].tasks, seeds, **settings)
    shift_heads(net, torch.cat([own.first_scores for own in data]))
    if streams:
        _train_on_streams(net, runs, data, streams, train)
    else:
        net.train(train, valid, epochs=estimator.max_iter)
    for number, (run, own) in enumerate(zip(runs, data, strict=True)):
        single = net
        if len(runs) > 1:
            single = make_net(run, own.reader, own.tasks, own.seeds, **settings)
            split(net, single, number)
        warn_of_divergence(single, own.tasks.names, own.train)
        warn_of_polarised_gates(single, own.tasks.names, own.train)
        run._model = FittedModel(own.reader, own.tasks, single)
    return runs


def _check_streams(estimator: MultiTaskEstimator, tables: Sequence[Any]) -> list[Stream]:
    """Return the tables that are streams: all of them or none."""
    streams = [table for table in tables if callable(table)]
    if streams and len(streams) < len(tables):
        raise ValueError(
            f"fit_runs takes tables or streams, got {len(streams)} streams among {len(tables)}. "
            "Fit them in two calls."
        )
    if streams and estimator.early_stopping not in (False, "auto"):
        raise ValueError(
            "streams of fresh tables hold nothing out, but early_stopping=True. Set it to False."
        )
    return streams


def _train_on_streams(
    net: MultiTaskNet,
    runs: Sequence[MultiTaskEstimator],
    data: Sequence[TrainingData],
    streams: Sequence[Stream],
    first: TableDataset,
) -> None:
    """Train a net of all runs, each on a fresh table of its stream in every epoch."""

    def draw(epoch: int) -> TableDataset:
        """Return the tables of an epoch."""
        tables = []
        for number, (run, own, stream) in enumerate(zip(runs, data, streams, strict=True)):
            tables.append(read_chunk(run, own.reader, own.tasks, *stream(epoch)))
            if len(tables[-1]) != len(first):
                raise ValueError(
                    "all tables of a stream must have as many samples with labels as the first, "
                    f"{len(first)}, got {len(tables[-1])} in epoch {epoch} of stream {number}."
                )
        return _stack(tables)

    dict(net.callbacks_)["monitor"].patience = math.inf  # losses of fresh tables are noisy
    net.callbacks_.append(("fresh_tables", FreshTables(draw)))
    try:
        net.train(first, epochs=runs[0].max_iter)
    finally:
        net.callbacks_.pop()


def _stack(tables: Sequence[TableDataset]) -> TableDataset:
    """Return the tables of all runs as one; that of a single run as it is."""
    return tables[0] if len(tables) == 1 else TableDataset.stack(tables)


def _shape(run: MultiTaskEstimator, data: TrainingData) -> tuple[Any, ...]:
    """Return all that the runs of one program must have in common."""
    settings = choose_settings(run, data.reader, len(data.train))
    return (
        module_parameters(run, data.reader, settings.layers),
        [(task.kind, task.n_outputs) for task in data.tasks.tasks],
        *(None if part is None else (type(part.X), len(part)) for part in (data.train, data.valid)),
    )


def _random_states(
    estimator: MultiTaskEstimator, n_runs: int, random_states: Sequence[int] | None
) -> list[Any]:
    """Return the random state of each run."""
    if random_states is None:
        state = estimator.random_state
        return [int(state) + run if isinstance(state, Integral) else state for run in range(n_runs)]
    if len(random_states) != n_runs:
        raise ValueError(
            f"random_states must have one value for each of the {n_runs} tables, got "
            f"{len(random_states)}."
        )
    return list(random_states)
