"""Tables of Poisson counts at means that are a step apart, of which any mean is put together.

A Poisson count of mean a + b is the sum of independent counts of means a and b (Johnson, Kotz, Kemp 1992, Univariate
Discrete Distributions, 2nd edition, chapter 4). So the digits of a mean, to the base of 256, each look up a row.

A row holds the deviations of a count from its mean. Its slots are shared out like those of the lattice: the upper bits
of a draw choose a slot, most slots belong to one group of neighbouring counts, of which all are equally likely, and
the last few slots are *escapes*, drawn from what is left over. The probabilities follow from their ratios,
``p(k) / p(k - 1) = mean / k``, by products and running sums in a fixed order: the same on every machine.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

DIGITS = 256
"""The rows of a table: means of 0, 1, 2 ... 255 steps."""

ESCAPE = -(2**13)
"""Marks the slots of escapes; the sum of three deviations is above `ESCAPE` / 2 unless one of them is an escape."""

GROUP_BITS = 4
_TOTAL_BITS = 48
_REACH = 9.5
_COARSE = 24

Ints = NDArray[np.int64]


class CountTable(msgspec.Struct, frozen=True, eq=False):
    """The deviations of 256 means.

    Attributes
    ----------
    slot_bits : int
        Bits of a draw that choose a slot.
    slots : int16 ndarray, shape (256 * 2**slot_bits,)
        The first deviation of the group of each row and slot, or `ESCAPE`.
    group : int64 ndarray, shape (256,)
        How many neighbouring counts, less one, a slot of each row stands for; all ones in binary.
    first_escape : int64 ndarray, shape (256,)
        Slots of a row from here on are escapes.
    cumulative : int64 ndarray, shape (n,)
        Ends of the counts' shares of the escape spaces, in units of 2**-48, one row's space after the other's.
    deviations : int16 ndarray, shape (n,)
        Whose they are.
    """

    slot_bits: int
    slots: NDArray[np.int16]
    group: Ints
    first_escape: Ints
    cumulative: Ints
    deviations: NDArray[np.int16]

    def settle(self, rows: Ints, slots: Ints, fine: NDArray[np.uint64]) -> NDArray[np.int16]:
        """Return the deviations of escapes, from their rows, their slots and a further 64-bit word each."""
        fraction = _TOTAL_BITS - self.slot_bits
        place = (rows << _TOTAL_BITS) | ((slots - self.first_escape[rows]) << fraction)
        place |= (fine >> np.uint64(64 - fraction)).astype(np.int64)
        return self.deviations[np.searchsorted(self.cumulative, place, side="right")]


@lru_cache(maxsize=3)
def count_table(step: float, slot_bits: int) -> CountTable:
    """Return the table of the means 0, step, 2 * step ... 255 * step, with `step` a power of two up to 256."""
    slots = np.full((DIGITS, 2**slot_bits), ESCAPE, np.int16)
    first_escape, group = np.zeros(DIGITS, np.int64), np.zeros(DIGITS, np.int64)
    ends, deviations = [], []
    for row in range(DIGITS):
        first, shares = _shares(row * step)
        width = _group_width(row * step)
        groups = shares.reshape(-1, width)
        # as many slots for a group as its rarest count can fill
        whole = (groups.min(axis=1) * width) >> (_TOTAL_BITS - slot_bits)
        first_escape[row], group[row] = whole.sum(), width - 1
        starts = np.arange(first, first + len(shares), width, dtype=np.int16)
        slots[row, : first_escape[row]] = np.repeat(starts, whole)
        taken = (whole << (_TOTAL_BITS - slot_bits)) // width
        rest = groups - taken[:, np.newaxis]
        kept = np.flatnonzero(rest)
        ends.append(np.cumsum(rest.ravel()[kept]) + (row << _TOTAL_BITS))
        deviations.append((kept + first).astype(np.int16))
    return CountTable(slot_bits, slots.ravel(), group, first_escape, np.concatenate(ends), np.concatenate(deviations))


def _group_width(mean: float) -> int:
    """Return a power of two by which the probability of neighbouring counts hardly differs."""
    width = 1
    while width < 2**GROUP_BITS and (2 * width * _COARSE) ** 2 <= mean:
        width *= 2
    return width


def _shares(mean: float) -> tuple[int, Ints]:
    """Return the deviation from the whole part of `mean` of the first count, and P(count) in units of 2**-48.

    The counts beyond 9.5 standard deviations, and some, hold less than 2**-60.
    """
    whole = int(mean)
    reach = int(_REACH * np.sqrt(mean)) + 24
    first, last = max(0, whole - reach), whole + reach + int(reach**2 / (whole + reach) / 4)
    last += -(last - first) % 2**GROUP_BITS
    up = np.multiply.accumulate(np.append(1.0, mean / np.arange(whole + 1, last)))
    down = np.multiply.accumulate(np.arange(whole, first, -1) / mean) if whole > first else np.empty(0)
    below = np.add.accumulate(np.concatenate([down[::-1], up]))
    edges = np.rint(below / below[-1] * 2.0**_TOTAL_BITS).astype(np.int64)
    return first - whole, np.diff(edges, prepend=0)
