"""What noise lies between two arrays: the levels that were reached, measured and not assumed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.compiled import pixels as compiled

CHUNK = 2**16
"""Samples that are squared and summed at a time; fixed, so that the sums are the same everywhere."""

_BYTES = 2**16
"""8-bit samples whose squares are summed at a time: as many as a uint32 holds."""

_FULL_BYTES = (0.0, 255.0)


def sum_of_squares(samples: NDArray[Any], minus: NDArray[Any] | None = None) -> tuple[float, int]:
    """Return the sum of squares of the finite samples (less `minus`, where given) and their number.

    Parameters
    ----------
    samples, minus : ndarray of one shape
        Summed in float64, in fixed blocks and without BLAS; 8-bit samples as integers, which is exact.
    """
    if samples.dtype == np.uint8 and minus is None:
        return _sum_of_bytes(samples.reshape(-1)), samples.size
    total, count = 0.0, 0
    flat = samples.reshape(-1)
    other = None if minus is None else minus.reshape(-1)
    for begin in range(0, flat.size, CHUNK):
        one, two = flat[begin : begin + CHUNK], None if other is None else other[begin : begin + CHUNK]
        piece = _difference(one, two)
        with np.errstate(over="ignore", invalid="ignore"):
            part = float(np.add.reduce(np.square(piece, out=piece)))
        if not math.isfinite(part):
            piece = _difference(one, two)
            piece = piece[np.isfinite(piece)]
            with np.errstate(over="ignore"):
                part = float(np.add.reduce(np.square(piece)))
        total += part
        count += piece.size
    return total, count


def _sum_of_bytes(samples: NDArray[np.uint8]) -> float:
    total, wide = 0, np.empty(min(_BYTES, samples.size), np.uint32)
    for begin in range(0, samples.size, _BYTES):
        piece = samples[begin : begin + _BYTES]
        total += _squares(piece, wide[: piece.size])
    return float(total)


def _squares(samples: NDArray[np.uint8], wide: NDArray[np.uint32]) -> int:
    np.copyto(wide, samples)
    return int(np.einsum("i,i->", wide, wide))


def _noise_on_bytes(
    clean: NDArray[np.uint8], noisy: NDArray[np.uint8], where: NDArray[np.bool_] | None
) -> tuple[float, float, int]:
    """Return the sums of squares of noise and signal, and how many samples were moved to 0 or 255."""
    found = compiled.noise_on_bytes(clean, noisy, where)
    if found is not None:
        return found
    if where is not None:
        clean, noisy = clean * where, noisy * where
    return _by_numpy(clean.reshape(-1), noisy.reshape(-1))


def _by_numpy(clean: NDArray[np.uint8], noisy: NDArray[np.uint8]) -> tuple[float, float, int]:
    noise, signal, clipped, size = 0, 0, 0, min(_BYTES, clean.size)
    wide, far, near = np.empty(size, np.uint32), np.empty(size, np.uint8), np.empty(size, np.uint8)
    for begin in range(0, clean.size, _BYTES):
        before, after = clean[begin : begin + _BYTES], noisy[begin : begin + _BYTES]
        if before.size < size:
            wide, far, near = wide[: before.size], far[: before.size], near[: before.size]
        signal += _squares(before, wide)
        np.maximum(before, after, out=far)
        far -= np.minimum(before, after, out=near)
        noise += _squares(far, wide)
        at_limit = np.add(after, np.uint8(1), out=near) <= 1  # 255 comes round to 0
        clipped += int(np.count_nonzero(np.logical_and(at_limit, far, out=at_limit)))
    return float(noise), float(signal), clipped


def _difference(samples: NDArray[Any], minus: NDArray[Any] | None) -> NDArray[np.float64]:
    if minus is not None and samples.dtype.kind in "iu" and samples.dtype.itemsize == 8:
        noise: NDArray[np.float64] = (samples - minus).view(np.int64).astype(np.float64)
        return noise  # taken as integers: beyond 2**53 floats would lose it
    with np.errstate(invalid="ignore"):
        piece = samples.astype(np.float64)
        return piece if minus is None else piece - minus


def decibels(ratio: float) -> float:
    """Return a ratio of powers in dB."""
    return 10 * math.log10(ratio)


def achieved(
    clean: NDArray[Any],
    noisy: NDArray[Any],
    *,
    full_scale: float,
    limits: tuple[float, float] | None,
    where: NDArray[np.bool_] | None = None,
) -> dict[str, float | None]:
    """Measure the noise between two arrays of one shape.

    Parameters
    ----------
    clean, noisy : ndarray
        Samples before and after, in the same unit.
    full_scale : float
        What a level of 1.0 means in that unit.
    limits : (low, high) or None
        Where samples saturate.
    where : bool ndarray or None
        The samples to measure; None for all.

    Returns
    -------
    dict
        ``std``: root mean square of the noise as a share of `full_scale`; ``snr_db``: mean power of the clean
        samples over that of the noise; ``psnr_db``: full scale squared over the power of the noise; ``clipped``:
        share of the samples that the noise moved onto a limit. None for what is infinite or unknown.
    """
    meter = Meter(full_scale, limits)
    meter.add(clean, noisy, where)
    return meter.levels()


class Meter:
    """Sums up the noise between arrays that come one after the other: frames, pages, blocks.

    Parameters
    ----------
    full_scale, limits
        As for `achieved`.
    """

    def __init__(self, full_scale: float, limits: tuple[float, float] | None) -> None:
        self._full_scale, self._limits = full_scale, limits
        self._noise = self._signal = 0.0
        self._noise_count = self._signal_count = self._size = self._clipped = 0

    def add(self, clean: NDArray[Any], noisy: NDArray[Any], where: NDArray[np.bool_] | None = None) -> None:
        """Take in two arrays of one shape, where `where` is True."""
        chosen = None
        if where is not None and clean.dtype.kind in "iu":
            chosen = int(np.count_nonzero(where)) * (clean.size // max(where.size, 1))
        if clean.dtype == noisy.dtype == np.uint8 and self._limits == _FULL_BYTES:
            noise, signal, clipped = _noise_on_bytes(clean, noisy, where)
            count = signal_count = size = clean.size
        else:
            if chosen is not None:  # what is left out becomes zero in both: many times faster than picking the others
                clean, noisy = clean * where, noisy * where
            elif where is not None:
                picked = np.broadcast_to(where, clean.shape)
                clean, noisy = clean[picked], noisy[picked]
            noise, count = sum_of_squares(noisy, clean)
            signal, signal_count = sum_of_squares(clean)
            clipped, size = _clipped(clean, noisy, self._limits), clean.size
        self._noise += noise
        self._noise_count += count if chosen is None else chosen
        self._signal += signal
        self._signal_count += signal_count if chosen is None else chosen
        self._size += size if chosen is None else chosen
        self._clipped += clipped

    def levels(self) -> dict[str, float | None]:
        """Return what `achieved` returns, for all that was taken in."""
        if not self._noise_count:
            return {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}
        signal_power, noise_power = self._signal / max(self._signal_count, 1), self._noise / self._noise_count
        return {
            "snr_db": decibels(signal_power / noise_power) if signal_power > 0 and noise_power > 0 else None,
            "std": math.sqrt(noise_power) / self._full_scale,
            "psnr_db": decibels(self._full_scale**2 / noise_power) if noise_power > 0 else None,
            "clipped": self._clipped / self._size,
        }


def _clipped(clean: NDArray[Any], noisy: NDArray[Any], limits: tuple[float, float] | None) -> int:
    if limits is None:
        return 0
    flat, before, count = noisy.reshape(-1), clean.reshape(-1), 0
    # integers are compared as what they are: floats would make copies of them
    low, high = (flat.dtype.type(limit) if _holds(flat.dtype, limit) else limit for limit in limits)
    for begin in range(0, flat.size, CHUNK):
        piece = flat[begin : begin + CHUNK]
        at_limit = (piece <= low) | (piece >= high)
        at_limit &= piece != before[begin : begin + CHUNK]
        count += int(np.count_nonzero(at_limit))
    return count


def _holds(dtype: np.dtype[Any], limit: float) -> bool:
    return dtype.kind in "iu" and float(limit).is_integer() and np.iinfo(dtype).min <= limit <= np.iinfo(dtype).max
