"""The average of weights: its closed form, and who holds what."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import WeightAverage


def walk(average, parameter, values):
    """Take steps that end at given values."""
    for value in values:
        with torch.no_grad():
            parameter.copy_(value)
        average.update()


def test_weights_count_by_how_late_they_are():
    torch.manual_seed(0)
    weight, values = nn.Parameter(torch.zeros(3)), torch.randn(40, 3)
    average = WeightAverage([weight])
    with average.training():
        walk(average, weight, values)
    shares = torch.zeros(40)
    for step in range(1, 41):
        shares *= 1 - 9 / (8 + step)
        shares[step - 1] = 9 / (8 + step)
    assert_close(shares.sum(), torch.tensor(1.0))
    assert_close(weight.data, shares @ values)


def test_training_goes_on_from_the_last_weights():
    weight = nn.Parameter(torch.zeros(2))
    average = WeightAverage([weight])
    with average.training():
        walk(average, weight, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert_close(weight.data, torch.tensor([2.8, 3.8]))
    with average.training():
        assert weight.tolist() == [3.0, 4.0]


def test_an_error_leaves_the_average():
    weight = nn.Parameter(torch.zeros(1))
    average = WeightAverage([weight])

    def steps():
        yield from torch.tensor([[1.0], [2.0]])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), average.training():
        walk(average, weight, steps())
    assert weight.item() == pytest.approx(1.9)


def test_it_goes_on_from_its_state():
    values = torch.arange(6.0).reshape(6, 1)
    whole, parts = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    average = WeightAverage([whole])
    with average.training():
        walk(average, whole, values)
    first = WeightAverage([parts])
    with first.training():
        walk(first, parts, values[:4])
    second = WeightAverage([parts])
    second.load_state_dict(first.state_dict())
    with second.training():
        walk(second, parts, values[4:])
    assert_close(parts.data, whole.data)


def test_before_the_first_step_there_is_nothing_to_exchange():
    weight = nn.Parameter(torch.ones(1))
    average = WeightAverage([weight])
    average.load_state_dict(WeightAverage([weight]).state_dict())
    with average.training():
        assert weight.item() == 1
    assert weight.item() == 1
