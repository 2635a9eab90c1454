"""Many fits of one estimator in one program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, TypeAlias

from sklearn.base import clone

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._targets import warn_of_large_values
from sk_mmoe.training._fresh_tables import FreshTables
from sk_mmoe.training._loader import TableDataset
from sk_mmoe.training._members import split
from sk_mmoe.training._net import MultiTaskNet

_Stream: TypeAlias = Callable[[int], tuple[Any, Any]]
_Learned: TypeAlias = tuple[TaskEncoder, int, TableDataset, TableDataset | None]


def fit_runs(
    estimator: MultiTaskEstimator,
    tables: Sequence[tuple[Any, Any]] | Sequence[Callable[[int], tuple[Any, Any]]],
    *,
    random_states: Sequence[int] | None = None,
) -> list[MultiTaskEstimator]:
    """Fit one estimator to several tables of one shape, all in one program.

    Small networks leave a processor idle between their operations. Here the networks of all runs
    are stacked, and an operation serves them all. Each run comes out as its own `fit` would have
    given it, to rounding: its initialisation, held-out part, order of rows and early stopping are
    its own. Only the numbers that dropout draws differ. Callbacks see the stack of all networks,
    and what a warm start needs beside the weights, the optimizer's moments and learned weights of
    tasks, is that of the last epoch of all runs.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, with ``n_members=1``. It stays as it is.
    tables : sequence of (X, y), or sequence of callables
        The tables: X of shape (n_samples, n_features), y of shape (n_samples,) or
        (n_samples, n_tasks). They have the same numbers of samples, features and tasks, and a
        class of one table occurs in all. A table may come repeatedly.

        Or streams of fresh data, where no table should be seen twice: functions that take the
        number of an epoch, from 0, and return the table (X, y) of this epoch. All tables of all
        streams have one shape. The first table of a stream decides how columns are read and
        targets are scaled, and must show every class. Nothing is held out, and training takes all
        `max_iter` epochs: the loss of an epoch is that of data which its networks see for the
        first time. Streams should draw from a generator that depends on the epoch and on nothing
        else, so that a training resumed from a checkpoint sees the same tables.
    random_states : sequence of int of length n_tables, default=None
        The `random_state` of each run. `None`: that of `estimator` for all, or, where it is an
        integer, this and the numbers that follow.

    Returns
    -------
    list of estimators
        The fitted estimators, one for each table.

    Raises
    ------
    ValueError
        If the tables differ in shape or kinds of tasks, or a table or parameter is not valid; if
        there are tables beside streams; or if streams are to be stopped early.

    See Also
    --------
    MMoERegressor : With `n_members`, several networks for one table, as one estimator.

    Examples
    --------
    >>> from functools import partial
    >>> from sk_mmoe import MMoERegressor, fit_runs
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> tables = [make_multitask_sinusoid(300, 20, random_state=seed) for seed in range(5)]
    >>> models = fit_runs(MMoERegressor(max_iter=10, random_state=0), tables)
    >>> len(models), models[4].predict(tables[4][0]).shape
    (5, (300, 2))

    The same tasks, but new samples in every epoch:

    >>> def stream(epoch, seed):
    ...     tasks = make_multitask_sinusoid(1, 20, random_state=seed, return_params=True)[2]
    ...     return make_multitask_sinusoid(300, 20, random_state=1000 * seed + epoch, **tasks)
    >>> streams = [partial(stream, seed=seed) for seed in range(5)]
    >>> models = fit_runs(MMoERegressor(max_iter=10, random_state=0), streams)
    >>> models[0].n_iter_
    10
    """
    if not isinstance(estimator, MultiTaskEstimator):
        raise TypeError(
            f"fit_runs takes an estimator of sk_mmoe, got {type(estimator).__name__}. Prepare the "
            "tables with the other steps of a Pipeline, and pass its last step."
        )
    if estimator.n_members != 1:
        raise ValueError(f"fit_runs needs n_members=1, got {estimator.n_members}.")
    tables = list(tables)
    if not tables:
        raise ValueError("fit_runs needs at least one table, got none.")
    states = _random_states(estimator, len(tables), random_states)
    runs = [clone(estimator).set_params(random_state=state) for state in states]
    estimator._validate_params()
    streams = _check_streams(estimator, tables)
    if len(runs) == 1 and not streams:
        return [runs[0].fit(*tables[0])]
    learn = _learn_stream if streams else _learn_table
    encoders, seeds, trains, valids = zip(*map(learn, runs, tables), strict=True)
    shapes = [_shape(*run) for run in zip(runs, encoders, trains, valids, strict=True)]
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(
                "the tables of fit_runs must have the same numbers of samples, features, "
                "categories and knots, and the same kinds of tasks; table "
                f"{number} differs from table 0. "
                "Fit it on its own."
            )
    train = _stack(trains)
    valid = None if valids[0] is None else _stack(valids)
    stops_early = valid is not None
    net = runs[0]._make_net(encoders[0], seeds, len(train), early_stopping=stops_early)
    if streams:
        _train_on_streams(net, runs, encoders, streams, train)
    else:
        net.train(train, valid, epochs=estimator.max_iter)
    for number, (run, encoder, seed) in enumerate(zip(runs, encoders, seeds, strict=True)):
        single = net
        if len(runs) > 1:
            single = run._make_net(encoder, [seed], len(train), early_stopping=stops_early)
            split(net, single, number)
        run._check_training(single, encoder, trains[number])
        run._set_fitted(single, encoder)
    return runs


def _check_streams(estimator: MultiTaskEstimator, tables: Sequence[Any]) -> list[_Stream]:
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


def _learn_table(run: MultiTaskEstimator, table: tuple[Any, Any]) -> _Learned:
    """Return encoder and seed of a run, its table to learn from, and what is held out of it."""
    X, targets, weights = run._check_data(*table, None, reset=True)
    warn_of_large_values(X)
    encoder = run._make_encoder(targets, weights)
    (seed,) = run._draw_seeds()
    return encoder, seed, *run._split_dataset(encoder, X, targets, weights, seed)


def _learn_stream(run: MultiTaskEstimator, stream: _Stream) -> _Learned:
    """Return encoder and seed of a run, and the first table of its stream."""
    X, targets, weights = run._check_data(*stream(0), None, reset=True, stream=True)
    warn_of_large_values(X)
    encoder = run._make_encoder(targets, weights)
    (seed,) = run._draw_seeds()
    return (
        encoder,
        seed,
        run._make_dataset(encoder, X, targets, weights, needed=encoder.names),
        None,
    )


def _train_on_streams(
    net: MultiTaskNet,
    runs: Sequence[MultiTaskEstimator],
    encoders: Sequence[TaskEncoder],
    streams: Sequence[_Stream],
    first: TableDataset,
) -> None:
    """Train a net of all runs, each on a fresh table of its stream in every epoch."""
    n_rows = len(first)

    def draw(epoch: int) -> TableDataset:
        """Return the tables of an epoch."""
        tables = []
        for number, (run, encoder, stream) in enumerate(zip(runs, encoders, streams, strict=True)):
            data = run._check_data(*stream(epoch), None, reset=False, complete=False)
            tables.append(run._make_dataset(encoder, *data))
            if len(tables[-1]) != n_rows:
                raise ValueError(
                    f"all tables of a stream must have as many samples with labels as the first, "
                    f"{n_rows}, got {len(tables[-1])} in epoch {epoch} of stream {number}."
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


def _shape(
    run: MultiTaskEstimator,
    encoder: TaskEncoder,
    *parts: TableDataset | None,
) -> tuple[Any, ...]:
    """Return all that the runs of one program must have in common."""
    return (
        run._module_parameters(),
        (encoder.kinds, encoder.n_outputs),
        *(None if part is None else (type(part.X), len(part)) for part in parts),
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
