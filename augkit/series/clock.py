"""The time of each row in seconds, from a column of numbers, texts or time stamps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.series.table import Batch

Floats = NDArray[np.float64]
Ticks = NDArray[Any]

TIME_UNITS: Mapping[str, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""Units of times that are numbers, in seconds."""

_IN_NAME = re.compile(
    r"(?:^|[^a-z])(ns|nsec|nanoseconds?|us|usec|microseconds?|ms|msec|millis|milliseconds?)(?:$|[^a-z])"
)
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_ZONE = re.compile(r"(Z|[-+]\d\d(:?\d\d)?)$")
_EPOCH = 6e8, 4.2e9
"""Seconds since 1970 of the years 1989 to 2103."""


class _Times(msgspec.Struct, frozen=True):
    """Times of a batch as they are written: whole ticks of a unit, or numbers of one.

    Attributes
    ----------
    ticks : ndarray of int64 or float64
    unit : float or None
        Seconds of one tick, where the cells themselves tell.
    """

    ticks: Ticks
    unit: float | None


class Clock:
    """Turns the cells of one column into seconds since the first row.

    Whole numbers are subtracted before they become floats, so that nanoseconds since 1970 keep all their digits.

    Parameters
    ----------
    position : int
        Of the column.
    title : str
        Its name; a unit in it is understood ("time_ms").
    unit : str or None
        Of numbers, a key of `TIME_UNITS`; None to find out, by the name or by the size of the first number.
    """

    def __init__(self, position: int, title: str, unit: str | None) -> None:
        self.position, self.title, self._unit = position, title, unit
        self._first: int | float | None = None
        self._tick: float | None = None
        self._stamped: bool | None = None
        self._rows = 0

    @property
    def unit(self) -> float | None:
        """Seconds of a unit of the column; None before the first row was read."""
        return self._tick

    def restart(self) -> None:
        """Begin again at the first row."""
        self._rows = 0

    def seconds(self, batch: Batch) -> Floats:
        """Return the seconds of the next rows.

        Raises
        ------
        InputError
            With the number of the row, for a cell that is no time.
        """
        times = self._read(batch.raw[self.position])
        if self._first is None and batch.rows:
            self._first = times.ticks[0].item()
            self._tick = times.unit or self._found_unit(float(self._first))
        self._rows += batch.rows
        if self._first is None or self._tick is None:
            return np.zeros(0)
        apart: Floats = (times.ticks - self._first).astype(np.float64)
        return apart * self._tick

    def _found_unit(self, first: float) -> float:
        if self._unit is not None:
            return TIME_UNITS[self._unit]
        for unit in TIME_UNITS.values():
            if _EPOCH[0] <= first * unit <= _EPOCH[1]:
                return unit
        named = _IN_NAME.search(self.title.lower())
        return {"n": 1e-9, "u": 1e-6, "m": 1e-3}[named[1][0] if named[1][:3] != "mic" else "u"] if named else 1.0

    def _read(self, cells: pa.Array) -> _Times:
        kind = cells.type
        if pa.types.is_dictionary(kind):
            return self._read(cells.dictionary_decode())
        if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
            return self._whole(cells.cast(pa.int64()), TIME_UNITS[kind.unit])
        if pa.types.is_date(kind):
            return self._whole(cells.cast(pa.timestamp("ms")).cast(pa.int64()), 1e-3)
        if pa.types.is_integer(kind):
            return self._whole(cells, None)
        if pa.types.is_floating(kind):
            return self._fractions(cells)
        return self._texts(cells)

    def _texts(self, cells: pa.Array) -> _Times:
        texts = cells if pa.types.is_large_string(cells.type) else cells.cast(pa.string())
        if self._stamped is None and len(texts):
            self._stamped = _NUMBER.fullmatch(_text(texts[0])) is None
        read = self._stamps if self._stamped else self._numbers
        try:
            return read(texts)
        except pa.ArrowInvalid:
            raise self._first_fault(texts, read) from None

    def _first_fault(self, texts: pa.Array, read: Callable[[pa.Array], _Times]) -> InputError:
        for row in range(len(texts)):
            try:
                read(texts.slice(row, 1))
            except (pa.ArrowInvalid, InputError):
                return self._at(row, repr(_text(texts[row])))
        return self._at(0, "some with and some without a time zone below it")

    @staticmethod
    def _wholes(texts: pa.Array) -> pa.Array:
        try:
            return texts.cast(pa.int64())
        except pa.ArrowInvalid:
            return texts.cast(pa.float64())

    def _numbers(self, texts: pa.Array) -> _Times:
        numbers = self._wholes(texts)
        return self._whole(numbers, None) if pa.types.is_integer(numbers.type) else self._fractions(numbers)

    def _stamps(self, texts: pa.Array) -> _Times:
        zoned = len(texts) > 0 and _ZONE.search(_text(texts[0])) is not None
        kind = pa.timestamp("ns", "UTC" if zoned else None)
        return self._whole(texts.cast(kind).cast(pa.int64()), 1e-9)

    def _whole(self, ticks: pa.Array, unit: float | None) -> _Times:
        self._check_gaps(ticks)
        return _Times(ticks.cast(pa.int64()).to_numpy(zero_copy_only=False), unit)

    def _fractions(self, ticks: pa.Array) -> _Times:
        self._check_gaps(ticks)
        found = ticks.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if not np.isfinite(found).all():
            raise self._at(int(np.flatnonzero(~np.isfinite(found))[0]), "no finite number")
        return _Times(found, None)

    def _check_gaps(self, ticks: pa.Array) -> None:
        if ticks.null_count:
            import pyarrow.compute as pc

            raise self._at(pc.index(ticks.is_null(), True).as_py(), "nothing")

    def _at(self, row: int, got: str) -> InputError:
        expected = f"expected a time in column {self.title!r}, a number or as in 2024-05-01T09:30:00.25Z"
        return InputError(f"row {self._rows + row + 1}: {expected}; got {got}")


def _text(cell: pa.Scalar) -> str:
    """Return the text of a cell, which may be no UTF-8."""
    data = cell.as_buffer()
    return "" if data is None else data.to_pybytes().decode("utf-8", "replace")
