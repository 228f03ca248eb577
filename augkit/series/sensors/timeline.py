"""The times of rows: how far each is from the one before, in blocks of any size."""

from __future__ import annotations

from math import isfinite

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError, UsageError
from augkit.series.sensors.decay import SEGMENT
from augkit.series.sensors.sheet import check_rate

Array = NDArray[np.float64]


class Pace(msgspec.Struct, frozen=True):
    """When the rows of a stream were taken.

    Attributes
    ----------
    interval : float
        The usual interval between rows in seconds: one over the sample rate, or the median of the intervals.
    duration : float
        From the first row to the last, in seconds.
    regular : bool
        Whether every interval is the usual one; where not, times come with the rows.
    """

    interval: float
    duration: float
    regular: bool = True

    @classmethod
    def at_rate(cls, samplerate: float, rows: int) -> Pace:
        """Return the pace of `rows` taken at `samplerate` per second; raise `UsageError` where that is no rate."""
        rate = check_rate(samplerate)
        return cls(1 / rate, max(rows - 1, 0) / rate)


def check_times(times: Array, last: float | None, start: int) -> None:
    """Raise `InputError` for a time that is missing, or that lies before the one of the row above.

    Parameters
    ----------
    times : float64 ndarray, shape (rows,)
    last : float or None
        The time before the first of these.
    start : int
        Number of the first row, for the message.
    """
    bad = np.flatnonzero(~np.isfinite(times))
    if len(bad):
        raise InputError(f"times: row {start + bad[0]} (from 0) has none; sensor errors need a time for each row")
    steps = np.diff(times, prepend=times[:1] if last is None else last)
    falls = np.flatnonzero(steps < 0)
    if len(falls):
        row, before = int(falls[0]), float(times[falls[0]] - steps[falls[0]])
        raise InputError(
            f"times: row {start + row} (from 0) is at {times[row]:.10g} s, before the row above it at {before:.10g} s; "
            "times may not fall: sort the rows, or group them by what has a clock of its own"
        )


class Steps(msgspec.Struct, frozen=True, eq=False):
    """The rows of one block, from the beginning of the segment that its first row lies in.

    Attributes
    ----------
    start : int
        Number of the first row, a multiple of `SEGMENT`.
    count : int
        Number of rows.
    lead : int
        How many of them belong to the block before: only what comes after is new.
    interval : float
        The usual interval in seconds.
    dt : float64 ndarray, shape (count,), or None
        Seconds since the row before, 0 for the first row of a stream; None where all are the usual interval.
    elapsed : float64 ndarray, shape (count,), or None
        Seconds since the first row of the stream, in the same way.
    """

    start: int
    count: int
    lead: int
    interval: float
    dt: Array | None = None
    elapsed: Array | None = None

    def since_start(self) -> Array:
        """Return the seconds since the first row of the stream."""
        if self.elapsed is not None:
            return self.elapsed
        return np.arange(self.start, self.start + self.count, dtype=np.float64) * self.interval

    def since_last(self) -> Array:
        """Return the seconds since the row before, and the usual interval for the first row of a stream."""
        if self.dt is None:
            return np.full(self.count, self.interval)
        return np.concatenate([[self.interval], self.dt[1:]]) if self.start == 0 else self.dt


class Timeline:
    """The steps of a stream that is read from its first row on."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.position = 0
        self._first: float | None = None
        self._last: float | None = None
        self._kept: tuple[Array, Array] = (np.zeros(0), np.zeros(0))

    def next(self, count: int, times: Array | None = None) -> Steps:
        """Return the steps of the next `count` rows.

        Parameters
        ----------
        times : float64 ndarray, shape (count,), or None
            In seconds, where the pace is not regular.

        Raises
        ------
        InputError
            With the number of the row, for a time that is missing or falls.
        """
        lead = self.position % SEGMENT
        start = self.position - lead
        self.position += count
        if self.pace.regular:
            return Steps(start, lead + count, lead, self.pace.interval)
        if times is None or len(times) != count:
            raise UsageError(f"times: one for each of the {count} rows was expected")
        dt, elapsed = self._intervals(np.asarray(times, np.float64), start + lead)
        dt, elapsed = np.concatenate([self._kept[0], dt]), np.concatenate([self._kept[1], elapsed])
        rest = (lead + count) % SEGMENT
        self._kept = dt[len(dt) - rest :].copy(), elapsed[len(dt) - rest :].copy()
        return Steps(start, lead + count, lead, self.pace.interval, dt, elapsed)

    def _intervals(self, times: Array, start: int) -> tuple[Array, Array]:
        if not len(times):
            return times, times
        first = float(times[0]) if self._first is None else self._first
        dt = np.empty(len(times))
        dt[0] = times[0] - (first if self._last is None else self._last)
        np.subtract(times[1:], times[:-1], out=dt[1:])
        if not (dt.min() >= 0 and isfinite(first) and isfinite(times[-1])):
            check_times(times, self._last, start)
        self._first, self._last = first, float(times[-1])
        return dt, times - first
