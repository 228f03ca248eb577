"""The noise of one signal at unit scale: of a law, coloured, its channels mixed; in pieces, the same however read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from augkit.achieved import sum_of_squares
from augkit.errors import UsageError
from augkit.noise.coloured import Coloured
from augkit.noise.distributions import Distribution
from augkit.noise.elliptical import fill_elliptical, needs_radius
from augkit.noise.filters import Filter
from augkit.noise.grain import Grain
from augkit.noise.keys import BLOCK, Key
from augkit.noise.mixing import Channels, mix, mixing
from augkit.noise.strips import fill
from augkit.signal import Signal

PIECE = 4 * BLOCK
"""Samples that are made at a time, where not all are kept."""

_KEPT = 64 * BLOCK
_AHEAD = 16 * BLOCK
"""Samples that are made at a time where rows are read one after another: rare samples are settled together."""

_SURE = 5.0
_KNOWN = 10**0.001 - 1
"""A power that lies within 0.01 dB of the law's, but for one time in a million, is known without the samples."""

_LEAST_CHANCE = 2.0**-60

Piece = NDArray[np.floating]
P = TypeVar("P")
T = TypeVar("T")


def in_threads(work: Callable[[P], T], parts: Iterable[P], threads: int) -> Iterator[T]:
    """Yield the results of `work` on each part in their order, from as many threads; NumPy lets go of the lock."""
    if threads <= 1:
        yield from map(work, parts)
    else:
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, parts)


def checked_threads(threads: int) -> int:
    """Return a number of threads; raise `UsageError` for one below 1."""
    if not isinstance(threads, int) or threads < 1:
        raise UsageError(f"threads={threads}: expected 1 or more")
    return threads


