"""One column meets its noise: the level resolved against the column's spread, then the core."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from augkit.achieved import decibels, sum_of_squares
from augkit.level import Level
from augkit.noise.colour import WHITE, Color
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.perturb import perturb
from augkit.series.spread import Values, ac_power, centred, extremes, spread
from augkit.signal import Signal

_LARGEST = 1e30
"""Magnitudes beyond which a column, or below whose inverse its range, is no measurement: powers would overflow."""


@dataclass(frozen=True, eq=False, slots=True)
class Noised:
    """One noised column.

    Attributes
    ----------
    values : ndarray
        Of the shape and dtype of the clean values; what was not finite is as it was.
    scale : float
        Scale of the law in the column's unit, as it was used.
    std : float or None
        Standard deviation of the law at that scale; None where it has none.
    geometric_snr_db : float or None
        For laws of infinite variance: geometric SNR on the column's AC power.
    """

    values: Values
    scale: float
    std: float | None
    geometric_snr_db: float | None = None


class NoSpreadError(Exception):
    """A level that has no meaning for a column; the text says why."""


def add_to_column(values: Values, law: Distribution, level: Level, key: Key, color: Color = WHITE) -> Noised:
    """Add noise of `law` to one column at a fixed `level`.

    Parameters
    ----------
    values : ndarray, shape (rows,)
        Floats or integers; what is not finite stays as it is.
    level : Level
        With any unit of `spread`; an `snr_db` is about the column's AC power.
    key : Key
        The column's own stream.
    color : Color
        Its slope begins at one period in the column's length.

    Raises
    ------
    NoSpreadError
        For a relative level and a column that does not spread in its sense: a constant one has neither standard
        deviation nor AC power, and the MAD of one that mostly stands still is 0. For any level and numbers whose
        powers would overflow.
    """
    geometric = None
    resolved = _resolve(values, level)
    if level.kind == "snr_db" or math.isinf(law.std):
        # The same stream over the centred column: its power is the AC power, and the gain found there is used below.
        alternating = centred(values).astype(_noise_type(values))
        gained = perturb(Signal(alternating), law, resolved, key, color=color)
        resolved, geometric = Level("scale", (gained.scale,)), gained.geometric_snr_db
    samples, scale = _perturbed(values, law, resolved, key, color)
    return Noised(samples, scale, None if math.isinf(law.std) else scale * law.std, geometric)


def _noise_type(values: Values) -> type[np.floating]:
    """Return the float type whose noise `perturb` adds to such values, so that both passes see the same samples."""
    return np.float64 if values.dtype.itemsize > 2 and values.dtype != np.float32 else np.float32


def _resolve(values: Values, level: Level) -> Level:
    """Return the level in the column's own unit."""
    low, high = extremes(values)
    largest = max(-low, high)
    if largest > _LARGEST:
        raise NoSpreadError(f"it reaches {largest:g}, beyond {_LARGEST:g}")
    if not level.unit and level.kind != "snr_db":
        return level
    if low == high:
        raise NoSpreadError("constant")
    if high - low < 1 / _LARGEST:
        raise NoSpreadError(f"its range is {high - low:g}, below {1 / _LARGEST:g}")
    if not level.unit:
        return level
    unit = spread(values, level.unit)
    if unit == 0:
        raise NoSpreadError(f"its {level.unit} is 0")
    return Level(level.kind, (float(np.float32(level.value * unit)),))


def _perturbed(values: Values, law: Distribution, level: Level, key: Key, color: Color) -> tuple[Values, float]:
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
        made = perturb(Signal(values), law, level, key, color=color)
        return made.samples, made.scale
    # float64 cannot hold 64-bit integers: the noise is rounded by itself, then added to them as integers.
    made = perturb(Signal(np.zeros(values.shape)), law, level, key, color=color)
    return _saturating_sum(values, np.rint(made.samples)), made.scale


def _saturating_sum(values: Values, noise: Values) -> Values:
    low, high = int(np.iinfo(values.dtype).min), int(np.iinfo(values.dtype).max)
    noise = np.clip(noise, -(2.0**63 - 1024), 2.0**63 - 1024).astype(np.int64)
    with np.errstate(over="ignore"):
        total: Values = values + noise.astype(values.dtype)
    total[(noise > 0) & (total < values)] = high
    total[(noise < 0) & (total > values)] = low
    return total


def levels(clean: Values, noisy: Values) -> dict[str, float | None]:
    """Measure the noise in one column: ``std`` in its unit, ``snr_db`` on its AC power; None for what is unknown."""
    if clean.dtype.kind in "iu" and clean.dtype.itemsize == 8:
        noise, count = sum_of_squares((noisy - clean).view(np.int64))
    else:
        noise, count = sum_of_squares(noisy, clean)
    if not count:
        return {"std": None, "snr_db": None}
    power, signal = noise / count, ac_power(clean)
    return {
        "std": math.sqrt(power),
        "snr_db": decibels(signal / power) if power > 0 and signal > 0 else None,
    }


def clipped(clean: Values, noisy: Values) -> int:
    """Return how many values the noise moved onto an end of their integer type."""
    if clean.dtype.kind not in "iu":
        return 0
    ends: Any = np.iinfo(clean.dtype)
    return int(np.count_nonzero(((noisy == ends.min) | (noisy == ends.max)) & (noisy != clean)))
