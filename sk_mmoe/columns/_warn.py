"""Warnings that point to the user's line, however deep the code is that gives them."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import sklearn

_INSIDE = (str(Path(__file__).parents[1]), str(Path(sklearn.__file__).parent))


def warn_user(message: str) -> None:
    """Warn at the first line outside this package and scikit-learn.

    Parameters
    ----------
    message : str
        The message.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
