"""Noise meets signal: a law, a level and a key turn samples into noisy samples. Blind to domains and files."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from augkit.achieved import decibels, sum_of_squares
from augkit.errors import InputError, UsageError
from augkit.level import Level, check_level
from augkit.noise.colour import WHITE, Color
from augkit.noise.distributions import Distribution
from augkit.noise.distributions.base import EXP_EULER
from augkit.noise.grain import Grain
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice, scale_for_power
from augkit.noise.mixing import Channels
from augkit.signal import Samples, Signal, put_back
from augkit.unit_noise import UnitNoise, in_threads


def _nothing() -> None:
    return None


class Perturbed(msgspec.Struct, frozen=True, eq=False):
    """Noisy samples and what is known only while they are made.

    Attributes
    ----------
    samples : ndarray
        Of the shape and dtype of the signal's.
    scale : float
        Scale of the law in the unit of the samples, as it was used.
    measure_geometric : callable
        Measures what `geometric_snr_db` tells, when it is asked for.
    """

    samples: Samples
    scale: float
    measure_geometric: Callable[[], float | None] = _nothing

    @property
    def geometric_snr_db(self) -> float | None:
        """For laws of infinite variance: the geometric SNR of the noise before clipping and rounding."""
        return self.measure_geometric()


def perturb(
    signal: Signal,
    law: Distribution,
    level: Level,
    key: Key,
    *,
    channels: Channels = "independent",
    color: Color = WHITE,
    grain: Grain | None = None,
    threads: int = 1,
) -> Perturbed:
    """Add noise of `law` at a fixed `level`; integers are rounded and saturate at the signal's limits.

    An `snr_db` is met by the noise that is added: its power is measured over all samples and channels, and its gain
    set. 8-bit data goes through the lattice sampler, where an `snr_db` or `psnr_db` is that of the rounded law itself.
    For laws of infinite variance `snr_db` is the geometric SNR (Gonzalez, Paredes, Arce 2006).

    Parameters
    ----------
    channels : {"independent", "shared"}, float or matrix
        How the channels of a row share their noise: a number is the correlation of every two of them, a matrix of
        shape (channels, channels) that of each two. For infinite variance it is the scatter matrix.
    color : Color
        Other than white, it filters the noise along the first axis, each channel by itself. The filter has unit
        power: a `std` stays that of the noise, and a `scale` is that of the innovations.
    grain : Grain or None
        For images, whose rows of pixels stand one after the other: how neighbouring pixels correlate.
    threads : int
        Threads for one large signal; the samples are the same for any number.

    Raises
    ------
    UsageError
        For a `std` or `psnr_db` of a law without variance.
    InputError
        For an `snr_db` of a silent signal.
    """
    check_level(law, level)
    clean = signal.samples
    if clean.size == 0 or (signal.where is not None and not signal.where.any()):
        return Perturbed(clean.copy(), 0.0)
    if grain is not None:
        grain.check(law)
    filter_ = color.filter(len(clean))
    white = filter_ is None and grain is None and isinstance(channels, str)
    noise = None
    if not (white and clean.dtype == np.uint8 and signal.limits == (0, 255)):
        noise = UnitNoise(law, key, signal, channels=channels, filter_=filter_, grain=grain, threads=threads)
    scale = _scale(signal, law, level, noise)
    if scale == 0:
        return Perturbed(clean.copy(), 0.0)
    out = np.empty(clean.shape, clean.dtype)
    if noise is not None:
        _add_floats(signal, noise, scale, out)
    else:
        rows = clean.shape[0] if channels == "shared" else clean.size
        flat = np.ascontiguousarray(clean).reshape(rows, -1)
        _add_lattice(flat, out.reshape(rows, -1), law, scale=scale, key=key, threads=threads)
    put_back(out, signal)
    return Perturbed(out, scale, lambda: _geometric_snr(signal, law, scale, noise))


def _signal_power(signal: Signal) -> float:
    if signal.power is not None:
        return signal.power
    if signal.where is None:
        total, count = sum_of_squares(signal.samples)
        return total / count if count else 0.0
    total, count = 0.0, 0
    where = np.broadcast_to(signal.where, signal.samples.shape)
    for begin in range(0, len(where), BLOCK):  # in pieces, so that no large array is picked out
        rows = slice(begin, begin + BLOCK)
        part, number = sum_of_squares(signal.samples[rows][where[rows]])
        total, count = total + part, count + number
    return total / count if count else 0.0


def _scale(signal: Signal, law: Distribution, level: Level, noise: UnitNoise | None) -> float:
    """Return the scale of the law in the unit of the samples, rounded to 24 bits so that it is the same everywhere."""
    if level.unit:
        raise UsageError(f"{level.kind}={level}: the unit {level.unit!r} is only known for series")
    value = level.value
    if level.kind == "scale":
        scale = value * signal.full_scale
    elif level.kind == "std":
        scale = value * signal.full_scale / law.std
    elif level.kind == "psnr_db":
        scale = _scale_for_power(law, signal.full_scale**2 * 10 ** (-value / 10), noise)
    else:
        scale = _scale_for_snr(signal, law, value, noise)
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(round(mantissa * 2**24), exponent - 24)


def _scale_for_snr(signal: Signal, law: Distribution, snr_db: float, noise: UnitNoise | None) -> float:
    power = _signal_power(signal)
    if power == 0:
        raise InputError(
            f"the signal is silent (all samples are zero), so snr_db={snr_db:g} cannot be met; give std or scale"
        )
    wanted = power * 10 ** (-snr_db / 10)
    if math.isinf(law.std):
        s0 = law.geometric_power if noise is None else noise.geometric_power
        return math.sqrt(wanted / (2 * EXP_EULER * s0**2))
    return _scale_for_power(law, wanted, noise, measured=True)


def _scale_for_power(law: Distribution, wanted: float, noise: UnitNoise | None, *, measured: bool = False) -> float:
    if noise is None:
        return scale_for_power(law, wanted)
    return math.sqrt(wanted / (noise.power if measured else law.std**2))


def _geometric_snr(signal: Signal, law: Distribution, scale: float, noise: UnitNoise | None) -> float | None:
    power = _signal_power(signal) if math.isinf(law.std) else 0.0
    if power == 0:
        return None
    s0 = law.geometric_power if noise is None else noise.geometric_power
    ratio = math.sqrt(power / (2 * EXP_EULER)) / scale / s0
    return 2 * decibels(ratio) if 0 < ratio < math.inf else None


def _add_lattice(clean: Samples, out: Samples, law: Distribution, *, scale: float, key: Key, threads: int) -> None:
    """Fill `out` by the lattice sampler, in parts that begin with a block where there are several threads."""
    if clean.shape[1] == 1:
        clean, out = clean.reshape(-1), out.reshape(-1)
    step = BLOCK * max(1, -(-len(clean) // (BLOCK * threads)))
    parts = [slice(begin, min(begin + step, len(clean))) for begin in range(0, len(clean), step)]

    def add(rows: slice) -> None:
        add_lattice(clean[rows], law, scale, key, out=out[rows], start=rows.start)

    for _ in in_threads(add, parts, threads):
        pass


def _add_floats(signal: Signal, noise: UnitNoise, scale: float, out: Samples) -> None:
    integer = out.dtype.kind in "iu"
    limits = _limits(signal, out.dtype)

    def add(rows: slice) -> None:
        unit, clean = noise.piece(rows), signal.samples[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            piece = unit * unit.dtype.type(scale)
            if integer:
                np.rint(piece, out=piece)
            total = np.add(clean, piece, out=None if noise.shared else piece, dtype=piece.dtype)
            if limits is not None:
                np.clip(total, *limits, out=total)
            if limits is not None and not integer:
                np.copyto(total, clean, where=~np.isfinite(clean))
            out[rows] = total.astype(out.dtype, copy=False)

    for _ in noise.over_parts(add):
        pass


def _limits(signal: Signal, dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """Return where samples saturate; integers and halves always do, at the ends of their type at the latest."""
    if dtype.itemsize > 2 and dtype.kind == "f":
        return signal.limits
    if dtype.kind == "f":
        largest = float(np.finfo(dtype).max)
        return signal.limits or (-largest, largest)
    info = np.iinfo(dtype)
    ends = float(info.min), float(np.nextafter(info.max, 0) if info.max > 2**53 else info.max)
    if signal.limits is None:
        return ends
    return max(signal.limits[0], ends[0]), min(signal.limits[1], ends[1])
