"""Training begins at the shares of the classes, so that rare ones are learned from the start."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score
from torch import nn

import sk_mmoe
from sk_mmoe import MMoEClassifier, MMoERegressor, fit_runs
from sk_mmoe.streaming import LazyTable

# So slow that nothing is learned; biases are then those at the start.
UNTRAINED = {
    "learning_rate_init": 1e-30,
    "max_iter": 1,
    "early_stopping": False,
    "n_members": 1,
    "random_state": 0,
    "weight_init": "glorot_uniform",  # which has no biases of its own
    "batch_size": 32,
}
CLASSIFIERS = [name for name in sk_mmoe.__all__ if name.endswith("Classifier")]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    rare, common = np.arange(200) % 20 == 0, rng.permutation(np.repeat([0, 1, 2], [120, 60, 20]))
    return X, np.stack([rare, common], axis=1).astype(int)


def shares_of(y):
    """Return the shares of the classes of each task."""
    return [np.unique(column, return_counts=True)[1] / len(column) for column in y.T]


def without_weights(model):
    """Return probabilities of the biases of the heads alone."""
    with torch.no_grad():
        model.net_.module_.heads.weight.zero_()
    return [proba[0] for proba in model.predict_proba(np.zeros((1, 4)))]


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_begins_at_the_shares_of_the_classes(name, n_members, table):
    X, y = table
    model = getattr(sk_mmoe, name)(**UNTRAINED | {"n_members": n_members}).fit(X, y)
    for proba, shares in zip(without_weights(model), shares_of(y), strict=True):
        assert_allclose(proba, shares, rtol=1e-4)


def test_each_run_begins_at_its_own_shares(table):
    X, y = table
    tables = [(X, y), (X[::-1], np.where(np.arange(200)[:, None] < 40, [[1, 2]], y))]
    for model, (_, own) in zip(fit_runs(MMoEClassifier(**UNTRAINED), tables), tables, strict=True):
        for proba, shares in zip(without_weights(model), shares_of(own), strict=True):
            assert_allclose(proba, shares, rtol=1e-4)


def test_classes_of_equal_weight_begin_at_equal_scores(table):
    model = MMoEClassifier(**UNTRAINED, class_weight="balanced").fit(*table)
    for proba, n_classes in zip(without_weights(model), (2, 3), strict=True):
        assert_allclose(proba, 1 / n_classes, rtol=1e-4)


def test_numbers_begin_at_their_mean_as_they_are_encoded(table):
    X, y = table
    model = MMoERegressor(**UNTRAINED).fit(X, 100.0 + y)
    with torch.no_grad():
        model.net_.module_.heads.weight.zero_()
    assert_allclose(model.predict(X[:1])[0], 100 + y.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("going_on", ["partial_fit", "warm_start"])
def test_training_that_goes_on_does_not_begin_again(going_on, table):
    X, y = table
    if going_on == "partial_fit":
        model = MMoEClassifier(**UNTRAINED).partial_fit(X, y, classes=[[0, 1], [0, 1, 2]])
        model.partial_fit(X[:20], y[:20])
    else:
        model = MMoEClassifier(**UNTRAINED, warm_start=True).fit(X, y)
        model.fit(X, y)
    for proba, shares in zip(without_weights(model), shares_of(y), strict=True):
        assert_allclose(proba, shares, rtol=1e-4)


def test_a_chunk_without_a_declared_class_says_nothing(table):
    X, y = table
    model = MMoEClassifier(**UNTRAINED)
    model.partial_fit(X, np.minimum(y, 1), classes=[[0, 1], [0, 1, 2]])
    rare, common = without_weights(model)
    assert_allclose(rare, shares_of(y)[0], rtol=1e-4)
    assert_allclose(common, 1 / 3, rtol=1e-4)


def test_missing_labels_do_not_count(table):
    X, y = table
    gaps = np.where(np.arange(200)[:, None] % 3 == 0, np.nan, y)
    model = MMoEClassifier(**UNTRAINED).fit(X, gaps)
    known = [column[~np.isnan(column)][:, None] for column in gaps.T]
    for proba, own in zip(without_weights(model), known, strict=True):
        assert_allclose(proba, shares_of(own)[0], rtol=1e-4)


def test_a_lazy_table_begins_at_the_shares_of_all_its_rows(tmp_path):
    # Far more rows than are looked at after training.
    n_rows, n_rare = 30_000, 7
    frame = pd.DataFrame({"x": np.arange(n_rows) % 10.0, "y": np.arange(n_rows) < n_rare})
    frame.sample(frac=1, random_state=0).to_parquet(tmp_path / "table.parquet")
    model = MMoEClassifier(**UNTRAINED | {"batch_size": 8192})
    model.fit(LazyTable(tmp_path / "table.parquet", targets="y"))
    bias = model.net_.module_.heads.bias.detach()
    assert_allclose(bias, np.log(n_rare / (n_rows - n_rare)), rtol=1e-4)


class Linear(nn.Module):
    """A network of the user without heads of this package."""

    def __init__(self, n_features, n_outputs, **_):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(n_features, n) for n in n_outputs)

    def forward(self, x):
        return [layer(x) for layer in self.layers]


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("numeric_encoding", [None, "piecewise_linear"])
def test_networks_without_such_heads_stay_as_they_are(numeric_encoding, n_members, table):
    settings = {"weight_init": "torch", "n_members": n_members}
    settings |= {"numeric_encoding": numeric_encoding, "net_params": {"module": Linear}}
    model = MMoEClassifier(**UNTRAINED | settings).fit(*table)
    biases = [p for name, p in model.net_.module_.named_parameters() if name.endswith("bias")]
    assert biases
    assert all(bias.abs().max() < 0.5 for bias in biases)


def test_a_rare_class_is_learned_with_every_seed():
    # From scores of zero, these runs end at AUCs of .62 to .87.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 20)).astype(np.float32)
    score = X @ rng.normal(size=20) / np.sqrt(20) + 0.3 * rng.normal(size=4000)
    y = np.stack([score > np.quantile(score, 0.97), X[:, 0] > 0], axis=1)
    model = MMoEClassifier(
        expert_hidden_layer_sizes=4,
        tower_hidden_layer_sizes=8,
        numeric_encoding=None,
        early_stopping=False,
        batch_size=256,
        learning_rate_init=1e-3,
        max_iter=15,
    )
    models = fit_runs(model, [(X, y)] * 20, random_states=range(20))
    aucs = [roc_auc_score(y[:, 0], model.predict_proba(X)[0][:, 1]) for model in models]
    assert min(aucs) > 0.85


def test_all_tasks_have_starting_scores_in_the_order_of_the_outputs(table):
    X, y = table
    model = MMoEClassifier(**UNTRAINED).fit(X, y)
    rare, common = shares_of(y)
    expected = [np.log(rare[1] / rare[0]), *(np.log(common) - np.log(common).mean())]
    assert_allclose(model.net_.module_.heads.bias.detach(), expected, rtol=1e-4)
    assert_array_equal(model.net_.module_.heads.n_outputs, [1, 3])
