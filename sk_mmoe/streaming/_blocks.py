"""Which rows come together into memory, and which process reads them.

The sizes of the groups say it all, so that every process knows it without reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

# So many groups are open at once, each for an equal share of a buffer.
_OPEN_GROUPS = 8


class Piece(NamedTuple):
    """Rows of a group that follow one another, in a block.

    Parameters
    ----------
    group : int
        The group.
    start : int
        The number of the first row in the whole table, from 0.
    n_read : int
        The number of rows.
    n_left_out : int
        How many of them are left out.
    owner : int
        The process that reads them.
    is_last : bool
        Whether the group ends with them.
    """

    group: int
    start: int
    n_read: int
    n_left_out: int
    owner: int
    is_last: bool


def piece_size(n_groups: int, buffer_rows: int, n_processes: int) -> int:
    """Return how many rows of a group come into a buffer.

    Parameters
    ----------
    n_groups : int
        The number of groups.
    buffer_rows : int
        The number of rows in a buffer.
    n_processes : int
        The number of processes.

    Returns
    -------
    int
        The number of rows.
    """
    return -(-buffer_rows // min(n_groups, _n_open(n_processes)))


def plan_blocks(
    order: Iterable[int],
    sizes: Sequence[int],
    buffer_rows: int,
    without: np.ndarray,
    n_processes: int = 1,
) -> Iterator[list[Piece]]:
    """Yield what comes into each buffer: pieces of several groups in turn.

    A new group takes the place of one that ends. It is read by the process that has the fewest
    groups open, or has had the fewest rows.

    Parameters
    ----------
    order : iterable of int
        The order in which the groups are opened.
    sizes : sequence of int
        The number of rows of each group.
    buffer_rows : int
        The number of rows after which a block ends.
    without : ndarray of int
        The numbers of rows to leave out, in ascending order.
    n_processes : int, default=1
        The number of processes among which the groups are dealt.

    Yields
    ------
    list of Piece
        The pieces of a block. Together all blocks have each row once.
    """
    starts = np.cumsum([0, *sizes]).tolist()
    size = piece_size(len(sizes), buffer_rows, n_processes)
    waiting = iter(order)
    n_open, n_dealt = [0] * n_processes, [0] * n_processes
    in_turn: deque[tuple[int, int, int]] = deque()  # group, its rows that were read, owner

    def open_next() -> None:
        """Open the next group, if there is one."""
        for group in waiting:
            owner = min(range(n_processes), key=lambda each: (n_open[each], n_dealt[each]))
            n_open[owner] += 1
            n_dealt[owner] += sizes[group]
            in_turn.append((group, 0, owner))
            return

    for _ in range(_n_open(n_processes)):
        open_next()
    block: list[Piece] = []
    n_rows = 0
    while in_turn:
        group, n_read, owner = in_turn.popleft()
        n_next = min(size, sizes[group] - n_read)
        if n_next == 0:
            n_open[owner] -= 1
            open_next()
            continue
        in_turn.append((group, n_read + n_next, owner))
        start = starts[group] + n_read
        first, last = np.searchsorted(without, [start, start + n_next])
        is_last = n_read + n_next == sizes[group]
        block.append(Piece(group, start, n_next, int(last - first), owner, is_last))
        n_rows += n_next - block[-1].n_left_out
        if n_rows >= buffer_rows:
            yield block
            block, n_rows = [], 0
    if n_rows:
        yield block


def deal(sizes: Sequence[int], n_processes: int) -> list[list[int]]:
    """Return the groups that each process reads, about equally many rows.

    Parameters
    ----------
    sizes : sequence of int
        The number of rows of each group.
    n_processes : int
        The number of processes.

    Returns
    -------
    list of list of int
        The groups of each process, in ascending order.
    """
    dealt: list[list[int]] = [[] for _ in range(n_processes)]
    n_dealt = [0] * n_processes
    for group, size in enumerate(sizes):
        owner = n_dealt.index(min(n_dealt))
        dealt[owner].append(group)
        n_dealt[owner] += size
    return dealt


def _n_open(n_processes: int) -> int:
    """Return how many groups are open at once: at least one for each process."""
    return max(_OPEN_GROUPS, n_processes)
