"""Checks of the number of levels of a network, and of a single level."""

from __future__ import annotations


def check_n_levels(n_levels: int) -> None:
    """Raise an error if a network would have no level."""
    if n_levels < 1:
        raise ValueError(f"n_levels must be 1 or more, got {n_levels}.")


def check_level(level: int, n_levels: int, *, of: str) -> int:
    """Return the index of a level, counted from the first."""
    if not -n_levels <= level < n_levels:
        raise IndexError(
            f"level must be from {-n_levels} to {n_levels - 1} for {n_levels} level(s) of {of}, "
            f"got {level}."
        )
    return level % n_levels
