"""What is checked before a model is exported."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from torch import nn

from sk_mmoe.columns._cells import kind_of
from sk_mmoe.columns._reader import TableReader
from sk_mmoe.columns._roles import name_columns
from sk_mmoe.columns.kinds._categories import Categories
from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.export.kinds._registry import LABELS, NUMBERS

# The limit of protobuf, with room for all that is not a weight.
_LARGEST = 2_000_000_000


def require(*packages: str, what: str) -> None:
    """Raise an error that says how to get what is not installed.

    Parameters
    ----------
    *packages : str
        The packages that are needed.
    what : str
        What needs them.

    Raises
    ------
    ImportError
        If a package is not installed.
    """
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise ImportError(
                f'{what} needs {package}: pip install {package}, or pip install "sk_mmoe[onnx]".'
            ) from error


def split_pipeline(estimator: Any) -> tuple[list[tuple[str, BaseEstimator]], MultiTaskEstimator]:
    """Return the transformers before an estimator, and the estimator itself.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator, a pipeline that ends with one, or a search for the best of either.

    Returns
    -------
    steps : list of (str, transformer)
        The steps of the pipeline before its last one.
    model : estimator
        The estimator.

    Raises
    ------
    TypeError
        If it is something else.
    """
    found = getattr(estimator, "best_estimator_", estimator)
    if isinstance(found, Pipeline):
        *steps, (_, last) = found.steps
        inner, model = split_pipeline(last)
        return steps + inner, model
    if isinstance(found, MultiTaskEstimator):
        return [], found
    raise TypeError(
        "expected an estimator of sk_mmoe, or a Pipeline or search whose last step is one, got a "
        f"{type(estimator).__name__}."
    )


def check_columns(reader: TableReader) -> None:
    """Raise an error if there is a column that cannot be exported.

    Parameters
    ----------
    reader : TableReader
        How X is read.

    Raises
    ------
    ValueError
        If there is such a column. All of them are named.
    """
    names = reader._names
    columns = list(zip(names, reader.columns or (), strict=False))
    unknown = {name: c.kind for name, c in columns if c.kind not in (*NUMBERS, *LABELS)}
    if unknown:
        raise ValueError(
            f"{name_columns(list(unknown))} are of the kinds {sorted(set(unknown.values()))} and "
            f"cannot be exported, unlike the kinds {[*NUMBERS, *LABELS]}. Make numbers or strings "
            "of them before fit."
        )
    strange = [name for name, c in columns if isinstance(c, Categories) and not _has_one_type(c)]
    if strange:
        raise ValueError(
            f"the categories of {name_columns(strange)} are neither all strings nor all numbers, "
            "as a type of ONNX needs them. Convert them to strings before fit."
        )


def check_names(inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Raise an error unless all inputs and outputs have different names.

    Parameters
    ----------
    inputs, outputs : sequence of str
        The names.

    Raises
    ------
    ValueError
        If a name is empty or occurs twice.
    """
    names = [*inputs, *outputs]
    repeated = sorted({name for name in names if names.count(name) > 1 or not name})
    if repeated:
        raise ValueError(
            f"the names {repeated} are empty, or those of more than one input or output. The "
            f"outputs are {list(outputs)}: rename tasks or columns before fit."
        )


def check_size(network: nn.Module) -> None:
    """Raise an error if a network is too large for one file.

    Parameters
    ----------
    network : torch.nn.Module
        The network.

    Raises
    ------
    ValueError
        If it is.
    """
    n_bytes = sum(tensor.nbytes for tensor in network.state_dict().values())
    if n_bytes > _LARGEST:
        raise ValueError(
            f"an ONNX file holds at most 2 GB, and the network has {n_bytes / 1e9:.1f} GB. Fit "
            "with smaller layers, fewer members or shorter embeddings."
        )


def _has_one_type(column: Categories) -> bool:
    """Return whether all categories are strings, or all are numbers of which ONNX has a type."""
    kinds = {kind_of(type(label)) for label in column.labels}
    if kinds == {"number"}:
        return all(abs(label) < 2**63 for label in column.labels)
    return kinds <= {"string"}
