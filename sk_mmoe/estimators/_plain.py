"""Values expressed in JSON's types."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sk_mmoe.estimators._plain_labels import KINDS
from sk_mmoe.tasks._labels import as_objects

# Strings that are shorter than their type says are rarely this much shorter.
_WIDE = 1024


def to_plain(value: Any) -> Any:
    """Express a value in JSON's types; what JSON has no type for is a dict that names its kind.

    Parameters
    ----------
    value : object
        None, a bool, number, string, bytes, device, array, date, Decimal, interval or the like, or
        lists, tuples and dicts of these.

    Returns
    -------
    None, bool, int, float, str, list or dict
        The value.

    Raises
    ------
    TypeError
        If there is another type in it.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, bytes):
        return {"kind": "bytes", "items": value.decode("latin-1")}
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, tuple):
        return {"kind": "tuple", "items": [to_plain(item) for item in value]}
    if isinstance(value, dict):
        items = [[to_plain(key), to_plain(item)] for key, item in value.items()]
        return {"kind": "dict", "items": items}
    if isinstance(value, np.ndarray):
        items = value.view("int64") if value.dtype.kind in "mM" else value
        return {"kind": "array", "dtype": str(value.dtype), "items": to_plain(items.tolist())}
    for name, kind in KINDS.items():
        if type(value) is kind.type:
            return {"kind": name, "items": to_plain(kind.take_apart(value))}
    raise TypeError(
        f"a value of type {type(value).__name__} cannot be saved: {value!r}. Use plain labels and "
        "parameters, or pickle."
    )


def from_plain(value: Any) -> Any:
    """Return the value that :func:`to_plain` expressed.

    Parameters
    ----------
    value : None, bool, int, float, str, list or dict
        The expression.

    Returns
    -------
    object
        The value.
    """
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    items = from_plain(value["items"])
    if value["kind"] == "bytes":
        return items.encode("latin-1")
    if value["kind"] == "tuple":
        return tuple(items)
    if value["kind"] == "dict":
        return dict(items)
    if value["kind"] in KINDS:
        return KINDS[value["kind"]].put_together(*items)
    return _array(items, np.dtype(value["dtype"]))


def _array(items: list[Any], dtype: np.dtype) -> np.ndarray:
    """Return an array whose size is in proportion to what it holds, whatever the type says."""
    if dtype.kind == "O":
        return as_objects(items)
    if dtype.kind not in "biufUSmM":
        raise ValueError(f"arrays of type {dtype} are not saved.")
    if dtype.kind in "US":
        size = np.dtype(f"{dtype.kind}1").itemsize
        longest = max((len(item) for item in items), default=0)
        dtype = np.dtype(f"{dtype.kind}{min(dtype.itemsize // size, max(longest, _WIDE))}")
    return np.array(items, dtype=dtype)
