"""Many fits of one estimator in one program."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from sklearn.base import clone

from sk_mmoe.columns._numbers import warn_of_large_values
from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.training._loader import TableDataset
from sk_mmoe.training._members import split


def fit_runs(
    estimator: MultiTaskEstimator,
    tables: Sequence[tuple[Any, Any]],
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
    tables : sequence of (X, y)
        The tables: X of shape (n_samples, n_features), y of shape (n_samples,) or
        (n_samples, n_tasks). They have the same numbers of samples, features and tasks, and a
        class of one table occurs in all. A table may come repeatedly.
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
        If the tables differ in shape or kinds of tasks, or a table or parameter is not valid.

    See Also
    --------
    MMoERegressor : With `n_members`, several networks for one table, as one estimator.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor, fit_runs
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> tables = [make_multitask_sinusoid(300, 20, random_state=seed) for seed in range(5)]
    >>> models = fit_runs(MMoERegressor(max_iter=10, random_state=0), tables)
    >>> len(models), models[4].predict(tables[4][0]).shape
    (5, (300, 2))
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
    if len(runs) == 1:
        return [runs[0].fit(*tables[0])]
    encoders, seeds, datasets = [], [], []
    for run, (X, y) in zip(runs, tables, strict=True):
        X, targets, weights = run._check_data(X, y, None, reset=True)
        warn_of_large_values(X)
        encoder = run._make_encoder(targets, weights)
        encoders.append(encoder)
        seeds.extend(run._draw_seeds())
        datasets.append(run._split_dataset(encoder, X, targets, weights, seeds[-1]))
    shapes = [_shape(*run) for run in zip(runs, encoders, datasets, strict=True)]
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(
                "the tables of fit_runs must have the same numbers of samples, features, "
                "categories and knots, and the same kinds of tasks; table "
                f"{number} differs from table 0. "
                "Fit it on its own."
            )
    trains, valids = zip(*datasets, strict=True)
    train = TableDataset.stack(trains)
    valid = None if valids[0] is None else TableDataset.stack(valids)
    stops_early = valid is not None
    net = runs[0]._make_net(encoders[0], seeds, len(train), early_stopping=stops_early)
    net.train(train, valid, epochs=estimator.max_iter)
    for number, (run, encoder, seed) in enumerate(zip(runs, encoders, seeds, strict=True)):
        single = run._make_net(encoder, [seed], len(train), early_stopping=stops_early)
        split(net, single, number)
        run._check_training(single, encoder, trains[number])
        run._set_fitted(single, encoder)
    return runs


def _shape(
    run: MultiTaskEstimator,
    encoder: TaskEncoder,
    parts: tuple[TableDataset, TableDataset | None],
) -> tuple[Any, ...]:
    """Return all that the runs of one program must have in common."""
    return (
        run._module_parameters(),
        [(task.kind, task.n_outputs) for task in encoder.tasks],
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
