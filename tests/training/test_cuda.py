"""Training on a CUDA device: the same network, and other generators left alone."""

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.testing import assert_close

from sk_mmoe.training._samples import TableDataset

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@needs_cuda
def test_training_and_predictions_agree_on_cpu_and_cuda(
    make_table, losses_of, make_net, train_table
):
    options = {"network": {"dropout": 0.0, "gate_dropout": 0.0}}
    cpu = make_net(**options).train(make_table(), make_table(37, seed=1), epochs=3)
    cuda = make_net(**options, device="cuda").train(make_table(), make_table(37, seed=1), epochs=3)
    assert next(cuda.module_.parameters()).device.type == "cuda"
    for epoch, reference in zip(losses_of(cuda), losses_of(cpu), strict=True):
        assert epoch["train_loss"] == pytest.approx(reference["train_loss"], rel=1e-9)
        assert epoch["valid_task_losses"] == pytest.approx(reference["valid_task_losses"], rel=1e-9)
    X = train_table.X.numpy()
    for scores, expected in zip(cuda.predict_scores(X), cpu.predict_scores(X), strict=True):
        assert scores.device.type == "cpu"
        assert_close(scores, expected, rtol=1e-8, atol=1e-10)


@needs_cuda
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_a_table_too_large_for_the_device_is_copied_batch_by_batch(
    monkeypatch, density, train_table, make_net
):
    X = np.where(np.random.default_rng(0).random(train_table.X.shape) < density, train_table.X, 0)
    tables = [
        TableDataset(sparse.csr_array(X), train_table.targets, train_table.weights)
        for _ in range(2)
    ]
    inside = make_net(device="cuda").train(tables[0], epochs=2)
    monkeypatch.setattr("sk_mmoe.training._samples._free_memory", lambda device: 0)
    outside = make_net(device="cuda").train(tables[1], epochs=2)
    assert tables[1].device.type == "cpu"
    for ours, theirs in zip(outside.module_.parameters(), inside.module_.parameters(), strict=True):
        assert_close(ours, theirs)


@needs_cuda
def test_the_global_generator_of_cuda_is_left_alone(make_table, make_net):
    before = torch.cuda.get_rng_state()
    make_net(device="cuda").train(make_table(), epochs=1)
    assert torch.equal(torch.cuda.get_rng_state(), before)
