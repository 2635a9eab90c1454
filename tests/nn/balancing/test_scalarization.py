"""Losses combined by functions of them: TorchJD's scalarizers, members, gaps."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import FixedWeights, LossScalarization, MultiTaskLoss, SharedBottom

GIVEN = torch.tensor([0.75, 0.25], dtype=torch.float64)


@pytest.fixture
def scalarizers():
    """Return makers of TorchJD's scalarizers for two tasks."""
    scalarization = pytest.importorskip("torchjd.scalarization")
    preference = torch.tensor([0.4, 0.6])
    return {
        "COSMOS": lambda: scalarization.COSMOS(1.0, preference),
        "Constant": lambda: scalarization.Constant(preference),
        "GeometricMean": scalarization.GeometricMean,
        "IMTLL": lambda: scalarization.IMTLL(2),
        "Mean": scalarization.Mean,
        "PBI": lambda: scalarization.PBI(1.0, preference),
        "Random": scalarization.Random,
        "STCH": lambda: scalarization.STCH(0.1),
        "Sum": scalarization.Sum,
        "UW": lambda: scalarization.UW(2),
    }


NAMES = ["COSMOS", "Constant", "GeometricMean", "IMTLL", "Mean", "PBI", "Random", "STCH", "Sum",
         "UW"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_scalarized_losses(name, scalarizers, x, balanced, task_losses):
    network = SharedBottom(3, [1, 1])
    balancing = MultiTaskLoss([None, None], [3.0, 1.0], balancing=scalarizers[name]()).balancing
    torch.manual_seed(1)
    found = balanced(balancing, network, x)
    network.zero_grad()
    torch.manual_seed(1)
    scalarizers[name]()(2 * GIVEN * task_losses(network, x)).backward()
    assert_close(found, {key: p.grad for key, p in network.named_parameters()})


@pytest.mark.parametrize("name", NAMES)
def test_members_are_balanced_as_each_would_be_alone(name, scalarizers):
    rows = torch.rand(3, 2) + 0.1
    stack = LossScalarization(scalarizers[name]()).start(GIVEN.expand(3, 2))
    alone = [LossScalarization(scalarizers[name]()).start(GIVEN) for _ in rows]
    torch.manual_seed(1)
    stack.loss(rows.requires_grad_()).backward()
    torch.manual_seed(1)
    for member, (balancing, row) in enumerate(zip(alone, rows.detach(), strict=True)):
        balancing.loss(row.requires_grad_()).backward()
        assert_close(rows.grad[member], row.grad)
        ours = {key: p.grad[member] for key, p in stack.named_parameters()}
        assert_close(ours, {key: p.grad for key, p in balancing.named_parameters()})


@pytest.mark.parametrize("name", NAMES)
def test_a_task_without_labels_leaves_gradients_finite(name, scalarizers):
    losses = torch.tensor([0.0, 2.0], requires_grad=True)
    LossScalarization(scalarizers[name]()).start(GIVEN).loss(losses).backward()
    assert losses.grad.isfinite().all()


def test_the_mean_is_fixed_weights(scalarizers, x, balanced):
    network = SharedBottom(3, [1, 1])
    expected = balanced(FixedWeights().start(GIVEN), network, x)
    mean = LossScalarization(scalarizers["Mean"]()).start(GIVEN)
    assert_close(balanced(mean, network, x), expected)
    assert_close(mean.weights(), GIVEN)


def test_imtl_l_weighs_losses_by_their_inverse_at_its_optimum(scalarizers, even):
    balancing = LossScalarization(scalarizers["IMTLL"]()).start(even)
    optimizer = torch.optim.SGD(balancing.parameters(), lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        balancing.loss(torch.tensor([4.0, 0.5])).backward()
        optimizer.step()
    assert_close(balancing.weights(), 1 / torch.tensor([4.0, 0.5]))


def test_smooth_tchebycheff_follows_the_largest_loss(scalarizers, even):
    balancing = LossScalarization(scalarizers["STCH"]()).start(even)
    balancing.loss(torch.tensor([4.0, 0.5]))
    largest, smallest = balancing.weights()
    assert largest > 100 * smallest
    assert_close(largest + smallest, torch.tensor(0.5))  # TorchJD's preferences have a mean of 1/2


def test_learned_scales_go_to_the_optimizer_and_into_the_state(scalarizers):
    loss = MultiTaskLoss([None, None], balancing=scalarizers["IMTLL"]())
    (group,) = loss.balancing.parameter_groups(0.1)
    assert [p.shape for p in group["params"]] == [(2,)]
    assert list(loss.state_dict()) == ["balancing.scalarizer.log_scale"]


@pytest.mark.parametrize(
    ("name", "remedy"), [("FAMO", "Use 'famo'.*nn.FAMO"), ("DWA", "Use 'dwa'.*DynamicWeightAv")]
)
def test_scalarizers_that_need_further_calls_are_refused(name, remedy):
    scalarization = pytest.importorskip("torchjd.scalarization")
    scalarizer = scalarization.FAMO(2) if name == "FAMO" else scalarization.DWA()
    with pytest.raises(ValueError, match=f"TorchJD's {name} cannot be saved.*{remedy}"):
        MultiTaskLoss([None, None], balancing=scalarizer)


def test_a_scalarizer_of_another_number_of_tasks_is_refused(scalarizers):
    with pytest.raises(ValueError, match=r"IMTLL cannot balance 3 tasks.*\(2,\)"):
        MultiTaskLoss([None] * 3, balancing=scalarizers["IMTLL"]())


def test_a_function_of_ones_own_can_be_passed(x, balanced, of_task):
    class Largest(nn.Module):
        def forward(self, losses):
            return losses.max()

    network = SharedBottom(3, [1, 1])
    balancing = MultiTaskLoss([None, None], balancing=LossScalarization(Largest())).balancing
    found = balanced(balancing, network, x)
    expected = of_task(network, x, 1)  # whose targets are five times as large
    assert_close(found, expected)
