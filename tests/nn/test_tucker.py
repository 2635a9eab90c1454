"""Weights in Tucker form: what they equal, how they start, and what the ranks restrict."""

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import StackedLinear, TuckerLinear

ORDER = ("inputs", "outputs", "tasks")


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def factors(layer):
    return layer.input_factor, layer.output_factor, layer.task_factor


def unfold(tensor, axis):
    """Return a tensor as a matrix whose rows are the slices along an axis."""
    return tensor.movedim(axis, 0).flatten(1)


def decompose(layer, weight):
    """Give a layer of full rank the weights (n_tasks, out, in), by a higher-order SVD."""
    core = tensor = weight.permute(2, 1, 0)
    for axis, factor in enumerate(factors(layer)):
        left = torch.linalg.svd(unfold(tensor, axis), full_matrices=False).U
        factor.data = left
        core = torch.tensordot(core, left, dims=([0], [0]))  # the new axis goes last
    layer.core.data = core


def set_identity(layer, weight):
    """Give a layer the weights (n_tasks, out, in) in its core, with factors that do nothing."""
    layer.core.data = weight.permute(2, 1, 0).contiguous()
    for factor in factors(layer):
        factor.data = torch.eye(*factor.shape).double()


def test_weight_equals_a_loop_over_the_sums_of_the_definition():
    layer = TuckerLinear(3, 4, 5, ranks=(2, 3, 2)).double()
    expected = torch.zeros(3, 5, 4).double()
    for k, o, i in product(range(3), range(5), range(4)):
        for a, b, c in product(range(2), range(3), range(2)):
            expected[k, o, i] += (
                layer.core[a, b, c]
                * layer.input_factor[i, a]
                * layer.output_factor[o, b]
                * layer.task_factor[k, c]
            )
    assert_close(layer.weight, expected, rtol=1e-12, atol=1e-14)


def test_weight_of_small_factors_is_the_one_computed_by_hand():
    layer = TuckerLinear(2, 2, 1, ranks=(1, 1, 1), bias=False)
    layer.core.data = torch.tensor([[[2.0]]])
    layer.input_factor.data = torch.tensor([[1.0], [3.0]])
    layer.output_factor.data = torch.tensor([[5.0]])
    layer.task_factor.data = torch.tensor([[1.0], [-1.0]])
    assert_close(layer.weight, torch.tensor([[[10.0, 30.0]], [[-10.0, -30.0]]]))
    assert_close(layer(torch.tensor([[1.0, 1.0]])), torch.tensor([[[40.0]], [[-40.0]]]))


