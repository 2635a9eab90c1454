"""Samples that are read block by block: every one once in each epoch."""

from itertools import chain

import numpy as np
import pytest
import torch

from sk_mmoe.training._lazy_samples import LazySamples
from sk_mmoe.training._loader import BatchLoader
from sk_mmoe.training._samples import TableDataset

N_GROUPS, GROUP = 6, 10


def group(number):
    """Return the samples of a group, whose inputs are their numbers."""
    numbers = np.arange(number * GROUP, (number + 1) * GROUP, dtype=np.float64)
    return TableDataset(numbers[:, None], torch.from_numpy(numbers[:, None]))


def samples(digest=""):
    """Return samples of six groups, in blocks of two."""

    def read_blocks(order):
        for first in range(0, N_GROUPS, 2):
            parts = [group(k) for k in order[first : first + 2]]
            yield TableDataset(
                torch.cat([part.X for part in parts]), torch.cat([part.targets for part in parts])
            )

    return LazySamples(
        group(0),
        n_samples=N_GROUPS * GROUP,
        n_groups=N_GROUPS,
        read_blocks=read_blocks,
        digest=digest,
    )


def order_of(loader):
    """Return the numbers of the samples, batch by batch."""
    return [X[:, 0].long().tolist() for X, _ in loader]


def test_every_sample_comes_once_in_an_order_of_the_seed_that_changes_with_each_pass():
    loader = BatchLoader(samples(), batch_size=8, shuffle=True)
    torch.manual_seed(3)
    first, second = order_of(loader), order_of(loader)
    torch.manual_seed(3)
    assert order_of(loader) == first
    for order in (first, second):
        assert sorted(chain.from_iterable(order)) == list(range(N_GROUPS * GROUP))
    # Blocks of two groups each: other groups in the second pass, and other rows in a batch.
    groups = [{row // GROUP for row in chain.from_iterable(order[:3])} for order in (first, second)]
    assert [len(own) for own in groups] == [2, 2]
    assert first != second


def test_members_draw_orders_within_the_same_blocks():
    loader = BatchLoader(samples(), batch_size=20, shuffle=True)
    loader.draw_order = lambda n: torch.stack([torch.arange(n), torch.arange(n).flip(0)])
    for X, (y,) in loader:
        assert X.shape == (2, 20, 1)
        assert torch.equal(X[0].flip(0), X[1])
        assert torch.equal(X, y)


def test_what_is_looked_at_after_training_is_in_memory():
    data = samples()
    X, (y,) = data[data.inspected_rows()]
    assert X[:, 0].tolist() == y[:, 0].tolist() == list(range(GROUP))
    assert len(data) == 60
    assert data.to("cpu") is data


@pytest.mark.parametrize("other", [samples("held out"), group(0)])
def test_the_fingerprint_tells_other_data(other):
    assert samples().fingerprint() == samples().fingerprint() != other.fingerprint()
