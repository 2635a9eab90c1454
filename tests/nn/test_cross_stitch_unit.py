"""The stitch."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import CrossStitchUnit


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(got, expected):
    assert_close(got, expected, rtol=1e-12, atol=1e-14)


def test_stitch_of_values_worked_out_by_hand():
    unit = CrossStitchUnit(2)
    unit.weight.data = torch.tensor([[1.0, 2.0], [-1.0, 0.5]])
    x = torch.tensor([[[1.0, 2.0, 3.0]], [[10.0, 20.0, 40.0]]])
    expected = torch.tensor([[[21.0, 42.0, 83.0]], [[4.0, 8.0, 17.0]]])
    assert torch.equal(unit(x), expected)


def test_stitch_per_channel_of_values_worked_out_by_hand():
    unit = CrossStitchUnit(2, n_channels=2)
    unit.weight.data = torch.tensor([[[1.0, 2.0], [-1.0, 0.5]], [[0.0, 1.0], [3.0, 0.0]]])
    x = torch.tensor([[[1.0, 2.0]], [[10.0, 20.0]]])
    assert torch.equal(unit(x), torch.tensor([[[21.0, 20.0]], [[4.0, 6.0]]]))


@pytest.mark.parametrize("per_channel", [False, True])
def test_an_identity_stitch_passes_activations_on_to_the_last_bit(per_channel):
    unit = CrossStitchUnit(3, own_weight_init=1.0, n_channels=6 if per_channel else None)
    x = torch.randn(3, 7, 6)
    assert torch.equal(unit(x), x)


@pytest.mark.parametrize("n_channels", [None, 6])
def test_a_uniform_stitch_gives_the_mean_to_all_tasks(n_channels):
    n_tasks = 4
    unit = CrossStitchUnit(n_tasks, own_weight_init=1 / n_tasks, n_channels=n_channels).double()
    x = draw(n_tasks, 7, 6)
    assert_near(unit(x), x.mean(dim=0).expand(n_tasks, 7, 6))


def test_channels_have_stitches_of_their_own():
    unit = CrossStitchUnit(2, n_channels=3)
    x = torch.randn(2, 7, 3)
    before = unit(x)
    unit.weight.data[1] = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    after = unit(x)
    assert torch.equal(after[..., [0, 2]], before[..., [0, 2]])
    assert torch.equal(after[..., 1], x[[1, 0], :, 1])


@pytest.mark.parametrize("n_channels", [None, 6])
def test_leading_axes_are_networks_side_by_side(n_channels):
    unit = CrossStitchUnit(3, n_channels=n_channels).double()
    x = draw(2, 3, 7, 6)
    assert_near(unit(x), torch.stack([unit(x[0]), unit(x[1])]))


@pytest.mark.parametrize("n_channels", [None, 5])
@pytest.mark.parametrize(
    ("n_tasks", "own", "other"), [(2, 0.9, 0.1), (3, 0.9, 0.05), (5, 0.2, 0.2), (3, 1.0, 0.0)]
)
def test_rows_start_with_the_own_weight_and_share_the_rest(n_tasks, own, other, n_channels):
    weight = CrossStitchUnit(n_tasks, own_weight_init=own, n_channels=n_channels).weight
    expected = torch.full((n_tasks, n_tasks), other).fill_diagonal_(own)
    assert_close(weight, expected.expand_as(weight))
    assert_close(weight.sum(dim=-1), torch.ones(weight.shape[:-1]))


@pytest.mark.parametrize("n_channels", [None, 5])
def test_a_single_task_starts_with_its_own_activations(n_channels):
    unit = CrossStitchUnit(1, n_channels=n_channels)
    assert torch.equal(unit.weight, torch.ones_like(unit.weight))


def test_sizes_are_positive_integers():
    with pytest.raises(ValueError, match="n_tasks must be positive integers"):
        CrossStitchUnit(0)
    with pytest.raises(ValueError, match="n_channels must be positive integers"):
        CrossStitchUnit(2, n_channels=0)
