"""Predictions for a table of Spark, in local mode."""

import shutil
import sys

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sk_mmoe import MMoEClassifier, load_model, save_model

sql = pytest.importorskip("pyspark.sql")

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")


@pytest.fixture
def spark(monkeypatch):
    """Return a session with two workers on this machine."""
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1"}
    builder = sql.SparkSession.builder.master("local[2]").config(map=settings)
    with builder.getOrCreate() as session:
        yield session


def test_a_spark_table_is_predicted_part_by_part(spark, X, y, tmp_path):
    sector = (X["x2"] < 0).map({True: "farm", False: "shop"})
    X = X.assign(x0=X["x0"].mask(X["x0"] > 1.5), sector=sector)
    model = MMoEClassifier(max_iter=2, random_state=0).fit(X, y)
    path = str(tmp_path / "model.safetensors")
    save_model(model, path)

    def probabilities(parts):
        """Yield the row and the probability of the last class of each task."""
        model = load_model(path, device="cpu")
        for part in parts:
            probas = model.predict_proba(part.drop(columns="row"))
            found = zip(model.task_names_, probas, strict=True)
            scores = {name: proba[:, -1] for name, proba in found}
            yield pd.DataFrame({"row": part["row"], **scores})

    table = spark.createDataFrame(X.rename_axis("row").reset_index()).repartition(3)
    schema = "row long, click float, level float"
    found = table.mapInPandas(probabilities, schema=schema).toPandas().set_index("row")
    expected = [proba[:, -1] for proba in model.predict_proba(X)]
    for name, proba in zip(model.task_names_, expected, strict=True):
        assert_allclose(found[name].sort_index(), proba, rtol=1e-5)
