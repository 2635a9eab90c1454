"""GradNorm: the gradient of its weights by hand, and what it leads to."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import GradNorm, SharedBottom


@pytest.fixture
def norms_of(of_task):
    """Return the function that computes the norms of the weighted gradients that are shared."""

    def norms_of(network, x, weights):
        rows = [of_task(network, x, task) for task in (0, 1)]
        shared = [key for key in rows[0] if not key.startswith("heads")]
        return [
            weight * torch.cat([row[key].flatten() for key in shared]).norm()
            for row, weight in zip(rows, weights, strict=True)
        ]

    return norms_of


@pytest.mark.parametrize("restoring_force", [0.0, 1.5])
def test_gradnorm_sends_its_weights_the_gradient_computed_by_hand(
    restoring_force, x, balanced, task_losses, norms_of
):
    network = SharedBottom(3, [1, 1])
    balancing = GradNorm(restoring_force).start(torch.tensor([0.75, 0.25]))
    with torch.no_grad():
        balancing.log_weights.copy_(torch.tensor([0.3, -0.2]))
        balancing.first_losses.copy_(torch.tensor([2.0, 40.0]))
    balanced(balancing, network, x)

    logits = torch.tensor([0.3, -0.2], requires_grad=True)
    weights = torch.tensor([0.75, 0.25]) * 2 * logits.softmax(dim=0)
    plain = norms_of(network, x, [1.0, 1.0])
    weighted = [w.detach() * n for w, n in zip(weights, plain, strict=True)]
    left = task_losses(network, x).detach() / torch.tensor([2.0, 40.0])
    targets = torch.stack(weighted).mean() * (left / left.mean()) ** restoring_force
    sum((w * n - t).abs() for w, n, t in zip(weights, plain, targets, strict=True)).backward()
    assert_close(balancing.log_weights.grad, logits.grad)


def test_gradnorm_without_restoring_force_makes_the_gradients_alike_in_size(
    x, even, balanced, norms_of
):
    network = SharedBottom(3, [1, 1])
    balancing = GradNorm(restoring_force=0).start(even)
    before = norms_of(network, x, balancing.weights().tolist())
    optimizer = torch.optim.Adam(balancing.parameters(), lr=0.01)
    for _ in range(600):  # the network stands still
        optimizer.zero_grad()
        balanced(balancing, network, x)
        optimizer.step()
    after = norms_of(network, x, balancing.weights().tolist())
    assert max(before) / min(before) > 2
    assert max(after) / min(after) < 1.05
    assert balancing.weights().sum().item() == pytest.approx(1)


def test_gradnorm_remembers_the_first_loss_of_each_task(x, even, task_losses):
    network = SharedBottom(3, [1, 1])
    balancing = GradNorm().start(even)
    for scales in ([1.0, 0.0], [2.0, 3.0], [5.0, 5.0]):  # no label of the second task at first
        network.zero_grad()
        balancing.backward(task_losses(network, x) * torch.tensor(scales), network)
        assert balancing.log_weights.grad.isfinite().all()
    assert_close(balancing.first_losses, task_losses(network, x).detach() * torch.tensor([1, 3]))
