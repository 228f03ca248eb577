"""The intervals between rows: that time never falls, how long it goes on, and what the usual interval is."""

from __future__ import annotations

import msgspec
import numpy as np

from augkit.errors import InputError
from augkit.series.medians import Medians
from augkit.series.moments import Codes, Floats
from augkit.series.steps import Steps

_EVEN = 1e-3
"""Intervals that differ by less than this share of them are the same: clocks are written with few decimals."""


class Times(msgspec.Struct, frozen=True):
    """The times of the rows of one entity.

    Attributes
    ----------
    interval : float
        The usual interval in seconds: the median of those above 0; 0 where there is none.
    shortest, longest : float
        Of the intervals, in seconds.
    duration : float
        From the first row to the last, in seconds.
    """

    interval: float
    shortest: float
    longest: float
    duration: float

    @property
    def is_even(self) -> bool:
        """Whether all intervals are the usual one."""
        return self.longest - self.shortest <= _EVEN * self.interval


class Timing:
    """Takes in the seconds of all rows, once, and as often again as the medians take."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._shortest, self._longest = np.zeros(0), np.zeros(0)
        self._total = np.zeros(0)
        self._positive = np.zeros(0, np.int64)
        self._medians: Medians | None = None
        self.restart()

    def restart(self) -> None:
        """Begin again at the first row."""
        self._steps, self._rows = Steps(), 0

    def add(self, seconds: Floats, codes: Codes | None) -> None:
        """Take in the seconds of the next rows.

        Raises
        ------
        InputError
            With the number of the row, where time falls within a group.
        """
        steps, order = self._steps.next(seconds, codes)
        groups = np.zeros(steps.size, np.intp) if codes is None or order is None else codes[order]
        if self._medians is not None:
            above = steps > 0
            self._medians.add(steps[above], groups[above])
            return
        falls = np.flatnonzero(steps < 0)
        if falls.size:
            place = int(falls[0] if order is None else order[falls].min())
            raise InputError(
                f"row {self._rows + place + 1}: the time in column {self._title!r} falls; sort the rows by time, or "
                "group them by what has a clock of its own"
            )
        self._rows += steps.size
        known = np.isfinite(steps)
        self._gather(steps[known], groups[known], int(groups.max(initial=-1)) + 1)

    def _gather(self, steps: Floats, groups: Codes, count: int) -> None:
        more = count - len(self._total)
        if more > 0:
            self._total = np.concatenate([self._total, np.zeros(more)])
            self._shortest = np.concatenate([self._shortest, np.full(more, np.inf)])
            self._longest = np.concatenate([self._longest, np.zeros(more)])
            self._positive = np.concatenate([self._positive, np.zeros(more, np.int64)])
        np.minimum.at(self._shortest, groups, steps)
        np.maximum.at(self._longest, groups, steps)
        np.add.at(self._total, groups, steps)
        np.add.at(self._positive, groups, steps > 0)

    @property
    def is_even(self) -> bool:
        """Whether each group has one interval throughout, so that no medians are needed."""
        return bool(np.all(self._longest - np.minimum(self._shortest, self._longest) <= _EVEN * self._longest))

    def begin_medians(self) -> Medians:
        """From now on, take in the intervals once more for their medians."""
        self._medians = Medians(self._positive)
        return self._medians

    def of(self, group: int) -> Times:
        """Return the times of one group."""
        if group >= len(self._total) or not self._positive[group]:
            return Times(0.0, 0.0, 0.0, 0.0)
        usual = self._total[group] / self._positive[group] if self._medians is None else self._medians.values()[group]
        ends = float(self._shortest[group]), float(self._longest[group])
        return Times(float(usual), *ends, float(self._total[group]))
