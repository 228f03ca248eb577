"""Samples in blocks: what is read again and again from first to last, and the sums over one block."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.compiled import samples as compiled

Samples = NDArray[Any]
Powers = NDArray[np.float64]

_ROW = 1024
"""Frames that are summed side by side."""

_HIGHEST = sys.float_info.max_exp

_LONGEST = _ROW * 2**15
"""Frames whose sums of 16-bit samples fit into 32 bits."""

_INT16 = np.dtype(np.int16)

_TINY, _HUGE = 1e-24, 1e30
"""Sums of squares in float32 between these are right; others are taken again in float64."""


class Source(Protocol):
    """What noise is added to: a recording that can be read again and again."""

    @property
    def frames(self) -> int:
        """Its length."""
        ...

    def blocks(self, frames: int = ..., /) -> Iterator[Samples]:
        """Yield all samples in one pass, as arrays of shape (any number of frames, channels), not to be changed."""
        ...


class InMemory(msgspec.Struct, frozen=True, eq=False):
    """A source that lies in memory.

    Attributes
    ----------
    samples : ndarray, shape (frames, channels)
    """

    samples: Samples

    @property
    def frames(self) -> int:
        """Its length."""
        return len(self.samples)

    def blocks(self, frames: int = 2**16) -> Iterator[Samples]:
        """Yield views of the samples."""
        for begin in range(0, len(self.samples), frames):
            yield self.samples[begin : begin + frames]


def even(blocks: Iterable[Samples], frames: int) -> Iterator[Samples]:
    """Yield the same samples in blocks of `frames` frames, the last one as long as what is left."""
    parts: list[Samples] = []
    held = 0
    for block in blocks:
        begin = 0
        while held + len(block) - begin >= frames:
            end = begin + frames - held
            parts.append(block[begin:end])
            yield parts[0] if len(parts) == 1 else np.concatenate(parts)
            parts, held, begin = [], 0, end
        if begin < len(block):
            parts.append(block[begin:].copy())  # the memory of a block may be used again for the next
            held += len(block) - begin
    if parts:
        yield parts[0] if len(parts) == 1 else np.concatenate(parts)


class Block:
    """Some frames of a signal or a noise, with sums that are taken once, when they are asked for.

    Attributes
    ----------
    samples : ndarray, shape (frames, channels)
        Integers or floats. Those that are not finite, and the noise on them, are left out of all sums.
    finite : bool ndarray of the same shape, or None
        Which samples are finite; None for all. What is not given is found out where a sum of squares shows it.
    """

    __slots__ = ("_squares", "finite", "samples")

    def __init__(self, samples: Samples, finite: NDArray[np.bool_] | None = None) -> None:
        self.samples = samples
        self.finite = finite
        self._squares: Powers | None = None

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def squares(self) -> Powers:
        """The sum of the squares of each channel, shape (channels,)."""
        if self._squares is None:
            self._squares = self._summed()
        return self._squares

    def _summed(self) -> Powers:
        if self.finite is None:
            sums = _sums_of_squares(self.samples)
            if all(map(math.isfinite, sums.tolist())):
                return sums
            self.finite = finite_or_none(self.samples)
        with np.errstate(over="ignore"):
            return column_sums(np.square(self.filled))

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of finite samples of each channel."""
        if self.finite is None:
            return np.array([len(self.samples)] * self.samples.shape[1])
        counts: NDArray[np.int64] = np.add.reduce(self.finite, axis=0, dtype=np.int64)
        return counts

    @property
    def filled(self) -> NDArray[np.float64]:
        """The samples as float64, with zero for what is not finite."""
        with np.errstate(invalid="ignore"):  # a signalling NaN is told of in each cast
            samples = self.samples.astype(np.float64)
        return samples if self.finite is None else np.where(self.finite, samples, 0.0)


def finite_or_none(samples: Samples) -> NDArray[np.bool_] | None:
    """Return which samples are finite, or None where all are."""
    if samples.dtype.kind != "f":
        return None
    finite = np.isfinite(samples)
    return None if finite.all() else finite


def _sums_of_squares(samples: Samples) -> Powers:
    """Return the sum of squares of each channel; of short floats in float32, which is right to seven digits."""
    if samples.dtype == _INT16:
        return _sums_of_short_squares(samples)
    if samples.dtype == np.float32:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            sums = _sums_of_short_squares(samples)
        if all(_TINY < one < _HUGE for one in sums.tolist()):
            return sums
    with np.errstate(over="ignore", invalid="ignore"):
        return column_sums(np.square(samples, dtype=np.float64))


def _sums_of_short_squares(samples: Samples) -> Powers:
    """Return what `column_sums` makes of the squares in float32."""
    alone = compiled.sum_of_channel(samples) if samples.shape[1] == 1 else None
    if alone is not None:
        return np.array([alone])
    whole = len(samples) // _ROW * _ROW
    rows = compiled.sums_of_squares(samples[:whole], _ROW * samples.shape[1]) if whole else None
    if rows is None:
        return column_sums(np.square(samples, dtype=np.float32))
    return _total(rows, np.square(samples[whole:], dtype=np.float32))


def column_sums(values: NDArray[np.floating]) -> Powers:
    """Return the sum of each column in float64, in an order of additions that is the same on every machine."""
    frames, channels = values.shape
    whole = frames // _ROW * _ROW
    if not whole:
        return _total(None, values)
    wide = np.int32 if values.dtype == _INT16 and whole <= _LONGEST else None
    return _total(np.add.reduce(values[:whole].reshape(-1, _ROW * channels), axis=0, dtype=wide), values[whole:])


def _total(rows: NDArray[Any] | None, rest: NDArray[Any]) -> Powers:
    """Return the sum of each column of the last frames, and of those that were summed side by side before them."""
    total: Powers = np.add.reduce(rest, axis=0, dtype=np.float64)
    if rows is not None:
        total += np.add.reduce(rows.reshape(_ROW, -1), axis=0, dtype=np.float64)
    return total


def short(values: Powers) -> Powers:
    """Round to 24 bits, so that the last bits of a machine's arithmetic do not show."""
    return np.array([_short(value) for value in values.tolist()])  # there are few, for which that is quicker


def _short(value: float) -> float:
    mantissa, exponent = math.frexp(value)
    if not math.isfinite(value) or exponent >= _HIGHEST:
        return value
    return math.ldexp(round(mantissa * 2**24), exponent - 24)
