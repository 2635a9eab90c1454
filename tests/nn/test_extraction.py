"""A layer of experts, some for single tasks and some shared."""

import math

import torch
from torch.testing import assert_close

from sk_mmoe.nn import ExtractionLayer


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def column(*values):
    """Return values of shape (n, 1, 1)."""
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


def assert_near(got, expected):
    assert_close(got, expected, rtol=1e-12, atol=1e-14)


def test_level_of_values_worked_out_by_hand():
    # Each expert scales its positive input.
    level = ExtractionLayer(
        1, 2, n_shared_experts=1, n_task_experts=1, hidden_layer_sizes=(1,)
    ).double()
    layer = level.experts.layers[0]
    layer.weight.data = column(2, 3, 5)
    layer.bias.data.zero_()
    log3 = math.log(3)
    level.gates.weight.data = column(0, 0, log3, 0).reshape(2, 2, 1)
    level.shared_gate.weight.data = column(0, 0, log3 / 2).reshape(1, 3, 1)
    # Streams of the tasks and the shared one: 10, 1 and 2.
    x = column(10, 1, 2)
    # Experts: 20, 3 and 10. Gates: (1, 1) / 2, (3, 1) / 4 and (1, 1, 3) / 5.
    assert_near(level(x), column(15, 3 * 0.75 + 10 * 0.25, (20 + 3 + 3 * 10) / 5))
    gates = [[0.5, 0.0, 0.5], [0.0, 0.75, 0.25], [0.2, 0.2, 0.6]]
    assert_near(level.gate_weights(x)[:, 0], torch.tensor(gates, dtype=torch.float64))


def test_gate_dropout_drops_experts_that_a_task_hears_and_keeps_the_ratios_of_the_others():
    level = ExtractionLayer(5, 2, n_shared_experts=2, n_task_experts=2, gate_dropout=0.3).double()
    x = draw(10_000, 5)
    whole = level.eval().gate_weights(x)
    kept = level.train().gate_weights(x)
    left = whole * (kept > 0)
    assert_near(kept, left / left.sum(dim=-1, keepdim=True))
    dropped = ((whole > 0) & (kept == 0)).double().mean(dim=1)
    for k, heard in enumerate(([0, 1, 4, 5], [2, 3, 4, 5], range(6))):
        # None is dropped where chance would drop all of them.
        expected = 0.3 - 0.3 ** len(heard)
        assert_close(
            dropped[k, list(heard)], torch.full((len(heard),), expected).double(), rtol=0, atol=0.02
        )
