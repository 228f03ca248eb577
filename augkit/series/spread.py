"""How far the values of one column spread: what relative levels and the SNR of a series refer to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.achieved import CHUNK, sum_of_squares

Values = NDArray[Any]

_NORMAL_MAD = 1.4826022185056018
"""Standard deviation over median absolute deviation of a Gaussian."""


def spread(values: Values, unit: str) -> float:
    """Return the size of one `unit` of a column, in the column's own unit; values that are not finite are skipped.

    Parameters
    ----------
    values : ndarray, shape (rows,)
    unit : str
        "" (1, the column's own unit), "sd" (standard deviation), "mad" (1.4826 times the median absolute deviation from
        the median), "range" (largest less smallest) or "diff" ("mad" of the differences between neighbouring rows,
        over sqrt 2: the standard deviation of white noise upon a slow signal).

    Returns
    -------
    float
        Rounded to float32, so that it is the same on every machine; 0 for a column that is constant or has no value.
    """
    if not unit:
        return 1.0
    values = _as_floats(values)
    if unit == "diff":
        with np.errstate(invalid="ignore"):
            values = np.diff(values) / math.sqrt(2)
    values = finite(values)
    return float(np.float32(_OF[unit](values))) if not is_constant(values) else 0.0


def finite(values: Values) -> Values:
    """Return the values that are finite; the array itself where all are."""
    good = np.isfinite(values)
    return values if good.all() else values[good]


def extremes(values: Values) -> tuple[float, float]:
    """Return the smallest and the largest finite value; zeros where there is none."""
    if values.size and np.isfinite(ends := (values.min().item(), values.max().item())).all():
        return ends
    good = finite(values)
    return (good.min().item(), good.max().item()) if good.size else (0.0, 0.0)


def is_constant(values: Values) -> bool:
    """Tell whether all finite values are one and the same (or there are none)."""
    low, high = extremes(values)
    return low == high


def _as_floats(values: Values) -> NDArray[np.float64]:
    """Return values in float64; those of 64-bit integers less the smallest, as float64 cannot hold all their digits."""
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and values.size:
        whole = values.astype(np.uint64)
        values = whole - values.min().astype(np.uint64)
    return values.astype(np.float64, copy=False)


def _mean(values: Values) -> float:
    """Return the mean of the finite values, summed in fixed blocks."""
    good = finite(values)
    blocks = (good[i : i + CHUNK].astype(np.float64, copy=False) for i in range(0, good.size, CHUNK))
    return math.fsum(float(np.add.reduce(block)) for block in blocks) / max(good.size, 1)


def centred(values: Values) -> NDArray[np.float64]:
    """Return the values in float64 with their mean removed: what the AC power is the power of."""
    floats = _as_floats(values)
    return floats - _mean(floats)


def ac_power(values: Values) -> float:
    """Return the mean square of the finite values about their mean; exactly 0 for a constant column."""
    if is_constant(values):
        return 0.0
    total, count = sum_of_squares(centred(values))
    return total / count


def _sd(values: Values) -> float:
    return math.sqrt(ac_power(values))


def _mad(values: Values) -> float:
    return _NORMAL_MAD * float(np.median(np.abs(values - np.median(values))))


def _range(values: Values) -> float:
    return float(values.max() - values.min())


_OF = {"sd": _sd, "mad": _mad, "range": _range, "diff": _mad}
