"""What users can import, and what they need for it."""

import importlib
import pkgutil
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import sk_mmoe

DOCS = Path(__file__).resolve().parents[1] / "docs"
# The rooms of the code, such as sk_mmoe.estimators, are packages without a public name.
PUBLIC_MODULES = sorted(
    ["sk_mmoe"]
    + [
        f"sk_mmoe.{module.name}"
        for module in pkgutil.iter_modules(sk_mmoe.__path__)
        if hasattr(importlib.import_module(f"sk_mmoe.{module.name}"), "__all__")
    ]
)


def documented_names():
    """Return the full names that the API reference lists."""
    names, module = [], None
    for line in (DOCS / "api.rst").read_text().splitlines():
        if found := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif re.fullmatch(r"   [A-Za-z]\w*", line):
            names.append(f"{module}.{line.strip()}")
    return names


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_sorted_and_importable(name):
    module = importlib.import_module(name)
    # Ruff's order: names in capitals come first.
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name))
    for public in module.__all__:
        assert hasattr(module, public)


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_is_complete(name):
    module = importlib.import_module(name)
    own = {
        public
        for public, value in vars(module).items()
        if public[0] != "_"
        and getattr(value, "__module__", "").startswith("sk_mmoe")
        # What a module imports from a sibling is the sibling's.
        and (value.__module__ == name or hasattr(module, "__path__"))
    }
    assert own == set(module.__all__)


def test_api_reference_lists_everything_public_once():
    public = [
        f"{name}.{public}"
        for name in PUBLIC_MODULES
        for public in importlib.import_module(name).__all__
    ]
    assert sorted(documented_names()) == sorted(public)


def test_package_imports_without_extras():
    # An entry of None in sys.modules makes an import fail.
    code = f"""
import sys
extras = "matplotlib onnx onnxruntime onnxscript optuna rich safetensors skl2onnx"
for extra in extras.split():
    sys.modules[extra] = None
for module in {PUBLIC_MODULES}:
    __import__(module)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_types_are_shipped():
    assert resources.files("sk_mmoe").joinpath("py.typed").is_file()
