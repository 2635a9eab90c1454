"""The base of all kinds of columns: what a network reads of one column of a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from sk_mmoe.columns._cells import Role


@dataclass(frozen=True)
class ColumnSettings:
    """The parameters of an estimator that decide how columns are read.

    Parameters
    ----------
    n_knots : int, "auto" or None, default=None
        The largest number of knots of a numeric column. `None`: the network reads numbers as they
        are.
    scales_numbers : bool, default=False
        Whether the network also reads each number standardised.
    one_hot : bool, default=False
        Whether the network reads one column for each code, rather than an embedding.
    smooth : float, default=0.0
        The number of training rows with which a category has half of its vector.
    of_stream : bool, default=False
        Whether the training table is only the first chunk of a stream.
    """

    n_knots: int | str | None = None
    scales_numbers: bool = False
    one_hot: bool = False
    smooth: float = 0.0
    of_stream: bool = False


@dataclass(frozen=True)
class ColumnInfo:
    """What is known of a training column before its values are read.

    Parameters
    ----------
    name : object
        The name of the column, or its number where it has no name.
    dtype : object
        The dtype, of narwhals for tables of other libraries than pandas.
    role : Role
        What its dtype, or its cells where the dtype leaves it open, can be read as.
    is_categorical : bool
        Whether the column is categorical, by its dtype or because the user says so.
    """

    name: Any
    dtype: Any
    role: Role
    is_categorical: bool

    @property
    def is_numeric(self) -> bool:
        """Whether the column is to be read as numbers; labels such as "1.5" can be."""
        return not self.is_categorical and self.role in (Role.NUMBER, Role.LABEL)


class Slots(NamedTuple):
    """Where the values of a column lie among the codes of that column.

    A network has a learned vector for each code. The vector of a value is the sum over its slots of
    weight times vector; code -1 stands for a vector of zeros.

    Parameters
    ----------
    codes : ndarray of int of shape (n_slots, n_samples)
        The codes.
    weights : ndarray of float of shape (n_samples,) or None
        Of two slots the weight of the second; the first has the rest. `None`, where there is one
        slot: a weight depends on the code alone, as :meth:`Column.code_weights` says.
    """

    codes: np.ndarray
    weights: np.ndarray | None = None


class Column(ABC):
    """How one column of a table is read.

    A kind of column is a subclass in a file of :mod:`sk_mmoe.columns.kinds`, and a line of its
    registry.

    Attributes
    ----------
    kind : str
        The name of the kind in saved models.
    n_slots : {0, 1, 2}
        The number of slots of a value.
    n_numbers : int
        The number of plain numbers that the network reads of the column.
    reads : {"numbers", "labels", "cells"}
        In which form the column is read: as an array of float, where NaN is a missing number; as
        :class:`~sk_mmoe.columns._frame.Labels`; or as a list of its cells, where a missing one is
        `None`, NaN, `pd.NA` or `pd.NaT`.
    """

    kind: ClassVar[str]
    n_slots: int = 0
    n_numbers: int = 0
    reads: ClassVar[Literal["numbers", "labels", "cells"]]

    @classmethod
    @abstractmethod
    def takes(cls, column: ColumnInfo, settings: ColumnSettings) -> bool:
        """Return whether a column is of this kind.

        Parameters
        ----------
        column : ColumnInfo
            The dtype and the role of the column.
        settings : ColumnSettings
            How columns are read.

        Returns
        -------
        bool
            Whether it is.
        """

    @classmethod
    @abstractmethod
    def learn(cls, values: Any, settings: ColumnSettings) -> Column:
        """Return how a training column is read.

        Parameters
        ----------
        values : ndarray of float of shape (n_samples,), Labels or list
            The column, as `reads` says.
        settings : ColumnSettings
            How columns are read.

        Returns
        -------
        Column
            What was learned.
        """

    @property
    def n_codes(self) -> int:
        """The number of codes of the column."""
        return 0

    @property
    def allows_missing(self) -> bool:
        """Whether a number may be missing."""
        return True

    def code_weights(self) -> np.ndarray:
        """Return the weight of each code of a column with one slot.

        Returns
        -------
        ndarray of float of shape (n_codes,)
            The weights.
        """
        return np.ones(self.n_codes)

    def read(self, values: Any, name: Any = None) -> Slots:
        """Return the slots of a column's values.

        Parameters
        ----------
        values : ndarray of float of shape (n_samples,), Labels or list
            The column, as `reads` says.
        name : object, default=None
            The name of the column, for messages.

        Returns
        -------
        Slots
            The slots.
        """
        raise NotImplementedError

    def read_numbers(self, values: Any, name: Any = None) -> np.ndarray:
        """Return the plain numbers that a network reads of a column.

        Parameters
        ----------
        values : ndarray of float of shape (n_samples,), Labels or list
            The column, as `reads` says.
        name : object, default=None
            The name of the column, for messages.

        Returns
        -------
        ndarray of float of shape (n_samples,) or (n_samples, n_numbers)
            The numbers.
        """
        raise NotImplementedError

    def read_one(self, value: Any) -> tuple[Any, ...] | None:
        """Return what :meth:`read` or :meth:`read_numbers` would give for a single value.

        It is optional. A table of one row is read in a tenth of the time so.

        Parameters
        ----------
        value : float or object
            The number or label.

        Returns
        -------
        tuple or None
            The numbers; then the code, or two codes and the weight of the second. `None` leaves the
            value to the other methods.
        """
        return None

    def find_unseen(self, values: Any) -> list[Any]:
        """Return the labels of a column that have no code, though they are not missing.

        Parameters
        ----------
        values : Labels
            The column.

        Returns
        -------
        list
            The labels.
        """
        return []

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what was learned, as plain values and arrays.

        Returns
        -------
        dict
            The arguments of the constructor.
        """
