"""What tests of training share: a small net, tables with gaps and weights, and comparisons."""

import multiprocessing
import traceback

import numpy as np
import pytest
import skorch.callbacks
import torch
import torch.distributed as dist
from numpy.testing import assert_allclose

from sk_mmoe.nn import MMoE, MultiTaskLoss
from sk_mmoe.tasks._multiclass import multiclass_loss
from sk_mmoe.tasks._regression import regression_loss
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset

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


@pytest.fixture
def losses():
    """Return the loss of each task."""
    return LOSSES


@pytest.fixture
def task_weights():
    """Return the weight of each task."""
    return TASK_WEIGHTS


@pytest.fixture
def network():
    """Return the parameters of the network."""
    return NETWORK


def build(*callbacks, network=None, **options):
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


@pytest.fixture
def make_net():
    """Return the function that builds a net: of callbacks, network parameters and net settings."""
    return build


def draw_table(n_rows=50, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5)).astype(dtype)
    y = np.column_stack([np.sin(X[:, 0]) + X[:, 1], rng.integers(0, 3, n_rows)])
    weights = rng.integers(0, 3, size=y.shape)
    return TableDataset(
        X, torch.from_numpy(y.astype(dtype)), torch.from_numpy(weights.astype(dtype))
    )


@pytest.fixture
def make_table():
    """Return the function that draws two tasks with missing labels and weights of labels."""
    return draw_table


@pytest.fixture
def train_table():
    """Return samples to learn from."""
    return draw_table()


@pytest.fixture
def valid_table():
    """Return samples to evaluate."""
    return draw_table(37, seed=1)


@pytest.fixture
def assert_equal_weights():
    """Return the function that asserts that two nets or modules are equal to the last bit."""

    def assert_equal_weights(net, other):
        state, expected = (getattr(n, "module_", n).state_dict() for n in (net, other))
        assert state.keys() == expected.keys()
        for name, value in state.items():
            assert torch.equal(value, expected[name]), name

    return assert_equal_weights


@pytest.fixture
def losses_of():
    """Return the function that returns a net's history without the time that epochs took."""

    def losses_of(net):
        names = ["epoch", "train_loss", "train_task_losses", "valid_loss", "valid_task_losses"]
        return [{name: epoch[name] for name in names if name in epoch} for epoch in net.history]

    return losses_of


class Act(skorch.callbacks.Callback):
    """Do something at the end of one epoch."""

    def __init__(self, epoch, action):
        self.epoch = epoch
        self.action = action

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            self.action(net)


@pytest.fixture
def act():
    """Return the callback that does something at the end of one epoch."""
    return Act


def run_processes(work, folder, n_processes=2):
    """Return what a function of the rank returns in each process of a group."""
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()

    def process(rank):
        init = {"rank": rank, "world_size": n_processes, "init_method": f"file://{folder}/group"}
        try:
            torch.set_num_threads(1)
            dist.init_process_group("gloo", **init)
            results.put((rank, work(rank)))
        except BaseException as error:
            text = str(error) if isinstance(error, ValueError) else traceback.format_exc()
            results.put((rank, text))
        finally:
            dist.destroy_process_group()

    processes = [fork.Process(target=process, args=(rank,)) for rank in range(n_processes)]
    for own in processes:
        own.start()
    found = dict(results.get() for _ in processes)
    for own in processes:
        own.join()
    (folder / "group").unlink(missing_ok=True)
    return [found[rank] for rank in range(n_processes)]


@pytest.fixture
def run_in_group(tmp_path):
    """Return the function that runs a function of the rank in the processes of a group."""
    return lambda work, n_processes=2: run_processes(work, tmp_path, n_processes)


def describe(model):
    """Return the weights of a model, its losses, and the number of its epochs."""
    weights = {name: part.numpy() for name, part in model.net_.module_.state_dict().items()}
    return weights, model.task_loss_curve_, model.validation_scores_


@pytest.fixture
def learned():
    """Return the function that tells what a model has learned."""
    return describe


def compare(found, expected, **tolerance):
    weights, losses, scores = found
    for name, value in expected[0].items():
        assert_allclose(weights[name], value, err_msg=name, **tolerance)
    assert_allclose(losses, expected[1], **tolerance)
    if expected[2] is not None:
        assert_allclose(scores, expected[2], **tolerance)


@pytest.fixture
def assert_same():
    """Return the function that compares what two models have learned."""
    return compare
