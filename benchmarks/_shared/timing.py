"""Seconds of calls, one by one or in turns."""

import time


def clock(function, *arguments):
    """Return the seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def take_turns(sides, repeats):
    """Return the seconds of every call of every side.

    In each round all sides run once, one after the other, so that whatever slows the machine down
    for a while slows them all.

    Parameters
    ----------
    sides : dict of str to callable
        What to time.
    repeats : int
        The number of rounds.

    Returns
    -------
    dict of str to list of float
        The seconds, by side and round.
    """
    seconds = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            seconds[name].append(round(clock(side)[0], 6))
    return seconds
