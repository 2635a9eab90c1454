"""Settings as texts, to tell whether two trainings have the same ones."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def describe_setting(value: Any) -> str:
    """Return a text that is the same for equal settings in every process.

    Parameters
    ----------
    value : object
        A setting of a net. A sequence of one number is described as the number alone, as sizes of
        layers may be given either way.

    Returns
    -------
    str
        The text.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        items = [describe_setting(item) for item in value]
        return items[0] if len(items) == 1 else f"[{', '.join(items)}]"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return _ADDRESS.sub("", repr(value))
