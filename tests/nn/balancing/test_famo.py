"""FAMO: the loop of its paper, TorchJD's version, members, gaps, and what it leads to."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import FAMO, MultiTaskLoss, SharedBottom

SETTINGS = {"learning_rate": 0.05, "decay": 0.02}


def train(balancing, network, x, losses, n_steps, rate=0.01):
    """Take steps of gradient descent under a balancing; return the weights of each."""
    seen = []
    for _ in range(n_steps):
        network.zero_grad()
        before = losses(network, x)
        balancing.backward(before, network)
        seen.append(balancing.weights().clone())
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= rate * parameter.grad
            balancing.look_back(before.detach(), losses(network, x))
    return torch.stack(seen)


def loop_of_the_paper(network, x, losses, n_steps, rate=0.01):
    """Take the same steps as algorithm 1 of the paper writes them, with Adam for the logits."""
    xi = torch.zeros(2, requires_grad=True)
    adam = torch.optim.Adam([xi], lr=SETTINGS["learning_rate"], weight_decay=SETTINGS["decay"])
    seen = []
    for _ in range(n_steps):
        task_losses = losses(network, x)
        z = xi.softmax(dim=0)
        c = 1 / (z / task_losses).sum()
        seen.append((c * z / task_losses).detach())
        each = [
            torch.autograd.grad(loss.log(), list(network.parameters()), retain_graph=True,
                                materialize_grads=True)
            for loss in task_losses
        ]  # fmt: skip
        with torch.no_grad():
            for parameter, first, second in zip(network.parameters(), *each, strict=True):
                parameter -= rate * c * (z[0] * first + z[1] * second)
            change = task_losses.log() - losses(network, x).log()
        (xi.grad,) = torch.autograd.grad(xi.softmax(dim=0), xi, grad_outputs=change)
        adam.step()
    return torch.stack(seen), xi.detach()


def twins():
    """Return two networks with the same weights."""
    first, second = SharedBottom(3, [1, 1]), SharedBottom(3, [1, 1])
    second.load_state_dict(first.state_dict())
    return first, second


def test_its_steps_are_the_loop_of_its_paper(x, even, task_losses):
    ours, theirs = twins()
    balancing = FAMO(**SETTINGS).start(even)
    weights = train(balancing, ours, x, task_losses, 30)
    expected, logits = loop_of_the_paper(theirs, x, task_losses, 30)
    assert_close(weights, expected, rtol=1e-6, atol=0)
    assert_close(balancing.logits, logits, rtol=1e-5, atol=1e-8)
    assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-6, atol=1e-9)
    assert balancing.logits.abs().max() > 0.3  # there was something to balance


def test_its_steps_are_those_of_torchjd(x, even, task_losses):
    scalarization = pytest.importorskip("torchjd.scalarization")
    theirs = scalarization.FAMO(2, lr=SETTINGS["learning_rate"], weight_decay=SETTINGS["decay"])
    network, twin = twins()
    balancing = FAMO(**SETTINGS).start(even)
    train(balancing, network, x, task_losses, 10)
    for _ in range(10):
        twin.zero_grad()
        theirs(task_losses(twin, x)).backward()
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter -= 0.01 * parameter.grad
            theirs.update(task_losses(twin, x))
    assert_close(balancing.logits, theirs._w.detach(), rtol=1e-6, atol=1e-9)
    assert_close(network.state_dict(), twin.state_dict(), rtol=1e-6, atol=1e-9)


def test_its_weights_sum_to_one_and_follow_the_task_weights_at_first(x, task_losses):
    network = SharedBottom(3, [1, 1])
    given = torch.tensor([0.8, 0.2])
    weights = train(FAMO().start(given), network, x, task_losses, 5)
    assert_close(weights.sum(dim=1), torch.ones(5))
    losses = task_losses(twins()[0], x).detach()
    balancing = FAMO().start(given)
    balancing.loss(losses)
    assert_close(balancing.weights(), (given / losses) / (given / losses).sum())


def test_losses_fall_at_one_rate_however_different_their_sizes():
    # Two parabolas, one of which is a thousand times as high.
    def fall(balancing):
        point = torch.nn.Linear(2, 1, bias=False)
        point.weight.data.fill_(1.0)
        scales = torch.tensor([1.0, 1000.0])

        def losses(network, x):
            return 0.1 + scales * network.weight[0].square()

        train(balancing, point, None, losses, 300, rate=1e-3)
        return (losses(point, None) / losses_at_start(scales)).detach()

    def losses_at_start(scales):
        return 0.1 + scales

    even = torch.tensor([0.5, 0.5])
    fixed = fall(MultiTaskLoss([None, None]).balancing)
    balanced = fall(FAMO().start(even))
    assert fixed[1] < 0.1 < 0.5 < fixed[0]
    assert balanced[0] < fixed[0]
    assert (balanced[0] / balanced[1]).log().abs() < (fixed[0] / fixed[1]).log().abs() / 2


def test_members_are_balanced_as_each_would_be_alone():
    rows = torch.rand(4, 3, 2) + 0.1  # steps, members, tasks
    weights = torch.tensor([[0.5, 0.5], [0.3, 0.7], [0.9, 0.1]])
    together = FAMO(**SETTINGS).start(weights)
    alone = [FAMO(**SETTINGS).start(row) for row in weights]
    for step in rows:
        together.loss(step)
        together.look_back(step, step.flip(0))
        for member, balancing in enumerate(alone):
            balancing.loss(step[member])
            balancing.look_back(step[member], step.flip(0)[member])
    for name, value in together.state_dict().items():
        assert_close(value, torch.stack([balancing.state_dict()[name] for balancing in alone]))
    assert_close(together.weights(), torch.stack([balancing.weights() for balancing in alone]))


def test_a_task_without_labels_in_a_batch_keeps_its_weight():
    without_decay = FAMO(decay=0.0)
    balancing = without_decay.start(torch.full((3,), 1 / 3))
    balancing.loss(torch.tensor([2.0, 0.0, 4.0]))
    assert_close(balancing.weights(), torch.tensor([2 / 3, 0.0, 1 / 3]))
    balancing.look_back(torch.tensor([2.0, 0.0, 4.0]), torch.tensor([1.0, 0.0, 4.0]))
    assert balancing.logits[1] == 0
    assert balancing.logits[0] < 0 < balancing.logits[2]
    # Of the tasks with labels, each moves as if the other were the only one.
    assert_close(balancing.logits[0], -balancing.logits[2])


def test_a_batch_without_any_label_changes_nothing():
    balancing = FAMO().start(torch.tensor([0.5, 0.5]))
    loss = balancing.loss(torch.zeros(2, requires_grad=True))
    balancing.look_back(torch.zeros(2), torch.zeros(2))
    assert loss == 0
    assert_close(balancing.logits, torch.zeros(2))


def test_a_saved_state_goes_on_as_the_original(x, even, task_losses):
    network, twin = twins()
    first = FAMO(**SETTINGS).start(even)
    train(first, network, x, task_losses, 5)
    second = FAMO(**SETTINGS).start(even)
    second.load_state_dict(first.state_dict())
    twin.load_state_dict(network.state_dict())
    train(first, network, x, task_losses, 5)
    train(second, twin, x, task_losses, 5)
    assert torch.equal(first.logits, second.logits)


def test_it_has_nothing_for_the_optimizer(even):
    assert FAMO().start(even).parameter_groups(0.1) == []
