"""Run the examples of the pages in an empty folder, and "Get started" only where its data are."""

import matplotlib.pyplot as plt
import pytest

from sk_mmoe.datasets._files import data_folder

if not list(data_folder("census_income", None).glob("census-income.*")):
    collect_ignore = ["getting_started.rst"]

plt.switch_backend("agg")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Keep what an example writes out of the repository."""
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")
