"""From parameters and data to a fitted model: one way, top to bottom.

Nothing is written on the estimator on the way. What comes out is one object, which the estimator
keeps by a single assignment: a fit that fails leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.columns._frames import native_table, open_table
from sk_mmoe.columns._large_values import warn_of_large_values
from sk_mmoe.columns._reader import TableReader
from sk_mmoe.estimators._auto_settings import choose_n_members, choose_settings
from sk_mmoe.estimators._first_scores import first_scores, shift_heads
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._net_settings import make_net, watched_task
from sk_mmoe.estimators._polarised_gates import warn_of_polarised_gates
from sk_mmoe.estimators._samples import hold_out, make_samples, stops_early
from sk_mmoe.estimators._seeds import draw_seeds, seeds_of
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._kinds import names_its_classes, resolve_kinds
from sk_mmoe.tasks._leaks import warn_of_leaks
from sk_mmoe.tasks._targets import check_same_length, read_targets
from sk_mmoe.tasks._weights import check_sample_weight
from sk_mmoe.training._divergence import FAR_ABOVE_IN_STREAM, warn_of_divergence
from sk_mmoe.training._forks import forks_wait_for_first_call
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset

# An endless stream must not fill the memory with its history.
_RECORDED_CHUNKS = 99  # and the one that follows

ValidationSet = tuple[Any, Any, Any]


@dataclass(frozen=True)
class TrainingData:
    """What a training needs.

    Parameters
    ----------
    reader : TableReader
        How X is read.
    tasks : TaskEncoder
        What is learned.
    seeds : list of int
        The seed of each member.
    train : TableDataset
        The samples to learn from.
    valid : TableDataset or None
        The samples held out for early stopping.
    first_scores : Tensor of shape (n_members, sum(n_outputs))
        The raw scores from which training begins.
    """

    reader: TableReader
    tasks: TaskEncoder
    seeds: list[int]
    train: TableDataset
    valid: TableDataset | None
    first_scores: Tensor


def fit_model(
    estimator: Any,
    data: TrainingData,
    *,
    fitted: FittedModel | None,
    train: Callable[[FittedModel, TrainingData], None],
) -> FittedModel:
    """Return the model that an estimator's parameters and a table give.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    data : TrainingData
        What :func:`prepare` made of the table.
    fitted : FittedModel or None
        The model that training goes on from, for a warm start.
    train : callable
        Trains the net of a model on the data.

    Returns
    -------
    FittedModel
        The model.
    """
    net = make_net(
        estimator,
        data.reader,
        data.tasks,
        data.seeds,
        settings=choose_settings(
            estimator, data.reader, len(data.train), fitted=fitted and fitted.net
        ),
        early_stopping=data.valid is not None,
    )
    if fitted is None:
        shift_heads(net, data.first_scores)
    else:
        _continue_from(net, fitted.net)
    model = FittedModel(data.reader, data.tasks, net)
    train(model, data)
    warn_of_divergence(net, data.tasks.names, data.train)
    warn_of_polarised_gates(net, data.tasks.names, data.train)
    return model


@forks_wait_for_first_call
def prepare(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    validation_set: ValidationSet = (None, None, None),
    *,
    fitted: FittedModel | None = None,
    sampled: bool = False,
) -> TrainingData:
    """Check the data, learn how to read them, and hold a part out.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    X, y, sample_weight : array-like
        The table, its labels and their weights.
    validation_set : tuple of three
        `X_val`, `y_val` and `sample_weight_val`; each may be `None`.
    fitted : FittedModel, default=None
        The model that training goes on from, for a warm start.
    sampled : bool, default=False
        Whether the table is a sample of a larger one, of which all rows will be learned. All
        members then hold out the same rows, and `n_members` is one unless it is set.

    Returns
    -------
    TrainingData
        What the training needs.
    """
    targets = read_targets(y, estimator_name=type(estimator).__name__)
    targets = targets if fitted is None else fitted.tasks.check(targets)
    X = open_table(X)
    reader = learn_reader(estimator, X) if fitted is None else fitted.reader
    table = reader.read(X, dtype=estimator.dtype)
    check_same_length(table, targets)
    weights = check_sample_weight(sample_weight, targets)
    warn_of_large_values(table)
    if fitted is None:
        kinds = resolve_kinds(estimator.tasks, targets.names, accepts=estimator.accepted_tasks)
        tasks = TaskEncoder.learn(targets, weights, kinds=kinds)
        n_rows = None if sampled else len(targets)
        seeds = draw_seeds(estimator, choose_n_members(estimator, n_rows))
        warn_of_leaks(native_table(X), tasks, targets)
    else:
        tasks, seeds = fitted.tasks, seeds_of(fitted, estimator.n_members)

    watched = watched_task(estimator, tasks)
    needed = [] if watched is None else [tasks.names[watched]]
    valid = None
    is_given = any(part is not None for part in validation_set)
    if is_given:
        valid = _read_validation_set(estimator, reader, tasks, validation_set, needed)
    if not is_given and stops_early(estimator, len(targets)):
        of_members = seeds[:1] if sampled else seeds
        train, valid = hold_out(
            estimator, tasks, table, targets, weights, of_members, needed=needed
        )
    else:
        train = make_samples(estimator, tasks, table, targets, weights, needed=tasks.names)
    first = first_scores(tasks, train, len(seeds))
    return TrainingData(reader, tasks, seeds, train, valid, first)


def fit_chunk(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    classes: Any,
    *,
    fitted: FittedModel | None,
) -> FittedModel | None:
    """Return the model after one more pass over a chunk of a stream.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    X, y, sample_weight : array-like
        The chunk, its labels and their weights.
    classes : array-like, list of array-like, dict or None
        The classes that can occur.
    fitted : FittedModel or None
        The model before the chunk; `None` at the first call.

    Returns
    -------
    FittedModel or None
        The model; `None` after a chunk without a label.
    """
    if estimator.early_stopping not in (False, "auto"):
        raise ValueError("partial_fit does not support early_stopping=True.")
    if fitted is None:
        needs_classes = classes is None and estimator.accepted_tasks == "with_classes"
        data = prepare_stream(estimator, X, y, sample_weight, classes, needs_classes=needs_classes)
        reader, tasks, seeds, samples = data.reader, data.tasks, data.seeds, data.train
    else:
        reader, tasks, seeds = fitted.reader, fitted.tasks, seeds_of(fitted, estimator.n_members)
        tasks.check_classes(classes)
        samples = read_chunk(estimator, reader, tasks, X, y, sample_weight)
    if len(samples) == 0:
        return None
    settings = choose_settings(
        estimator, reader, len(samples), fitted=fitted and fitted.net, of_stream=True
    )
    net = make_net(estimator, reader, tasks, seeds, settings=settings, early_stopping=False)
    if any(isinstance(callback, TrainingCheckpoint) for _, callback in net.callbacks_):
        raise ValueError(
            "TrainingCheckpoint resumes a fit, not a stream. Save the estimator between the calls "
            "of partial_fit, e.g. with joblib."
        )
    if fitted is None:
        shift_heads(net, data.first_scores)
    else:
        _continue_from(net, fitted.net, n_epochs=_RECORDED_CHUNKS)
    net.train(samples, epochs=1)
    warn_of_divergence(net, tasks.names, samples, factor=FAR_ABOVE_IN_STREAM)
    return FittedModel(reader, tasks, net)


@forks_wait_for_first_call
def prepare_stream(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    classes: Any = None,
    *,
    needs_classes: bool = False,
) -> TrainingData:
    """Check the first chunk of a stream, and learn from it how to read all chunks.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    X, y, sample_weight : array-like
        The chunk, its labels and their weights.
    classes : array-like, list of array-like or dict, default=None
        The classes that can occur. `None`: those of the chunk.
    needs_classes : bool, default=False
        Whether the parameter `tasks` must name the classes of all tasks.

    Returns
    -------
    TrainingData
        What the training needs; nothing is held out.
    """
    targets = read_targets(y, estimator_name=type(estimator).__name__)
    X = open_table(X)
    reader = learn_reader(estimator, X, of_stream=True)
    table = reader.read(X, dtype=estimator.dtype)
    check_same_length(table, targets)
    weights = check_sample_weight(sample_weight, targets)
    warn_of_large_values(table)
    kinds = resolve_kinds(estimator.tasks, targets.names, accepts=estimator.accepted_tasks)
    if needs_classes and not all(names_its_classes(kind) for kind in kinds):
        raise ValueError("classes must be passed on the first call to partial_fit.")
    tasks = TaskEncoder.learn(targets, weights, kinds=kinds, classes=classes)
    samples = make_samples(estimator, tasks, table, targets, weights)
    seeds = draw_seeds(estimator, choose_n_members(estimator, None))
    return TrainingData(
        reader, tasks, seeds, samples, None, first_scores(tasks, samples, len(seeds))
    )


@forks_wait_for_first_call
def read_chunk(
    estimator: Any,
    reader: TableReader,
    tasks: TaskEncoder,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    needed: list[str] | None = None,
) -> TableDataset:
    """Return the samples of a table that is read as an earlier one was.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    reader : TableReader
        How X is read.
    tasks : TaskEncoder
        The tasks.
    X, y, sample_weight : array-like
        The table, its labels and their weights.
    needed : list of str, default=None
        The tasks that must have a label, as :func:`make_samples` takes them.

    Returns
    -------
    TableDataset
        The samples.
    """
    targets = read_targets(y, estimator_name=type(estimator).__name__, complete=False)
    targets = tasks.check(targets)
    table = reader.read(X, dtype=estimator.dtype, to_learn=needed is None)
    check_same_length(table, targets)
    weights = check_sample_weight(sample_weight, targets, complete=False)
    return make_samples(estimator, tasks, table, targets, weights, needed=needed)


def learn_reader(estimator: Any, X: Any, *, of_stream: bool = False) -> TableReader:
    """Return how a table is read, learned from its training rows.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The table.
    of_stream : bool, default=False
        Whether the table is only the first chunk of a stream.

    Returns
    -------
    TableReader
        The reader.
    """
    return TableReader.learn(
        X,
        estimator_name=type(estimator).__name__,
        dtype=estimator.dtype,
        categorical_features=estimator.categorical_features,
        numeric_encoding=estimator.numeric_encoding,
        n_knots=estimator.n_knots,
        embedding_dim=estimator.embedding_dim,
        category_smooth=estimator.category_smooth,
        of_stream=of_stream,
    )


def _read_validation_set(
    estimator: Any,
    reader: TableReader,
    tasks: TaskEncoder,
    validation_set: ValidationSet,
    needed: list[str],
) -> TableDataset:
    """Return the samples of the user's validation set."""
    X, y, sample_weight = validation_set
    if X is None or y is None:
        absent = "X_val" if X is None else "y_val"
        raise ValueError(f"X_val and y_val go together, but {absent} is missing.")
    if not estimator.early_stopping:
        raise ValueError(
            "X_val and y_val are used for early stopping, but early_stopping=False. Set it to True "
            "or 'auto'."
        )
    try:
        return read_chunk(estimator, reader, tasks, X, y, sample_weight, needed=needed)
    except ValueError as error:
        raise ValueError(f"the validation set (X_val, y_val): {error}") from error


def _continue_from(net: MultiTaskNet, fitted: MultiTaskNet, *, n_epochs: int | None = None) -> None:
    """Go on where an earlier training stopped, with all of its history or its last epochs."""
    try:
        net.continue_from(fitted, n_epochs=n_epochs)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            "the parameters that shape the network or its optimizer have changed since the first "
            f"fit: {error}. Set warm_start=False, or clone the estimator, to start afresh."
        ) from error
