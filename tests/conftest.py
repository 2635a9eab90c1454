"""What all tests share: one thread, and small tables with several tasks."""

import importlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import make_classification

# Tests run in parallel processes: more threads in each would only fight for cores.
torch.set_num_threads(1)


def find_data(pattern):
    """Return the folder of data sets, if it has a file, or skip."""
    here = Path(__file__).resolve().parents[2] / "shared" / "data"
    home = Path(os.environ.get("SK_MMOE_DATA", here))
    if not list(home.glob(pattern)):
        pytest.skip(f"needs the files {pattern}: set SK_MMOE_DATA to the folder they are in")
    return home


@pytest.fixture(scope="session")
def census_home():
    """Return the folder with the real Census-Income files, or skip."""
    return find_data("census_income/census-income.data*")


@pytest.fixture(scope="session")
def kuairand_home():
    """Return the folder with the part of KuaiRand, or skip."""
    return find_data("kuairand/*.parquet")


@pytest.fixture
def load_benchmark(monkeypatch):
    """Return what imports a file of the benchmarks, which are not installed."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def table():
    """Return standardised inputs and a frame of a binary, a string and a numeric task."""
    X, click = make_classification(
        400, n_features=8, n_informative=6, n_redundant=0, random_state=0
    )
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    level = np.select([X[:, 0] < -0.5, X[:, 0] < 0.5], ["low", "middle"], "high")
    watch_time = 60 + 100 * X[:, 1] + 20 * click
    y = pd.DataFrame({"click": click, "level": level, "watch_time": watch_time})
    X = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    return X, y


@pytest.fixture
def X(table):
    """Return the inputs of the table."""
    return table[0]


@pytest.fixture
def y(table):
    """Return the two tasks with classes."""
    return table[1][["click", "level"]]


@pytest.fixture
def y_mixed(table):
    """Return the tasks of all kinds."""
    return table[1]
