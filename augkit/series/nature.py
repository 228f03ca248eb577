"""What a column of a table is by its name and its values: a signal, or a time, an id, a label."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from augkit.series.spread import Values, finite

_ROWS = 8
"""Rows from which on the values themselves tell a time axis or a code; fewer may look like one by chance."""

_TIME = re.compile("times?|timestamps?|tstamp|dates?|datetime|epoch|unixtime|year")
_TIME_WORD = re.compile("timestamp|datetime|date")
_TIME_WHOLE = re.compile("yr|month|day|hour|hr|minute|second|quarter|week|weekday|dayofweek")
_TIME_RISING = re.compile("t|ts|ds|elapsed|sec|seconds|millis|period")
_ID_WORD = re.compile("ids?|uid|uuid|guid|pid|serial|imei|identifier")
_ID = re.compile("index|idx|key|nr|no|number|row|rownames|obs")
_LABEL_WORD = re.compile(
    "labels?|class(es)?|categor(y|ies)|species|status|flags?|type|kind|codes?|fold|split|gender|sex"
)
_LABEL = re.compile(
    "target|cat|groups?|grp|state|mode|activity|subject|patient|user|person|participant|device|machine|site|station|"
    "session|trial|batch|cluster|fault|anomaly|alarm|event|quality"
)
_EPOCH = (6e8, 4.2e9)
"""Seconds since 1970 of the years 1989 to 2103."""


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        As it is shown; unlike that of any other column.
    header : str
        As the file has it; empty where it has none.
    position : int
        From 0.
    values : ndarray, shape (rows,), or None
        NaN where a cell holds no number; None for a column without numbers.
    whole : bool
        Whether all numbers are written as integers.
    resolution : float
        Smallest step that its writing can show; 0 if unknown.
    nature : str or None
        Why it is to be left alone, where its format already knows: "text", "time stamps", "boolean", "id", "empty".
    """

    name: str
    header: str
    position: int
    values: Values | None
    whole: bool = False
    resolution: float = 0.0
    nature: str | None = None

    @property
    def word(self) -> str | int:
        """What names the column's random stream: its name, or its position where it has none."""
        return self.name if self.header else self.position


def why_left(column: Column, width: int) -> str | None:
    """Say why a column carries no signal, or return None where it does.

    Names tell most: time and date, id, label. Where they do not, a first column whose values are evenly spaced is a
    time axis or a row number; whole numbers that are dates, seconds since 1970, or beyond 2**53 are no measurements.

    Parameters
    ----------
    column : Column
    width : int
        Number of columns in the table; the only column is never taken for an axis.
    """
    if column.nature or column.values is None:
        return column.nature or "text"
    values = finite(column.values)
    if values.size == 0:
        return "empty"
    return _by_name(column, values) or _by_values(column, values, width)


def _by_name(column: Column, values: Values) -> str | None:
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", column.header)]
    name, last = "".join(words), words[-1] if words else ""
    rising = ("time" in words or _TIME_RISING.fullmatch(name)) and _only_rises(values)
    dated = _TIME.fullmatch(name) or any(map(_TIME_WORD.fullmatch, words))
    if dated or rising or (column.whole and _TIME_WHOLE.fullmatch(name)):
        return "time stamps"
    if column.whole and (_ID_WORD.fullmatch(last) or _ID.fullmatch(name)):
        return "id"
    return "label" if column.whole and (_LABEL_WORD.fullmatch(last) or _LABEL.fullmatch(name)) else None


def _by_values(column: Column, values: Values, width: int) -> str | None:
    low, high = float(values.min()), float(values.max())
    if _is_boolean(column, values, low, high):
        return "boolean"
    if values.size >= _ROWS and width > 1 and low < high:
        if _is_dates(column, values) or _is_epoch(values, low, high):
            return "time stamps"
        if column.position == 0 and _is_even(column, values, max(-low, high)):
            return "evenly spaced, as a time axis is"
    return "integers beyond 2**53" if column.whole and max(-low, high) > 2**53 else None


def _is_boolean(column: Column, values: Values, low: float, high: float) -> bool:
    """Tell whether all numbers are 0 or 1; a constant is one of these only where it is written as an integer."""
    within = low in (0.0, 1.0) and high in (0.0, 1.0) and bool(np.all((values == 0) | (values == 1)))
    return within and (low != high or column.whole)


def _only_rises(values: Values) -> bool:
    return bool(np.all(values[1:] >= values[:-1]))


def _is_dates(column: Column, values: Values) -> bool:
    """Tell whether all numbers are dates such as 19580329."""
    if not column.whole or values[0] < 18000101 or values[0] > 22001231:
        return False
    month, day = values // 100 % 100, values % 100
    years = (values >= 18000101) & (values <= 22001231)
    return bool(np.all(years & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)))


def _is_epoch(values: Values, low: float, high: float) -> bool:
    """Tell whether the numbers only rise and are seconds, milli-, micro- or nanoseconds since 1970."""
    within = any(_EPOCH[0] * unit <= low and high <= _EPOCH[1] * unit for unit in (1.0, 1e3, 1e6, 1e9))
    return within and _only_rises(values)


def _is_even(column: Column, values: Values, largest: float) -> bool:
    steps = np.diff(values.astype(np.float64))
    step = float(np.median(steps))
    floating = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    rounding = 2 * float(np.finfo(floating).eps) * largest
    slack = 1e-6 * step + 1.01 * column.resolution * (not column.whole) + rounding
    return step > 0 and bool(np.all(np.abs(steps - step) <= slack))
