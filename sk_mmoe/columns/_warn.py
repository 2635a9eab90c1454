"""Warnings that point to the user's line, however deep the code is that gives them."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import sklearn

_INSIDE = tuple(f"{folder}{os.sep}" for folder in (Path(__file__).parents[1], *sklearn.__path__))


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