@pytest.mark.parametrize("ranks", [1, 3, 0.5, 1.0, (2, 0.5, 1.0)])
@pytest.mark.parametrize("n_tasks", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_layer_equals_a_loop_over_tasks_with_their_weights(ranks, n_tasks, bias, own):
    layer = TuckerLinear(n_tasks, 6, 4, ranks=ranks, bias=bias).double()
    x = draw(*([n_tasks] if own else []), 7, 6)
    out = layer(x)
    assert out.shape == (n_tasks, 7, 4)
    for k in range(n_tasks):
        expected = F.linear(x[k] if own else x, layer.weight[k], layer.bias[k] if bias else None)
        assert_close(out[k], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("fill", [decompose, set_identity])
@pytest.mark.parametrize("own", [True, False])
def test_full_rank_equals_separate_layers(fill, own):
    separate = StackedLinear(3, 6, 4).double()
    layer = TuckerLinear(3, 6, 4, ranks=1.0).double()
    fill(layer, separate.weight.data)
    layer.bias.data = separate.bias.data
    x = draw(*([3] if own else []), 7, 6)
    assert_close(layer.weight, separate.weight, rtol=1e-11, atol=1e-13)
    assert_close(layer(x), separate(x), rtol=1e-11, atol=1e-13)


# Along the longest axis the rank is bounded by the product of the other two.
@pytest.mark.parametrize("shape", [(2, 20, 3), (2, 3, 20), (20, 2, 3)])
def test_full_rank_holds_any_weights_though_an_axis_is_long(shape):
    layer = TuckerLinear(*shape, ranks=1.0).double()
    n_tasks, in_features, out_features = shape
    weight = draw(n_tasks, out_features, in_features)
    assert max(layer.core.shape) == 6
    decompose(layer, weight)
    assert_close(layer.weight, weight, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("ranks", [(3, 4, 2), (1, 5, 3), (6, 1, 3), (6, 4, 1), (2, 2, 2)])
def test_weights_have_the_ranks_along_each_axis(ranks):
    layer = TuckerLinear(3, 6, 5, ranks=ranks).double()
    weight = layer.weight.detach().permute(2, 1, 0)
    found = tuple(int(torch.linalg.matrix_rank(unfold(weight, axis))) for axis in range(3))
    # One rank may not exceed the product of the other two.
    size = np.prod(ranks)
    assert found == tuple(min(rank, size // rank) for rank in ranks)


def test_of_rank_one_along_tasks_all_weights_are_proportional():
    layer = TuckerLinear(3, 6, 4, ranks=(6, 4, 1)).double()
    layer.task_factor.data = torch.tensor([[1.0], [-0.5], [3.0]]).double()
    first, *others = layer.weight
    for weight, ratio in zip(others, [-0.5, 3.0], strict=True):
        assert_close(weight, ratio * first, rtol=1e-12, atol=1e-14)
    free = TuckerLinear(3, 6, 4, ranks=(6, 4, 2)).double()
    ratios = free.weight[1] / free.weight[0]
    assert ratios.std() > 0.1


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        (1, (1, 1, 1)),
        (4, (4, 4, 4)),
        (7, (7, 7, 4)),
        (1000, (10, 8, 4)),
        (1.0, (10, 8, 4)),
        (0.5, (5, 4, 2)),
        (0.3, (3, 2, 1)),
        (1e-9, (1, 1, 1)),
        ((2, 3, 4), (2, 3, 4)),
        ([0.5, 3, 1.0], (5, 3, 4)),
        ((1000, 0.25, 1), (10, 2, 1)),
        (np.int64(3), (3, 3, 3)),
        (np.float32(0.5), (5, 4, 2)),
        (np.array([0.5, 0.5, 1.0]), (5, 4, 4)),
        (np.array([5, 4, 1]), (5, 4, 1)),
    ],
)
def test_ranks_are_numbers_or_fractions_of_the_axes(ranks, expected):
    layer = TuckerLinear(4, 10, 8, ranks=ranks)
    assert tuple(layer.core.shape) == expected
    assert [tuple(factor.shape) for factor in factors(layer)] == list(
        zip((10, 8, 4), expected, strict=True)
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 2, 16), (1, 2, 1)), ((2, 500, 64), (128, 32, 1)), ((20, 2, 3), (1, 2, 6))],
)
def test_fractions_are_of_the_length_of_an_axis_up_to_the_full_rank(shape, expected):
    assert tuple(TuckerLinear(*shape, ranks=0.5).core.shape) == expected


@pytest.mark.parametrize(
    "ranks",
    [
        *(0, -1, 0.0, -0.5, 1.5, 2.0, float("nan"), float("inf"), True, None, "abc", 1j),
        *((), (1,), (1, 2), (1, 2, 3, 4), (1, 2, 0), (1, 2, 3.0), (1, 2, None), (1, (2,), 3)),
    ],
)
def test_other_ranks_are_refused(ranks):
    with pytest.raises(ValueError, match="ranks must be one value or three"):
        TuckerLinear(4, 10, 8, ranks=ranks)


@pytest.mark.parametrize("sizes", [(0, 10, 8), (4, 0, 8), (4, 10, 0), (4, 10, 2.5)])
def test_layers_without_a_task_an_input_or_an_output_are_refused(sizes):
    with pytest.raises(ValueError, match="sizes of a layer must be positive integers"):
        TuckerLinear(*sizes)


