"""The training loop: what a plain torch loop would do, seeded by epoch, with stops and resumes."""

import pickle

import numpy as np
import pytest
import skorch.callbacks
import torch
from scipy import sparse
from torch.testing import assert_close

from sk_mmoe.nn import FixedWeights, MMoE, MultiTaskLoss
from sk_mmoe.tasks._multiclass import multiclass_loss
from sk_mmoe.tasks._regression import regression_loss
from sk_mmoe.training._loader import TableDataset
from sk_mmoe.training._net import MultiTaskNet

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

LOSSES = [regression_loss, multiclass_loss]
TASK_WEIGHTS = [1.0, 2.0]
NETWORK = {
    "n_features": 5,
    "n_outputs": [1, 3],
    "n_experts": 3,
    "expert_hidden_layer_sizes": (6,),
    "tower_hidden_layer_sizes": (4,),
    "dropout": 0.1,
    "gate_dropout": 0.1,
}


def make_net(*callbacks, network=None, **options):
    network = {**NETWORK, **(network or {})}
    defaults = {
        "module": MMoE,
        "criterion": MultiTaskLoss,
        "criterion__losses": LOSSES,
        "criterion__task_weights": TASK_WEIGHTS,
        "optimizer": torch.optim.AdamW,
        "lr": 0.01,
        "batch_size": 16,
        "iterator_train__shuffle": True,
        "train_split": None,
        "verbose": 0,
        "dtype": "float64",
        "seed": 7,
        "callbacks": list(callbacks),
        **{f"module__{name}": value for name, value in network.items()},
    }
    return MultiTaskNet(**(defaults | options)).initialize()


def make_table(n_rows=50, seed=0, dtype=np.float64):
    """Return a table of two tasks with missing labels, their weights, and weights of labels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5)).astype(dtype)
    y = np.column_stack([np.sin(X[:, 0]) + X[:, 1], rng.integers(0, 3, n_rows)])
    weights = rng.integers(0, 3, size=y.shape)
    return TableDataset(
        X, torch.from_numpy(y.astype(dtype)), torch.from_numpy(weights.astype(dtype))
    )


TRAIN, VALID = make_table(), make_table(37, seed=1)


def epoch_seed(epoch):
    return int(np.random.SeedSequence([7, epoch]).generate_state(1)[0])


def plain_loop(epochs):
    """Train in plain torch what `make_net` does; return network, and losses of TRAIN and VALID."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(epoch_seed(0))
        network = MMoE(**NETWORK).double()
        criterion = MultiTaskLoss(LOSSES, TASK_WEIGHTS).double()
        optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
        history = []
        for epoch in range(1, epochs + 1):
            torch.manual_seed(epoch_seed(epoch))
            sums = []
            network.train()
            for rows in torch.randperm(len(TRAIN)).split(16):
                optimizer.zero_grad()
                scores = network(TRAIN.X[rows])
                task_losses = criterion(scores, TRAIN.targets[rows], TRAIN.weights[rows])
                loss = criterion.total(task_losses)
                loss.backward()
                optimizer.step()
                sums.append(len(rows) * torch.cat([loss[None], task_losses]).detach())
            network.eval()
            with torch.no_grad():
                task_losses = criterion(network(VALID.X), VALID.targets, VALID.weights)
            valid = [criterion.total(task_losses).item(), *task_losses.tolist()]
            history.append(((sum(sums) / len(TRAIN)).tolist(), valid))
    return network, history


def assert_equal_weights(net, other):
    """Assert that two nets or modules have the same weights, to the last bit."""
    state, expected = (getattr(n, "module_", n).state_dict() for n in (net, other))
    assert state.keys() == expected.keys()
    for name, value in state.items():
        assert torch.equal(value, expected[name]), name


def losses_of(net):
    """Return what the history holds but for the time that epochs took."""
    names = ["epoch", "train_loss", "train_task_losses", "valid_loss", "valid_task_losses"]
    return [{name: epoch[name] for name in names if name in epoch} for epoch in net.history]


