"""The multi-task loss: values by hand, missing labels, weights of labels and of tasks."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import MultiTaskLoss


def squared_error(scores, targets):
    return (scores[:, 0] - targets) ** 2


def absolute_error(scores, targets):
    return (scores[:, 0] - targets).abs()


def cross_entropy(scores, targets):
    return F.cross_entropy(scores, targets.long(), reduction="none")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


# All scores are zero: the losses are the squares of the first column, the sizes of the second.
TARGETS = [[1.0, -2.0], [3.0, 4.0], [5.0, -6.0]]
# weights of labels, weights of tasks: losses of the tasks, their mean.
GOLDEN = {
    "all labels, all tasks alike": (None, None, [35 / 3, 4.0], 47 / 6),
    "weights of one": ([[1, 1], [1, 1], [1, 1]], None, [35 / 3, 4.0], 47 / 6),
    "a missing label": ([[1, 1], [1, 0], [1, 1]], None, [35 / 3, 8 / 3], 43 / 6),
    "a task without labels": ([[1, 0], [1, 0], [1, 0]], None, [35 / 3, 0.0], 35 / 6),
    "weights of labels": ([[1, 0], [0, 2], [3, 1]], None, [76 / 3, 14 / 3], 15.0),
    "weights of tasks": (None, [3, 1], [35 / 3, 4.0], 39 / 4),
    "both": ([[1, 0], [0, 2], [3, 1]], [1, 3], [76 / 3, 14 / 3], 59 / 6),
}


@pytest.mark.parametrize(
    ("weights", "task_weights", "losses", "total"), GOLDEN.values(), ids=GOLDEN
)
def test_values_computed_by_hand(weights, task_weights, losses, total):
    loss = MultiTaskLoss([squared_error, absolute_error], task_weights).double()
    targets = torch.tensor(TARGETS, dtype=torch.float64)
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    zeros = torch.zeros(3, 1, dtype=torch.float64)
    task_losses = loss([zeros, zeros], targets, weights)
    assert_close(task_losses, torch.tensor(losses, dtype=torch.float64))
    assert_close(loss.total(task_losses), torch.tensor(total, dtype=torch.float64))


def test_losses_are_those_of_torch():
    scores = [draw(9, 1), draw(9, 4)]
    targets = torch.stack([draw(9), torch.randint(0, 4, (9,)).double()], dim=1)
    losses = MultiTaskLoss([squared_error, cross_entropy])(scores, targets)
    assert_close(losses[0], F.mse_loss(scores[0][:, 0], targets[:, 0]))
    assert_close(losses[1], F.cross_entropy(scores[1], targets[:, 1].long()))


def test_only_ratios_of_task_weights_matter():
    task_losses = torch.tensor([1.0, 5.0])
    totals = {
        round(MultiTaskLoss([squared_error] * 2, [c, 3 * c]).total(task_losses).item(), 5)
        for c in (0.1, 1.0, 50.0)
    }
    assert totals == {4.0}


def test_a_missing_label_adds_nothing_and_sends_no_gradient():
    loss = MultiTaskLoss([squared_error, cross_entropy]).double()
    scores = [draw(6, 1).requires_grad_(), draw(6, 3).requires_grad_()]
    targets = torch.stack([draw(6), torch.randint(0, 3, (6,)).double()], dim=1)
    weights = torch.tensor([[1, 1], [0, 1], [1, 0], [0, 0], [1, 1], [2, 3]]).double()
    loss.total(loss(scores, targets, weights)).backward()
    for score, weight in zip(scores, weights.T, strict=True):
        moved = score.grad.abs().sum(dim=1) > 0
        assert torch.equal(moved, weight > 0)

    filled = torch.where(weights > 0, targets, 2.0)
    assert torch.equal(loss(scores, targets, weights), loss(scores, filled, weights))


def test_gradients_equal_finite_differences_with_missing_labels():
    loss = MultiTaskLoss([squared_error, cross_entropy], [1.0, 2.0]).double()
    targets = torch.stack([draw(5), torch.randint(0, 3, (5,)).double()], dim=1)
    weights = torch.tensor([[1, 0], [0, 1], [2, 3], [0, 0], [1, 1]]).double()

    def total(*scores):
        return loss.total(loss(scores, targets, weights))

    assert torch.autograd.gradcheck(
        total, (draw(5, 1).requires_grad_(), draw(5, 3).requires_grad_())
    )


@pytest.mark.parametrize(("n_scores", "n_columns"), [(1, 2), (2, 1), (3, 3)])
def test_other_numbers_of_tasks_are_refused(n_scores, n_columns):
    loss = MultiTaskLoss([squared_error, squared_error])
    with pytest.raises(ValueError, match="zip"):
        loss([torch.zeros(4, 1)] * n_scores, torch.zeros(4, n_columns))
