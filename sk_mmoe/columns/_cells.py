"""What the cells of a column are: numbers, labels, dates, containers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd


class Role(Enum):
    """What a column of some dtype, or with some cells, can be read as."""

    NUMBER = "numbers"
    LABEL = "labels"
    DATE = "dates or times"
    DATE_STRING = "dates or times as strings"
    NESTED = "lists, dicts or other containers"
    COMPLEX = "complex numbers"


_DATES = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
    pd.Period,
    pd.offsets.BaseOffset,
)
# A tuple is as good a label as a string. A frozenset is hashable, too, but a set of things.
_CONTAINERS = (list, dict, set, frozenset, np.ndarray, pd.Series, pd.Index, pd.DataFrame)
_NUMBERS = (Number, Decimal, np.bool_)
_COMPLEX = (complex, np.complexfloating)

# The types of numbers and gaps in a row that need no closer look.
NUMBER_TYPES = frozenset(
    {
        *(float, int, bool, np.bool_, Decimal, type(None), type(pd.NA)),
        *(np.dtype(code).type for code in np.typecodes["AllInteger"] + "efd"),
    }
)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAYS = (
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}",  # 2026-01-31
    r"\d{1,2}([-/.])\d{1,2}\2\d{4}",  # 31.01.2026
    r"\d{1,2}/\d{1,2}/\d{2}",  # 01/31/26; with other signs it may be a code
    rf"\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}}",  # 31 January 2026
    rf"{_MONTH} \d{{1,2}},? \d{{4}}",  # Jan 31, 2026
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",  # 20260131
)
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?: ?[ap]m)?"  # 12:30
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?"
_IS_DATE = re.compile(
    rf"\s*(?:{_WEEKDAY}(?:{'|'.join(_DAYS)})(?:,?[T ]\d{{1,2}}:?\d{{2}}.*)?|{_TIME})\s*",
    re.IGNORECASE,
)


def find_role(cells: Iterable[Any]) -> Role:
    """Return what cells of several types can be read as.

    Parameters
    ----------
    cells : iterable
        The cells. Missing ones do not count.

    Returns
    -------
    Role
        Dates, containers and complex numbers where there is only one such cell; numbers if there is
        nothing else, or nothing at all; labels otherwise.
    """
    types = {type(cell) for cell in cells} - {type(None), type(pd.NA), type(pd.NaT)}
    for role, kinds in ((Role.NESTED, _CONTAINERS), (Role.DATE, _DATES)):
        if any(issubclass(type_, kinds) for type_ in types):
            return role
    if not all(issubclass(type_, _NUMBERS) for type_ in types):
        return Role.LABEL
    is_complex = any(issubclass(type_, _COMPLEX) for type_ in types)
    return Role.COMPLEX if is_complex else Role.NUMBER


def kind_of(type_: type) -> str:
    """Return what sort of label the values of a type are; labels of two sorts are never equal.

    Parameters
    ----------
    type_ : type
        The type.

    Returns
    -------
    str
        "number", "string", or the name of another type.
    """
    if issubclass(type_, str):
        return "string"
    is_real = issubclass(type_, _NUMBERS) and not issubclass(type_, _COMPLEX)
    return "number" if is_real else type_.__name__


def are_dates(labels: Iterable[Any]) -> bool:
    """Return whether labels are strings that all read as dates or times, such as "2026-01-31".

    Parameters
    ----------
    labels : iterable
        The distinct labels of a column.

    Returns
    -------
    bool
        Whether there are some and all do.
    """
    found = False
    for label in labels:
        if not isinstance(label, str) or _IS_DATE.fullmatch(label) is None:
            return False
        found = True
    return found


def is_missing(cell: Any) -> bool:
    """Return whether a cell is a missing value."""
    return cell is None or cell is pd.NA or cell is pd.NaT or cell != cell
