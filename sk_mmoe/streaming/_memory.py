"""Memory that is free, and of use to no one until the operating system has it back."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Give the C library's free memory to the operating system, where the library is glibc.

    It keeps much of what a pass over a table has used for a while. A call takes about 2 ms.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # other C libraries
            ctypes.CDLL(None).malloc_trim(0)
