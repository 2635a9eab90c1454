"""Labels and categories that JSON has no type for, in JSON's types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd


class Kind(NamedTuple):
    """How the values of one type are written.

    Parameters
    ----------
    type : type
        The type. Values of its subclasses are not of this kind.
    take_apart : callable
        Function of a value that returns the parts that make it.
    put_together : callable
        Function of these parts that returns the value.
    """

    type: type
    take_apart: Callable[[Any], list[Any]]
    put_together: Callable[..., Any]


def _count(value: np.datetime64 | np.timedelta64) -> int:
    """Return a time as a number of its units."""
    return int(value.astype("int64"))


def _name_zone(zone: dt.tzinfo | None) -> str | float | None:
    """Return the name of a time zone, or its distance from UTC in seconds."""
    key = getattr(zone, "key", None) or getattr(zone, "zone", None)  # zoneinfo, pytz
    if zone is None or isinstance(key, str):
        return key
    offset = zone.utcoffset(None)
    if offset is None:
        raise TypeError(f"the time zone {zone!r} has no name, and cannot be saved.")
    return offset.total_seconds()


def _find_zone(name: str | float | None) -> dt.tzinfo | None:
    """Return the time zone of a name."""
    if name is None or isinstance(name, str):
        return None if name is None else ZoneInfo(name)
    return dt.timezone(dt.timedelta(seconds=name))


def _make_datetime(text: str, zone: str | float | None, fold: int) -> dt.datetime:
    """Return the datetime of a text, in a time zone."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=_find_zone(zone), fold=fold)


def _make_timestamp(value: int, unit: str, zone: str | float | None) -> pd.Timestamp:
    """Return the Timestamp of so many units since 1970, in a time zone."""
    stamp = pd.Timestamp(value, unit=unit, tz=None if zone is None else "UTC").as_unit(unit)
    return stamp if zone is None else stamp.tz_convert(_find_zone(zone))


KINDS = {
    "decimal": Kind(Decimal, lambda v: [str(v)], Decimal),
    "uuid": Kind(UUID, lambda v: [str(v)], UUID),
    "date": Kind(dt.date, lambda v: [v.isoformat()], dt.date.fromisoformat),
    "datetime": Kind(
        dt.datetime,
        lambda v: [v.replace(tzinfo=None).isoformat(), _name_zone(v.tzinfo), v.fold],
        _make_datetime,
    ),
    "timedelta": Kind(dt.timedelta, lambda v: [v.days, v.seconds, v.microseconds], dt.timedelta),
    "timestamp": Kind(
        pd.Timestamp,
        lambda v: [_count(v.to_datetime64()), v.unit, _name_zone(v.tzinfo)],
        _make_timestamp,
    ),
    "duration": Kind(
        pd.Timedelta,
        lambda v: [_count(v.to_timedelta64()), v.unit],
        lambda value, unit: pd.Timedelta(value, unit=unit).as_unit(unit),
    ),
    "period": Kind(
        pd.Period,
        lambda v: [v.ordinal, v.freqstr],
        lambda ordinal, freq: pd.Period(ordinal=ordinal, freq=freq),
    ),
    "interval": Kind(pd.Interval, lambda v: [v.left, v.right, v.closed], pd.Interval),
}
