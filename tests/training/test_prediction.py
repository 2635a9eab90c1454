"""Raw scores of a net: those of the module, row by row, whatever the company."""

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.testing import assert_close

from sk_mmoe.nn import MMoE, MultiTaskLoss
from sk_mmoe.tasks._multiclass import multiclass_loss
from sk_mmoe.tasks._regression import regression_loss
from sk_mmoe.training import _prediction
from sk_mmoe.training._net import MultiTaskNet


def make_net(n_features=5, dtype="float64", **options):
    return MultiTaskNet(
        MMoE,
        MultiTaskLoss,
        module__n_features=n_features,
        module__n_outputs=[1, 3],
        module__dropout=0.5,
        module__gate_dropout=0.5,
        criterion__losses=[regression_loss, multiclass_loss],
        dtype=dtype,
        **options,
    ).initialize()


def draw(n_rows, n_features=5, dtype="float64"):
    return np.random.default_rng(0).normal(size=(n_rows, n_features)).astype(dtype)


def test_scores_are_those_of_the_module_in_evaluation():
    net, X = make_net(), draw(70)
    expected = net.module_.eval()(torch.from_numpy(X))
    net.module_.train()
    scores = net.predict_scores(X)
    assert [tuple(part.shape) for part in scores] == [(70, 1), (70, 3)]
    for part, reference in zip(scores, expected, strict=True):
        assert not part.requires_grad
        assert_close(part, reference.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-7), ("float64", 1e-15)])
@pytest.mark.parametrize("n_features", [5, 200])
def test_scores_of_a_row_do_not_depend_on_its_company(dtype, tolerance, n_features):
    net, X = make_net(n_features, dtype), draw(9000, n_features, dtype)
    together = net.predict_scores(X)
    for rows in [slice(0, 1), slice(7, 9), slice(10, 73), slice(10, 75), slice(8180, 8200)]:
        for scores, expected in zip(net.predict_scores(X[rows]), together, strict=True):
            assert_close(scores, expected[rows], rtol=0, atol=tolerance)


@pytest.mark.parametrize("n_rows", [1, 63, 64, 65, 128, 300])
@pytest.mark.parametrize("values", [1, 5 * 100, 2**24])
def test_each_row_is_scored_once_in_its_place_however_batches_are_cut(monkeypatch, n_rows, values):
    monkeypatch.setattr(_prediction, "_PREDICT_VALUES", values)
    net, X = make_net(), draw(n_rows)
    expected = net.module_.eval()(torch.from_numpy(X))
    for scores, reference in zip(net.predict_scores(X), expected, strict=True):
        assert_close(scores, reference.detach(), rtol=1e-12, atol=1e-14)


def test_sparse_and_dense_rows_have_the_same_scores():
    net, X = make_net(), draw(100) * np.array([1, 0, 1, 0, 1])
    for scores, expected in zip(
        net.predict_scores(sparse.csr_array(X)), net.predict_scores(X), strict=True
    ):
        assert torch.equal(scores, expected)


def test_any_function_of_the_module_is_mapped_over_batches():
    net, X = make_net(), draw(100)
    gates = torch.cat(list(net.map_batches(X, net.module_.gate_weights)), dim=1)
    expected = net.module_.eval().gate_weights(torch.from_numpy(X))
    assert_close(gates, expected.detach(), rtol=1e-12, atol=1e-14)
