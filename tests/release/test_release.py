"""A release in order: one version, how to cite it, and model files that stay readable."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

import sk_mmoe
from sk_mmoe import load_model

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STORED = sorted((HERE / "models").glob("*/*.safetensors"))


@pytest.fixture(scope="module")
def citation():
    """Return what CITATION.cff says."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


@pytest.fixture(scope="module")
def writer():
    """Return the script that wrote the stored models."""
    spec = importlib.util.spec_from_file_location("write_models", HERE / "write_models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_citation_is_of_this_version(citation):
    assert citation["version"] == sk_mmoe.__version__
    assert citation["title"] == "sk_mmoe"
    assert citation["license"] in (ROOT / "pyproject.toml").read_text()


def test_the_citation_names_the_paper(citation):
    (paper,) = citation["references"]
    assert f"https://doi.org/{paper['doi']}" in (ROOT / "README.md").read_text()
    assert paper["title"] in re.sub(r"\s+", " ", sk_mmoe.__doc__)
    assert f"KDD {paper['year']}" in sk_mmoe.__doc__


def test_the_version_is_written_in_one_place():
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()
    assert "release = sk_mmoe.__version__" in (ROOT / "docs/conf.py").read_text()


def test_the_version_has_a_page_of_changes_and_stored_models():
    page = sk_mmoe.__version__.rpartition(".")[0]
    assert (ROOT / f"docs/changes/{page}.rst").exists()
    assert [path for path in STORED if path.parent.name == sk_mmoe.__version__]


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_models_of_earlier_releases_predict_what_they_did(path, writer):
    stored = json.loads(path.with_suffix(".json").read_text())
    X = writer.from_json(stored["rows"])
    model = load_model(path)
    assert model.task_kinds_ == stored["kinds"]
    now = writer.predictions(model, X)
    for row, before in zip(now["predict"], stored["predict"], strict=True):
        same_values(row, before)
    for proba, before in zip(
        now.get("predict_proba", []), stored.get("predict_proba", []), strict=True
    ):
        if before is None:
            assert proba is None
        else:
            # Processors and releases of torch round float32 differently.
            assert_allclose(proba, before, rtol=1e-4, atol=1e-5)


def same_values(row, before):
    """Assert that a prediction is as before: labels exactly, numbers up to rounding."""
    row, before = ([part] if not isinstance(part, list) else part for part in (row, before))
    for value, old in zip(row, before, strict=True):
        if isinstance(old, float):
            assert_allclose(value, old, rtol=1e-4, atol=1e-5)
        else:
            assert_array_equal(value, old)
