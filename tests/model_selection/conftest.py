"""What tests of searches share."""

import importlib
from pathlib import Path

import pytest
from sklearn.datasets import make_classification


@pytest.fixture
def peaks(monkeypatch):
    """Return the module with estimators of known scores, importable in other processes, too."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    module = importlib.import_module("peaks")
    monkeypatch.setattr(module.Peak, "n_fits", 0)
    return module


@pytest.fixture
def binary():
    """Return a small table with two classes."""
    return make_classification(60, n_features=4, random_state=0)
