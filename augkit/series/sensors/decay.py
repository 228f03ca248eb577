"""Exponential decay over any step, and its recursion over many rows: the same on every machine and for any blocks.

NumPy's `exp` differs between CPUs in the last bit, so the decay is computed here by the four operations that IEEE 754
rounds exactly: ``exp(-x) = 2**-k * exp(-r)`` with r within half of log 2, and the Taylor series of ``expm1(-r)``.

The recursion ``y[n] = keep[n] * y[n-1] + new[n]`` is run over all segments of `SEGMENT` rows at once, each from 0 and
row by row, together with what each row has kept of the value before its segment; then segments are joined one after
the other. So a value depends on its place in the segment and on the rows before it alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEGMENT = 64
"""Rows in a segment; segments begin at whole multiples of it in the stream."""

_LOG2_HIGH, _LOG2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_LOG2_INVERSE = 1.44269504088896338700
_TERMS = 13
_FORGOTTEN = 64.0
"""Steps of so many time constants forget all that a float can hold."""

_AT_ONCE = 2**15


def lost(x: Array) -> Array:
    """Return ``1 - exp(-x)``, the share that a decay loses, to a few units in its last place.

    Parameters
    ----------
    x : float64 ndarray
        Steps over time constants, 0 or more; beyond 64 all is lost.
    """
    step = np.minimum(x, _FORGOTTEN)
    halvings = np.floor(step * _LOG2_INVERSE + 0.5)
    rest = (step - halvings * _LOG2_HIGH) - halvings * _LOG2_LOW
    series = np.ones_like(rest)
    for term in range(_TERMS, 1, -1):
        np.multiply(series, rest, out=series)
        np.multiply(series, -1 / term, out=series)
        np.add(series, 1.0, out=series)
    part = series * rest  # 1 - exp(-rest)
    power = np.ldexp(1.0, -halvings.astype(np.int32))
    share: Array = np.where(halvings == 0, part, 1 - power * (1 - part))
    share[x >= _FORGOTTEN] = 1.0
    return share


def twice(share: Array) -> Array:
    """Return the share that is lost over two steps, from that of one."""
    return share * (2 - share)


class Decays:
    """Several recursions side by side, which carry their values on from one block of rows to the next.

    Parameters
    ----------
    count : int
        Number of recursions.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.carried = [0.0] * count

    def run(self, keep: Array, new: Array) -> None:
        """Replace what the next rows add by their values, from the values carried on.

        Parameters
        ----------
        keep : float64 ndarray, shape (count, rows) or (count, 1)
            What a row keeps of the value before it, from 0 to 1; one number for each recursion where it is constant.
        new : float64 ndarray, shape (count, rows)
            What a row adds. The first row begins a segment. A last segment that is not full is not carried on: the next
            block begins with it anew.
        """
        rows = new.shape[1]
        step = max(1, _AT_ONCE // self._count // SEGMENT) * SEGMENT
        for begin in range(0, rows, step):
            piece = slice(begin, min(begin + step, rows))
            new[:, piece] = self._piece(keep if keep.shape[1] == 1 else keep[:, piece], new[:, piece])

    def _piece(self, keep: Array, new: Array) -> Array:
        segments = -(-new.shape[1] // SEGMENT)
        made = self._upright(new, segments)
        constant = keep.shape[1] == 1
        kept = np.repeat(keep[np.newaxis], SEGMENT, axis=0) if constant else self._upright(keep, segments)
        for row in range(1, SEGMENT):
            np.add(made[row], kept[row] * made[row - 1], out=made[row])
            np.multiply(kept[row], kept[row - 1], out=kept[row])
        made += kept * self._join(kept[-1], made[-1], new.shape[1] // SEGMENT)
        return made.transpose(1, 2, 0).reshape(self._count, -1)[:, : new.shape[1]]

    def _upright(self, values: Array, segments: int) -> Array:
        """Return values in the shape (SEGMENT, count, segments), so that a row of all segments lies together."""
        missing = segments * SEGMENT - values.shape[1]
        padded = np.pad(values, ((0, 0), (0, missing))) if missing else values
        return np.ascontiguousarray(padded.reshape(self._count, segments, SEGMENT).transpose(2, 0, 1))

    def _join(self, kept: Array, made: Array, whole: int) -> Array:
        """Return the values before each segment, shape (count, segments), and carry on those after the whole ones."""
        begins = np.empty(made.shape)
        for row, value in enumerate(self.carried):
            befores = list[float]()
            shares = kept[row].tolist() * (made.shape[1] if kept.shape[1] == 1 else 1)
            for share, added in zip(shares, made[row].tolist(), strict=True):
                befores.append(value)
                value = share * value + added  # noqa: PLW2901
            begins[row] = befores
            self.carried[row] = [*befores, value][whole]
        return begins
