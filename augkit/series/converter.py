"""The converter behind a sensor: its range and its step, applied to what comes in with all its noise."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError

Array = NDArray[np.float64]


class Converter(msgspec.Struct, frozen=True):
    """An analogue-to-digital converter: what comes in is clipped to its range, then rounded to its step.

    Attributes
    ----------
    low, high : float or None
        The ends of its range; None for no end.
    step : float or None
        The distance between its codes, which are counted from `low`, or from 0 where there is no range. The highest
        code is the last that lies within the range. None for no rounding.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None

    def convert(self, values: Array) -> Array:
        """Return values clipped, then rounded (halves to even codes); NaN stays NaN."""
        clipped = values if self.low is None and self.high is None else np.clip(values, self.low, self.high)
        if self.step is None:
            return clipped
        origin = self.low or 0.0
        codes = np.rint((clipped - origin) / self.step)
        if self.high is not None:
            codes = np.minimum(codes, self._last)
        converted: Array = codes * self.step + origin
        return converted

    @property
    def _last(self) -> float:
        """The number of the highest code; a range that is a whole number of steps but for rounding ends with one."""
        steps = ((self.high or 0.0) - (self.low or 0.0)) / (self.step or 1.0)
        return round(steps) if abs(steps - round(steps)) < 1e-6 else floor(steps)


def as_converter(range_: str | Sequence[float] | None, step: float | str | None = None) -> Converter | None:
    """Return the converter of a range (``"-2..2"``, or two numbers) and a step; None where neither is given.

    Raises
    ------
    UsageError
        For a range without two rising ends, or a step that is not above 0 or wider than the range.
    """
    if range_ is None and step is None:
        return None
    low, high = (None, None) if range_ is None else _ends(range_)
    width = None if step is None else _number(step)
    if width is not None and not width > 0:
        raise UsageError(f"step={step}: a number above 0 was expected")
    if width is not None and low is not None and high is not None and width > high - low:
        raise UsageError(f"step={step}: it is wider than the range from {low:g} to {high:g}")
    return Converter(low, high, width)


def _ends(given: str | Sequence[float]) -> tuple[float, float]:
    parts = given.split("..") if isinstance(given, str) else list(given)
    ends = [_number(part) for part in parts]
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise UsageError(f"range={given}: the lower and the upper end were expected, as in -2..2")
    return ends[0], ends[1]


def _number(given: object) -> float:
    try:
        number = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    return number if isfinite(number) else float("nan")
