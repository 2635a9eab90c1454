"""A new kind of column is one class and one line of the registry: dates, and lists of tags."""

import datetime
import pickle
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe import MMoEClassifier, load_model, save_model
from sk_mmoe.columns._cells import Role
from sk_mmoe.columns._column import Column
from sk_mmoe.columns.kinds import _registry


class Dates(Column):
    """Dates as years since the first one, and the time of the year as a point on a circle."""

    kind: ClassVar[str] = "dates"
    reads: ClassVar[str] = "cells"
    n_numbers = 3

    def __init__(self, first):
        self.first = first

    @classmethod
    def takes(cls, column, settings):
        return column.role is Role.DATE

    @classmethod
    def learn(cls, values, settings):
        return cls(min(values).toordinal())

    def read_numbers(self, values, name=None):
        years = np.array([(day.toordinal() - self.first) / 365.25 for day in values])
        return np.column_stack([years, np.sin(2 * np.pi * years), np.cos(2 * np.pi * years)])

    def describe(self):
        return {"first": self.first}


class Tags(Column):
    """Lists of tags, as one number for each tag."""

    kind: ClassVar[str] = "tags"
    reads: ClassVar[str] = "cells"

    def __init__(self, tags):
        self.tags = list(tags)
        self.n_numbers = len(self.tags)

    @classmethod
    def takes(cls, column, settings):
        return column.role is Role.NESTED

    @classmethod
    def learn(cls, values, settings):
        return cls(sorted({tag for tags in values for tag in tags}))

    def read_numbers(self, values, name=None):
        return np.array([[float(tag in tags) for tag in self.tags] for tags in values])

    def describe(self):
        return {"tags": self.tags}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Enter both kinds in the registry."""
    monkeypatch.setattr(_registry, "KINDS", (Dates, Tags, *_registry.KINDS))


N_ROWS = 200
RNG = np.random.default_rng(0)
DAYS = [
    datetime.date(2024, 1, 1) + datetime.timedelta(int(day)) for day in RNG.integers(0, 900, N_ROWS)
]
TAGS = [
    RNG.choice(["jazz", "live", "new"], size, replace=False).tolist()
    for size in RNG.integers(0, 4, N_ROWS)
]
COLUMNS = {
    "age": RNG.normal(size=N_ROWS),
    "day": DAYS,
    "city": RNG.choice(["Bern", "Oslo"], N_ROWS).tolist(),
    "tags": TAGS,
}
LABELS = np.column_stack([["live" in tags for tags in TAGS], [day.month < 7 for day in DAYS]])
LIBRARIES = pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pa.table])


@LIBRARIES
@pytest.mark.parametrize("parameters", [{}, {"embedding_dim": None}, {"numeric_encoding": None}])
def test_a_new_kind_says_what_the_network_reads(learn, read, library, parameters):
    table = library(COLUMNS)
    reader = learn(table, **parameters)
    arrays = read(reader, table)
    years = np.array([(day - min(DAYS)).days for day in DAYS]) / 365.25
    tags = np.array([[tag in row for tag in ("jazz", "live", "new")] for row in TAGS])
    numbers = arrays[0][:, 1:7]  # the first one is the age
    assert_allclose(numbers[:, 0], years, rtol=1e-6)
    assert_allclose(
        numbers[:, 1:3],
        np.column_stack([np.sin(2 * np.pi * years), np.cos(2 * np.pi * years)]),
        atol=1e-6,
    )
    assert_array_equal(numbers[:, 3:], tags)
    assert reader.network_inputs()["n_features"] == reader.read(table, dtype="float32").shape[1]


@LIBRARIES
def test_estimators_learn_from_columns_of_a_new_kind(library, tmp_path):
    table = library(COLUMNS)
    model = MMoEClassifier(max_iter=20, learning_rate_init=1e-2, random_state=0).fit(table, LABELS)
    assert model.score(table, LABELS) > 0.95
    expected = model.predict_proba(table)
    row = table.iloc[[7]] if isinstance(table, pd.DataFrame) else table[7:8]
    save_model(model, tmp_path / "model.safetensors")
    for copy in (
        model,
        pickle.loads(pickle.dumps(model)),
        load_model(tmp_path / "model.safetensors"),
    ):
        for one, whole in zip(copy.predict_proba(row), expected, strict=True):
            assert_array_equal(one, whole[[7]])


def test_the_kind_of_a_column_can_depend_on_its_dtype(learn, monkeypatch):
    class Halves(_registry.KINDS[-1]):
        @classmethod
        def takes(cls, column, settings):
            return column.dtype == np.float16

    monkeypatch.setattr(_registry, "KINDS", (Halves, *_registry.KINDS))
    table = pd.DataFrame({"half": np.ones(3, np.float16), "age": np.ones(3)})
    assert [type(column) is Halves for column in learn(table).columns] == [True, False]
