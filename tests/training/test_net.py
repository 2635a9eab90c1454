"""The training loop: what a plain torch loop would do, seeded by epoch, with stops and resumes."""

import numpy as np
import pytest
import skorch.callbacks
import torch

from sk_mmoe.nn import MMoE, MultiTaskLoss
from sk_mmoe.training._samples import TableDataset


def epoch_seed(epoch):
    return int(np.random.SeedSequence([7, epoch]).generate_state(1)[0])


@pytest.fixture
def plain_loop(losses, task_weights, network, train_table, valid_table):
    """Return a function that trains in plain torch what `make_net` does.

    It returns the network, and the losses of both tables in each epoch.
    """
    parameters, train, valid = network, train_table, valid_table

    def plain_loop(epochs):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(epoch_seed(0))
            network = MMoE(**parameters).double()
            criterion = MultiTaskLoss(losses, task_weights).double()
            weights = [p for name, p in network.named_parameters() if not name.endswith("bias")]
            biases = [p for name, p in network.named_parameters() if name.endswith("bias")]
            groups = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
            optimizer = torch.optim.AdamW(groups, lr=0.01)
            history = []
            for epoch in range(1, epochs + 1):
                torch.manual_seed(epoch_seed(epoch))
                sums = []
                network.train()
                for rows in torch.randperm(len(train)).split(16):
                    optimizer.zero_grad()
                    scores = network(train.X[rows])
                    task_losses = criterion(scores, train.targets[rows], train.weights[rows])
                    loss = criterion.total(task_losses)
                    loss.backward()
                    optimizer.step()
                    sums.append(len(rows) * torch.cat([loss[None], task_losses]).detach())
                network.eval()
                with torch.no_grad():
                    task_losses = criterion(network(valid.X), valid.targets, valid.weights)
                evaluated = [criterion.total(task_losses).item(), *task_losses.tolist()]
                history.append(((sum(sums) / len(train)).tolist(), evaluated))
        return network, history

    return plain_loop


def stop(net):
    net.stop_training_ = True


def fail(net):
    raise RuntimeError("broken")


def test_training_equals_a_plain_torch_loop(
    plain_loop, train_table, valid_table, assert_equal_weights, make_net
):
    net = make_net().train(train_table, valid_table, epochs=4)
    network, history = plain_loop(4)
    assert_equal_weights(net, network)
    assert [epoch["epoch"] for epoch in net.history] == [1, 2, 3, 4]
    for epoch, (train, valid) in zip(net.history, history, strict=True):
        assert [epoch["train_loss"], *epoch["train_task_losses"]] == pytest.approx(train, rel=1e-12)
        assert [epoch["valid_loss"], *epoch["valid_task_losses"]] == pytest.approx(valid, rel=1e-12)


def test_log_shows_losses_but_no_lists(capsys, train_table, valid_table, make_net):
    make_net(verbose=1).train(train_table, valid_table, epochs=2)
    out = capsys.readouterr().out
    assert [name in out for name in ("train_loss", "valid_loss", "task_losses")] == [1, 1, 0]


@pytest.mark.parametrize("epochs", [1, 3])
def test_divergence_raises_in_its_epoch(epochs, train_table, make_net):
    X = train_table.X.numpy().copy()
    X[3, 2] = np.inf
    broken = TableDataset(X, train_table.targets, train_table.weights)
    net = make_net().train(train_table, epochs=epochs - 1)
    with pytest.raises(FloatingPointError, match=f"loss became .* in epoch {epochs}. Lower"):
        net.train(broken, epochs=2)


def test_the_seed_alone_decides_and_the_global_generator_is_left_alone(
    train_table, assert_equal_weights, make_net
):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    net = make_net().train(train_table, epochs=2)
    net.predict_scores(train_table.X.numpy())
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert_equal_weights(make_net().train(train_table, epochs=2), net)
    other = make_net(seed=8).train(train_table, epochs=2)
    assert not torch.equal(other.module_.heads.weight, net.module_.heads.weight)


def test_the_global_generator_is_left_alone_when_training_fails(train_table, make_net, act):
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError, match="broken"):
        make_net(act(1, fail)).train(train_table, epochs=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_random_callback_does_not_change_what_is_learned(
    make_net, assert_equal_weights, train_table, act
):
    net = make_net(*(act(epoch, lambda net: torch.rand(3)) for epoch in (1, 2)))
    assert_equal_weights(net.train(train_table, epochs=3), make_net().train(train_table, epochs=3))


def test_training_twice_is_training_longer(
    train_table, valid_table, assert_equal_weights, losses_of, make_net
):
    net = (
        make_net()
        .train(train_table, valid_table, epochs=2)
        .train(train_table, valid_table, epochs=3)
    )
    reference = make_net().train(train_table, valid_table, epochs=5)
    assert_equal_weights(net, reference)
    assert losses_of(net) == losses_of(reference)


def test_a_stop_ends_training_after_all_callbacks_have_seen_the_epoch(
    make_net, train_table, assert_equal_weights, act
):
    seen = []
    net = make_net(act(2, stop), act(2, lambda net: seen.append(net.history[-1]["train_loss"])))
    net.train(train_table, epochs=5)
    assert len(net.history) == 2
    assert seen == [net.history[-1]["train_loss"]]
    assert_equal_weights(net, make_net().train(train_table, epochs=2))


def test_a_stop_ends_one_training_only(train_table, make_net, act):
    net = make_net(act(2, stop)).train(train_table, epochs=5).train(train_table, epochs=3)
    assert len(net.history) == 5


def test_early_stopping_of_skorch_ends_training(train_table, assert_equal_weights, make_net):
    early = skorch.callbacks.EarlyStopping(monitor="train_loss", patience=2, threshold=10.0)
    net = make_net(early).train(train_table, epochs=9)
    assert len(net.history) == 3
    assert_equal_weights(net, make_net().train(train_table, epochs=3))


class Interrupt(skorch.callbacks.Callback):
    """Press Ctrl-C once, in the second batch of the second epoch."""

    def on_batch_end(self, net, **kwargs):
        pressed = getattr(self, "pressed", False)
        if not pressed and len(net.history) == 2 and len(net.history[-1]["batches"]) == 2:
            self.pressed = True
            raise KeyboardInterrupt


def test_an_interrupt_warns_and_leaves_a_model_that_predicts_and_goes_on(make_net, train_table):
    net = make_net(Interrupt())
    with pytest.warns(UserWarning, match="interrupted after 1 epochs; the model as it stands"):
        net.train(train_table, epochs=5)
    assert len(net.history) == 1
    assert all(len(scores) == 50 for scores in net.predict_scores(train_table.X.numpy()))
    net.train(train_table, epochs=2)
    assert len(net.history) == 3
