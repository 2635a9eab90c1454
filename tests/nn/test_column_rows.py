"""Rows of a table with categories."""

import torch

from sk_mmoe.nn import ColumnRows


def test_padded_rows_hold_unseen_levels():
    levels = torch.randint(1, 5, (20, 3), dtype=torch.int32)
    padded = ColumnRows(torch.randn(20, 2), levels).pad(3)
    assert padded.shape == (23, 5)
    assert torch.equal(padded.levels[:20], levels)
    assert not any(part[20:].any() for part in (padded.numbers, padded.levels))
