"""The registry of kinds of columns: a new kind is one file and one line here."""

from __future__ import annotations

from typing import Any

from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings
from sk_mmoe.columns.kinds._categories import Categories
from sk_mmoe.columns.kinds._knots import Knots
from sk_mmoe.columns.kinds._numbers import Numbers
from sk_mmoe.columns.kinds._scaled_numbers import ScaledNumbers

# A column is read by the first kind that takes it.
KINDS: tuple[type[Column], ...] = (
    Categories,
    ScaledNumbers,
    Knots,
    Numbers,
)


def find_kind(column: ColumnInfo, settings: ColumnSettings) -> type[Column] | None:
    """Return the kind of a column, `None` if no kind takes it."""
    return next((kind for kind in KINDS if kind.takes(column, settings)), None)


def restore_column(description: dict[str, Any]) -> Column:
    """Return the column that its `describe` described, under the name of its kind."""
    arguments = dict(description)
    kinds = {kind.kind: kind for kind in KINDS}
    return kinds[arguments.pop("kind")](**arguments)
