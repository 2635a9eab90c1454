"""Dynamic weight average: values by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import DynamicWeightAverage


def test_dynamic_weight_average_is_the_formula_computed_by_hand():
    balancing = DynamicWeightAverage(temperature=0.5).start(torch.tensor([0.75, 0.25]))
    balancing.begin_epoch([[9.0, 9.0], [2.0, 1.0], [1.0, 0.9]])
    first, second = math.exp(0.5 / 0.5), math.exp(0.9 / 0.5)
    expected = [0.75 * 2 * first / (first + second), 0.25 * 2 * second / (first + second)]
    assert balancing.weights().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("history", [[], [[1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
def test_dynamic_weight_average_begins_with_the_weights_given(history, even):
    balancing = DynamicWeightAverage().start(even)
    balancing.begin_epoch(history)
    assert_close(balancing.weights(), even)
