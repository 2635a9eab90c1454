"""The built documentation, read once: ``nox -s docs`` builds it, ``nox -s site`` checks it."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

HTML = Path(__file__).parents[2] / "docs" / "_build" / "html"


@pytest.fixture(scope="session")
def html():
    """Return the folder of the built pages."""
    if not (HTML / "index.html").exists():
        pytest.fail("the documentation is not built. Run `nox -s docs` first.")
    return HTML


@pytest.fixture(scope="session")
def pages(html):
    """Return the parsed pages by their paths."""
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(html.rglob("*.html"))
        if "_static" not in path.parts and "_downloads" not in path.parts
    }
