"""Cross layers: the formula, row by row."""

import torch
from torch.testing import assert_close

from sk_mmoe.nn import CrossLayers


def test_a_layer_multiplies_every_feature_with_a_linear_function_of_all():
    cross, x = CrossLayers(5, 2, rank=3), torch.randn(7, 5)
    expected = x
    for down, up in zip(cross.down, cross.up, strict=True):
        matrix = up.weight @ down.weight
        rows = [x[i] * (matrix @ expected[i] + up.bias) + expected[i] for i in range(7)]
        expected = torch.stack(rows)
    assert_close(cross(x), expected)


def test_the_degree_of_the_products_grows_by_one_with_every_layer():
    x = torch.randn(1, 4, dtype=torch.float64)
    for n_layers in range(4):
        cross = CrossLayers(4, n_layers).double()
        values = torch.cat([cross(t * x) for t in torch.arange(8.0, dtype=torch.float64)])
        # The differences of a polynomial vanish beyond its degree, and not before.
        beyond = values.diff(n_layers + 2, dim=0)
        assert_close(beyond, torch.zeros_like(beyond), atol=1e-8, rtol=0)
        assert values.diff(n_layers + 1, dim=0).abs().max() > 1e-6


def test_without_layers_the_input_is_passed_on():
    x = torch.randn(3, 4)
    assert CrossLayers(4, 0)(x) is x


def test_the_rank_is_at_most_the_number_of_features():
    (down,) = CrossLayers(5, 1).down
    assert down.weight.shape == (5, 5)


def test_members_have_layers_of_their_own():
    members = [CrossLayers(5, 2, rank=3) for _ in range(4)]
    stack = CrossLayers(5, 2, rank=3)
    for name, parameter in stack.named_parameters():
        parameter.data = torch.stack([dict(m.named_parameters())[name].data for m in members])
    x = torch.randn(4, 7, 5)
    assert_close(stack(x), torch.stack([m(part) for m, part in zip(members, x, strict=True)]))
