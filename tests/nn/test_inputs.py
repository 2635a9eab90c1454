"""Embeddings of categorical columns: the numbers of a one-hot product, category by category."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import ColumnEmbedding, ColumnRows, EmbeddedNetwork, L2Constrained, MMoE


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def make_rows(n_rows=20, n_categories=(4, 2, 5)):
    """Return rows with two numbers and a category, or an unseen one, in each column."""
    codes, first = [], 1
    for n in n_categories:
        local = torch.randint(-1, n, (n_rows,))
        codes.append(torch.where(local < 0, 0, first + local))
        first += n
    return ColumnRows(torch.randn(n_rows, 2), torch.stack(codes, dim=1).int())


def test_an_embedding_is_a_product_with_one_hot_columns():
    rows = make_rows()
    layer = ColumnEmbedding(2, [4, 2, 5], embedding_dim=3)
    out = layer(rows)
    expected = [F.one_hot(codes.long(), 12).float() @ layer.weight for codes in rows.codes.T]
    assert_close(out, torch.cat([rows.numbers, *expected], dim=1))
    sum(part.square().sum() for part in expected).backward()
    gradient = layer.weight.grad.clone()
    n_places = rows.codes.numel()
    where = F.one_hot(rows.codes.flatten().long(), 12).T.float()
    assert where.shape == (12, n_places)
    for transpose in (None, where.to_sparse_csr):
        layer.weight.grad = None
        layer(ColumnRows(rows.numbers, rows.codes, transpose)).square().sum().backward()
        assert_close(layer.weight.grad, gradient)


def test_an_unseen_category_is_a_vector_of_zeros_at_first():
    rows = ColumnRows(torch.zeros(1, 0), torch.zeros(1, 2, dtype=torch.int32))
    assert not ColumnEmbedding(0, [4, 2])(rows).any()


def test_an_embedded_network_is_the_network_behind_the_embeddings():
    rows = make_rows()
    network = EmbeddedNetwork(MMoE, 5, [1, 3], n_categories=[4, 2, 5], embedding_dim=3, n_experts=4)
    x = network.inputs(rows)
    for ours, theirs in zip(network(rows), network.network(x), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(network.gate_weights(rows), network.network.gate_weights(x))
    assert network.heads is network.network.heads
    assert network.network.gate_weights(x).shape[-1] == 4


def test_the_penalty_is_that_of_the_network():
    network = EmbeddedNetwork(L2Constrained, 5, [1, 1], n_categories=[4, 2, 5])
    assert torch.equal(network.penalty(), network.network.penalty())
    assert EmbeddedNetwork(MMoE, 5, [1, 1], n_categories=[4, 2, 5]).penalty() is None


def test_padded_rows_hold_unseen_categories():
    padded = make_rows().pad(3)
    assert padded.shape == (23, 5)
    assert not any(part[20:].any() for part in (padded.numbers, padded.codes))


@pytest.mark.parametrize("n_categories", [[0], [2, -1], [1.5]])
def test_numbers_of_categories_must_be_positive(n_categories):
    with pytest.raises(ValueError, match="n_categories must be positive integers"):
        ColumnEmbedding(1, n_categories)
