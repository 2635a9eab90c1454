"""Aggregators of gradients: what they change, and that what they remember is kept."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import CrossStitch, GradientSurgery, MMoE, MultiTaskLoss, PCGrad, SharedBottom


@pytest.mark.parametrize("network", [SharedBottom, MMoE, partial(CrossStitch, own_weight_init=0.5)])
def test_only_shared_parameters_see_the_aggregated_gradient(network, x, even, balanced, of_task):
    network = network(3, [1, 1])
    with torch.no_grad():
        for parameter in network.heads.parameters():  # the tasks pull apart from the start
            parameter[:] = parameter[:1]
    found = balanced(GradientSurgery(PCGrad()).start(even), network, x)
    rows = [of_task(network, x, task) for task in (0, 1)]
    shared = [name for name in found if not name.startswith("heads")]
    first, second = (torch.cat([0.5 * row[name].flatten() for name in shared]) for row in rows)
    product = first @ second
    assert product < 0  # there is a conflict
    expected = first - product / (second @ second) * second
    expected = expected + second - product / (first @ first) * first
    assert_close(torch.cat([found[name].flatten() for name in shared]), expected)
    for name in found.keys() - set(shared):
        assert_close(found[name], 0.5 * (rows[0][name] + rows[1][name]))


class Momentum(nn.Module):
    """An aggregator that remembers, as those of TorchJD do: in a late buffer and an attribute."""

    def __init__(self, share=0.5):
        super().__init__()
        self.share = share
        self.n_calls = 0
        self.register_buffer("mean", None)

    def reset(self):
        self.n_calls, self.mean = 0, None

    def forward(self, gradients):
        total = gradients.sum(dim=0)
        if self.n_calls > 0:
            total = self.share * self.mean + (1 - self.share) * total
        self.n_calls += 1
        self.mean = total.detach()
        return total


def steps(loss, network, x, balanced, n_steps=3):
    return [balanced(loss.balancing, network, x) for _ in range(n_steps)][-1]


def test_what_an_aggregator_remembers_is_saved(x, balanced):
    network = SharedBottom(3, [1, 1])
    first = MultiTaskLoss([None, None], balancing=Momentum())
    steps(first, network, x, balanced)
    # Settings are those of the new one, memory is that of the old one.
    second = MultiTaskLoss([None, None], balancing=Momentum(share=0.25))
    second.load_state_dict(first.state_dict())
    assert second.balancing.aggregator.share == 0.25
    assert second.balancing.aggregator.n_calls == 3
    assert torch.equal(second.balancing.aggregator.mean, first.balancing.aggregator.mean)
    # The state is plain enough for files that hold no code.
    assert set(first.state_dict()["balancing._extra_state"]) == {"aggregator"}


def test_what_an_aggregator_remembers_of_an_earlier_use_is_forgotten(x, balanced):
    network = SharedBottom(3, [1, 1])
    used = Momentum()
    used(torch.eye(2, 5))
    loss = MultiTaskLoss([None, None], balancing=used)
    fresh = MultiTaskLoss([None, None], balancing=Momentum())
    assert_close(steps(loss, network, x, balanced, 1), steps(fresh, network, x, balanced, 1))


def aggregators():
    """Return makers of TorchJD's aggregators that need no solver."""
    aggregation = pytest.importorskip("torchjd.aggregation")
    return {
        "AlignedMTL": aggregation.AlignedMTL,
        "CAGrad": lambda: aggregation.CAGrad(c=0.5),
        "ConFIG": aggregation.ConFIG,
        "CR-MOGM": lambda: aggregation.GramianWeightedAggregator(
            aggregation.CRMOGMWeighting(aggregation.MGDAWeighting())
        ),
        "ExcessMTL": aggregation.ExcessMTL,
        "FairGrad": lambda: aggregation.FairGrad(alpha=1.0),
        "GradDrop": aggregation.GradDrop,
        "GradVac": aggregation.GradVac,
        "IMTLG": aggregation.IMTLG,
        "MGDA": aggregation.MGDA,
        "Mean": aggregation.Mean,
        "PCD": aggregation.PCD,
        "PCGrad": aggregation.PCGrad,
        "Random": aggregation.Random,
        "Sum": aggregation.Sum,
    }


@pytest.mark.parametrize(
    "name",
    ["AlignedMTL", "CAGrad", "ConFIG", "CR-MOGM", "ExcessMTL", "FairGrad", "GradDrop", "GradVac",
     "IMTLG", "MGDA", "Mean", "PCD", "PCGrad", "Random", "Sum"],
)  # fmt: skip
def test_every_aggregator_of_torchjd_goes_on_from_its_saved_state(name, x, balanced):
    make = aggregators()[name]
    try:
        first, second = (MultiTaskLoss([None, None], balancing=make()) for _ in range(2))
    except ImportError as error:
        pytest.skip(str(error))
    network = SharedBottom(3, [1, 1])
    steps(first, network, x, balanced)
    second.load_state_dict(first.state_dict())
    torch.manual_seed(1)
    expected = steps(first, network, x[:15], balanced)
    torch.manual_seed(1)
    assert_close(steps(second, network, x[:15], balanced), expected)


@pytest.mark.parametrize("name", ["MGDA", "GradVac", "Sum"])
def test_the_gradient_is_what_the_aggregator_of_torchjd_returns(name, x, even, balanced, of_task):
    make = aggregators()[name]
    network = SharedBottom(3, [1, 1])
    found = balanced(GradientSurgery(make()).start(even), network, x)
    shared = [key for key in found if not key.startswith("heads")]
    rows = [
        torch.cat([0.5 * of_task(network, x, task)[key].flatten() for key in shared])
        for task in (0, 1)
    ]
    expected = make()(torch.stack(rows))
    assert_close(torch.cat([found[key].flatten() for key in shared]), expected)


def test_weights_of_torchjd_that_are_no_aggregator_are_refused():
    aggregation = pytest.importorskip("torchjd.aggregation")
    with pytest.raises(ValueError, match=r"MGDAWeighting returns weights.* such as MGDA"):
        MultiTaskLoss([None, None], balancing=aggregation.MGDAWeighting())


def test_an_aggregator_of_another_number_of_tasks_is_refused():
    aggregation = pytest.importorskip("torchjd.aggregation")
    with pytest.raises(ValueError, match=r"Constant cannot balance 2 tasks.*3 rows"):
        MultiTaskLoss([None, None], balancing=aggregation.Constant(torch.ones(3)))
