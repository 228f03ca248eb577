"""Noise meets signal: a law, a level and a key turn samples into noisy samples. Blind to domains and files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.achieved import decibels, sum_of_squares
from augkit.errors import InputError, UsageError
from augkit.level import Channels, Level, check_level
from augkit.noise.distributions import Distribution
from augkit.noise.distributions.base import EXP_EULER
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice
from augkit.noise.layers import fill
from augkit.signal import Samples, Signal

_PIECE = 4 * BLOCK


@dataclass(frozen=True, eq=False, slots=True)
class Perturbed:
    """Noisy samples and what is known only while they are made.

    Attributes
    ----------
    samples : ndarray
        Of the shape and dtype of the signal's.
    scale : float
        Scale of the law in the unit of the samples, as it was used.
    geometric_snr_db : float or None
        For laws of infinite variance: the geometric SNR of the noise before clipping and rounding.
    """

    samples: Samples
    scale: float
    geometric_snr_db: float | None = None


def perturb(
    signal: Signal, law: Distribution, level: Level, key: Key, *, channels: Channels = "independent"
) -> Perturbed:
    """Add noise of `law` at a fixed `level`; integers are rounded and saturate at the signal's limits.

    An `snr_db` is met by the noise that is added: it is made once, its power measured over all samples and channels,
    and its gain set. 8-bit data goes through the lattice sampler, where the gain follows from the law's own power. For
    laws of infinite variance `snr_db` is the geometric SNR (Gonzalez, Paredes, Arce 2006).

    Raises
    ------
    UsageError
        For a `std` or `psnr_db` of a law without variance.
    InputError
        For an `snr_db` of a silent signal.
    """
    check_level(law, level)
    clean = signal.samples
    if clean.size == 0:
        return Perturbed(clean.copy(), 0.0)
    noise = _Noise(law, key, clean, shared=channels == "shared" and clean.ndim > 1)
    on_lattice = clean.dtype == np.uint8 and signal.limits == (0, 255)
    scale = _scale(signal, law, level, None if on_lattice else noise)
    if scale == 0:
        return Perturbed(clean.copy(), 0.0)
    out = np.empty(clean.shape, clean.dtype)
    if on_lattice:
        rows = clean if noise.shared else clean.reshape(-1)
        add_lattice(np.ascontiguousarray(rows), law, scale, key, out=out if noise.shared else out.reshape(-1))
    else:
        _add_float(signal, noise, scale, out)
    if signal.where is not None:
        np.copyto(out, clean, where=~signal.where)
    return Perturbed(out, scale, _geometric_snr(signal, law, scale, None if on_lattice else noise))


class _Noise:
    """The noise of one signal at unit scale, in pieces of whole rows, the same however often it is read."""

    def __init__(self, law: Distribution, key: Key, samples: Samples, *, shared: bool) -> None:
        self.shared = shared
        self._law, self._key, self._shape = law, key, samples.shape
        self._dtype = np.dtype(np.float64 if samples.dtype.itemsize > 2 and samples.dtype != np.float32 else np.float32)

    def pieces(self) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Yield (rows, noise) with noise of shape (rows, channels), or (rows, 1) where it is shared."""
        channels = 1 if self.shared else math.prod(self._shape[1:])
        step = max(1, _PIECE // channels)
        for begin in range(0, self._shape[0], step):
            rows = slice(begin, min(begin + step, self._shape[0]))
            piece = np.empty((rows.stop - rows.start) * channels, self._dtype)
            fill(piece, self._law, self._key, start=begin * channels)
            yield rows, piece.reshape(-1, *((1,) * (len(self._shape) - 1) if self.shared else self._shape[1:]))

    def power(self, signal: Signal) -> float:
        """Return the mean power of the samples that are added."""
        return _mean(signal, self, sum_of_squares)

    def geometric_power(self, signal: Signal) -> float:
        """Return exp(E ln |z|) over the samples that are added."""
        return math.exp(_mean(signal, self, _sum_of_logs))


def _sum_of_logs(samples: NDArray[np.floating]) -> tuple[float, int]:
    logs = np.log(np.abs(samples, dtype=np.float64))
    return float(np.add.reduce(logs, axis=None)), samples.size


def _mean(signal: Signal, noise: _Noise, summed: Callable[[NDArray[Any]], tuple[float, int]]) -> float:
    total, count = 0.0, 0
    for rows, piece in noise.pieces():
        chosen = _chosen(signal, rows, piece)
        part, number = summed(chosen)
        total, count = total + part, count + number
    return total / count if count else 0.0


def _chosen(signal: Signal, rows: slice, piece: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the noise that reaches a sample: where the signal is finite and may change."""
    samples = signal.samples[rows]
    mask: Any = True
    if signal.where is not None:
        mask = np.broadcast_to(signal.where, signal.samples.shape)[rows]
    if samples.dtype.kind == "f":
        finite = np.isfinite(samples)
        mask = mask if finite.all() else mask & finite
    return piece if mask is True else np.broadcast_to(piece, samples.shape)[mask]


def _signal_power(signal: Signal) -> float:
    samples = signal.samples
    if signal.where is not None:
        samples = samples[np.broadcast_to(signal.where, samples.shape)]
    total, count = sum_of_squares(samples)
    return total / count if count else 0.0


def _scale(signal: Signal, law: Distribution, level: Level, noise: _Noise | None) -> float:
    """Return the scale of the law in the unit of the samples, rounded to float32 so that it is the same everywhere."""
    if level.unit:
        raise UsageError(f"{level.kind}={level}: the unit {level.unit!r} is only known for series")
    value = level.value
    if level.kind == "scale":
        scale = value * signal.full_scale
    elif level.kind == "std":
        scale = value * signal.full_scale / law.std
    elif level.kind == "psnr_db":
        scale = signal.full_scale * 10 ** (-value / 20) / law.std
    else:
        scale = _scale_for_snr(signal, law, value, noise)
    return float(np.float32(scale))


def _scale_for_snr(signal: Signal, law: Distribution, snr_db: float, noise: _Noise | None) -> float:
    power = _signal_power(signal)
    if power == 0:
        raise InputError(
            f"the signal is silent (all samples are zero), so snr_db={snr_db:g} cannot be met; give std or scale"
        )
    if math.isinf(law.std):
        s0 = law.geometric_power if noise is None else noise.geometric_power(signal)
        noise_power = 2 * EXP_EULER * s0**2
    else:
        noise_power = law.std**2 if noise is None else noise.power(signal)
    return math.sqrt(power / noise_power) * 10 ** (-snr_db / 20)


def _geometric_snr(signal: Signal, law: Distribution, scale: float, noise: _Noise | None) -> float | None:
    power = _signal_power(signal) if math.isinf(law.std) else 0.0
    if power == 0:
        return None
    s0 = law.geometric_power if noise is None else noise.geometric_power(signal)
    return decibels(power / (2 * EXP_EULER * (scale * s0) ** 2))


def _add_float(signal: Signal, noise: _Noise, scale: float, out: Samples) -> None:
    integer = out.dtype.kind in "iu"
    limits = _limits(signal, out.dtype)
    for rows, unit in noise.pieces():
        with np.errstate(over="ignore", invalid="ignore"):
            piece = np.multiply(unit, scale, out=unit)
            if integer:
                np.rint(piece, out=piece)
            total = np.add(signal.samples[rows], piece, out=None if noise.shared else piece, dtype=piece.dtype)
            if limits is not None:
                np.clip(total, *limits, out=total)
            out[rows] = total.astype(out.dtype, copy=False)


def _limits(signal: Signal, dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """Return where samples saturate; integers always do, at the ends of their type at the latest."""
    if dtype.kind not in "iu":
        return signal.limits
    info = np.iinfo(dtype)
    ends = float(info.min), float(np.nextafter(info.max, 0) if info.max > 2**53 else info.max)
    if signal.limits is None:
        return ends
    return max(signal.limits[0], ends[0]), min(signal.limits[1], ends[1])
