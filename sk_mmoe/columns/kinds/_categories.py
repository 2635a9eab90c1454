"""A categorical column's categories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from sk_mmoe.columns._cells import Role, find_role, is_missing, kind_of
from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings, Slots
from sk_mmoe.columns._frame import Labels
from sk_mmoe.columns._roles import refuse_role
from sk_mmoe.columns._warn import warn_user

_FLOATS: dict[int, Any] = {64: np.float64, 32: np.float32, 16: np.float16}
_CATEGORICAL = (Role.NUMBER, Role.LABEL, Role.DATE_STRING)

# With so many rows, unseen categories alone are no chance.
_MANY = 20


class Categories(Column):
    """A column of labels with one slot: the category of a value.

    Values are looked up by equality, so that 1, 1.0 and True are one category, whatever the dtypes
    of `fit` and `predict`. Numbers with fractions are compared in the lower of both precisions.

    Parameters
    ----------
    labels : sequence
        The categories.
    has_missing : bool
        Whether missing values have a code, after those of the categories.
    weights : array-like of float of shape (n_codes,)
        The weight of each category's vector: less, the fewer rows taught it.
    n_bits : {64, 32, 16}, default=64
        The precision of categories that are numbers with fractions.
    """

    kind: ClassVar[str] = "categories"
    n_slots: int = 1
    reads: ClassVar[Literal["labels"]] = "labels"

    def __init__(
        self, labels: Sequence[Any], has_missing: bool, weights: Any, n_bits: int = 64
    ) -> None:
        self.labels = list(labels)
        self.has_missing = has_missing
        self.weights = np.asarray(weights, dtype=np.float64)
        self.n_bits = n_bits
        self._set_lookups()

    def _set_lookups(self) -> None:
        """Set what follows from the categories."""
        self._missing = len(self.labels) if self.has_missing else -1
        self._codes = {label: code for code, label in enumerate(self.labels)}
        self._kinds = {kind_of(type_) for type_ in set(map(type, self.labels))}
        self._last_lookup: tuple[Any, np.ndarray] = (None, np.empty(0, dtype=np.int32))

    @classmethod
    def takes(cls, column: ColumnInfo, settings: ColumnSettings) -> bool:
        """Return whether a column is categorical, and its cells can be."""
        return column.is_categorical and column.role in _CATEGORICAL

    @classmethod
    def learn(cls, values: Labels, settings: ColumnSettings) -> Categories:
        """Return the categories of a training column, sorted where they can be.

        In a stream, categories that a dtype declares count where they do not occur, no category is
        known to be rare, and missing values may come later. A one-hot column is read whole, too.
        """
        labels, counts = values.values, values.tally()
        if not (settings.of_stream and values.is_declared):
            labels = [labels[place] for place in np.flatnonzero(counts[:-1]).tolist()]
        known = list(dict.fromkeys(_plain(label) for label in labels if not is_missing(label)))
        with suppress(TypeError):  # labels of several kinds
            known.sort()
        has_missing = (
            settings.of_stream or bool(counts[-1]) or any(is_missing(label) for label in labels)
        )
        n_bits = min((_bits_of(label, values.n_bits) for label in labels), default=64)
        column = cls(known, has_missing, np.ones(len(known) + has_missing), n_bits)
        if not (settings.of_stream or settings.one_hot):
            codes = np.array([*column._find_labels(values.values, values.n_bits), column._missing])
            occurs = counts > 0
            counts = np.bincount(codes[occurs], counts[occurs], minlength=column.n_codes)
            column.weights = counts / (counts + settings.smooth)
        return column

    @property
    def n_codes(self) -> int:
        """The number of categories, and one more for missing values."""
        return len(self.labels) + self.has_missing

    def code_weights(self) -> np.ndarray:
        """Return the weight of each category's vector."""
        return self.weights

    def describe(self) -> dict[str, Any]:
        """Return the categories and their weights."""
        return {
            "labels": self.labels,
            "has_missing": self.has_missing,
            "weights": self.weights,
            "n_bits": self.n_bits,
        }

    def read(self, values: Labels, name: Any = None) -> Slots:
        """Return the code of each value, -1 for an unseen one."""
        codes = self._find(values)
        if (codes < 0).any():
            self._warn_of_unseen(values, codes, name)
        return Slots(codes[None])

    def read_one(self, value: Any) -> tuple[int] | None:
        """Return the code of a value, -1 for an unseen one, unless that takes a closer look."""
        try:
            code = self._codes.get(value)
        except TypeError:  # a list, for instance
            return None
        if code is not None:
            return (code,)
        if value is None or value is pd.NA or (isinstance(value, float) and value != value):
            return (self._missing,)
        return (-1,) if isinstance(value, str) and "string" in self._kinds else None

    def _find(self, values: Labels) -> np.ndarray:
        """Return the code of each value."""
        known, lookup = self._last_lookup
        if known is not values.values:
            # Of many strings only the distinct ones are looked up, and once for tables of one
            # dtype. The last place is that of a missing value.
            lookup = np.array(
                [*self._find_labels(values.values, values.n_bits), self._missing], dtype=np.int32
            )
            if values.is_declared:
                self._last_lookup = values.values, lookup
        codes: np.ndarray = lookup[values.codes]
        return codes

    def _find_labels(self, labels: Iterable[Any], n_bits: int) -> list[int]:
        """Return the code of each label."""
        labels = list(labels)
        codes = [self._codes.get(label, -1) for label in labels]
        rounded: dict[int, dict[float, int]] = {}
        for place, (label, code) in enumerate(zip(labels, codes, strict=True)):
            if code >= 0:
                continue
            if is_missing(label):
                codes[place] = self._missing
                continue
            bits = _bits_of(label, n_bits)
            plain = _plain(label)
            codes[place] = self._codes.get(plain, -1)
            if isinstance(plain, float) and codes[place] < 0 and bits != self.n_bits:
                bits = min(bits, self.n_bits)
                if bits not in rounded:
                    rounded[bits] = self._round(bits)
                codes[place] = rounded[bits].get(float(_FLOATS[bits](plain)), -1)
        return codes

    def _round(self, n_bits: int) -> dict[float, int]:
        """Return the codes of numbers with fractions in lower precision."""
        rounded: dict[float, int] = {}
        with np.errstate(over="ignore"):
            for label, code in self._codes.items():
                if isinstance(label, float):  # two that become one are neither
                    number = float(_FLOATS[n_bits](label))
                    rounded[number] = -1 if number in rounded else code
        return rounded

    def find_unseen(self, values: Labels, codes: np.ndarray | None = None) -> list[Any]:
        """Return the labels that are no category."""
        codes = self._find(values) if codes is None else codes
        places = np.unique(values.codes[(codes < 0) & (values.codes >= 0)]).tolist()
        unseen = (values.values[place] for place in places)
        return [_plain(label) for label in unseen if not is_missing(label)]

    def _warn_of_unseen(self, values: Labels, codes: np.ndarray, name: Any) -> None:
        """Warn of values that can be no category, or of a whole table without a category."""
        unseen = self.find_unseen(values, codes)
        if not unseen:
            return
        others = {type_ for type_ in set(map(type, unseen)) if kind_of(type_) not in self._kinds}
        strange = [label for label in unseen if type(label) in others]
        all_unseen = (codes < 0).all()
        if self.labels and strange:
            refuse_role(find_role(strange), [name])
            label, known = strange[0], self.labels[0]
            warn_user(
                f"{'no' if all_unseen else 'not every'} value of the categorical column {name!r} "
                f"was seen by fit: it holds {label!r} of type {type(label).__name__}, and the "
                f"categories are of type {type(known).__name__}, such as {known!r}. Such values "
                "are read as unseen categories. Convert the column to the type that fit saw."
            )
        elif all_unseen and len(codes) >= _MANY:
            warn_user(
                f"no value of the categorical column {name!r} was seen by fit: values such as "
                f"{unseen[0]!r} are read as unseen categories. Check that it is the column "
                "that fit saw."
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave lookups out of copies and pickles."""
        return self.describe()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the column of a copy or pickle."""
        self.__init__(**state)  # type: ignore[misc]


def _plain(label: Any) -> Any:
    """Return a scalar of NumPy, or a number that is exact, as the usual one of Python."""
    if isinstance(label, Decimal | Fraction):
        number = float(label)
        return int(label) if number.is_integer() and label == int(label) else number
    return label.item() if isinstance(label, np.generic) else label


def _bits_of(label: Any, n_bits: int) -> int:
    """Return the precision of a label that may be a number with a fraction."""
    return min(8 * label.dtype.itemsize, 64) if isinstance(label, np.floating) else n_bits