class LawNoise:
    """Noise of a law at unit scale, coloured, its channels mixed: any of its rows, the same however they are read.

    Noise of up to `_KEPT` samples is made once and kept; more is made again each time, so that memory stays flat.

    Attributes
    ----------
    std : float
        The standard deviation of the law; inf where it has none.
    shared : bool
        Whether all channels have one noise, so that pieces have one channel.
    in_order : bool
        Whether a filter carries its state from row to row, so that one thread reads them in turn.
    dtype : dtype
        float32 or float64.
    """

    def __init__(
        self,
        law: Distribution,
        key: Key,
        rows: int,
        channels: int,
        dtype: np.dtype[np.floating],
        *,
        sharing: Channels = "independent",
        filter_: Filter | None = None,
        grain: Grain | None = None,
        threads: int = 1,
    ) -> None:
        self.std, self.dtype = law.std, dtype
        self.shared = sharing == "shared" and channels > 1
        self.in_order = filter_ is not None
        self._law, self._key, self._rows, self._grain = law, key, rows, grain
        self._channels = 1 if self.shared else channels
        self._mixing = mixing(sharing, channels)
        self._elliptical = self._mixing is not None and needs_radius(law)
        if self._elliptical and filter_ is not None:
            raise UsageError(
                f"channels: coloured {law} noise has no variance to correlate; use 'independent' or 'shared'"
            )
        self._coloured = filter_ and Coloured(filter_, law, key, channels=self._channels, dtype=dtype)
        self._threads = 1 if self.in_order else threads
        self._kept: Piece | None = None
        self._ahead: tuple[int, Piece] | None = None

    def parts(self) -> list[slice]:
        """Return the rows of each piece."""
        step = max(1, PIECE // self._channels)
        return [slice(begin, min(begin + step, self._rows)) for begin in range(0, self._rows, step)]

    def over_parts(self, work: Callable[[slice], T]) -> Iterator[T]:
        """Yield the results of `work` on each part, in order; a filter's state allows one thread only."""
        self.keep()
        return in_threads(work, self.parts(), self._threads)

    def rows(self, rows: slice) -> Piece:
        """Return the noise of some rows, not to be changed: of shape (rows, channels), or (rows, 1) where shared."""
        if self._kept is not None:
            return self._kept[rows]
        if self._threads == 1 and rows.stop - rows.start < self._window:
            return self._from_window(rows)
        piece = np.empty((rows.stop - rows.start, self._channels), self.dtype)
        self._fill(piece, rows.start)
        return piece

    @property
    def _window(self) -> int:
        return _AHEAD // self._channels

    def _from_window(self, rows: slice) -> Piece:
        """Return some rows out of those that were made at a time."""
        begin, made = self._ahead or (0, np.empty((0, self._channels), self.dtype))
        if not begin <= rows.start <= rows.stop <= begin + len(made):
            begin = rows.start
            made = np.empty((min(self._window, self._rows - begin), self._channels), self.dtype)
            self._fill(made, begin)
            self._ahead = begin, made
        return made[rows.start - begin : rows.stop - begin]

    def foreseen(self) -> tuple[float, float] | None:
        """Return the mean power and a bound of all samples, where there are so many that the law tells them.

        That goes for white noise of a law with a finite kurtosis; None otherwise.
        """
        law = self._law
        if self.in_order or self._grain or self._mixing is not None or not math.isfinite(law.kurtosis):
            return None
        if _SURE * math.sqrt((law.kurtosis + 2) / max(self._rows, 1)) > _KNOWN:  # of each channel by itself
            return None
        return law.std**2, float(law.isf(np.array([_LEAST_CHANCE]))[0])

    def keep(self) -> Piece | None:
        """Make all of the noise at once, where it is little enough to be kept, and return it; None where it is not."""
        if self._kept is not None or self._rows * self._channels > _KEPT:
            return self._kept
        kept = np.empty((self._rows, self._channels), self.dtype)
        parts = self.parts() if self._threads > 1 else [slice(0, len(kept))]
        for _ in in_threads(lambda rows: self._fill(kept[rows], rows.start), parts, self._threads):
            pass
        self._kept = kept
        return kept

    def _fill(self, out: Piece, start: int) -> None:
        if self._elliptical and self._mixing is not None:
            fill_elliptical(out, self._law, self._mixing, self._key, start=start)
            return
        if self._coloured:
            self._coloured.fill(out, start)
        elif self._grain:
            self._grain.fill(out, self._law, self._key, start)
        else:
            fill(out.reshape(-1), self._law, self._key, start=start * self._channels)
        if self._mixing is not None:
            out[:] = mix(out, self._mixing)


def noise_dtype(dtype: np.dtype[Any]) -> np.dtype[np.floating]:
    """Return the type that noise for samples of `dtype` is made in."""
    single = dtype.itemsize <= 2 or dtype.newbyteorder("=") == np.float32
    return np.dtype(np.float32 if single else np.float64)


class UnitNoise:
    """Noise at unit scale for the samples of a signal in memory, and what is measured of it."""

    def __init__(
        self,
        law: Distribution,
        key: Key,
        signal: Signal,
        *,
        channels: Channels = "independent",
        filter_: Filter | None = None,
        grain: Grain | None = None,
        threads: int = 1,
    ) -> None:
        samples = signal.samples
        self._signal = signal
        self._made = LawNoise(
            law,
            key,
            len(samples),
            math.prod(samples.shape[1:]),
            noise_dtype(samples.dtype),
            sharing=channels if samples.ndim > 1 else "independent",
            filter_=filter_,
            grain=grain,
            threads=threads,
        )
        self.shared = self._made.shared

    def over_parts(self, work: Callable[[slice], T]) -> Iterator[T]:
        """Yield the results of `work` on each part, in order."""
        return self._made.over_parts(work)

    def piece(self, rows: slice) -> Piece:
        """Return the noise of some rows, not to be changed, in the shape of the signal's; one channel where shared."""
        shape = self._signal.samples.shape[1:]
        return self._made.rows(rows).reshape(-1, *((1,) * len(shape) if self.shared else shape))

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
        for part, number in self.over_parts(lambda rows: summed(self._chosen(rows))):
            total, count = total + part, count + number
        return total / count if count else 0.0

    def _chosen(self, rows: slice) -> Piece:
        """Return the noise that reaches a sample: where the signal is finite and may change."""
        piece, samples = self.piece(rows), self._signal.samples[rows]
        mask: Any = True
        if self._signal.where is not None:
            mask = np.broadcast_to(self._signal.where, self._signal.samples.shape)[rows]
        if samples.dtype.kind == "f":
            finite = np.isfinite(samples)
            mask = mask if finite.all() else mask & finite
        return piece if mask is True else np.broadcast_to(piece, samples.shape)[mask]


def _sum_of_logs(samples: NDArray[np.floating]) -> tuple[float, int]:
    logs = np.log(np.abs(samples, dtype=np.float64))
    return float(np.add.reduce(logs, axis=None)), samples.size
