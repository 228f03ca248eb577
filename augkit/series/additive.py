"""Noise of a law that is added to each column: levels resolved to scales, and the sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from augkit.compiled import noise as compiled
from augkit.level import Level
from augkit.noise.distributions import Distribution
from augkit.noise.distributions.base import EXP_EULER
from augkit.series.noised import NoSpreadError
from augkit.series.sizes import Sizes
from augkit.series.sources import Facts
from augkit.series.spread import Values
from augkit.series.tape import Piece

LARGEST = 1e30
"""Magnitudes beyond which a column, or below whose inverse its range, is no measurement: powers would overflow."""

Limits = tuple[float, float]


def resolve(level: Level, law: Distribution, facts: Facts, sizes: Sizes | None, power: float) -> float:
    """Return the scale of a law in a column's own unit, rounded to 24 bits so that it is the same everywhere.

    Parameters
    ----------
    level : Level
        Fixed.
    facts : Facts
        Of the column itself.
    sizes : Sizes or None
        What relative levels and an SNR refer to; None where nothing is known of the column.
    power : float
        Of the noise at unit scale, geometric for laws of infinite variance; only an SNR needs it.

    Raises
    ------
    NoSpreadError
        For a relative level and a column that does not spread in its sense, and for numbers whose powers would
        overflow.
    """
    largest = max(-facts.low, facts.high)
    if largest > LARGEST:
        raise NoSpreadError(f"it reaches {largest:g}, beyond {LARGEST:g}")
    unit = _size(level, sizes) if level.unit or level.kind == "snr_db" else 1.0
    if level.kind == "snr_db" and sizes is not None:
        wanted = sizes.power * 10 ** (-level.value / 10)
        scale = math.sqrt(wanted / (2 * EXP_EULER * power**2 if math.isinf(law.std) else power))
    else:
        value = float(np.float32(level.value * unit)) if level.unit else level.value
        scale = value / law.std if level.kind == "std" else value
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(round(mantissa * 2**24), exponent - 24)


def _size(level: Level, sizes: Sizes | None) -> float:
    """Return how large the unit of a relative level is; 1 for an SNR of a column that has any power."""
    if sizes is None or sizes.low == sizes.high:
        raise NoSpreadError("constant")
    if sizes.high - sizes.low < 1 / LARGEST:
        raise NoSpreadError(f"its range is {sizes.high - sizes.low:g}, below {1 / LARGEST:g}")
    if not level.unit:
        return 1.0
    size = sizes.of(level.unit)
    if size == 0:
        raise NoSpreadError(f"its {level.unit} is 0")
    return size


def geometric_snr_db(law: Distribution, scale: float, ac_power: float, noise_power: float) -> float | None:
    """Return the geometric SNR of noise of infinite variance; None for other laws, and where it is unknown."""
    if not math.isinf(law.std) or scale == 0 or ac_power == 0 or noise_power == 0:
        return None
    ratio = math.sqrt(ac_power / (2 * EXP_EULER)) / scale / noise_power
    return 20 * math.log10(ratio) if 0 < ratio < math.inf else None


def add(clean: Values, unit: Piece, scale: float | Piece, limits: Limits | None = None) -> Values:
    """Return values with scaled noise; integers are rounded and saturate at the ends of their type.

    Parameters
    ----------
    clean : ndarray, shape (rows,)
        What is not finite stays as it is.
    unit : ndarray, shape (rows,)
        Noise at unit scale.
    scale : float, or ndarray, shape (rows,)
        Its scale, in all rows or in each.
    limits : (low, high) or None
        Where values saturate; one that lies beyond already moves no further out.
    """
    if isinstance(scale, float):
        if scale == 0:
            return clean
        if made := compiled.add_scaled(clean, unit, scale):
            total, is_finite = made
            return within(total if is_finite else kept_finite(total, clean), clean, limits)
    with np.errstate(over="ignore", invalid="ignore"):
        noise = unit * np.asarray(scale, unit.dtype)
        if clean.dtype.kind == "f":
            total = np.add(noise, clean, out=noise, dtype=noise.dtype)
            return within(kept_finite(total.astype(clean.dtype, copy=False), clean), clean, limits)
        np.rint(noise, out=noise)
        if clean.dtype.itemsize == 8:
            return within(saturating_sum(clean, noise), clean, limits)
        total = np.add(noise, clean, out=noise, dtype=noise.dtype)
        ends = np.iinfo(clean.dtype)
        np.clip(total, float(ends.min), float(ends.max), out=total)
    return within(total.astype(clean.dtype), clean, limits)


def kept_finite(values: Values, clean: Values) -> Values:
    """Return floats of which those that overflowed saturate, and those that were not finite are as they were."""
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = np.isfinite(np.add.reduce(values))
    odd = np.zeros(0, np.intp) if is_finite else np.flatnonzero(~np.isfinite(values))
    if odd.size:
        largest = np.copysign(np.finfo(clean.dtype).max, values[odd])
        values[odd] = np.where(np.isfinite(clean[odd]), largest, clean[odd])
    return values


def within(values: Values, clean: Values, limits: Limits | None) -> Values:
    """Return values that saturate at limits; one whose clean value lies beyond already moves no further out."""
    if limits is None:
        return values
    low, high = _held(clean.dtype, math.ceil, limits[0]), _held(clean.dtype, math.floor, limits[1])
    return np.clip(values, np.minimum(clean, low), np.maximum(clean, high))


def _held(dtype: np.dtype[Any], inwards: Callable[[float], int], limit: float) -> Any:
    """Return a limit as a value of a type, which may not hold it."""
    if dtype.kind == "f":
        return dtype.type(limit)
    ends = np.iinfo(dtype)
    return dtype.type(inwards(min(max(limit, int(ends.min)), int(ends.max))))


def saturating_sum(values: Values, noise: Piece) -> Values:
    """Return 64-bit integers with whole noise added as integers, as float64 cannot hold them."""
    low, high = int(np.iinfo(values.dtype).min), int(np.iinfo(values.dtype).max)
    noise = np.clip(noise, -(2.0**63 - 1024), 2.0**63 - 1024).astype(np.int64)
    with np.errstate(over="ignore"):
        total: Values = values + noise.astype(values.dtype)
    total[(noise > 0) & (total < values)] = high
    total[(noise < 0) & (total > values)] = low
    return total
