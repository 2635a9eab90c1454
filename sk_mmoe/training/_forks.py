"""Processes that are forked while other threads work."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

_FIRST_CALL = RLock()


def _renew_lock() -> None:
    """Replace the lock in a forked process, where no thread is left that would release it."""
    global _FIRST_CALL
    _FIRST_CALL = RLock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=lambda: _FIRST_CALL.acquire(),
        after_in_parent=lambda: _FIRST_CALL.release(),
        after_in_child=_renew_lock,
    )


def forks_wait_for_first_call(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let forks of the process wait while a function is called for the first time.

    torch, narwhals and others import some of their modules only when these are needed. In a process
    that is forked in the middle of an import by another thread, that module is locked for ever.

    Parameters
    ----------
    function : callable
        The function, which should not take long.

    Returns
    -------
    callable
        The function.
    """
    was_called = False

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        nonlocal was_called
        if was_called:
            return function(*args, **kwargs)
        with _FIRST_CALL:
            result = function(*args, **kwargs)
        was_called = True
        return result

    return call
