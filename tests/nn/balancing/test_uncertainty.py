"""Uncertainty weighting: values by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import UncertaintyWeighting


def test_uncertainty_weighting_is_the_loss_computed_by_hand():
    balancing = UncertaintyWeighting().start(torch.tensor([0.75, 0.25]))
    with torch.no_grad():
        balancing.log_variances.copy_(torch.tensor([math.log(2), math.log(0.5)]))
    loss = balancing.loss(torch.tensor([4.0, 3.0]))
    by_hand = 0.75 * (4 / 2 + math.log(2)) + 0.25 * (3 / 0.5 + math.log(0.5))
    assert loss.item() == pytest.approx(by_hand)


def test_uncertainty_weights_are_the_inverse_losses_at_the_optimum(even):
    balancing = UncertaintyWeighting().start(even)
    optimizer = torch.optim.SGD(balancing.parameters(), lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        balancing.loss(torch.tensor([4.0, 0.1])).backward()
        optimizer.step()
    assert_close(balancing.weights().detach(), 0.5 / torch.tensor([4.0, 0.1]))
