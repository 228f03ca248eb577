"""Noise of one key at unit scale, taken row after row."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from augkit.noise.coloured import Coloured
from augkit.noise.distributions import Distribution
from augkit.noise.filters import Filter
from augkit.noise.keys import BLOCK, Key
from augkit.noise.strips import fill

AHEAD = 4 * BLOCK
"""Samples that are made at a time where there is one tape: rare samples are settled together."""

Piece = NDArray[np.floating]


class Tape:
    """The noise of one key, the same however it is taken.

    Parameters
    ----------
    law, key
        Of the noise, or of the innovations where it is coloured.
    filter_ : Filter or None
        Its colour.
    dtype : dtype
        float32 or float64.
    rows : int
        How many samples will be taken in all.
    ahead : int
        Samples that are made at a time.
    start : int
        Number of the sample that is taken first.
    """

    def __init__(
        self,
        law: Distribution,
        key: Key,
        filter_: Filter | None,
        dtype: np.dtype[np.floating],
        rows: int,
        *,
        ahead: int = AHEAD,
        start: int = 0,
    ) -> None:
        self._law, self._key, self._dtype, self._rows, self._ahead = law, key, dtype, rows, ahead
        self._coloured = filter_ and Coloured(filter_, law, key, channels=1, dtype=dtype)
        self._made = np.empty(0, dtype)
        self._taken, self._end = 0, start

    def take(self, count: int) -> Piece:
        """Return the next `count` samples, not to be changed."""
        left = self._made[self._taken :]
        if len(left) >= count:
            self._taken += count
            return left[:count]
        made = np.empty(max(count - len(left), min(self._ahead, self._rows - self._end)), self._dtype)
        if self._coloured:
            self._coloured.fill(made[:, np.newaxis], self._end)
        else:
            fill(made, self._law, self._key, start=self._end)
        self._end += len(made)
        first = count - len(left)
        self._made, self._taken = made, first
        return np.concatenate([left, made[:first]]) if len(left) else made[:first]


def running_sum(total: float, values: NDArray[np.float64]) -> float:
    """Return a sum with further values added one by one, so that it does not matter in what pieces they come."""
    if not values.size:
        return total
    values = values.copy()
    values[0] += total
    return float(np.add.accumulate(values, out=values)[-1])


class Power:
    """The mean power, or the geometric power, of the samples that reach a finite value.

    Parameters
    ----------
    geometric : bool
        exp(E ln |z|), for laws of infinite variance; the mean of squares otherwise.
    """

    def __init__(self, *, geometric: bool) -> None:
        self._geometric = geometric
        self._total, self._count = 0.0, 0

    def add(self, samples: Piece) -> None:
        """Take in samples."""
        wide = np.abs(samples, dtype=np.float64)
        self._total = running_sum(self._total, np.log(wide) if self._geometric else np.square(wide))
        self._count += samples.size

    def value(self) -> float:
        """Return the mean; 0 where there were no samples."""
        mean = self._total / self._count if self._count else 0.0
        return math.exp(mean) if self._geometric and self._count else mean
