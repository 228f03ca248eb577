"""Correlated noise of laws without variance: rows of elliptical vectors, of which each column takes its part."""

from __future__ import annotations

import numpy as np

from augkit.noise.distributions import Distribution
from augkit.noise.elliptical import fill_elliptical
from augkit.noise.keys import Key
from augkit.noise.mixing import Matrix
from augkit.series.tape import Piece


class Vector:
    """Rows of correlated columns, any of them, the same however they are read; see `augkit.noise.elliptical`.

    Parameters
    ----------
    law : Cauchy, StudentT or AlphaStable
    lower : matrix
        L, with L L' the scatter matrix.
    key : Key
    rows : int
        How many there are.
    ahead : int
        Samples that are made at a time.
    """

    def __init__(self, law: Distribution, lower: Matrix, key: Key, rows: int, ahead: int) -> None:
        self._law, self._lower, self._key, self._rows = law, lower, key, rows
        self._ahead = max(ahead // len(lower), 1)
        self._begin, self._made = 0, np.empty((0, len(lower)))

    def rows(self, start: int, count: int) -> Piece:
        """Return some rows of all columns, not to be changed."""
        first = start - self._begin
        if not 0 <= first <= first + count <= len(self._made):
            first, self._begin = 0, start
            self._made = np.empty((max(count, min(self._ahead, self._rows - start)), len(self._lower)))
            fill_elliptical(self._made, self._law, self._lower, self._key, start=start)
        return self._made[first : first + count]


class Strand:
    """One column of a vector, taken row after row as a `Tape` is."""

    def __init__(self, vector: Vector, place: int, start: int) -> None:
        self._vector, self._place, self._taken = vector, place, start

    def take(self, count: int) -> Piece:
        """Return the next `count` samples, not to be changed."""
        rows = self._vector.rows(self._taken, count)
        self._taken += count
        return rows[:, self._place]
