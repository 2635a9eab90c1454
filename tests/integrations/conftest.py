"""What the tests of other tools share. Run them by ``nox -s integrations``."""

import importlib
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """Mark all tests of this folder, and let other packages warn."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture
def import_example(monkeypatch):
    """Return what imports a file of the folder ``examples``."""

    def load(folder, name):
        monkeypatch.syspath_prepend(Path(__file__).parents[2] / "examples" / folder)
        return importlib.import_module(name)

    return load
