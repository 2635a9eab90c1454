"""Optimizer settings of parameters: which, for every parameter of every network."""

from fnmatch import fnmatch

import pytest
import torch

import sk_mmoe
from sk_mmoe import nn
from sk_mmoe.nn import parameter_groups

RATE = 3e-3
SIZES = {"n_features": 6, "n_outputs": [1, 3]}
ARCHITECTURES = [name for name in nn.__all__ if f"{name}Classifier" in sk_mmoe.__all__]
NETWORKS = {name: (getattr(nn, name), {}) for name in ARCHITECTURES} | {
    "MMoE of all parts": (
        nn.MMoE,
        {"n_levels": 2, "trunk_hidden_layer_sizes": (4,), "normalize_experts": True},
    ),
    "MMoE with DSelect-k": (nn.MMoE, {"gate": "dselect_k"}),
    "OMoE with top-k gates": (nn.OMoE, {"gate": "top_k"}),
    "PLE of all parts": (nn.PLE, {"n_levels": 2, "normalize_experts": True}),
    "CrossStitch with a rate": (nn.CrossStitch, {"stitch_learning_rate_factor": 7.0}),
    "CrossStitch of channels": (
        nn.CrossStitch,
        {"per_channel": True, "stitch_learning_rate_factor": 0.0},
    ),
}
READERS = ["numbers", "columns", "columns of a stream", "stack", "stack of columns"]


def make(cls, options, reader):
    """Return a network that reads numbers or columns, or a stack of such networks."""
    if reader.startswith("stack"):
        inner = "columns" if "columns" in reader else "numbers"
        return nn.MemberStack([make(cls, options, inner) for _ in range(3)])
    if reader == "numbers":
        return cls(**SIZES, **options)
    embedding = {"n_vectors": [4, 2], "n_cross_layers": 2}
    if reader == "columns of a stream":
        embedding["embedding_alpha"] = None
    return nn.EmbeddedNetwork(cls, **SIZES, **embedding, **options)


def settings_by_name(module, patterns):
    """Return the settings of the first pattern that each parameter's name matches."""
    return {
        parameter: next((own for pattern, own in patterns if fnmatch(name, pattern)), {})
        for name, parameter in module.named_parameters()
    }


def settings_of(groups):
    """Return the settings of each parameter."""
    return {
        parameter: {name: value for name, value in group.items() if name != "params"}
        for group in groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("cls", "options"), NETWORKS.values(), ids=NETWORKS)
def test_settings_are_those_that_patterns_of_names_give(cls, options, reader):
    network = make(cls, options, reader)
    vectors = {"lr": 5 * RATE, "weight_decay": 1.0}
    if reader == "columns of a stream":
        del vectors["weight_decay"]
    stitches = {"lr": RATE * options.get("stitch_learning_rate_factor", 1), "weight_decay": 0.0}
    patterns = [
        ("*bias", {"weight_decay": 0.0}),
        ("*column_embedding.weight", vectors),
        ("*stitches.*", stitches),
    ]
    expected = settings_by_name(network, patterns)
    found = settings_of(parameter_groups(network, RATE))
    assert len(found) == len(expected)
    for (name, parameter), settings in zip(
        network.named_parameters(), expected.values(), strict=True
    ):
        assert found[parameter] == settings, name


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("cls", "options"), NETWORKS.values(), ids=NETWORKS)
def test_groups_hold_every_parameter_once_and_differ_in_their_settings(cls, options, reader):
    network = make(cls, options, reader)
    groups = parameter_groups(network, RATE)
    members = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(members) == sorted(id(parameter) for parameter in network.parameters())
    assert all(group["params"] for group in groups)
    settings = [{k: v for k, v in group.items() if k != "params"} for group in groups]
    assert all(settings.count(entry) == 1 for entry in settings)
    # Ordinary weights come first, then the biases.
    assert settings[:2] == [{}, {"weight_decay": 0.0}]


def test_groups_of_members_stand_in_the_order_of_a_single_networks():
    def names(module):
        of = {parameter: name for name, parameter in module.named_parameters()}
        groups = parameter_groups(module, RATE)
        return [[of[p].removeprefix("network.") for p in group["params"]] for group in groups]

    for cls in (nn.MMoE, nn.CrossStitch):
        assert names(make(cls, {}, "stack")) == names(make(cls, {}, "numbers"))


