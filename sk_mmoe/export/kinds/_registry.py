"""The registry of the kinds of columns that can be exported: a new kind is a line here."""

from __future__ import annotations

from sk_mmoe.columns.kinds._categories import Categories
from sk_mmoe.columns.kinds._knots import Knots
from sk_mmoe.columns.kinds._numbers import Numbers
from sk_mmoe.columns.kinds._scaled_numbers import ScaledNumbers
from sk_mmoe.export.kinds._knots import KnottedNumbers
from sk_mmoe.export.kinds._number_columns import NumberColumns
from sk_mmoe.export.kinds._numbers import PlainNumbers
from sk_mmoe.export.kinds._scaled_numbers import StandardizedNumbers

# Columns that are read from numbers, by their kind. A program of torch reads them.
NUMBERS: dict[str, type[NumberColumns]] = {
    Numbers.kind: PlainNumbers,
    Knots.kind: KnottedNumbers,
    ScaledNumbers.kind: StandardizedNumbers,
}

# Columns that are read from labels, whose codes the program takes.
LABELS = (Categories.kind,)
