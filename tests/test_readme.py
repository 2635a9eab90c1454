"""The README keeps its promises."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks(language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)


def test_python_blocks_run_one_after_the_other():
    code = blocks("python")
    assert code
    namespace = {}
    for block in code:
        exec(compile(block, README.name, "exec"), namespace)


def test_test_command_is_marked_and_installs_the_tested_versions():
    (command,) = re.findall(
        r"<!-- test-command -->\n```bash\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE
    )
    assert "-c constraints.txt" in command
    assert "pytest" in command


@pytest.mark.parametrize("path", re.findall(r"\]\((?!\w+:|#)([^)#]+)", README.read_text()))
def test_relative_links_lead_somewhere(path):
    assert (README.parent / path).exists()
