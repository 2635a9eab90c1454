"""Cells and tables that several parts of the page on the paper have in common."""

from benchmarks._shared.tables import simple_table
from benchmarks.paper._statistics import verdict

NOT_RUN = "not run yet"
SHOWN = {True: "yes", False: "no", None: "cannot be told"}


def short(number):
    """Return a number without the zero before its point."""
    text = f"{number:.3g}"
    return text.removeprefix("0") if text.startswith("0.") else text.replace("-0.", "-.")


def with_interval(value, low, high):
    """Return a value with its interval."""
    return f"{short(value)} [{short(low)}, {short(high)}]"


def fixed(number, digits=4):
    """Return a number with some digits behind its point, and without the zero before it."""
    text = f"{round(number, digits) + 0.0:.{digits}f}"  # no zero is negative
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def counted(judged):
    """Return a verdict, and how many of its parts are so."""
    shown = [part["shown"] for part in judged["parts"]]
    return f"{judged['verdict']} ({sum(value is True for value in shown)} of {len(shown)})"


def with_verdict(parts):
    """Return parts with the verdict that follows from them."""
    return {"verdict": verdict(parts), "parts": parts}


def parts_table(parts, title, expected="Paper"):
    """Return the table of a list of statistics."""
    rows = [
        [
            part["statistic"],
            part["expected"],
            with_interval(part["value"], part["low"], part["high"]),
            SHOWN[part["shown"]],
        ]
        for part in parts
    ]
    return simple_table(rows, [title, expected, "Here [95 %]", "Shown"])