@pytest.mark.parametrize("ranks", [1, (1, 8, 3), (10, 1, 3), (10, 8, 1), (3, 2, 2), 0.5, 1.0])
@pytest.mark.parametrize(("in_features", "out_features"), [(10, 8), (30, 4)])
def test_weights_start_with_the_variance_of_nn_linear(ranks, in_features, out_features):
    draws = torch.stack(
        [
            TuckerLinear(3, in_features, out_features, ranks=ranks).weight.detach()
            for _ in range(500)
        ]
    )
    # Every single weight, and the mean of all of them.
    ratio = draws.square().mean(dim=0) * 3 * in_features
    assert_close(ratio, torch.ones_like(ratio), rtol=0, atol=0.35)
    assert ratio.mean().item() == pytest.approx(1, abs=0.05)
    assert draws.mean(dim=0).abs().max() < 5 / np.sqrt(500 * 3 * in_features)


@pytest.mark.parametrize("ranks", [1, 0.5, 1.0])
def test_outputs_start_as_large_as_those_of_separate_layers(ranks):
    x = torch.randn(50, 20)
    layers = [TuckerLinear(4, 20, 10, ranks=ranks)(x).detach() for _ in range(400)]
    separate = [StackedLinear(4, 20, 10)(x).detach() for _ in range(400)]
    deviations = torch.stack(layers).std(), torch.stack(separate).std()
    assert deviations[0].item() == pytest.approx(deviations[1].item(), rel=0.08)


def test_rows_of_factors_start_as_unit_vectors():
    for ranks in (1, 0.3, 1.0):
        for factor in factors(TuckerLinear(3, 10, 8, ranks=ranks)):
            assert_close(factor.norm(dim=1), torch.ones(len(factor)))


def test_of_full_rank_factors_start_orthogonal():
    for factor in factors(TuckerLinear(3, 6, 5, ranks=1.0).double()):
        assert_close(factor @ factor.T, torch.eye(len(factor)).double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("ranks", [1, (2, 2, 1), 1.0])
def test_no_core_starts_small_by_chance(ranks):
    for _ in range(50):
        core = TuckerLinear(3, 10, 8, ranks=ranks).core.detach()
        assert_close(core.square().mean(), torch.tensor(1 / 30))


def test_biases_start_as_those_of_nn_linear_and_are_the_tasks_own():
    bias = TuckerLinear(500, 25, 8, ranks=2).bias.detach()
    assert bias.abs().max() <= 0.2
    assert bias.var().item() == pytest.approx(0.2**2 / 3, rel=0.05)
    assert not torch.isclose(bias[0], bias[1]).any()


def test_number_of_parameters_is_that_of_core_factors_and_biases():
    layer = TuckerLinear(3, 10, 8, ranks=(4, 5, 2))
    counted = sum(parameter.numel() for parameter in layer.parameters())
    assert counted == 4 * 5 * 2 + 10 * 4 + 8 * 5 + 3 * 2 + 3 * 8
    without = TuckerLinear(3, 10, 8, ranks=(4, 5, 2), bias=False)
    assert without.bias is None
    assert counted - sum(parameter.numel() for parameter in without.parameters()) == 3 * 8


def test_low_ranks_have_fewer_parameters_than_separate_layers():
    layer, separate = TuckerLinear(8, 100, 64, ranks=0.25), StackedLinear(8, 100, 64)
    counts = [sum(p.numel() for p in module.parameters()) for module in (layer, separate)]
    assert counts[0] < counts[1] / 5


def test_a_layer_describes_itself():
    layer = TuckerLinear(3, 10, 8, ranks=(4, 5, 2))
    assert repr(layer) == "TuckerLinear(n_tasks=3, 10 -> 8, ranks=(4, 5, 2), bias=True)"
