"""What is measured of the noise in one column, and why a level may mean nothing there."""

from __future__ import annotations

import math

import numpy as np

from augkit.achieved import decibels, sum_of_squares
from augkit.series.spread import Values, ac_power


class NoSpreadError(Exception):
    """A level that has no meaning for a column; the text says why."""


def levels(clean: Values, noisy: Values) -> dict[str, float | None]:
    """Measure the noise in one column: ``std`` in its unit, ``snr_db`` on its AC power; None for what is unknown."""
    if clean.dtype.kind in "iu" and clean.dtype.itemsize == 8:
        noise, count = sum_of_squares((noisy - clean).view(np.int64))
    else:
        noise, count = sum_of_squares(noisy, clean)
    if not count:
        return {"std": None, "snr_db": None}
    return told(noise / count, ac_power(clean))


def told(noise: float, signal: float) -> dict[str, float | None]:
    """Return ``std`` and ``snr_db`` of two powers; None for what is unknown or beyond floats."""
    known = 0 < noise < math.inf and signal > 0
    return {
        "std": math.sqrt(noise) if noise < math.inf else None,
        "snr_db": decibels(signal / noise) if known and signal / noise > 0 else None,
    }


def clipped(clean: Values, noisy: Values) -> int:
    """Return how many values the noise moved onto an end of their integer type."""
    if clean.dtype.kind not in "iu":
        return 0
    ends = np.iinfo(clean.dtype)
    return int(np.count_nonzero(((noisy == ends.min) | (noisy == ends.max)) & (noisy != clean)))
