"""What tests of balancing share: two tasks that pull a network apart, and their gradients."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def x():
    return torch.randn(20, 3)


@pytest.fixture
def even():
    """Return equal weights of two tasks."""
    return torch.tensor([0.5, 0.5])


def losses_of(network, x):
    """Return squared errors against targets that pull the tasks apart."""
    targets = (x[:, 0], -5 * x[:, 0])
    return torch.stack(
        [(s[:, 0] - t).square().mean() for s, t in zip(network(x), targets, strict=False)]
    )


@pytest.fixture
def task_losses():
    """Return the function that computes the losses of both tasks."""
    return losses_of


def gradients(network):
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.fixture
def balanced():
    """Return the function that computes the gradients of a balanced step."""

    def balanced(balancing, network, x, penalty=None):
        network.zero_grad()
        parts = ()
        if balancing.n_parts > 1:
            parts = (torch.stack([losses_of(network, rows) for rows in x.tensor_split(2)]),)
        balancing.backward(losses_of(network, x), network, penalty, *parts)
        return gradients(network)

    return balanced


@pytest.fixture
def of_task():
    """Return the function that computes the gradients of the loss of one task."""

    def of_task(network, x, task):
        network.zero_grad()
        losses_of(network, x)[task].backward()
        found = gradients(network)
        return {
            name: found.get(name, torch.zeros_like(p)) for name, p in network.named_parameters()
        }

    return of_task