class Act(skorch.callbacks.Callback):
    """Do something at the end of one epoch."""

    def __init__(self, epoch, action):
        self.epoch = epoch
        self.action = action

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            self.action(net)


def stop(net):
    net.stop_training_ = True


def fail(net):
    raise RuntimeError("broken")


# -- training -----------------------------------------------------------------------------------


def test_training_equals_a_plain_torch_loop():
    net = make_net().train(TRAIN, VALID, epochs=4)
    network, history = plain_loop(4)
    assert_equal_weights(net, network)
    assert [epoch["epoch"] for epoch in net.history] == [1, 2, 3, 4]
    for epoch, (train, valid) in zip(net.history, history, strict=True):
        assert [epoch["train_loss"], *epoch["train_task_losses"]] == pytest.approx(train, rel=1e-12)
        assert [epoch["valid_loss"], *epoch["valid_task_losses"]] == pytest.approx(valid, rel=1e-12)


@pytest.mark.parametrize("hook", ["on_batch_begin", "on_batch_end", "on_grad_computed"])
def test_a_callback_that_asks_for_batches_changes_nothing_but_the_history(hook):
    def count(self, net, **kwargs):
        self.n_calls = getattr(self, "n_calls", 0) + 1

    callback = type("OneHook", (skorch.callbacks.Callback,), {hook: count})()
    net = make_net(callback).train(TRAIN, VALID, epochs=3)
    reference = make_net().train(TRAIN, VALID, epochs=3)
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


def test_batches_are_told_to_callbacks_in_their_order():
    log = BatchLog()
    make_net(log).train(TRAIN, VALID, epochs=1)
    learned = [("begin", True), ("gradients", True), ("end", True, False)]
    assert log.calls == 4 * learned + 3 * [("begin", False), ("end", False, False)]


