"""PCGrad: the loops of its paper."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import PCGrad


def pcgrad_by_loops(rows, orders):
    """Return the sum of projected gradients as the algorithm of the paper has it."""
    total = torch.zeros_like(rows[0])
    for i, order in enumerate(orders):
        projected = rows[i].clone()
        for j in order:
            if j != i and projected @ rows[j] < 0:
                projected -= projected @ rows[j] / (rows[j] @ rows[j]) * rows[j]
        total += projected
    return total


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 5])
def test_pcgrad_equals_the_loops_of_its_paper(n_tasks):
    rows = torch.randn(n_tasks, 4)
    torch.manual_seed(1)
    found = PCGrad()(rows)
    torch.manual_seed(1)
    orders = [torch.randperm(n_tasks).tolist() for _ in range(n_tasks)]
    assert_close(found, pcgrad_by_loops(rows, orders))


def test_pcgrad_equals_that_of_torchjd():
    aggregation = pytest.importorskip("torchjd.aggregation")
    for rows in torch.randn(5, 2, 7):  # two tasks have one order only
        assert_close(PCGrad()(rows), aggregation.PCGrad()(rows))


def test_pcgrad_keeps_gradients_without_conflict_and_a_task_without_gradient():
    rows = torch.tensor([[1.0, 2.0], [0.0, 0.0], [2.0, -1.0]])
    assert_close(PCGrad()(rows), torch.tensor([3.0, 1.0]))
