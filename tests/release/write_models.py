"""Store one model of every kind in files that later releases must load.

Run it once per release, from the root of the repository, after the version has changed::

    python tests/release/write_models.py

For each model it writes a file of ``save_model``, and a JSON file with a few rows and the
predictions for them. ``test_release.py`` loads the files of all releases.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import sparse

import sk_mmoe
from sk_mmoe import save_model
from sk_mmoe.tasks._kinds import KINDS

MODELS = Path(__file__).with_name("models")
N_ROWS = 240
# A few rows to predict, among them gaps and values that training has not seen.
N_STORED = 12
SMALL = {
    "max_iter": 5,
    "learning_rate_init": 0.02,
    "random_state": 0,
    "embedding_dim": 2,
    "n_knots": 4,
    "batch_size": 32,
    "tower_hidden_layer_sizes": (3,),
}
MIXTURE = SMALL | {"n_experts": 2, "expert_hidden_layer_sizes": (4,)}
PLAIN = {name: value for name, value in SMALL.items() if "tower" not in name}
LAYERS = PLAIN | {"hidden_layer_sizes": (4,)}


def make_table():
    """Return columns of all kinds with gaps, and targets of all kinds, some of them missing."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 12, N_ROWS).round(1)
    visits = rng.poisson(3, N_ROWS)
    X = pd.DataFrame(
        {
            "age": np.where(rng.random(N_ROWS) < 0.1, np.nan, age),
            "income": rng.lognormal(10, 1, N_ROWS).round(),
            "visits": visits,
            "member": rng.random(N_ROWS) < 0.3,
            "sector": rng.choice(["farm", "school", "shop", None], N_ROWS),
            "level": pd.Categorical(rng.choice(["a", "b", "c"], N_ROWS)),
        }
    )
    y = pd.DataFrame(
        {
            "click": X["member"] ^ (rng.random(N_ROWS) < 0.2),
            "colour": np.select([age > 45, visits > 3, visits < 2], ["red", "blue", "green"], None),
            "stars": np.digitize(age, [30, 40, 50]),
            "watch_time": np.where(rng.random(N_ROWS) < 0.2, np.nan, age * 2 + visits),
            "orders": rng.poisson(visits + 0.5),
        }
    )
    return X, y


TASKS = {
    "click": "binary",
    "colour": "multiclass",
    "stars": "ordinal",
    "watch_time": "regression",
    "orders": "count",
}


def make_models():
    """Yield the name of each model, the unfitted estimator, and what it learns."""
    X, y = make_table()
    classes, numbers = y[["click", "colour"]], y[["watch_time", "orders"]]
    dense = X[["income", "visits"]].to_numpy(dtype=np.float64) / [1e4, 1]
    csr = sparse.csr_matrix(np.where(dense > 3, dense, 0))
    yield "all_kinds", sk_mmoe.MMoEMixedPredictor(tasks=TASKS, **MIXTURE), X, y
    yield "members", sk_mmoe.MMoEMixedPredictor(tasks=TASKS, n_members=2, **MIXTURE), X, y
    dselect = {"gate": "dselect_k", "gate_entropy": 0.1, "normalize_experts": True}
    yield "dselect_k", sk_mmoe.MMoEClassifier(**dselect, **MIXTURE), X, classes
    levels = {"gate": "top_k", "n_levels": 2, "trunk_hidden_layer_sizes": (4,)}
    yield "levels", sk_mmoe.MMoEClassifier(**levels, n_active_experts=1, **MIXTURE), X, classes
    yield "one_hot", sk_mmoe.OMoEClassifier(**MIXTURE | {"embedding_dim": None}), X, classes
    ple = {"n_shared_experts": 1, "n_task_experts": 1, "expert_hidden_layer_sizes": (4,)}
    yield "ple", sk_mmoe.PLERegressor(**ple, **SMALL), X, numbers
    bottom = sk_mmoe.SharedBottomRegressor(hidden_layer_sizes=(4,), dtype="float64", **SMALL)
    yield "arrays", bottom, dense, numbers.to_numpy()
    plain = LAYERS | {"numeric_encoding": None, "average": False}
    yield "single_task", sk_mmoe.SingleTaskRegressor(**plain), dense, numbers["orders"].to_numpy()
    yield "sparse", sk_mmoe.L2ConstrainedClassifier(**LAYERS), csr, classes
    two_layers = PLAIN | {"hidden_layer_sizes": (4, 3)}
    yield "cross_stitch", sk_mmoe.CrossStitchClassifier(**two_layers), X, classes
    yield "factors", sk_mmoe.TensorFactorizationClassifier(**LAYERS), X, classes


def to_json(X):
    """Return rows of a table as plain values."""
    if isinstance(X, pd.DataFrame):
        columns = {name: [None if pd.isna(v) else v for v in X[name].tolist()] for name in X}
        return {"columns": columns, "dtypes": {name: str(X[name].dtype) for name in X}}
    is_sparse = sparse.issparse(X)
    return {"array": (X.toarray() if is_sparse else X).tolist(), "sparse": is_sparse}


def from_json(rows):
    """Return the table that :func:`to_json` described."""
    if "columns" in rows:
        return pd.DataFrame(rows["columns"]).astype(rows["dtypes"])
    array = np.array(rows["array"])
    return sparse.csr_matrix(array) if rows["sparse"] else array


def predictions(model, X):
    """Return all that a model predicts, as plain values."""
    found = {"predict": model.predict(X).tolist()}
    if hasattr(model, "predict_proba"):
        probas = model.predict_proba(X)
        found["predict_proba"] = [p if p is None else p.tolist() for p in probas]
    return found


def strange(X):
    """Return the first rows, with a gap or an unseen value in each column of the first ones."""
    X = X[:N_STORED].copy()
    if isinstance(X, pd.DataFrame):
        X.loc[0, "sector"] = "mine"
        X.loc[1, "age"] = np.nan
        X.loc[2, "level"] = np.nan
        X.loc[3, "income"] = 1e9
    return X


def main():
    """Write all models of this release."""
    torch.set_num_threads(1)
    folder = MODELS / sk_mmoe.__version__
    folder.mkdir(parents=True, exist_ok=True)
    kinds, networks = set(), set()
    for name, estimator, X, y in make_models():
        model = estimator.fit(X, y)
        kinds |= set(model.task_kinds_)
        networks.add(type(model).network)
        save_model(model, folder / f"{name}.safetensors")
        rows = strange(X)
        stored = {"rows": to_json(rows), "kinds": model.task_kinds_} | predictions(model, rows)
        (folder / f"{name}.json").write_text(json.dumps(stored) + "\n")
    public = (getattr(sk_mmoe, name) for name in sk_mmoe.__all__)
    assert kinds == set(KINDS), f"no model has a task of the kinds {set(KINDS) - kinds}"
    absent = {cls.network for cls in public if isinstance(cls, type)} - networks
    assert not absent, f"no model has the networks {absent}"


if __name__ == "__main__":
    main()
