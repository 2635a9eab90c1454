"""What the tests of columns share: a reader with the estimators' defaults, and what it reads."""

import pytest
from scipy import sparse

from sk_mmoe.columns._reader import TableReader

DEFAULTS = {
    "estimator_name": "MMoEClassifier",
    "dtype": "float32",
    "categorical_features": "from_dtype",
    "numeric_encoding": "auto",
    "n_knots": "auto",
    "embedding_dim": 8,
    "category_smooth": 20,
}


@pytest.fixture(scope="session")
def learn():
    """Return a function that learns a reader with the estimators' defaults, or other parameters."""

    def learn(X, **parameters):
        return TableReader.learn(X, **DEFAULTS | parameters)

    return learn


@pytest.fixture(scope="session")
def read():
    """Return a function that reads a table into arrays."""

    def read(reader, X, dtype="float32", **options):
        table = reader.read(X, dtype=dtype, **options)
        if hasattr(table, "levels"):
            return [part.numpy() for part in (*table._parts, table.level_shares)]
        return [table.toarray() if sparse.issparse(table) else table]

    return read