def test_gradients_can_be_clipped():
    net = make_net(skorch.callbacks.GradientNormClipping(1e-3), optimizer=torch.optim.SGD, lr=1.0)
    before = torch.nn.utils.parameters_to_vector(net.module_.parameters()).clone()
    net.set_params(batch_size=50).train(TRAIN, epochs=1)
    after = torch.nn.utils.parameters_to_vector(net.module_.parameters())
    assert (after - before).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_an_optimizer_that_evaluates_more_than_once_is_given_a_closure():
    options = {"dropout": 0.0, "gate_dropout": 0.0}
    net = make_net(network=options, optimizer=torch.optim.LBFGS, lr=0.1, batch_size=-1)
    network = MMoE(**{**NETWORK, **options}).double()
    network.load_state_dict(net.module_.state_dict())
    criterion = MultiTaskLoss(LOSSES, TASK_WEIGHTS).double()
    optimizer = torch.optim.LBFGS(network.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = criterion.total(criterion(network(TRAIN.X), TRAIN.targets, TRAIN.weights))
        loss.backward()
        return loss

    net.train(TRAIN, epochs=2)
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
def test_balancing_sees_the_losses_of_each_batch_before_and_after_the_step(optimizer):
    options = {"network": {"dropout": 0.0, "gate_dropout": 0.0}, "iterator_train__shuffle": False}
    net = make_net(criterion__balancing=Looks(), optimizer=optimizer, lr=0.1, **options)
    criterion = net.criterion_
    batches = [(TRAIN.X[rows], TRAIN.targets[rows], TRAIN.weights[rows])
               for rows in torch.arange(50).split(16)]  # fmt: skip
    weights = []

    class Note(skorch.callbacks.Callback):
        def on_batch_end(self, net, **kwargs):
            weights.append({name: p.clone() for name, p in net.module_.state_dict().items()})

    net.callbacks_.append(("note", Note()))
    weights.append({name: p.clone() for name, p in net.module_.state_dict().items()})
    net.train(TRAIN, epochs=1)
    network = MMoE(**{**NETWORK, **options["network"]}).double()
    assert len(criterion.balancing.losses) == len(batches) == 4
    for number, ((X, *y), seen) in enumerate(zip(batches, criterion.balancing.losses, strict=True)):
        for state, losses in zip(weights[number : number + 2], seen, strict=True):
            network.load_state_dict(state)
            assert_close(losses, criterion(network(X), *y).detach())


def test_balancing_sees_the_losses_of_parts_of_a_batch():
    options = {"network": {"dropout": 0.0, "gate_dropout": 0.0}, "iterator_train__shuffle": False}
    net = make_net(criterion__balancing=Looks(), optimizer=torch.optim.SGD, lr=0.0, **options)
    net.set_params(batch_size=7).train(TRAIN, epochs=1)
    parts = net.criterion_.balancing.parts
    assert len(parts) == 8
    assert parts.pop() is None  # a single row
    for rows, found in zip(torch.arange(49).split(7), parts, strict=True):
        for half, losses in zip(rows.tensor_split(2), found, strict=True):
            y = TRAIN.targets[half], TRAIN.weights[half]
            assert_close(losses, net.criterion_(net.module_(TRAIN.X[half]), *y))


class Penalised(MMoE):
    """A network with a penalty of its own."""

    def penalty(self):
        return 0.3 * self.heads.weight.square().sum()


def test_a_penalty_of_the_module_is_added_to_the_loss_and_sends_gradient():
    options = {"optimizer": torch.optim.SGD, "lr": 0.1, "batch_size": 50}
    plain, penalised = make_net(**options), make_net(module=Penalised, **options)
    head = plain.module_.heads.weight.detach().clone()
    penalty = penalised.module_.penalty().item()
    plain.train(TRAIN, epochs=1)
    penalised.train(TRAIN, epochs=1)
    first, second = plain.history[0], penalised.history[0]
    assert second["train_loss"] == pytest.approx(first["train_loss"] + penalty)
    assert second["train_task_losses"] == first["train_task_losses"]
    moved = penalised.module_.heads.weight - plain.module_.heads.weight
    assert_close(moved.detach(), -0.1 * 0.3 * 2 * head)


def test_a_penalty_is_no_part_of_the_held_out_loss():
    net = make_net(module=Penalised).train(TRAIN, VALID, epochs=2)
    for epoch in net.history:
        task_losses = torch.tensor(epoch["valid_task_losses"], dtype=torch.float64)
        assert epoch["valid_loss"] == pytest.approx(net.criterion_.total(task_losses).item())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_are_of_the_dtype(dtype):
    net = make_net(dtype=dtype).train(make_table(dtype=dtype), epochs=1)
    scores = net.predict_scores(TRAIN.X.numpy().astype(dtype))
    assert {t.dtype for t in (*net.module_.parameters(), *scores)} == {getattr(torch, dtype)}


@pytest.mark.parametrize("density", [0.05, 1.0])
def test_sparse_and_dense_tables_train_the_same_network(density):
    X = np.where(np.random.default_rng(0).random(TRAIN.X.shape) < density, TRAIN.X, 0)
    table = TableDataset(sparse.csr_array(X), TRAIN.targets, TRAIN.weights)
    assert table.X.stays_sparse == (density < 1)
    sparse_net = make_net().train(table, epochs=2)
    dense_net = make_net().train(TableDataset(X, TRAIN.targets, TRAIN.weights), epochs=2)
    for ours, theirs in zip(
        sparse_net.module_.parameters(), dense_net.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_log_shows_losses_but_no_lists(capsys):
    make_net(verbose=1).train(TRAIN, VALID, epochs=2)
    out = capsys.readouterr().out
    assert [name in out for name in ("train_loss", "valid_loss", "task_losses")] == [1, 1, 0]


@pytest.mark.parametrize("epochs", [1, 3])
def test_divergence_raises_in_its_epoch(epochs):
    X = TRAIN.X.numpy().copy()
    X[3, 2] = np.inf
    broken = TableDataset(X, TRAIN.targets, TRAIN.weights)
    net = make_net().train(TRAIN, epochs=epochs - 1)
    with pytest.raises(FloatingPointError, match=f"loss became .* in epoch {epochs}. Lower"):
        net.train(broken, epochs=2)


# -- randomness ---------------------------------------------------------------------------------


def test_the_seed_alone_decides_and_the_global_generator_is_left_alone():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    net = make_net().train(TRAIN, epochs=2)
    net.predict_scores(TRAIN.X.numpy())
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert_equal_weights(make_net().train(TRAIN, epochs=2), net)
    other = make_net(seed=8).train(TRAIN, epochs=2)
    assert not torch.equal(other.module_.heads.weight, net.module_.heads.weight)


def test_the_global_generator_is_left_alone_when_training_fails():
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError, match="broken"):
        make_net(Act(1, fail)).train(TRAIN, epochs=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_random_callback_does_not_change_what_is_learned():
    net = make_net(*(Act(epoch, lambda net: torch.rand(3)) for epoch in (1, 2)))
    assert_equal_weights(net.train(TRAIN, epochs=3), make_net().train(TRAIN, epochs=3))


def test_training_twice_is_training_longer():
    net = make_net().train(TRAIN, VALID, epochs=2).train(TRAIN, VALID, epochs=3)
    reference = make_net().train(TRAIN, VALID, epochs=5)
    assert_equal_weights(net, reference)
    assert losses_of(net) == losses_of(reference)


# -- ends ---------------------------------------------------------------------------------------


def test_a_stop_ends_training_after_all_callbacks_have_seen_the_epoch():
    seen = []
    net = make_net(Act(2, stop), Act(2, lambda net: seen.append(net.history[-1]["train_loss"])))
    net.train(TRAIN, epochs=5)
    assert len(net.history) == 2
    assert seen == [net.history[-1]["train_loss"]]
    assert_equal_weights(net, make_net().train(TRAIN, epochs=2))


def test_a_stop_ends_one_training_only():
    net = make_net(Act(2, stop)).train(TRAIN, epochs=5).train(TRAIN, epochs=3)
    assert len(net.history) == 5


def test_early_stopping_of_skorch_ends_training():
    early = skorch.callbacks.EarlyStopping(monitor="train_loss", patience=2, threshold=10.0)
    net = make_net(early).train(TRAIN, epochs=9)
    assert len(net.history) == 3
    assert_equal_weights(net, make_net().train(TRAIN, epochs=3))


class Interrupt(skorch.callbacks.Callback):
    """Press Ctrl-C once, in the second batch of the second epoch."""

    def on_batch_end(self, net, **kwargs):
        pressed = getattr(self, "pressed", False)
        if not pressed and len(net.history) == 2 and len(net.history[-1]["batches"]) == 2:
            self.pressed = True
            raise KeyboardInterrupt


def test_an_interrupt_warns_and_leaves_a_model_that_predicts_and_goes_on():
    net = make_net(Interrupt())
    with pytest.warns(UserWarning, match="interrupted after 1 epochs; the model as it stands"):
        net.train(TRAIN, epochs=5)
    assert len(net.history) == 1
    assert all(len(scores) == 50 for scores in net.predict_scores(TRAIN.X.numpy()))
    net.train(TRAIN, epochs=2)
    assert len(net.history) == 3


# -- going on from another net ------------------------------------------------------------------


def test_going_on_from_a_net_is_training_it_longer():
    first = make_net().train(TRAIN, VALID, epochs=2)
    second = make_net().continue_from(first)
    assert_equal_weights(second, first)
    second.train(TRAIN, VALID, epochs=3)
    reference = make_net().train(TRAIN, VALID, epochs=5)
    assert_equal_weights(second, reference)
    assert losses_of(second) == losses_of(reference)
    assert len(first.history) == 2


def test_going_on_takes_the_new_learning_rate():
    first = make_net().train(TRAIN, epochs=2)
    second = make_net(lr=0.5).continue_from(first)
    assert {group["lr"] for group in second.optimizer_.param_groups} == {0.5}
    before = second.module_.heads.bias.detach().clone()
    second.train(TRAIN, epochs=1)
    assert (second.module_.heads.bias - before).abs().max() > 0.1


def test_going_on_from_another_architecture_raises():
    with pytest.raises(RuntimeError, match="state_dict"):
        make_net(network={"n_experts": 2}).continue_from(make_net())


def test_a_pickled_net_predicts_and_goes_on_as_the_original():
    net = make_net().train(TRAIN, epochs=2)
    copy = pickle.loads(pickle.dumps(net))
    assert_equal_weights(copy, net)
    assert_equal_weights(copy.train(TRAIN, epochs=2), net.train(TRAIN, epochs=2))


def test_products_in_bfloat16_train_nearly_the_same_network():
    dtype = "float32"
    options = {"dtype": dtype, "network": {"dropout": 0.0, "gate_dropout": 0.0}}
    full = make_net(**options).train(make_table(dtype=dtype), epochs=2)
    mixed = make_net(**options, amp=True).train(make_table(dtype=dtype), epochs=2)
    assert {p.dtype for p in mixed.module_.parameters()} == {getattr(torch, dtype)}
    assert mixed.history[-1]["train_loss"] == pytest.approx(
        full.history[-1]["train_loss"], rel=0.05
    )
    assert mixed.history[-1]["train_loss"] != full.history[-1]["train_loss"]


# -- CUDA ---------------------------------------------------------------------------------------


@needs_cuda
def test_training_and_predictions_agree_on_cpu_and_cuda():
    options = {"network": {"dropout": 0.0, "gate_dropout": 0.0}}
    cpu = make_net(**options).train(make_table(), make_table(37, seed=1), epochs=3)
    cuda = make_net(**options, device="cuda").train(make_table(), make_table(37, seed=1), epochs=3)
    assert next(cuda.module_.parameters()).device.type == "cuda"
    for epoch, reference in zip(losses_of(cuda), losses_of(cpu), strict=True):
        assert epoch["train_loss"] == pytest.approx(reference["train_loss"], rel=1e-9)
        assert epoch["valid_task_losses"] == pytest.approx(reference["valid_task_losses"], rel=1e-9)
    X = TRAIN.X.numpy()
    for scores, expected in zip(cuda.predict_scores(X), cpu.predict_scores(X), strict=True):
        assert scores.device.type == "cpu"
        assert_close(scores, expected, rtol=1e-8, atol=1e-10)


@needs_cuda
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_a_table_too_large_for_the_device_is_copied_batch_by_batch(monkeypatch, density):
    X = np.where(np.random.default_rng(0).random(TRAIN.X.shape) < density, TRAIN.X, 0)
    tables = [TableDataset(sparse.csr_array(X), TRAIN.targets, TRAIN.weights) for _ in range(2)]
    inside = make_net(device="cuda").train(tables[0], epochs=2)
    monkeypatch.setattr("sk_mmoe.training._loader._free_memory", lambda device: 0)
    outside = make_net(device="cuda").train(tables[1], epochs=2)
    assert tables[1].device.type == "cpu"
    for ours, theirs in zip(outside.module_.parameters(), inside.module_.parameters(), strict=True):
        assert_close(ours, theirs)


@needs_cuda
def test_the_global_generator_of_cuda_is_left_alone():
    before = torch.cuda.get_rng_state()
    make_net(device="cuda").train(make_table(), epochs=1)
    assert torch.equal(torch.cuda.get_rng_state(), before)
