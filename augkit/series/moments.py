"""Count, mean, power and extremes of a column, or of each group of its rows, in one pass and in constant memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from augkit.series.spread import Values

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_NARROW = 2**16


def by_group(codes: Codes) -> Codes:
    """Return the places of rows group by group, those of each in their order."""
    narrow = codes.size and codes.max() < _NARROW  # which NumPy sorts by their digits
    order: Codes = np.argsort(codes.astype(np.uint16) if narrow else codes, kind="stable")
    return order


class Moments:
    """Of the finite values of one column, by group; a column without groups is one of them.

    Blocks of a fixed number of rows are summed up by themselves, about their own means, and put together (Chan, Golub,
    LeVeque 1983): nothing is lost to a mean that is large, and the sums are the same however the file was read.

    Attributes
    ----------
    count, mean, squares, low, high : ndarray, shape (groups,)
        How many values; their mean; the sum of their squares about it; the smallest and the largest. Means and extremes
        are those of the values less `origin`.
    origin : int
        The first value of 64-bit integers, whose digits float64 cannot hold; 0 for all others.
    """

    def __init__(self) -> None:
        self.count: NDArray[np.int64] = np.zeros(0, np.int64)
        self.mean, self.squares = np.zeros(0), np.zeros(0)
        self.low, self.high = np.zeros(0), np.zeros(0)
        self.origin = 0

    def floats(self, values: Values) -> Floats:
        """Return values in float64, less the origin."""
        if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
            return _less(values, self.origin)
        return values.astype(np.float64, copy=False)

    def add(self, values: Values, codes: Codes | None) -> None:
        """Take in the finite values of a block.

        Parameters
        ----------
        values : ndarray, shape (rows,)
            Finite.
        codes : ndarray of int, shape (rows,), or None
            The group of each; None where there are no groups.
        """
        if not values.size:
            return
        if not self.count.any() and values.dtype.kind in "iu" and values.dtype.itemsize == 8:
            self.origin = int(values[0])
        floats = self.floats(values)
        with np.errstate(over="ignore", invalid="ignore"):
            if codes is None:
                self._grow(1)
                self._merge(*_of_all(floats))
            else:
                self._grow(int(codes.max()) + 1)
                self._merge(*_of_groups(floats, codes, len(self.count)))

    def join(self, other: Moments, codes: Codes) -> None:
        """Take in the moments of another table's column, whose groups are called `codes` here."""
        if not len(codes):
            return
        shift = float(other.origin - self.origin) if self.count.any() else 0.0
        if not self.count.any():
            self.origin = other.origin
        self._grow(int(codes.max()) + 1)
        groups, known = len(self.count), other.count > 0
        count, mean, squares = np.zeros(groups, np.int64), np.zeros(groups), np.zeros(groups)
        low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
        count[codes[known]], mean[codes[known]] = other.count[known], other.mean[known] + shift
        squares[codes[known]] = other.squares[known]
        low[codes[known]], high[codes[known]] = other.low[known] + shift, other.high[known] + shift
        self._merge(count, mean, squares, low, high)

    def power(self) -> Floats:
        """Return the AC power of each group; exactly 0 where all its values are the same."""
        power = self.squares / np.maximum(self.count, 1)
        return np.where(self.low == self.high, 0.0, power)

    def _grow(self, groups: int) -> None:
        missing = groups - len(self.count)
        if missing <= 0:
            return
        self.count = np.concatenate([self.count, np.zeros(missing, np.int64)])
        self.mean = np.concatenate([self.mean, np.zeros(missing)])
        self.squares = np.concatenate([self.squares, np.zeros(missing)])
        self.low = np.concatenate([self.low, np.full(missing, np.inf)])
        self.high = np.concatenate([self.high, np.full(missing, -np.inf)])

    def _merge(self, count: NDArray[np.int64], mean: Floats, squares: Floats, low: Floats, high: Floats) -> None:
        total = self.count + count
        share = count / np.maximum(total, 1)
        apart = np.where(self.count == 0, 0.0, mean - self.mean)
        self.mean = np.where(self.count == 0, mean, self.mean + apart * share)
        self.squares = self.squares + squares + apart * apart * share * self.count
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        self.count = total


def _less(values: Values, origin: int) -> Floats:
    """Return 64-bit integers less one of them, exact where the difference is."""
    apart = values.astype(np.uint64) - np.uint64(origin % 2**64)
    return np.where(values < origin, -(~apart + np.uint64(1)).astype(np.float64), apart.astype(np.float64))


def _of_all(floats: Floats) -> tuple[NDArray[np.int64], Floats, Floats, Floats, Floats]:
    mean = np.add.reduce(floats) / floats.size
    apart = floats - mean
    squares = np.add.reduce(np.multiply(apart, apart, out=apart))
    count = np.array([floats.size])
    return count, np.array([mean]), np.array([squares]), np.array([floats.min()]), np.array([floats.max()])


def _of_groups(floats: Floats, codes: Codes, groups: int) -> tuple[NDArray[np.int64], Floats, Floats, Floats, Floats]:
    count = np.bincount(codes, minlength=groups).astype(np.int64)
    mean = np.bincount(codes, weights=floats, minlength=groups) / np.maximum(count, 1)
    apart = floats - mean[codes]
    squares = np.bincount(codes, weights=apart * apart, minlength=groups).astype(np.float64)
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, codes, floats)
    np.maximum.at(high, codes, floats)
    return count, mean, squares, low, high
