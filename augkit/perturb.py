"""Noise meets signal: a law, a level and a key turn samples into noisy samples. Blind to domains and files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.achieved import decibels, sum_of_squares
from augkit.errors import InputError, UsageError
from augkit.level import Channels, Level, check_level
from augkit.noise.colour import WHITE, Color
from augkit.noise.coloured import Coloured
from augkit.noise.distributions import Distribution
from augkit.noise.distributions.base import EXP_EULER
from augkit.noise.filters import Filter
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice
from augkit.noise.strips import fill
from augkit.signal import Samples, Signal

_PIECE = 4 * BLOCK
_KEPT = 64 * BLOCK


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
    signal: Signal,
    law: Distribution,
    level: Level,
    key: Key,
    *,
    channels: Channels = "independent",
    color: Color = WHITE,
) -> Perturbed:
    """Add noise of `law` at a fixed `level`; integers are rounded and saturate at the signal's limits.

    An `snr_db` is met by the noise that is added: it is made once, its power measured over all samples and channels,
    and its gain set. 8-bit data goes through the lattice sampler, where the gain follows from the law's own power. For
    laws of infinite variance `snr_db` is the geometric SNR (Gonzalez, Paredes, Arce 2006).

    A `color` other than white filters the noise along the first axis, each channel by itself. The filter has unit
    power: a `std` stays that of the noise, and a `scale` is that of the innovations.

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
    shared = channels == "shared" and clean.ndim > 1
    filter_ = color.filter(len(clean))
    on_lattice = clean.dtype == np.uint8 and signal.limits == (0, 255) and filter_ is None
    noise = None if on_lattice else _Noise(law, key, signal, filter_, shared=shared)
    scale = _scale(signal, law, level, noise)
    if scale == 0:
        return Perturbed(clean.copy(), 0.0)
    geometric_snr_db = _geometric_snr(signal, law, scale, noise)
    out = np.empty(clean.shape, clean.dtype)
    if noise is not None:
        _add_float(signal, noise, scale, out)
    elif shared:
        add_lattice(np.ascontiguousarray(clean), law, scale, key, out=out)
    else:
        add_lattice(np.ascontiguousarray(clean).reshape(-1), law, scale, key, out=out.reshape(-1))
    if signal.where is not None:
        np.copyto(out, clean, where=~signal.where)
    return Perturbed(out, scale, geometric_snr_db)


class _Noise:
    """The noise of one signal at unit scale, in pieces of whole rows, the same however often it is read.

    Noise of up to `_KEPT` samples is made once and kept; more is made again each time, so that memory stays flat.
    """

    def __init__(
        self, law: Distribution, key: Key, signal: Signal, filter_: Filter | None = None, *, shared: bool = False
    ) -> None:
        samples = signal.samples
        self.shared = shared
        self._law, self._key, self._signal = law, key, signal
        single = samples.dtype.itemsize <= 2 or samples.dtype == np.float32
        self._dtype: np.dtype[np.floating] = np.dtype(np.float32 if single else np.float64)
        self._channels = 1 if shared else math.prod(samples.shape[1:])
        self._coloured = filter_ and Coloured(filter_, law, key, channels=self._channels, dtype=self._dtype)
        self._kept: dict[int, NDArray[np.floating]] = {}

    def pieces(self) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Yield (rows, noise), not to be changed, of shape (rows, channels), or (rows, 1) where it is shared."""
        shape = self._signal.samples.shape
        step = max(1, _PIECE // self._channels)
        keep = shape[0] * self._channels <= _KEPT
        for begin in range(0, shape[0], step):
            rows = slice(begin, min(begin + step, shape[0]))
            piece = self._kept.get(begin)
            if piece is None:
                piece = np.empty((rows.stop - begin) * self._channels, self._dtype)
                if self._coloured:
                    self._coloured.fill(piece.reshape(-1, self._channels), begin)
                else:
                    fill(piece, self._law, self._key, start=begin * self._channels)
                if keep:
                    self._kept[begin] = piece
            yield rows, piece.reshape(-1, *((1,) * (len(shape) - 1) if self.shared else shape[1:]))

    @cached_property
    def power(self) -> float:
        """The mean power of the samples that are added."""
        return self._mean(sum_of_squares)

    @cached_property
    def geometric_power(self) -> float:
        """exp(E ln |z|) over the samples that are added."""
        return math.exp(self._mean(_sum_of_logs))

    def _mean(self, summed: Callable[[NDArray[Any]], tuple[float, int]]) -> float:
        total, count = 0.0, 0
        for rows, piece in self.pieces():
            part, number = summed(_chosen(self._signal, rows, piece))
            total, count = total + part, count + number
        return total / count if count else 0.0


def _sum_of_logs(samples: NDArray[np.floating]) -> tuple[float, int]:
    logs = np.log(np.abs(samples, dtype=np.float64))
    return float(np.add.reduce(logs, axis=None)), samples.size


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
    """Return the scale of the law in the unit of the samples, rounded to 24 bits so that it is the same everywhere."""
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
    mantissa, exponent = math.frexp(scale)
    return math.ldexp(round(mantissa * 2**24), exponent - 24)


def _scale_for_snr(signal: Signal, law: Distribution, snr_db: float, noise: _Noise | None) -> float:
    power = _signal_power(signal)
    if power == 0:
        raise InputError(
            f"the signal is silent (all samples are zero), so snr_db={snr_db:g} cannot be met; give std or scale"
        )
    if math.isinf(law.std):
        s0 = law.geometric_power if noise is None else noise.geometric_power
        noise_power = 2 * EXP_EULER * s0**2
    else:
        noise_power = law.std**2 if noise is None else noise.power
    return math.sqrt(power / noise_power) * 10 ** (-snr_db / 20)


def _geometric_snr(signal: Signal, law: Distribution, scale: float, noise: _Noise | None) -> float | None:
    power = _signal_power(signal) if math.isinf(law.std) else 0.0
    if power == 0:
        return None
    s0 = law.geometric_power if noise is None else noise.geometric_power
    return decibels(power / (2 * EXP_EULER * (scale * s0) ** 2))


def _add_float(signal: Signal, noise: _Noise, scale: float, out: Samples) -> None:
    integer = out.dtype.kind in "iu"
    limits = _limits(signal, out.dtype)
    for rows, unit in noise.pieces():
        with np.errstate(over="ignore", invalid="ignore"):
            piece = unit * unit.dtype.type(scale)
            if integer:
                np.rint(piece, out=piece)
            clean = signal.samples[rows]
            total = np.add(clean, piece, out=None if noise.shared else piece, dtype=piece.dtype)
            if limits is not None:
                np.clip(total, *limits, out=total)
            if limits is not None and not integer:
                np.copyto(total, clean, where=~np.isfinite(clean))
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