def test_a_step_takes_the_settings_of_each_group():
    network = nn.EmbeddedNetwork(nn.CrossStitch, 3, [1], n_vectors=[4], n_cross_layers=0)
    groups = parameter_groups(network, 0.01)
    optimizer = torch.optim.SGD(groups, lr=0.01, weight_decay=0.1)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    for name, parameter in network.named_parameters():
        rate, decay = 0.01, 0.1
        if name == "column_embedding.weight":
            rate, decay = 0.05, 1.0
        elif name.endswith("bias") or "stitches" in name:
            decay = 0.0
        expected = before[name] - rate * (1 + decay * before[name])
        torch.testing.assert_close(parameter.detach(), expected)


class Scaled(torch.nn.Module):
    """A layer that wants a small rate for its scale, whatever its layer wants."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.stitch = nn.CrossStitchUnit(2)
        self.layer = torch.nn.Linear(2, 2)

    def parameter_groups(self, rate):
        return [{"params": [self.scale, self.stitch.weight], "lr": rate / 10, "eps": 1e-3}]


def test_any_module_may_give_its_parameters_settings_and_outer_modules_come_first():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), Scaled())
    scaled = module[1]
    found = parameter_groups(module, RATE)
    assert found == [
        {"params": [module[0].weight, scaled.layer.weight]},
        {"params": [scaled.layer.bias], "weight_decay": 0.0},
        {"params": [scaled.scale, scaled.stitch.weight], "lr": RATE / 10, "eps": 1e-3},
    ]


def test_a_bias_is_one_wherever_it_lies():
    module = torch.nn.Module()
    module.bias = torch.nn.Parameter(torch.zeros(3, 4))
    assert parameter_groups(module, RATE) == [{"params": [module.bias], "weight_decay": 0.0}]


@pytest.mark.parametrize("balancing", ["fixed", "uncertainty", "dwa", "gradnorm", "pcgrad"])
def test_learned_weights_of_tasks_learn_ten_times_as_fast_and_do_not_decay(balancing):
    loss = nn.MultiTaskLoss([torch.nn.functional.mse_loss] * 2, balancing=balancing)
    expected = settings_by_name(loss, [("balancing.*", {"lr": 10 * RATE, "weight_decay": 0.0})])
    assert len(expected) == (balancing in ("uncertainty", "gradnorm"))
    assert settings_of(parameter_groups(loss, RATE)) == expected


def test_parameters_with_equal_settings_share_a_group():
    network = nn.CrossStitch(5, [1, 1], hidden_layer_sizes=(4, 4, 4))
    stitches = [stitch.weight for stitch in network.stitches]
    (_, _, last) = parameter_groups(network, RATE)
    assert last == {"params": stitches, "lr": RATE, "weight_decay": 0.0}


def test_a_shared_parameter_is_in_one_group():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    module[1].weight = module[0].weight
    (weights, biases) = parameter_groups(module, RATE)
    assert weights == {"params": [module[0].weight]}
    assert len(biases["params"]) == 2


def test_a_module_without_parameters_has_no_groups():
    assert parameter_groups(torch.nn.ReLU(), RATE) == []


@pytest.mark.parametrize("mistake", ["foreign", "twice"])
def test_a_module_can_give_settings_only_once_and_only_to_its_own_parameters(mistake):
    module = Scaled()
    other = torch.nn.Parameter(torch.ones(4))
    params = [other] if mistake == "foreign" else [module.scale, module.scale]
    module.parameter_groups = lambda rate: [{"params": params}]
    with pytest.raises(ValueError, match=r"Scaled.parameter_groups must return parameters of the"):
        parameter_groups(module, RATE)


@pytest.mark.parametrize("alpha", [-1.0, float("inf"), float("nan")])
def test_decay_and_rate_of_special_parameters_are_finite_and_not_negative(alpha):
    with pytest.raises(ValueError, match=r"embedding_alpha must be a finite number of at least 0"):
        nn.ColumnEmbedding(0, [3], embedding_alpha=alpha)
    with pytest.raises(ValueError, match=r"learning_rate_factor must be a finite number"):
        nn.CrossStitch(5, [1, 1], stitch_learning_rate_factor=alpha)
