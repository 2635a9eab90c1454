"""How a net comes about: from another net, from a pickle, with groups for the optimizer."""

import pickle

import pytest
import torch

from sk_mmoe.nn import EmbeddedNetwork, MMoE


def test_going_on_from_a_net_is_training_it_longer(
    train_table, valid_table, assert_equal_weights, losses_of, make_net
):
    first = make_net().train(train_table, valid_table, epochs=2)
    second = make_net().continue_from(first)
    assert_equal_weights(second, first)
    second.train(train_table, valid_table, epochs=3)
    reference = make_net().train(train_table, valid_table, epochs=5)
    assert_equal_weights(second, reference)
    assert losses_of(second) == losses_of(reference)
    assert len(first.history) == 2


def test_going_on_takes_the_new_learning_rate(train_table, make_net):
    first = make_net().train(train_table, epochs=2)
    second = make_net(lr=0.5).continue_from(first)
    assert {group["lr"] for group in second.optimizer_.param_groups} == {0.5}
    before = second.module_.heads.bias.detach().clone()
    second.train(train_table, epochs=1)
    assert (second.module_.heads.bias - before).abs().max() > 0.1


def test_going_on_from_another_architecture_raises(make_net):
    with pytest.raises(ValueError, match="n_experts was 3, is 2"):
        make_net(network={"n_experts": 2}).continue_from(make_net())


@pytest.mark.parametrize("now", [{"activation": "tanh"}, {"normalize_experts": True}])
def test_going_on_with_another_function_of_the_same_weights_raises(make_net, now):
    ((name, value),) = now.items()
    with pytest.raises(ValueError, match=f"{name} was .*, is '?{value}"):
        make_net(network=now).continue_from(make_net())


def test_settings_of_training_may_change(make_net, train_table):
    first = make_net().train(train_table, epochs=1)
    now = {"dropout": 0.4, "gate_dropout": 0.0, "tower_hidden_layer_sizes": [4]}
    second = make_net(network=now).continue_from(first).train(train_table, epochs=1)
    assert len(second.history) == 2


@pytest.mark.parametrize("before", ["fixed", "uncertainty", "famo"])
@pytest.mark.parametrize("now", ["fixed", "uncertainty", "gradnorm"])
def test_another_balancing_starts_afresh_and_the_network_goes_on(
    make_net, train_table, before, now
):
    first = make_net(criterion__balancing=before).train(train_table, epochs=2)
    second = make_net(criterion__balancing=now).continue_from(first)
    for a, b in zip(second.module_.parameters(), first.module_.parameters(), strict=True):
        assert torch.equal(a, b)
        for name, value in first.optimizer_.state[b].items():
            assert torch.equal(second.optimizer_.state[a][name], value)
    learned = list(second.criterion_.parameters())
    assert all((p in second.optimizer_.state) == (before == now) for p in learned)
    second.train(train_table, epochs=1)
    assert all(p in second.optimizer_.state for p in learned)


def test_an_optimizer_that_remembers_one_vector_starts_afresh_with_the_balancing(
    make_net, train_table
):
    options = {"optimizer": torch.optim.LBFGS, "lr": 1e-4}
    first = make_net(**options).train(train_table, epochs=1)
    second = make_net(criterion__balancing="uncertainty", **options).continue_from(first)
    assert not second.optimizer_.state_dict()["state"]
    assert len(second.train(train_table, epochs=1).history) == 2


def test_a_net_points_to_what_predicts(make_net):
    with pytest.raises(TypeError, match=r"Use the `predict` of its estimator"):
        make_net().predict(torch.zeros(2, 5))


def test_a_pickled_net_predicts_and_goes_on_as_the_original(
    train_table, assert_equal_weights, make_net
):
    net = make_net().train(train_table, epochs=2)
    copy = pickle.loads(pickle.dumps(net))
    assert_equal_weights(copy, net)
    assert_equal_weights(copy.train(train_table, epochs=2), net.train(train_table, epochs=2))


# -- groups of parameters ------------------------------------------------------------------------


def settings_of(net):
    """Return learning rate and decay of each parameter by its name, and how often it occurs."""
    names = {p: name for name, p in net.get_all_learnable_params()}
    found = {}
    for group in net.optimizer_.param_groups:
        for parameter in group["params"]:
            settings = group["lr"], group.get("weight_decay")
            found.setdefault(names[parameter], []).append(settings)
    return found


def test_the_optimizer_gets_the_groups_that_the_modules_ask_for(make_net):
    net = make_net(
        module=EmbeddedNetwork,
        module__network=MMoE,
        module__n_features=5,
        module__n_vectors=[3, 2],
        module__n_interpolated=0,
        module__embedding_alpha=0.3,
        criterion__balancing="uncertainty",
        optimizer__weight_decay=0.1,
        lr=0.02,
    )
    found = settings_of(net)
    assert set(found) == {name for name, _ in net.get_all_learnable_params()}
    for name, settings in found.items():
        expected = (0.02, 0.0 if name.endswith("bias") else 0.1)
        if name == "column_embedding.weight":
            expected = (0.1, 0.3)
        if name == "balancing.log_variances":
            expected = (0.2, 0.0)
        (lr, decay) = settings[0]
        assert len(settings) == 1
        assert (lr, decay) == pytest.approx(expected)


def test_a_learning_rate_of_the_optimizer_rules_all_groups(make_net):
    net = make_net(criterion__balancing="uncertainty", lr=0.5, optimizer__lr=0.01)
    rates = {name: settings[0][0] for name, settings in settings_of(net).items()}
    assert rates.pop("balancing.log_variances") == pytest.approx(0.1)
    assert set(rates.values()) == {0.01}


def test_groups_of_the_user_come_before_those_of_the_modules(make_net):
    groups = [("heads.*", {"lr": 0.7})]
    found = settings_of(make_net(optimizer__param_groups=groups, optimizer__weight_decay=0.1))
    for name, settings in found.items():
        assert settings == [(0.7 if name.startswith("heads") else 0.01, 0.1)]


def test_an_optimizer_that_knows_one_group_only_gets_one(make_net):
    net = make_net(optimizer=torch.optim.LBFGS, criterion__balancing="uncertainty")
    (group,) = net.optimizer_.param_groups
    assert len(group["params"]) == len(list(net.get_all_learnable_params()))


@pytest.mark.parametrize("optimizer", [torch.optim.Rprop, torch.optim.Adagrad])
def test_an_optimizer_without_weight_decay_takes_the_groups(optimizer, make_net, train_table):
    net = make_net(optimizer=optimizer).train(train_table, epochs=2)
    assert len(net.history) == 2
