"""The softmax of the gates."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn._softmax_gate import softmax


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(found, expected):
    assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_experts", [1, 2, 8, 15, 16, 40])
def test_the_softmax_is_that_of_torch_whatever_the_number_of_experts(n_experts):
    logits = 10 * draw(3, 7, n_experts)
    logits[0, :, 1:] = -torch.inf  # not selected
    logits.requires_grad_()
    weights, expected = softmax(logits), torch.softmax(logits, dim=-1)
    assert_near(weights, expected)
    factors = draw(*logits.shape)
    gradients = [torch.autograd.grad((w * factors).sum(), logits) for w in (weights, expected)]
    assert_near(*(gradient for (gradient,) in gradients))
