"""How a report is written: one HTML file without anything from outside."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import Any

import pandas as pd

_DPI = 110

_PAGE = Template(
    """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8888; }
nav a { margin-right: 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #8886; text-align: right; }
th:first-child, td:first-child { text-align: left; }
td { overflow-wrap: anywhere; }
figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; background: white; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p>$lead</p>
<nav aria-label="Sections">$links</nav>
$sections
</main>
</body>
</html>
"""
)


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Parameters
    ----------
    title : str
        The heading.
    text : str
        What the reader sees here, as plain text.
    parts : sequence of str
        Tables and pictures, as HTML.
    """

    title: str
    text: str
    parts: Sequence[str]


def write_page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """Return the page. Titles and texts are escaped.

    Parameters
    ----------
    title, lead : str
        The heading of the page and the sentence below it.
    sections : sequence of Section
        The sections.

    Returns
    -------
    str
        The HTML.
    """
    anchors = [section.title.lower().replace(" ", "-") for section in sections]
    links = [
        f'<a href="#{anchor}">{escape(section.title)}</a>'
        for anchor, section in zip(anchors, sections, strict=True)
    ]
    bodies = [
        f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n'
        f"<p>{escape(section.text)}</p>\n" + "\n".join(section.parts) + "\n</section>"
        for anchor, section in zip(anchors, sections, strict=True)
    ]
    return _PAGE.substitute(
        title=escape(title), lead=escape(lead), links=" ".join(links), sections="\n".join(bodies)
    )


def picture(display: Any, description: str) -> str:
    """Return the figure of a display as an image within the page, and close it.

    Parameters
    ----------
    display : display
        A display that was drawn.
    description : str
        What the picture shows, for readers who cannot see it.

    Returns
    -------
    str
        The HTML.
    """
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    display.figure_.savefig(buffer, format="png", dpi=_DPI)
    plt.close(display.figure_)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    alt = escape(description, quote=True)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{alt}"></figure>'


def table(frame: pd.DataFrame) -> str:
    """Return a table as HTML, with its cells escaped.

    Parameters
    ----------
    frame : DataFrame
        The table. Numbers are written with four digits.

    Returns
    -------
    str
        The HTML.
    """
    with pd.option_context("display.max_colwidth", None):
        html = frame.to_html(
            index=False, border=0, na_rep="", float_format="{:.4f}".format, justify="unset"
        )
    return f'<div class="scroll" tabindex="0">{html}</div>'
