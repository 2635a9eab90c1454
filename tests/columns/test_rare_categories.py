"""Vectors of categories: the rarer one is, the less is made of it."""

import numpy as np
import pandas as pd
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss, roc_auc_score

from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import MMoE


def make_frame(n_samples=300, seed=0):
    """Return a table with numbers and categories, and two tasks that depend on them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.normal(size=n_samples),
            "city": pd.Categorical(rng.choice(["Bern", "Oslo", "Rome"], n_samples)),
            "debt": rng.normal(size=n_samples),
            "plan": rng.choice(["gold", "iron", None], n_samples),
            "owns": rng.integers(0, 2, n_samples).astype(bool),
        }
    )
    noise = rng.normal(scale=0.3, size=(2, n_samples))
    click = (X["city"] == "Rome") + 0.3 * X["age"] + noise[0] > 0.5
    like = (X["plan"] == "gold") + 0.3 * X["debt"] + noise[1] > 0.5
    return X, pd.DataFrame({"click": click, "like": like})


X, Y = make_frame()


def make_rare_categories(n_samples, seed):
    """Return a table with two rows per shop and ten shops per city; a city alone tells much."""
    rng = np.random.default_rng(seed)
    shop = rng.integers(0, n_samples // 2, n_samples)
    city = shop % (n_samples // 20)
    table = pd.DataFrame({"shop": shop, "city": city}).astype("category")
    return table, rng.random(n_samples) < np.where(city % 2, 0.8, 0.2)


def test_a_category_has_the_share_of_its_vector_that_its_rows_afford():
    model = MMoEClassifier(category_smooth=7, max_iter=1, random_state=0).fit(X, Y)
    shares = model._model.reader.read(X, dtype="float32")[:].shares
    for k, name in enumerate(["city", "plan"], start=shares.shape[1] - 2):
        n_rows = X[name].map(X[name].value_counts()).astype(float).fillna(X[name].isna().sum())
        assert_allclose(shares[:, k], n_rows / (n_rows + 7), rtol=1e-6)


def test_the_rarer_a_category_the_closer_it_is_to_an_unseen_one():
    table = X.assign(plan=["gold"] * 280 + ["iron"] * 20)
    rare = table.tail(10)
    unseen = table.assign(plan=["gold"] * 280 + ["new"] * 20).tail(10)

    def distance(smooth):
        model = MMoEClassifier(category_smooth=smooth, max_iter=1, random_state=0).fit(table, Y)
        return np.abs(model.predict_proba(rare)[1] - model.predict_proba(unseen)[1]).mean()

    assert distance(0) > distance(20) > distance(200) > 0
    assert distance(1e9) < 1e-6


def test_rare_categories_do_not_drown_what_frequent_ones_tell():
    X_train, y_train = make_rare_categories(2000, seed=0)
    X_test, y_test = make_rare_categories(2000, seed=1)

    def loss(smooth):
        model = MMoEClassifier(category_smooth=smooth, max_iter=15, random_state=0)
        model.set_params(early_stopping=False).fit(X_train, y_train)
        return log_loss(y_test, model.predict_proba(X_test)[:, 1])

    assert loss(20) < loss(0)


def test_rare_users_and_videos_teach_more_with_shares_and_decay(kuairand_home, load_benchmark):
    tables = load_benchmark("accuracy._data").load("kuairand", data_home=kuairand_home)
    (X, y), (X_val, y_val), _ = tables
    X = X.sample(20_000, random_state=0)
    tasks, y = ["click", "long_view"], y.loc[X.index]

    def aucs(**parameters):
        model = MMoEClassifier(n_iter_no_change=3, max_iter=10, random_state=0, **parameters)
        probas = model.fit(X, y[tasks]).predict_proba(X_val)
        return [roc_auc_score(y_val[t], p[:, 1]) for t, p in zip(tasks, probas, strict=True)]

    with_both, with_none = aucs(), aucs(category_smooth=0, embedding_alpha=1e-4)
    assert np.all(np.subtract(with_both, with_none) > 0.005)


def test_streams_and_one_hot_columns_have_whole_vectors():
    model = MMoEClassifier(random_state=0).partial_fit(X, Y, classes=[[False, True]] * 2)
    assert (model._model.reader.read(X, dtype="float32")[:].shares[:, -2:] == 1).all()
    model = MMoEClassifier(embedding_dim=None, max_iter=1, random_state=0).fit(X, Y)
    columns = model._model.reader.read(X, dtype="float32").toarray()[:, -5:]
    assert_array_equal(np.unique(columns), [0, 1])


def test_vectors_learn_faster_and_decay_on_their_own():
    options = {"max_iter": 1, "n_members": 1, "learning_rate_init": 2e-3, "random_state": 0}
    model = MMoEClassifier(embedding_alpha=0.3, **options).fit(X, Y)
    vectors = next(
        group
        for group in model.net_.optimizer_.param_groups
        if any(p is model.net_.module_.column_embedding.weight for p in group["params"])
    )
    assert vectors["lr"] == 5 * model.learning_rate_init
    assert vectors["weight_decay"] == 0.3
    model.set_params(net_params={"lr": 0.1}).fit(X, Y)
    assert [group["lr"] for group in model.net_.optimizer_.param_groups] == [0.1, 0.1, 0.5]
    # The decay of other optimizers may be added to the gradient, where 0.3 would be much.
    model.set_params(net_params={"optimizer": torch.optim.Adam}).fit(X, Y)
    assert not any(group["weight_decay"] for group in model.net_.optimizer_.param_groups)


def test_a_stream_remembers_a_category_that_is_absent_for_a_while():
    rng = np.random.default_rng(0)
    model = MMoEClassifier(learning_rate_init=6e-3, random_state=0)

    def learn(cities, n_chunks):
        for _ in range(n_chunks):
            chunk = pd.DataFrame({"city": rng.choice(cities, 256)})
            chunk["city"] = chunk["city"].astype(pd.CategoricalDtype(["Bern", "Oslo"]))
            labels = (chunk["city"] == "Oslo") ^ (rng.random(256) < 0.05)
            model.partial_fit(chunk, labels, classes=[False, True])
        return model.predict_proba(chunk.assign(city="Oslo").head(1))[0, 1]

    assert learn(["Bern", "Oslo"], 30) > 0.85
    assert learn(["Bern"], 75) > 0.8


def test_a_layer_of_the_users_own_is_no_embedding():
    class Network(MMoE):
        def __init__(self, n_features, n_outputs, **parameters):
            super().__init__(n_features, n_outputs, **parameters)
            self.inputs = torch.nn.Linear(n_features, n_features)

        def forward(self, x):
            return super().forward(self.inputs(x))

    options = {"net_params": {"module": Network}, "numeric_encoding": None, "max_iter": 1}
    options["learning_rate_init"] = 1e-3
    for table, n_groups in (
        (X.fillna({"age": 0, "debt": 0}), 3),
        (X[["age", "debt"]].fillna(0), 2),
    ):
        model = MMoEClassifier(**options).fit(table, Y)
        groups = model.net_.optimizer_.param_groups
        assert len(groups) == n_groups
        assert sum(group["lr"] > model.learning_rate_init for group in groups) == n_groups - 2


def test_members_have_the_shares_and_rates_of_a_network_alone():
    model = MMoEClassifier(n_members=2, max_iter=3, random_state=np.random.RandomState(0))
    members = model.fit(X, Y).net_
    alone = MMoEClassifier(n_members=1, max_iter=3, random_state=np.random.RandomState(0))
    alone = alone.fit(X, Y).net_
    ours, theirs = members.member(0).column_embedding.weight, alone.module_.column_embedding.weight
    assert_allclose(ours.detach(), theirs.detach(), atol=1e-5)
