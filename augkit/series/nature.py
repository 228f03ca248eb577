"""What a column of a table is by its name and its values: a signal, or a time, an id, a label."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Any

import msgspec
import numpy as np

from augkit.series.spread import Values

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
_FLOAT = np.dtype(np.float64)
_EPOCH = (6e8, 4.2e9)
"""Seconds since 1970 of the years 1989 to 2103."""


class Column(msgspec.Struct, frozen=True, eq=False, dict=True):
    """One column of a table.

    Attributes
    ----------
    name : str
        As it is shown; unlike that of any other column.
    header : str
        As the file has it; empty where it has none.
    position : int
        From 0.
    numeric : bool
        Whether it holds numbers.
    whole : bool
        Whether all numbers are written as integers.
    resolution : float
        Smallest step that its writing can show; 0 if unknown.
    nature : str or None
        Why it is to be left alone, where its format already knows: "text", "time stamps", "boolean", "id", "empty".
    part : int
        Columns of one part have the same rows.
    place, width : int
        Its number within the part, and how many columns that has.
    dtype : dtype
        Of its numbers in batches.
    ends : (low, high) or None
        Where its type saturates, if that is not the `dtype`.
    """

    name: str
    header: str
    position: int
    numeric: bool = True
    whole: bool = False
    resolution: float = 0.0
    nature: str | None = None
    part: int = 0
    place: int = 0
    width: int = 1
    dtype: np.dtype[Any] = _FLOAT
    ends: tuple[float, float] | None = None

    @property
    def is_first(self) -> bool:
        """Whether it is the first of several columns."""
        return self.place == 0 and self.width > 1

    @property
    def word(self) -> str | int:
        """What names the column's random stream: its name, or its position where it has none."""
        return self.name if self.header else self.position

    @cached_property
    def meaning(self) -> Meaning:
        """What its name says."""
        return _meaning(self.header)


class Meaning(msgspec.Struct, frozen=True):
    """What a header says its column holds.

    Attributes
    ----------
    dated, rising, clock : bool
        Times, in any case; where its numbers only rise; where they are whole.
    ident, label : bool
        Ids or labels, where its numbers are whole.
    """

    dated: bool
    rising: bool
    clock: bool
    ident: bool
    label: bool


@lru_cache(maxsize=4096)
def _meaning(header: str) -> Meaning:
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", header)]
    name, last = "".join(words), words[-1] if words else ""
    return Meaning(
        dated=bool(_TIME.fullmatch(name) or any(map(_TIME_WORD.fullmatch, words))),
        rising=bool("time" in words or _TIME_RISING.fullmatch(name)),
        clock=bool(_TIME_WHOLE.fullmatch(name)),
        ident=bool(_ID_WORD.fullmatch(last) or _ID.fullmatch(name)),
        label=bool(_LABEL_WORD.fullmatch(last) or _LABEL.fullmatch(name)),
    )


class Profile:
    """What the values of one column look like, taken in block by block.

    Parameters
    ----------
    column : Column
        As it is known beforehand: its name and place.

    Attributes
    ----------
    count : int
        Finite values.
    low, high : float
        The smallest and the largest of them; 0 where there is none.
    """

    def __init__(self, column: Column) -> None:
        self._column = column
        self.count = 0
        self.low = self.high = 0.0
        self._first = self._last = 0.0
        self._binary = self._dates = True
        self._steps: tuple[float, float] | None = None
        self._floating = np.dtype(np.float64)

    def add(self, values: Values, low: float, high: float) -> None:
        """Take in the next finite values and their extremes; there is at least one."""
        if not self.count:
            self._first = self._last = float(values[0])
            self.low, self.high = low, high
            self._dates = 18000101 <= self._first <= 22001231
            self._floating = values.dtype if values.dtype.kind == "f" else self._floating
        self.low, self.high = min(self.low, low), max(self.high, high)
        self._binary = self._binary and low >= 0 and high <= 1 and bool(np.all((values == 0) | (values == 1)))
        self._dates = self._dates and _are_dates(values)
        if self._asks_for_steps():
            self._add_steps(values)
        self.count += values.size
        self._last = float(values[-1])

    def _asks_for_steps(self) -> bool:
        return self._column.is_first or self._column.meaning.rising or _may_be_epoch(self._first, self._first)

    def _add_steps(self, values: Values) -> None:
        floats = values.astype(np.float64, copy=False)
        steps = np.diff(floats, prepend=self._last) if self.count else np.diff(floats)
        if steps.size:
            low, high = self._steps or (np.inf, -np.inf)
            self._steps = min(low, float(steps.min())), max(high, float(steps.max()))

    @property
    def largest(self) -> float:
        """The largest magnitude."""
        return max(-self.low, self.high)

    @property
    def only_rises(self) -> bool:
        """Whether no value is below the one before."""
        return self._steps is None or self._steps[0] >= 0

    @property
    def is_dates(self) -> bool:
        """Whether all numbers are dates such as 19580329."""
        return self._dates

    @property
    def is_epoch(self) -> bool:
        """Whether the numbers only rise and are seconds, milli-, micro- or nanoseconds since 1970."""
        return _may_be_epoch(self.low, self.high) and self.only_rises

    def is_boolean(self, *, whole: bool) -> bool:
        """Tell whether all numbers are 0 or 1; a constant is one of these only where it is written as an integer."""
        return self._binary and (self.low != self.high or whole)

    def is_even(self, resolution: float) -> bool:
        """Tell whether the values rise by the same step each time, as far as writing of a `resolution` can show."""
        if self._steps is None:
            return False
        step = (self._last - self._first) / (self.count - 1)
        slack = 1e-6 * step + 1.01 * resolution + 2 * float(np.finfo(self._floating).eps) * self.largest
        return step > 0 and self._steps[1] - step <= slack and step - self._steps[0] <= slack


def _are_dates(values: Values) -> bool:
    month, day = values // 100 % 100, values % 100
    years = (values >= 18000101) & (values <= 22001231)
    return bool(np.all(years & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)))


def _may_be_epoch(low: float, high: float) -> bool:
    return any(_EPOCH[0] * unit <= low and high <= _EPOCH[1] * unit for unit in (1.0, 1e3, 1e6, 1e9))


def why_left(column: Column, profile: Profile | None) -> str | None:
    """Say why a column carries no signal, or return None where it does.

    Names tell most: time and date, id, label. Where they do not, a first column whose values are evenly spaced is a
    time axis or a row number; whole numbers that are dates, seconds since 1970, or beyond 2**53 are no measurements.

    Parameters
    ----------
    column : Column
    profile : Profile or None
        Of its values; None where it holds no numbers.
    """
    if column.nature or not column.numeric:
        return column.nature or "text"
    if profile is None or not profile.count:
        return "empty"
    return _by_name(column, profile) or _by_values(column, profile)


def _by_name(column: Column, profile: Profile) -> str | None:
    meaning = column.meaning
    if meaning.dated or (meaning.rising and profile.only_rises) or (column.whole and meaning.clock):
        return "time stamps"
    if column.whole and meaning.ident:
        return "id"
    return "label" if column.whole and meaning.label else None


def _by_values(column: Column, profile: Profile) -> str | None:
    if profile.is_boolean(whole=column.whole):
        return "boolean"
    if profile.count >= _ROWS and column.width > 1 and profile.low < profile.high:
        if (column.whole and profile.is_dates) or profile.is_epoch:
            return "time stamps"
        if column.is_first and profile.is_even(0.0 if column.whole else column.resolution):
            return "evenly spaced, as a time axis is"
    return "integers beyond 2**53" if column.whole and profile.largest > 2**53 else None
