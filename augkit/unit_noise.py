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
from augkit.noise.filters import Filter
from augkit.noise.grain import Grain
from augkit.noise.keys import BLOCK, Key
from augkit.noise.mixing import Channels, mix, mixing
from augkit.noise.strips import fill
from augkit.signal import Signal

_PIECE = 4 * BLOCK
_KEPT = 64 * BLOCK

Piece = NDArray[np.floating]
T = TypeVar("T")


def in_threads(work: Callable[[slice], T], parts: Iterable[slice], threads: int) -> Iterator[T]:
    """Yield the results of `work` on each part in their order, from as many threads; NumPy lets go of the lock."""
    if threads <= 1:
        yield from map(work, parts)
    else:
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, parts)


def checked_threads(threads: int) -> int:
    """Return a number of threads; raise `UsageError` for one below 1."""
    if threads < 1:
        raise UsageError(f"threads={threads}: expected 1 or more")
    return threads


class UnitNoise:
    """Noise at unit scale for the samples of a signal.

    Noise of up to `_KEPT` samples is made once and kept; more is made again each time, so that memory stays flat.
    """

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
        count = math.prod(samples.shape[1:])
        self.shared = channels == "shared" and samples.ndim > 1
        self._law, self._key, self._signal, self._threads = law, key, signal, threads
        single = samples.dtype.itemsize <= 2 or samples.dtype == np.float32
        self._dtype: np.dtype[np.floating] = np.dtype(np.float32 if single else np.float64)
        self._channels = 1 if self.shared else count
        self._mixing = mixing(channels, count) if samples.ndim > 1 else None
        self._coloured = filter_ and Coloured(filter_, law, key, channels=self._channels, dtype=self._dtype)
        self._grain = grain
        self._kept: Piece | None = None

    def parts(self) -> list[slice]:
        """Return the rows of each piece."""
        rows = len(self._signal.samples)
        step = max(1, _PIECE // self._channels)
        return [slice(begin, min(begin + step, rows)) for begin in range(0, rows, step)]

    def over_parts(self, work: Callable[[slice], T]) -> Iterator[T]:
        """Yield the results of `work` on each part, in order; a filter's state allows one thread only."""
        self._keep()
        return in_threads(work, self.parts(), self._workers)

    def piece(self, rows: slice) -> Piece:
        """Return the noise of some rows, not to be changed: of shape (rows, channels), or (rows, 1) where shared."""
        if self._kept is not None:
            piece = self._kept[rows]
        else:
            piece = np.empty((rows.stop - rows.start, self._channels), self._dtype)
            self._fill(piece, rows.start)
        shape = self._signal.samples.shape[1:]
        return piece.reshape(-1, *((1,) * len(shape) if self.shared else shape))

    @property
    def _workers(self) -> int:
        return 1 if self._coloured else self._threads

    def _keep(self) -> None:
        """Make all of the noise at once, where it is little enough to be kept."""
        size = len(self._signal.samples) * self._channels
        if self._kept is not None or size > _KEPT:
            return
        kept = np.empty((len(self._signal.samples), self._channels), self._dtype)
        parts = self.parts() if self._workers > 1 else [slice(0, len(kept))]
        for _ in in_threads(lambda rows: self._fill(kept[rows], rows.start), parts, self._workers):
            pass
        self._kept = kept

    def _fill(self, out: Piece, start: int) -> None:
        if self._coloured:
            self._coloured.fill(out, start)
        elif self._grain:
            self._grain.fill(out, self._law, self._key, start)
        else:
            fill(out.reshape(-1), self._law, self._key, start=start * self._channels)
        if self._mixing is not None:
            out[:] = mix(out, self._mixing)

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
