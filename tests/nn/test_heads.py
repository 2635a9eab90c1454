"""Towers and heads: each task has its own, whatever its number of scores."""

import math

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import TaskHeads

N_OUTPUTS = [1, 4, 2]


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def loop(heads, x):
    """Return the scores of each task, computed one task and one layer at a time."""
    scores, first = [], 0
    for k, n_outputs in enumerate(heads.n_outputs):
        hidden = x[k] if x.dim() == 3 else x
        for layer in heads.towers.layers:
            hidden = torch.relu(F.linear(hidden, layer.weight[k], layer.bias[k]))
        last = first + n_outputs
        scores.append(F.linear(hidden, heads.weight[first:last], heads.bias[first:last]))
        first = last
    return scores


@pytest.mark.parametrize("hidden", [(), (8,), (6, 3)])
@pytest.mark.parametrize("own", [True, False])
def test_heads_equal_a_loop_over_tasks(hidden, own):
    heads = TaskHeads(5, N_OUTPUTS, hidden).double()
    x = draw(3, 7, 5) if own else draw(7, 5)
    scores = heads(x)
    assert [tuple(s.shape) for s in scores] == [(7, 1), (7, 4), (7, 2)]
    for got, expected in zip(scores, loop(heads, x), strict=True):
        assert_close(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("task", range(3))
def test_a_task_sends_gradient_to_its_own_tower_and_head_only(task):
    heads = TaskHeads(5, N_OUTPUTS, (8,)).double()
    heads(draw(3, 7, 5))[task].sum().backward()
    first = sum(N_OUTPUTS[:task])
    own_rows = torch.zeros(7, dtype=torch.bool)
    own_rows[first : first + N_OUTPUTS[task]] = True
    own_slice = torch.arange(3) == task
    for parameter, own in [
        (heads.weight, own_rows),
        (heads.bias, own_rows),
        (heads.towers.layers[0].weight, own_slice),
        (heads.towers.layers[0].bias, own_slice),
    ]:
        moved = parameter.grad.reshape(len(own), -1).abs().sum(dim=1) > 0
        assert torch.equal(moved, own)


def test_heads_are_drawn_within_the_bound_of_nn_linear():
    heads = TaskHeads(5, [400, 400], (16,))
    for parameter in (heads.weight, heads.bias):
        assert parameter.abs().max() <= 1 / 4
        assert parameter.std().item() == pytest.approx(1 / 4 / math.sqrt(3), rel=0.1)


def test_gradients_equal_finite_differences():
    heads = TaskHeads(3, [1, 2], (4,), activation="tanh").double()
    names, values = zip(*heads.named_parameters(), strict=True)

    def outputs(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return tuple(torch.func.functional_call(heads, parameters, (x,)))

    assert torch.autograd.gradcheck(outputs, (draw(2, 3, 3).requires_grad_(), *values))


@pytest.mark.parametrize("n_outputs", [[], [1, 0]])
def test_every_task_needs_an_output(n_outputs):
    with pytest.raises(ValueError, match="n_outputs must"):
        TaskHeads(5, n_outputs)
