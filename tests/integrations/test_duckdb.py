"""Relations of DuckDB, as a LazyTable reads them."""

import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sk_mmoe import MMoEClassifier
from sk_mmoe.streaming import LazyTable

duckdb = pytest.importorskip("duckdb")


def test_a_relation_trains_and_predicts_as_the_table_that_it_selects(X, y, tmp_path):
    sector = (X["x2"] < 0).map({True: "farm", False: "shop"})
    rows = pd.concat([X.assign(sector=sector), y], axis=1)
    rows.to_parquet(tmp_path / "rows.parquet")
    relation = duckdb.sql(f"SELECT * FROM '{tmp_path}/*.parquet' WHERE x0 > -1")
    table = LazyTable(relation, targets=list(y))
    expected = rows[rows["x0"] > -1]
    assert len(table) == len(expected)
    model = MMoEClassifier(max_iter=2, n_members=1, random_state=0).fit(table)
    features = expected[table.feature_names]
    assert_array_equal(model.predict(table), model.predict(features))
    assert model.score(table) == model.score(features, expected[table.target_names])
    in_memory = LazyTable(expected, targets=list(y))
    again = MMoEClassifier(max_iter=2, n_members=1, random_state=0).fit(in_memory)
    assert_array_equal(again.predict_proba(features)[0], model.predict_proba(features)[0])
