"""What "auto" means for tables of different sizes."""

import numpy as np
import pandas as pd
import pytest
import torch

from sk_mmoe import MMoEClassifier, MMoERegressor, fit_runs
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.estimators._auto_settings import (
    choose_embedding_dim,
    choose_n_members,
    choose_pace,
)

X, Y = make_multitask_sinusoid(120, 4, random_state=0)


# Rows, then batch size, learning rate and patience.
PACES = [
    (100, 16, 1e-3, 10),
    (2_000, 100, 1e-3, 10),
    (10_000, 256, 1e-3, 10),
    (20_000, 256, 1e-3, 5),
    (50_000, 256, 1e-3, 3),
    (102_400, 512, 1e-3 * np.sqrt(2), 3),
    (1_000_000, 1024, 2e-3, 3),
]


@pytest.mark.parametrize(("n_rows", "batch_size", "rate", "patience"), PACES)
def test_the_pace_follows_from_the_number_of_rows(n_rows, batch_size, rate, patience):
    pace = choose_pace(MMoERegressor(), n_rows)
    assert (pace.batch_size, pace.patience) == (batch_size, patience)
    assert pace.learning_rate == pytest.approx(rate)


def test_settings_of_the_user_stay():
    model = MMoERegressor(batch_size=4096, learning_rate_init=0.01, n_iter_no_change=2)
    pace = choose_pace(model, 1_000_000)
    assert (pace.batch_size, pace.learning_rate, pace.patience) == (4096, 0.01, 2)
    assert choose_pace(MMoERegressor(batch_size=4096), 1_000_000).learning_rate == 4e-3
    assert choose_pace(MMoERegressor(batch_size=4096), 100).batch_size == 100


def test_chunks_of_any_length_are_learned_at_one_rate():
    for batch_size in ("auto", 4096):
        paces = [
            choose_pace(MMoERegressor(batch_size=batch_size), n, of_stream=True) for n in (9, 9000)
        ]
        assert [pace.learning_rate for pace in paces] == [1e-3, 1e-3]
        assert paces[0].batch_size == 9


@pytest.mark.parametrize(
    ("n_rows", "n_members"), [(50, 5), (4_000, 5), (5_000, 4), (10_000, 2), (10_001, 1)]
)
def test_small_tables_get_several_members(n_rows, n_members):
    assert choose_n_members(MMoERegressor(), n_rows) == n_members
    assert choose_n_members(MMoERegressor(n_members=3), n_rows) == 3


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss_balancing": "pcgrad"},
        {"loss_balancing": "gradnorm"},
        {"net_params": {"optimizer": torch.optim.SGD}},
    ],
)
def test_auto_asks_for_one_network_where_several_would_not_work(parameters):
    model = MMoERegressor(**parameters, learning_rate_init=1e-3, max_iter=1).fit(X, Y)
    assert len(model.net_.seeds) == 1


def test_streams_and_runs_have_one_network():
    assert len(MMoERegressor().partial_fit(X, Y).net_.seeds) == 1
    (run,) = fit_runs(MMoERegressor(max_iter=1), [(X, Y)])
    assert (run.n_members, len(run.net_.seeds)) == (1, 1)


def test_a_warm_start_keeps_the_members():
    model = MMoERegressor(max_iter=1, warm_start=True, random_state=0).fit(X, Y)
    seeds = model.net_.seeds
    assert len(seeds) == 5
    many = np.tile(X, (100, 1)), np.tile(Y, (100, 1))  # for which a first fit would have one
    assert model.fit(*many).net_.seeds == seeds


@pytest.mark.parametrize(("n_columns", "length"), [(1, 8), (20, 8), (32, 5), (40, 4), (1000, 4)])
def test_embeddings_of_wide_tables_are_shorter(n_columns, length):
    assert choose_embedding_dim(MMoERegressor(), n_columns) == length
    assert choose_embedding_dim(MMoERegressor(embedding_dim=6), n_columns) == 6


def test_networks_have_the_chosen_length():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 45)))
    model = MMoEClassifier(max_iter=1, n_members=1).fit(table, table[0] > 0)
    assert model.net_.module_.column_embedding.weight.shape[-1] == 4
