"""The plan of what is read together: every row once, in one order for any number of processes."""

from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_mmoe.streaming._blocks import deal, plan_blocks
from sk_mmoe.streaming._sources import _cut

NOTHING = np.empty(0, dtype=np.int64)


@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=20),
    buffer_rows=st.integers(1, 100),
    n_processes=st.integers(1, 8),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_up_to_eight_processes_have_the_blocks_of_one(sizes, buffer_rows, n_processes, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sizes)).tolist()
    without = np.flatnonzero(rng.random(sum(sizes)) < 0.2)
    plan = order, sizes, buffer_rows, without
    blocks = list(plan_blocks(*plan, n_processes))
    alone = [[piece._replace(owner=0) for piece in block] for block in blocks]
    assert alone == list(plan_blocks(*plan))
    kept = [sum(piece.n_read - piece.n_left_out for piece in block) for block in blocks]
    assert all(n_rows >= buffer_rows for n_rows in kept[:-1])
    assert sum(kept) == sum(sizes) - len(without)
    pieces = list(chain.from_iterable(blocks))
    assert len({(piece.group, piece.owner) for piece in pieces}) == sum(n > 0 for n in sizes)
    if kept:  # the last pieces may have nothing but what is left out
        rows = chain.from_iterable(range(p.start, p.start + p.n_read) for p in pieces)
        assert set(range(sum(sizes))) - set(rows) <= set(without.tolist())


@pytest.mark.parametrize("n_processes", [2, 4, 8, 11])
def test_each_process_has_an_equal_share_of_every_block(n_processes):
    order = np.random.default_rng(0).permutation(88).tolist()
    for block in plan_blocks(order, [500] * 88, 2000, NOTHING, n_processes):
        shares = np.bincount([piece.owner for piece in block], minlength=n_processes)
        assert np.ptp(shares) <= 1


def test_groups_of_unequal_sizes_are_dealt_in_equal_shares():
    sizes = [1000, 50] * 20  # as of files with a large and a small group each
    dealt = deal(sizes, 3)
    assert sorted(chain.from_iterable(dealt)) == list(range(40))
    assert np.ptp([sum(sizes[group] for group in own) for own in dealt]) <= 1000
    shares = np.zeros(3)
    for block in plan_blocks(range(40), sizes, 400, NOTHING, 3):
        for piece in block:
            shares[piece.owner] += piece.n_read
    assert np.ptp(shares) <= 1000


@pytest.mark.parametrize("n_rows", [1, 4, 5, 100])
def test_parts_have_one_size_whatever_the_sizes_that_come(n_rows):
    numbers = np.arange(23)
    tables = [pa.table({"row": part}) for part in np.split(numbers, [1, 1, 9, 12])]
    parts = list(_cut(tables, n_rows, start=40))
    assert [part.start for part in parts] == list(range(40, 63, n_rows))
    assert {len(part.rows) for part in parts[:-1]} <= {n_rows}
    assert pa.concat_tables([part.rows for part in parts]).column("row").to_pylist() == [*range(23)]
