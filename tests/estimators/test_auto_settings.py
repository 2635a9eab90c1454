"""What "auto" means for tables of different sizes."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sk_mmoe import MMoERegressor, fit_runs, load_model, save_model
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.estimators._auto_settings import (
    FitSettings,
    InputLayers,
    choose_n_members,
    choose_settings,
)

X, Y = make_multitask_sinusoid(120, 4, random_state=0)


class Columns:
    """A reader of some columns with embeddings, as far as settings depend on them."""

    def __init__(self, n_columns):
        self.n_codes = [2] * n_columns


def settings_of(n_rows, n_columns=10, *, of_stream=False, **parameters):
    """Return the settings of a fit."""
    model = MMoERegressor(**parameters)
    return choose_settings(model, Columns(n_columns), n_rows, of_stream=of_stream)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "rate", "patience"),
    [
        (100, 16, 1e-3, 10),
        (2_000, 100, 1e-3, 10),
        (10_000, 256, 1e-3, 10),
        (20_000, 256, 1e-3, 5),
        (50_000, 256, 1e-3, 2),
        (102_400, 512, 1e-3 * np.sqrt(2), 2),
        (1_000_000, 1024, 2e-3, 2),
    ],
)
def test_the_pace_follows_from_the_number_of_rows(n_rows, batch_size, rate, patience):
    settings = settings_of(n_rows)
    assert (settings.batch_size, settings.patience) == (batch_size, patience)
    assert settings.learning_rate == pytest.approx(rate)


def test_settings_of_the_user_stay():
    own = {"batch_size": 4096, "learning_rate_init": 0.01, "n_iter_no_change": 2}
    layers = {"embedding_dim": 6, "n_cross_layers": 0}
    expected = FitSettings(4096, 0.01, 2, InputLayers(**layers))
    assert settings_of(10**6, **own, **layers) == expected
    assert settings_of(10**6, batch_size=4096).learning_rate == 4e-3
    assert settings_of(100, batch_size=4096).batch_size == 100


@pytest.mark.parametrize("batch_size", ["auto", 4096])
def test_chunks_of_any_length_are_learned_at_one_rate(batch_size):
    chunks = [settings_of(n_rows, batch_size=batch_size, of_stream=True) for n_rows in (9, 9000)]
    assert [chunk.learning_rate for chunk in chunks] == [1e-3, 1e-3]
    assert chunks[0].batch_size == 9


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
def test_embeddings_are_shorter_in_large_and_wide_tables(n_columns, length):
    assert settings_of(60_000, n_columns).layers.embedding_dim == length
    assert settings_of(50_000, n_columns).layers.embedding_dim == 8


def test_large_tables_have_one_cross_layer():
    assert settings_of(50_000).layers.n_cross_layers == 2
    assert settings_of(50_001).layers.n_cross_layers == 1


def layers_of(net):
    """Return the length of embeddings and the number of cross layers of a net."""
    return net.module_.column_embedding.weight.shape[-1], len(net.module_.cross.up)


def test_warm_starts_copies_and_files_keep_the_layers_of_the_first_fit(monkeypatch, tmp_path):
    model = MMoERegressor(max_iter=1, n_members=1, warm_start=True, random_state=0)
    table = np.random.default_rng(0).normal(size=(60, 45))
    assert layers_of(model.fit(table, table[:, 0]).net_) == (8, 2)
    monkeypatch.setattr("sk_mmoe.estimators._auto_settings._MANY_ROWS", 50)
    assert layers_of(model.fit(table, table[:, 0]).net_) == (8, 2)
    large = clone(model).fit(table, table[:, 0])
    assert layers_of(large.net_) == (4, 1)
    save_model(large, tmp_path / "model.safetensors")
    monkeypatch.undo()
    again = load_model(tmp_path / "model.safetensors")
    assert (again.n_cross_layers, layers_of(again.net_)) == ("auto", (4, 1))
    assert np.array_equal(again.predict(table), large.predict(table))
