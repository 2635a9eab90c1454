"""Categorical columns straight into an estimator: as scikit-learn's encoders would give them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_mmoe import (
    CrossStitchClassifier,
    L2ConstrainedClassifier,
    MMoEClassifier,
    MMoERegressor,
    OMoEClassifier,
    PLEClassifier,
    SharedBottomClassifier,
    SingleTaskClassifier,
    TensorFactorizationClassifier,
    load_model,
    save_model,
)
from sk_mmoe.columns._pandas_frame import PandasFrame
from sk_mmoe.columns._roles import find_categorical
from sk_mmoe.nn import MMoE

CLASSIFIERS = [
    CrossStitchClassifier,
    L2ConstrainedClassifier,
    MMoEClassifier,
    OMoEClassifier,
    PLEClassifier,
    SharedBottomClassifier,
    SingleTaskClassifier,
    TensorFactorizationClassifier,
]


def make_frame(n_samples=300, seed=0):
    """Return a table with columns of all kinds, and two tasks that depend on them."""
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
ONE_HOT = make_column_transformer(
    ("passthrough", ["age", "debt", "owns"]),
    (OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
    sparse_threshold=1.0,
).fit(X)


@pytest.mark.parametrize("make_estimator", CLASSIFIERS)
def test_lookups_give_the_numbers_of_one_hot_columns(make_estimator):
    model = make_estimator(
        embedding_dim=None, numeric_encoding=None, max_iter=3, random_state=0
    ).fit(X, Y)
    reference = make_estimator(numeric_encoding=None, max_iter=3, random_state=0)
    reference.fit(ONE_HOT.transform(X).toarray(), Y)
    assert_allclose(model.loss_curve_, reference.loss_curve_, rtol=1e-5)
    X_test = make_frame(50, seed=1)[0]
    X_test.loc[::3, "plan"] = "unseen"
    expected = reference.predict_proba(ONE_HOT.transform(X_test).toarray())
    for ours, theirs in zip(model.predict_proba(X_test), expected, strict=True):
        assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("make_estimator", CLASSIFIERS)
def test_embeddings_learn_what_depends_on_categories(make_estimator):
    X_test, y_test = make_frame(seed=1)
    model = make_estimator(batch_size=64, learning_rate_init=5e-3, random_state=0).fit(X, Y)
    assert model.score(X_test, y_test) > 0.85


def test_regressors_take_categories_too():
    y = 10.0 * (X["city"] == "Rome") + (X["plan"] == "gold")
    model = MMoERegressor(max_iter=20, learning_rate_init=1e-2, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("embedding_dim", [8, None])
def test_an_unseen_category_counts_as_none(embedding_dim):
    model = MMoEClassifier(embedding_dim=embedding_dim, max_iter=2, random_state=0).fit(X, Y)
    unseen, other = X.head(3).copy(), X.head(3).copy()
    unseen["plan"], other["plan"] = "new", "another"
    assert_array_equal(model.predict_proba(unseen), model.predict_proba(other))
    assert not np.allclose(model.predict_proba(unseen), model.predict_proba(X.head(3)))


@pytest.mark.parametrize("embedding_dim", [8, None])
def test_a_missing_value_is_a_category_where_fit_saw_one(embedding_dim):
    model = MMoEClassifier(embedding_dim=embedding_dim, max_iter=2, random_state=0).fit(X, Y)
    for column, alike in (("city", True), ("plan", False)):
        missing, unseen = X.head(3).copy(), X.head(3).copy()
        missing[column], unseen[column] = None, "new"
        same = np.allclose(model.predict_proba(missing), model.predict_proba(unseen))
        assert same == alike


FORMS = {
    "mask": [False, True, False, True, False],
    "mask as an array": np.array([False, True, False, True, False]),
    "indices": [3, 1],
    "names": ["plan", "city"],
    "dtype": "from_dtype",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_columns_can_be_named_in_every_form_of_gradient_boosting(form):
    assert_array_equal(find_categorical(PandasFrame(X), form), FORMS["mask"])
    HistGradientBoostingClassifier(categorical_features=form, max_iter=1).fit(
        X.astype({"plan": "category"}), Y["click"]
    )
    model = MMoEClassifier(categorical_features=form, max_iter=1).fit(X, Y)
    assert_array_equal(model.is_categorical_, FORMS["mask"])


@pytest.mark.parametrize("nothing", [None, [], [False] * 5])
def test_no_column_need_be_categorical(nothing):
    numbers = X[["age", "debt", "owns", "age", "debt"]].to_numpy(dtype=float)
    assert (
        MMoEClassifier(categorical_features=nothing, max_iter=1).fit(numbers, Y).is_categorical_
        is None
    )


def test_objects_that_are_numbers_stay_numbers():
    table = pd.DataFrame({"a": [1, 2.5, None], "b": [1, 0, 1]}, dtype=object)
    assert find_categorical(PandasFrame(table), "from_dtype") is None


def test_columns_of_an_array_can_be_categorical_by_index():
    table = X[["age", "debt", "owns"]].to_numpy(dtype=float)
    codes = X["city"].cat.codes.to_numpy()[:, None]
    by_index = MMoEClassifier(
        categorical_features=[3],
        embedding_dim=None,
        numeric_encoding=None,
        max_iter=2,
        random_state=0,
    ).fit(np.hstack([table, codes]), Y)
    dense = MMoEClassifier(numeric_encoding=None, max_iter=2, random_state=0).fit(
        np.hstack([table, codes == [[0, 1, 2]]]), Y
    )
    assert_allclose(by_index.loss_curve_, dense.loss_curve_, rtol=1e-5)


def test_a_table_of_categories_only_needs_no_numbers():
    table = X[["city", "plan"]]
    model = MMoEClassifier(max_iter=60, learning_rate_init=3e-3, random_state=0)
    assert model.fit(table, Y).score(table, Y) > 0.7


BAD = {
    "a mask of another length": ([True, False], r"must have shape \(5,\)"),
    "an unknown name": (["town"], "columns \\['town'\\] that X does not have"),
    "an index too high": ([5], "indices from 0 to 4"),
    "a negative index": ([-1], "indices from 0 to 4"),
    "numbers with fractions": ([0.5], "all bools, all integers or all names"),
}


@pytest.mark.parametrize(("value", "message"), BAD.values(), ids=BAD)
def test_columns_that_are_not_there_are_an_error(value, message):
    with pytest.raises(ValueError, match=message):
        MMoEClassifier(categorical_features=value).fit(X, Y)


def test_names_need_a_table_with_names():
    with pytest.raises(ValueError, match="Pass a DataFrame, or indices"):
        MMoEClassifier(categorical_features=["city"]).fit(np.ones((4, 2)), [0, 1, 0, 1])


def test_a_sparse_matrix_has_no_categorical_columns():
    with pytest.raises(ValueError, match="encode the columns one-hot"):
        MMoEClassifier(categorical_features=[0]).fit(sparse.eye_array(4).tocsr(), [0, 1, 0, 1])


def test_dates_are_no_numbers():
    table = X.assign(day=pd.Timestamp("2026-01-01"))
    with pytest.raises(ValueError, match=r"columns \['day'\] hold dates"):
        MMoEClassifier().fit(table, Y)


def test_a_column_that_fit_has_not_seen_at_all_is_worth_a_warning():
    table = X.assign(size=np.arange(len(X)) % 3)
    model = MMoEClassifier(categorical_features=["size"], max_iter=1)
    table = table[["age", "size"]]
    model.fit(table, Y)
    with pytest.warns(UserWarning, match="no value of the categorical column 'size'"):
        model.predict(table.astype({"size": str}))


def test_rows_in_lists_keep_their_missing_values():
    rows = [["a", 1.0], [np.nan, 2.0], ["b", 3.0]] * 4
    model = MMoEClassifier(categorical_features=[0], max_iter=1).fit(rows, [0, 1, 0] * 4)
    assert model._model.reader.n_codes == [3, 3]  # knots; two categories, and a missing value
    assert len(model.predict(rows)) == 12


def test_shapes_are_checked_as_ever():
    model = MMoEClassifier(max_iter=1).fit(X[["city"]], Y)
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X[["city"]].head(0))
    with pytest.raises(ValueError, match="2D array"):
        MMoEClassifier(categorical_features=[0]).fit(np.ones(4), [0, 1, 0, 1])
    model = MMoEClassifier(categorical_features=[0], max_iter=1).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="encode the columns one-hot"):
        model.predict(sparse.eye_array(4).tocsr())


def test_predictions_leave_the_estimator_as_it_is():
    model = MMoEClassifier(max_iter=1).fit(X, Y)
    before = pickle.dumps(model._model.reader)
    model.predict(X.astype({"city": pd.CategoricalDtype(["Rome", "Oslo", "Bern"])}))
    assert pickle.dumps(model._model.reader) == before


def test_a_network_of_the_users_own_stands_behind_the_embeddings():
    class Wide(MMoE):
        pass

    model = MMoEClassifier(max_iter=1, net_params={"module": Wide}).fit(X, Y)
    assert type(model.net_.network) is Wide


def test_missing_numbers_are_an_error_where_the_network_reads_them_as_they_are():
    table = X.copy()
    table.loc[0, "age"] = np.nan
    with pytest.raises(ValueError, match="MMoEClassifier does not accept missing values"):
        MMoEClassifier(numeric_encoding=None).fit(table, Y)


def test_a_failed_fit_leaves_the_columns_as_they_were():
    model = MMoEClassifier(max_iter=1, random_state=0).fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X[["city"]].head(5), Y)
    assert_array_equal(model.predict_proba(X), before)


def test_columns_must_be_those_of_fit():
    model = MMoEClassifier(max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"city": "town"}))


def test_a_stream_knows_the_categories_that_its_dtype_declares():
    dtype = pd.CategoricalDtype(["Bern", "Oslo", "Rome"])
    first = pd.DataFrame({"city": pd.Categorical(["Bern", "Oslo"], dtype=dtype)})
    later = pd.DataFrame({"city": pd.Categorical(["Rome", "Rome"], dtype=dtype)})
    model = MMoEClassifier(random_state=0)
    model.partial_fit(first, [0, 1], classes=[0, 1])
    before = model.predict_proba(later)[0, 1]
    for _ in range(20):
        model.partial_fit(later, [1, 1])
    assert model.predict_proba(later)[0, 1] > before
    assert model._model.reader.n_codes == [4]  # and one for what may be missing later


def test_fit_knows_the_categories_that_occur():
    dtype = pd.CategoricalDtype(["Bern", "Oslo", "Rome"])
    table = pd.DataFrame({"city": pd.Categorical(["Bern", "Oslo"], dtype=dtype)})
    model = MMoEClassifier(max_iter=1).fit(table, [0, 1])
    assert model._model.reader.n_codes == [2]


@pytest.mark.parametrize("embedding_dim", [4, None])
def test_a_saved_model_knows_its_columns(tmp_path, embedding_dim):
    model = MMoEClassifier(embedding_dim=embedding_dim, max_iter=2, random_state=0).fit(X, Y)
    model.set_params(embedding_dim=3, category_smooth=1e6)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    X_test = make_frame(20, seed=1)[0]
    assert_array_equal(again.predict_proba(X_test), model.predict_proba(X_test))
    assert_array_equal(again.is_categorical_, model.is_categorical_)


def test_pipelines_hand_categories_through():
    scaled = make_column_transformer(
        (StandardScaler(), ["age", "debt"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = MMoEClassifier(max_iter=5, random_state=0)
    table = scaled.fit_transform(X)
    assert clone(model).fit(table, Y).is_categorical_.sum() == 2
    assert len(cross_val_score(model, table, Y["click"], cv=2)) == 2


def test_early_stopping_splits_encoded_tables():
    model = MMoEClassifier(early_stopping=True, max_iter=3, random_state=0).fit(X, Y)
    assert len(model.validation_scores_) == 3
    model.fit(X, Y, X_val=X.head(40), y_val=Y.head(40))
    assert len(model.validation_scores_) == 3
