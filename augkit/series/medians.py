"""Exact medians of columns, or of groups of their rows, in constant memory: passes that narrow down where they lie.

A float64 is taken as the integer that its bits are once they are made to sort. For each group the interval is known in
which a middle value lies, and how many values lie below it. A pass counts the values in equal parts of the interval;
the part that holds the middle value is the next interval, until so few values are left that they can be gathered. Most
columns take two passes; as many values as can be gathered take one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from augkit.series.moments import Codes, Floats

_GATHERED = 2**18
"""Values of all columns that are gathered at most."""

_PARTS, _PARTS_IN_ALL = 2**17, 2**21
"""Parts of all intervals of one column together, and of all columns."""

Words = NDArray[np.uint64]

_SIGN = np.uint64(2**63)
_ONE = np.uint64(1)


def _words(values: Floats) -> Words:
    """Return integers that sort as the values do; the two zeros are one."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _floats(words: Words) -> Floats:
    return np.where(words & _SIGN, words ^ _SIGN, ~words).view(np.float64)


class _Rank:
    """The value of one rank in each group, closed in upon.

    Attributes
    ----------
    low : ndarray of uint64, shape (groups,)
        The smallest word of the interval that holds it.
    bits : ndarray of int64, shape (groups,)
        The interval holds ``2**bits`` words.
    rank : ndarray of int64, shape (groups,)
        The value's rank among those in the interval.
    inside : ndarray of int64, shape (groups,)
        How many these are.
    """

    def __init__(self, counts: NDArray[np.int64], rank: NDArray[np.int64], most: int, parts: int) -> None:
        self.low = np.zeros(len(counts), np.uint64)
        self.bits = np.full(len(counts), 64)
        self.rank, self.inside, self._most = rank, counts.copy(), most
        self.found = np.full(len(counts), np.nan)
        self._parts = max(1, (parts // max(len(counts), 1)).bit_length() - 1)
        self._begin()

    def _begin(self) -> None:
        self.open = np.isnan(self.found) & (self.inside > 0)
        self.gathers = int(self.inside[self.open].sum()) <= self._most
        self._gathered: list[tuple[Codes, Words]] = []
        self._counts = np.zeros(0 if self.gathers else len(self.low) << self._parts, np.int64)

    def add(self, words: Words, codes: Codes | None) -> None:
        """Take in the next values of this pass."""
        group: Codes | slice = slice(0, 1) if codes is None else codes
        apart, bits = words - self.low[group], self.bits[group]
        within = self.open[group] & ((bits == 64) | (apart >> np.minimum(bits, 63).astype(np.uint64) == 0))
        apart = apart[within]
        codes = np.zeros(len(apart), np.intp) if codes is None else codes[within]
        if self.gathers:
            self._gathered.append((codes, apart))
            return
        part = apart >> np.maximum(self.bits - self._parts, 0).astype(np.uint64)[codes]
        np.add.at(self._counts, (codes << self._parts) + part.astype(np.intp), 1)

    def finish_pass(self) -> None:
        """Draw the intervals in."""
        if self.gathers:
            self._pick()
        else:
            self._narrow()
        self._begin()

    def _pick(self) -> None:
        codes = np.concatenate([codes for codes, _ in self._gathered] or [np.zeros(0, np.intp)])
        apart = np.concatenate([apart for _, apart in self._gathered] or [np.zeros(0, np.uint64)])
        order = np.lexsort((apart, codes))
        first = np.searchsorted(codes[order], np.arange(len(self.low)))
        chosen = np.flatnonzero(self.open)
        words = self.low[chosen] + apart[order[first[chosen] + self.rank[chosen]]]
        self.found[chosen] = _floats(words)

    def _narrow(self) -> None:
        counts = self._counts.reshape(len(self.low), -1)
        below = np.cumsum(counts, axis=1)
        for group in np.flatnonzero(self.open).tolist():
            part = int(np.searchsorted(below[group], self.rank[group], "right"))
            bits = max(int(self.bits[group]) - self._parts, 0)
            self.rank[group] -= below[group, part] - counts[group, part]
            self.inside[group] = counts[group, part]
            self.low[group] += np.uint64(part << bits)
            self.bits[group] = bits
            if bits == 0:
                self.found[group] = float(_floats(self.low[group : group + 1])[0])


class Medians:
    """The median of each group of one column's finite values, found in as many passes as it takes.

    Show it all blocks with `add`, then call `finish_pass`; go on until `is_done`.

    Parameters
    ----------
    counts : ndarray of int64, shape (groups,)
        How many finite values each group has.
    columns : int
        How many columns have their medians found at once, which share the memory.
    """

    def __init__(self, counts: NDArray[np.int64], columns: int = 1) -> None:
        even, most = counts % 2 == 0, max(_GATHERED // columns, 1)
        parts = min(_PARTS, _PARTS_IN_ALL // columns)
        self._lower = _Rank(counts, np.maximum(counts - 1, 0) // 2, most, parts)
        self._upper = _Rank(np.where(even, counts, 0), counts // 2, most, parts)

    @property
    def is_done(self) -> bool:
        """Whether all medians are known."""
        return not (self._lower.open.any() or self._upper.open.any())

    def add(self, values: Floats, codes: Codes | None) -> None:
        """Take in the finite values of a block, the same in each pass; `codes` are None where there is one group."""
        words = _words(values)
        for rank in (self._lower, self._upper):
            if rank.open.any():
                rank.add(words, codes)

    def finish_pass(self) -> None:
        """End a pass over all blocks."""
        for rank in (self._lower, self._upper):
            if rank.open.any():
                rank.finish_pass()

    def values(self) -> Floats:
        """Return the medians; NaN for a group without values."""
        upper = np.where(np.isnan(self._upper.found), self._lower.found, self._upper.found)
        with np.errstate(over="ignore"):
            return np.where(self._lower.found == upper, upper, (self._lower.found + upper) / 2)
