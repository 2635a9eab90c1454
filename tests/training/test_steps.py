"""Steps: what a callback sees of them, penalties, closures, balancing, number types."""

import numpy as np
import pytest
import skorch.callbacks
import torch
from scipy import sparse
from torch.testing import assert_close

from sk_mmoe.nn import FixedWeights, MMoE, MultiTaskLoss
from sk_mmoe.training._samples import TableDataset


@pytest.mark.parametrize("hook", ["on_batch_begin", "on_batch_end", "on_grad_computed"])
def test_a_callback_that_asks_for_batches_changes_nothing_but_the_history(
    hook, train_table, valid_table, assert_equal_weights, losses_of, make_net
):
    def count(self, net, **kwargs):
        self.n_calls = getattr(self, "n_calls", 0) + 1

    callback = type("OneHook", (skorch.callbacks.Callback,), {hook: count})()
    net = make_net(callback).train(train_table, valid_table, epochs=3)
    reference = make_net().train(train_table, valid_table, epochs=3)
    assert_equal_weights(net, reference)
    assert losses_of(net) == losses_of(reference)
    # 4 batches to learn from and 3 to evaluate in each of 3 epochs.
    assert callback.n_calls == 3 * (4 if hook == "on_grad_computed" else 7)
    assert all(epoch["batches"] == [{}] for epoch in reference.history)
    for epoch in net.history:
        batches = [batch for batch in epoch["batches"] if "train_loss" in batch]
        losses = [batch["train_loss"] for batch in batches]
        sizes = [batch["train_batch_size"] for batch in batches]
        assert np.average(losses, weights=sizes) == pytest.approx(epoch["train_loss"])


class BatchLog(skorch.callbacks.Callback):
    """Note what is told about batches."""

    def __init__(self):
        self.calls = []

    def on_batch_begin(self, net, training, **kwargs):
        self.calls.append(("begin", training))

    def on_batch_end(self, net, training, loss, **kwargs):
        self.calls.append(("end", training, loss.requires_grad))

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.calls.append(("gradients", all(p.grad is not None for _, p in named_parameters)))


def test_batches_are_told_to_callbacks_in_their_order(train_table, valid_table, make_net):
    log = BatchLog()
    make_net(log).train(train_table, valid_table, epochs=1)
    learned = [("begin", True), ("gradients", True), ("end", True, False)]
    assert log.calls == 4 * learned + 3 * [("begin", False), ("end", False, False)]


def test_gradients_can_be_clipped(make_net, train_table):
    net = make_net(skorch.callbacks.GradientNormClipping(1e-3), optimizer=torch.optim.SGD, lr=1.0)
    before = torch.nn.utils.parameters_to_vector(net.module_.parameters()).clone()
    net.set_params(batch_size=50).train(train_table, epochs=1)
    after = torch.nn.utils.parameters_to_vector(net.module_.parameters())
    assert (after - before).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_an_optimizer_that_evaluates_more_than_once_is_given_a_closure(
    make_net, train_table, losses, task_weights, network
):
    options = {"dropout": 0.0, "gate_dropout": 0.0}
    net = make_net(network=options, optimizer=torch.optim.LBFGS, lr=0.1, batch_size=-1)
    network = MMoE(**{**network, **options}).double()
    network.load_state_dict(net.module_.state_dict())
    criterion = MultiTaskLoss(losses, task_weights).double()
    optimizer = torch.optim.LBFGS(network.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = criterion.total(
            criterion(network(train_table.X), train_table.targets, train_table.weights)
        )
        loss.backward()
        return loss

    net.train(train_table, epochs=2)
    for _ in range(2):
        optimizer.step(closure)
    for parameter, expected in zip(net.module_.parameters(), network.parameters(), strict=True):
        assert_close(parameter, expected, rtol=1e-9, atol=1e-11)


class Looks(FixedWeights):
    """A balancing that notes what it is shown."""

    looks_back = True
    n_parts = 2

    def start(self, task_weights):
        self.losses, self.parts = [], []
        return super().start(task_weights)

    def backward(self, task_losses, network, penalty=None, part_losses=None):
        self.parts.append(part_losses)
        super().backward(task_losses, network, penalty)

    def look_back(self, before, after):
        assert not torch.is_grad_enabled()
        self.losses.append((before, after))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.LBFGS])
