"""A network behind embeddings."""

import torch

from sk_mmoe.nn import ColumnRows, EmbeddedNetwork, L2Constrained, MMoE


def make_rows(n_rows=20, n_vectors=(4, 2, 5)):
    """Return rows with two numbers and a category, or an unseen one, in each column."""
    codes, first = [], 1
    for n in n_vectors:
        local = torch.randint(-1, n, (n_rows,))
        codes.append(torch.where(local < 0, 0, first + local))
        first += n
    return ColumnRows(torch.randn(n_rows, 2), torch.stack(codes, dim=1).int())


def make_interpolated_rows(n_rows=20):
    """Return rows with a column between four knots, one between three, and one of categories."""
    lower = torch.stack([torch.randint(1, 4, (n_rows,)), torch.randint(5, 7, (n_rows,))], dim=1)
    category = torch.randint(8, 10, (n_rows, 1))
    levels = torch.cat([lower, category, lower + 1], dim=1).int()
    return ColumnRows(torch.randn(n_rows, 1), levels, torch.rand(n_rows, 3))


def test_an_embedded_network_is_the_network_behind_the_embeddings():
    rows = make_rows()
    network = EmbeddedNetwork(
        MMoE, 5, [1, 3], n_vectors=[4, 2, 5], embedding_dim=3, n_cross_layers=0, n_experts=4
    )
    x = network.column_embedding(rows)
    for ours, theirs in zip(network(rows), network.network(x), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(network.gate_weights(rows), network.network.gate_weights(x))
    assert network.heads is network.network.heads
    assert network.network.gate_weights(x).shape[-1] == 4


def test_the_penalty_is_that_of_the_network():
    network = EmbeddedNetwork(L2Constrained, 5, [1, 1], n_vectors=[4, 2, 5])
    assert torch.equal(network.penalty(), network.network.penalty())
    assert EmbeddedNetwork(MMoE, 5, [1, 1], n_vectors=[4, 2, 5]).penalty() is None


def test_crossed_columns_reach_the_network():
    rows = make_interpolated_rows()
    network = EmbeddedNetwork(MMoE, 4, [1], n_vectors=[4, 3, 2], n_interpolated=2, n_cross_layers=2)
    x = network.cross(network.column_embedding(rows))
    assert torch.equal(network(rows)[0], network.network(x)[0])
    assert torch.equal(network.gate_weights(rows), network.network.gate_weights(x))
    assert not torch.equal(x, network.column_embedding(rows))
