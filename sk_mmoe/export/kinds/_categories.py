"""Categories, which a LabelEncoder of ONNX looks up."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper

from sk_mmoe.columns.kinds._categories import _FLOATS, Categories
from sk_mmoe.export._graph import ML, Graph

# ONNX has no missing strings. The first stands for one, the others are what onnxruntime makes of
# None, NaN, pandas.NA and pandas.NaT.
GAPS = ("", "None", "nan", "<NA>", "NaT")


def encode_categories(graph: Graph, column: Categories, value: str, dtype: np.dtype) -> str:
    """Add nodes that turn a column of labels into codes.

    Parameters
    ----------
    graph : Graph
        The graph.
    column : Categories
        The categories.
    value : str
        The name of the column in the graph.
    dtype : numpy dtype
        Its type; object for strings.

    Returns
    -------
    str
        The name of the codes: int64, -1 for an unseen category.
    """
    codes: dict[Any, int] = {label: code for code, label in enumerate(column.labels)}
    missing = len(codes) if column.has_missing else -1
    if dtype.kind == "O":
        codes |= {gap: missing for gap in GAPS if gap not in codes}
        return _look_up(graph, value, codes, object)
    if dtype.kind != "f":
        # An encoder must have a key.
        whole = {int(label): code for label, code in codes.items() if label == int(label)}
        return _look_up(graph, graph.cast(value, np.int64), whole or {0: -1}, np.int64)
    n_bits = 8 * dtype.itemsize
    if column.n_bits < n_bits:
        value = graph.cast(value, _FLOATS[column.n_bits])
    known = _in_precision(column, codes, n_bits) | {np.nan: missing}
    return _look_up(graph, graph.cast(value, np.float64), known, np.float64)


def _look_up(graph: Graph, value: str, codes: dict[Any, int], dtype: Any) -> str:
    """Add a node that gives each key its code, and -1 to all else."""
    return graph.add(
        "LabelEncoder",
        value,
        domain=ML,
        keys_tensor=numpy_helper.from_array(np.array(list(codes), dtype=dtype)),
        values_tensor=numpy_helper.from_array(np.array(list(codes.values()), dtype=np.int64)),
        default_tensor=numpy_helper.from_array(np.array([-1], dtype=np.int64)),
    )


def _in_precision(column: Categories, codes: dict[Any, int], n_bits: int) -> dict[Any, int]:
    """Return the codes of numbers in the lower of two precisions, as `Categories` compares them."""
    low = _FLOATS[min(n_bits, column.n_bits)]
    with np.errstate(over="ignore"):
        exact = {float(low(label)): code for label, code in codes.items() if low(label) == label}
    return exact if n_bits == column.n_bits else column._round(min(n_bits, column.n_bits)) | exact