def test_balancing_sees_the_losses_of_each_batch_before_and_after_the_step(
    optimizer, make_net, train_table, network
):
    options = {"network": {"dropout": 0.0, "gate_dropout": 0.0}, "iterator_train__shuffle": False}
    net = make_net(criterion__balancing=Looks(), optimizer=optimizer, lr=0.1, **options)
    criterion = net.criterion_
    batches = [(train_table.X[rows], train_table.targets[rows], train_table.weights[rows])
               for rows in torch.arange(50).split(16)]  # fmt: skip
    weights = []

    class Note(skorch.callbacks.Callback):
        def on_batch_end(self, net, **kwargs):
            weights.append({name: p.clone() for name, p in net.module_.state_dict().items()})

    net.callbacks_.append(("note", Note()))
    weights.append({name: p.clone() for name, p in net.module_.state_dict().items()})
    net.train(train_table, epochs=1)
    network = MMoE(**{**network, **options["network"]}).double()
    assert len(criterion.balancing.losses) == len(batches) == 4
    for number, ((X, *y), seen) in enumerate(zip(batches, criterion.balancing.losses, strict=True)):
        for state, losses in zip(weights[number : number + 2], seen, strict=True):
            network.load_state_dict(state)
            assert_close(losses, criterion(network(X), *y).detach())


def test_balancing_sees_the_losses_of_parts_of_a_batch(make_net, train_table):
    options = {"network": {"dropout": 0.0, "gate_dropout": 0.0}, "iterator_train__shuffle": False}
    net = make_net(criterion__balancing=Looks(), optimizer=torch.optim.SGD, lr=0.0, **options)
    net.set_params(batch_size=7).train(train_table, epochs=1)
    parts = net.criterion_.balancing.parts
    assert len(parts) == 8
    assert parts.pop() is None  # a single row
    for rows, found in zip(torch.arange(49).split(7), parts, strict=True):
        for half, losses in zip(rows.tensor_split(2), found, strict=True):
            y = train_table.targets[half], train_table.weights[half]
            assert_close(losses, net.criterion_(net.module_(train_table.X[half]), *y))


class Penalised(MMoE):
    """A network with a penalty of its own."""

    def penalty(self):
        return 0.3 * self.heads.weight.square().sum()


def test_a_penalty_of_the_module_is_added_to_the_loss_and_sends_gradient(train_table, make_net):
    options = {"optimizer": torch.optim.SGD, "lr": 0.1, "batch_size": 50}
    plain, penalised = make_net(**options), make_net(module=Penalised, **options)
    head = plain.module_.heads.weight.detach().clone()
    penalty = penalised.module_.penalty().item()
    plain.train(train_table, epochs=1)
    penalised.train(train_table, epochs=1)
    first, second = plain.history[0], penalised.history[0]
    assert second["train_loss"] == pytest.approx(first["train_loss"] + penalty)
    assert second["train_task_losses"] == first["train_task_losses"]
    moved = penalised.module_.heads.weight - plain.module_.heads.weight
    assert_close(moved.detach(), -0.1 * 0.3 * 2 * head)


def test_a_penalty_is_no_part_of_the_held_out_loss(train_table, valid_table, make_net):
    net = make_net(module=Penalised).train(train_table, valid_table, epochs=2)
    for epoch in net.history:
        task_losses = torch.tensor(epoch["valid_task_losses"], dtype=torch.float64)
        assert epoch["valid_loss"] == pytest.approx(net.criterion_.total(task_losses).item())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_are_of_the_dtype(dtype, make_table, make_net, train_table):
    net = make_net(dtype=dtype).train(make_table(dtype=dtype), epochs=1)
    scores = net.predict_scores(train_table.X.numpy().astype(dtype))
    assert {t.dtype for t in (*net.module_.parameters(), *scores)} == {getattr(torch, dtype)}


@pytest.mark.parametrize("density", [0.05, 1.0])
def test_sparse_and_dense_tables_train_the_same_network(density, train_table, make_net):
    X = np.where(np.random.default_rng(0).random(train_table.X.shape) < density, train_table.X, 0)
    table = TableDataset(sparse.csr_array(X), train_table.targets, train_table.weights)
    assert table.X.stays_sparse == (density < 1)
    sparse_net = make_net().train(table, epochs=2)
    dense_net = make_net().train(
        TableDataset(X, train_table.targets, train_table.weights), epochs=2
    )
    for ours, theirs in zip(
        sparse_net.module_.parameters(), dense_net.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_products_in_bfloat16_train_nearly_the_same_network(make_table, make_net):
    dtype = "float32"
    options = {"dtype": dtype, "network": {"dropout": 0.0, "gate_dropout": 0.0}}
    full = make_net(**options).train(make_table(dtype=dtype), epochs=2)
    mixed = make_net(**options, amp=True).train(make_table(dtype=dtype), epochs=2)
    assert {p.dtype for p in mixed.module_.parameters()} == {getattr(torch, dtype)}
    assert mixed.history[-1]["train_loss"] == pytest.approx(
        full.history[-1]["train_loss"], rel=0.05
    )
    assert mixed.history[-1]["train_loss"] != full.history[-1]["train_loss"]
