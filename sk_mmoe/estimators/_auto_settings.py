"""Settings whose default "auto" depends on the size of the table."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.nn.balancing import GradientBalancing, make_balancing
from sk_mmoe.training._net import MultiTaskNet

# A batch is a twentieth of a small table, so that an epoch has enough steps. On a large one it is a
# two-hundredth, because larger batches save time.
_SHARE, _BATCH_SIZES = 20, (16, 256)
_SHARE_OF_MANY, _LARGEST_BATCH = 200, 1024
_BATCH_SIZE_OF_STREAM = 256
# The learning rate for batches of up to this size. It grows with the square root of the size.
_RATE, _BATCH_SIZE_OF_RATE = 1e-3, 256
# Training waits for about as many steps, whatever the size of the table, within these epochs.
_STEPS_TO_WAIT, _EPOCHS_TO_WAIT = 400, (2, 10)
# As many networks as have this number of rows together.
_ROWS_OF_MEMBERS, _MOST_MEMBERS = 20_000, 5
# Large tables train faster if the embeddings of all columns have about this number of features, and
# with fewer cross layers.
_EMBEDDING_DIMS, _FEATURES, _MANY_ROWS = (4, 8), 160, 50_000
_CROSS_LAYERS, _CROSS_LAYERS_OF_MANY = 2, 1


@dataclass(frozen=True)
class InputLayers:
    """The layers between the columns of a table and the network.

    Parameters
    ----------
    embedding_dim : int or None
        Length of the embedding of a category or knot. `None`: there are no embeddings.
    n_cross_layers : int
        Number of cross layers.
    """

    embedding_dim: int | None
    n_cross_layers: int


@dataclass(frozen=True)
class FitSettings:
    """What a net needs to know and the parameters of its estimator may leave open.

    Parameters
    ----------
    batch_size : int
        Number of rows in a minibatch.
    learning_rate : float
        The learning rate of the optimizer.
    patience : int
        Number of epochs without an improvement after which training stops.
    layers : InputLayers
        The layers before the network.
    """

    batch_size: int
    learning_rate: float
    patience: int
    layers: InputLayers


def choose_settings(
    estimator: Any,
    reader: TableReader,
    n_rows: int,
    *,
    fitted: MultiTaskNet | None = None,
    of_stream: bool = False,
) -> FitSettings:
    """Return the settings that suit a table, where the parameters leave them open.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    reader : TableReader
        What the network reads.
    n_rows : int
        The number of rows to learn from.
    fitted : MultiTaskNet, default=None
        The net that training goes on from, whose layers stay as they are.
    of_stream : bool, default=False
        Whether the rows are a chunk of a stream, which are seen only once.

    Returns
    -------
    FitSettings
        The settings. A batch has at most `n_rows` rows.
    """
    size = estimator.batch_size
    if size == "auto":
        size = _BATCH_SIZE_OF_STREAM if of_stream else _batch_size(n_rows)
    layers = choose_layers(
        estimator,
        embedding_dim=getattr(
            fitted, "module__embedding_dim", _embedding_dim(n_rows, len(reader.n_codes))
        ),
        n_cross_layers=getattr(fitted, "module__n_cross_layers", _n_cross_layers(n_rows)),
    )
    settings = settings_of_batches(estimator, min(int(size), n_rows), layers, n_rows)
    if of_stream and estimator.learning_rate_init == "auto":
        # Chunks may have different lengths, but they are learned at the same rate.
        settings = replace(settings, learning_rate=_RATE)
    return settings


def choose_layers(estimator: Any, *, embedding_dim: int | None, n_cross_layers: int) -> InputLayers:
    """Return the layers that the parameters ask for, and others where they leave them open.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    embedding_dim : int or None
        The length of embeddings for "auto".
    n_cross_layers : int
        The number of cross layers for "auto".

    Returns
    -------
    InputLayers
        The layers.
    """
    dim, n_layers = estimator.embedding_dim, estimator.n_cross_layers
    return InputLayers(
        embedding_dim if dim == "auto" else dim,
        n_cross_layers if n_layers == "auto" else n_layers,
    )


def settings_of_batches(
    estimator: Any, batch_size: int, layers: InputLayers, n_rows: int | None = None
) -> FitSettings:
    """Return the settings for batches of a given size.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    batch_size : int
        The number of rows in a minibatch.
    layers : InputLayers
        The layers before the network.
    n_rows : int, default=None
        The number of rows to learn from. `None`: unknown, as for a net that has been trained.

    Returns
    -------
    FitSettings
        The settings.
    """
    rate, patience = estimator.learning_rate_init, estimator.n_iter_no_change
    if rate == "auto":
        rate = _RATE * math.sqrt(max(batch_size / _BATCH_SIZE_OF_RATE, 1))
    if patience == "auto":
        n_epochs = _EPOCHS_TO_WAIT[1] if n_rows is None else _STEPS_TO_WAIT * batch_size // n_rows
        patience = _between(_EPOCHS_TO_WAIT, n_epochs)
    return FitSettings(batch_size, rate, patience, layers)


def choose_n_members(estimator: Any, n_rows: int | None) -> int:
    """Return the number of networks.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    n_rows : int or None
        The number of rows of the table, from which some may be held out. `None`: more rows will
        come, as in a stream.

    Returns
    -------
    int
        The number. "auto" asks for several networks only where all other parameters allow it.
    """
    if estimator.n_members != "auto":
        return int(estimator.n_members)
    if n_rows is None:
        return 1
    # Gradients are compared in a single network, and a user's net may not be for several.
    if estimator.net_params or isinstance(
        make_balancing(estimator.loss_balancing), GradientBalancing
    ):
        return 1
    return _between((1, _MOST_MEMBERS), _ROWS_OF_MEMBERS // n_rows)


def _embedding_dim(n_rows: int, n_columns: int) -> int:
    """Return the length of embeddings that suits a table."""
    if n_rows <= _MANY_ROWS or not n_columns:
        return max(_EMBEDDING_DIMS)
    return _between(_EMBEDDING_DIMS, _FEATURES // n_columns)


def _n_cross_layers(n_rows: int) -> int:
    """Return the number of cross layers that suits a table."""
    return _CROSS_LAYERS if n_rows <= _MANY_ROWS else _CROSS_LAYERS_OF_MANY


def _batch_size(n_rows: int) -> int:
    """Return the size of a batch that suits a number of rows."""
    of_small = _between(_BATCH_SIZES, n_rows // _SHARE)
    return max(of_small, min(n_rows // _SHARE_OF_MANY, _LARGEST_BATCH))


def _between(bounds: tuple[int, int], number: int) -> int:
    """Return the number within the bounds that is nearest to a number."""
    return min(max(number, bounds[0]), bounds[1])
