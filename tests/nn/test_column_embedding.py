"""Embeddings of columns: the numbers of a one-hot product, category by category."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import ColumnEmbedding, ColumnRows


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


def test_an_embedding_is_a_product_with_one_hot_columns():
    rows = make_rows()
    layer = ColumnEmbedding(2, [4, 2, 5], embedding_dim=3)
    out = layer(rows)
    expected = [F.one_hot(codes.long(), 12).float() @ layer.weight for codes in rows.levels.T]
    assert_close(out, torch.cat([rows.numbers, *expected], dim=1))
    sum(part.square().sum() for part in expected).backward()
    gradient = layer.weight.grad.clone()
    n_places = rows.levels.numel()
    where = F.one_hot(rows.levels.flatten().long(), 12).T.float()
    assert where.shape == (12, n_places)
    for add_up in (None, where.mm):
        layer.weight.grad = None
        layer(ColumnRows(rows.numbers, rows.levels, add_up=add_up)).square().sum().backward()
        assert_close(layer.weight.grad, gradient)


def test_a_category_with_half_a_share_has_half_its_vector():
    rows = make_rows()
    layer = ColumnEmbedding(2, [4, 2, 5], embedding_dim=3)
    shares = torch.tensor([1.0, 0.5, 0.0]).expand(20, 3)
    numbers, first, second, third = layer(rows).split([2, 3, 3, 3], dim=1)
    expected = torch.cat([numbers, first, second / 2, 0 * third], dim=1)
    assert_close(layer(ColumnRows(rows.numbers, rows.levels, shares)), expected)


def test_an_unseen_category_is_a_vector_of_zeros_at_first():
    rows = ColumnRows(torch.zeros(1, 0), torch.zeros(1, 2, dtype=torch.int32))
    assert not ColumnEmbedding(0, [4, 2])(rows).any()


@pytest.mark.parametrize("n_vectors", [[0], [2, -1], [1.5]])
def test_numbers_of_categories_must_be_positive(n_vectors):
    with pytest.raises(ValueError, match="n_vectors must be positive integers"):
        ColumnEmbedding(1, n_vectors)


def test_between_two_knots_a_column_moves_from_one_vector_to_the_next():
    rows = make_interpolated_rows()
    layer = ColumnEmbedding(1, [4, 3, 2], embedding_dim=3, n_interpolated=2)
    out = layer(rows)
    assert rows.shape == (20, 4)
    assert out.shape == (20, 1 + 3 * 3) == (20, layer.out_features)
    for row in range(20):
        expected = [rows.numbers[row]]
        for column in range(2):
            knot, fraction = int(rows.levels[row, column]), rows.shares[row, column]
            below, above = layer.weight[knot], layer.weight[knot + 1]
            expected.append((1 - fraction) * below + fraction * above)
        expected.append(rows.shares[row, 2] * layer.weight[rows.levels[row, 2]])
        assert_close(out[row], torch.cat(expected))


def test_a_layer_over_knots_is_one_over_hats():
    # The hat functions of a linear spline are the columns of its design matrix.
    rows = make_interpolated_rows()
    layer = ColumnEmbedding(1, [4, 3, 2], embedding_dim=3, n_interpolated=2)
    lower, category, upper = rows.levels.long().tensor_split([2, 3], dim=1)
    hats = torch.zeros(20, 10)
    way, share = rows.shares.tensor_split([2], dim=1)
    hats.scatter_add_(1, lower, 1 - way).scatter_add_(1, upper, way)
    splines = [hats[:, :5] @ layer.weight[:5], hats[:, 5:] @ layer.weight[5:]]
    vectors = share * layer.weight[category.flatten()]
    expected = torch.cat([rows.numbers, *splines, vectors], dim=1)
    assert_close(layer(rows), expected)
    expected.square().sum().backward()
    gradient = layer.weight.grad.clone()
    layer.weight.grad = None
    layer(rows).square().sum().backward()
    assert_close(layer.weight.grad, gradient)


def test_the_vectors_of_knots_lie_on_a_line_at_first():
    layer = ColumnEmbedding(0, [5, 1, 3], embedding_dim=4, n_interpolated=2)
    steps = layer.weight[1:6].diff(dim=0)
    assert_close(steps, steps[:1].expand(4, -1))
    assert_close(layer.weight[3], torch.zeros(4))
