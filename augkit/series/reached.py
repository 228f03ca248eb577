"""What noise was written, column by column: measured on what a reader of the output gets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from augkit.series.additive import Limits
from augkit.series.noised import told
from augkit.series.spread import Values
from augkit.series.table import Batch
from augkit.series.tape import running_sum


class Reached:
    """Sums up the noise in each column as it is written.

    Parameters
    ----------
    limits : mapping of int to (low, high)
        Where columns saturate, besides the ends of integer types.
    """

    def __init__(self, limits: Mapping[int, Limits]) -> None:
        self._limits = limits
        self._squares: dict[int, float] = {}
        self._counts: dict[int, int] = {}
        self._clipped = self._cells = 0
        self.has_changed = False

    def add(self, batch: Batch, written: Mapping[int, Values]) -> None:
        """Take in what became of some columns of a batch."""
        for position, noisy in written.items():
            clean = batch.values[position]
            noise = difference(noisy, clean)
            known = np.isfinite(noise)
            if not known.all():
                self.has_changed = self.has_changed or bool((np.isfinite(clean) & ~known).any())  # values dropped out
                noise = noise[known]
            self._cells += clean.size
            self._clipped += self._count_clipped(position, clean, noisy)
            self._counts[position] = self._counts.get(position, 0) + noise.size
            self.has_changed = self.has_changed or bool(noise.any())
            with np.errstate(over="ignore"):
                self._squares[position] = running_sum(self._squares.get(position, 0.0), np.square(noise, out=noise))

    def _count_clipped(self, position: int, clean: Values, noisy: Values) -> int:
        ends = self._limits.get(position)
        if clean.dtype.kind in "iu":
            info = np.iinfo(clean.dtype)
            own = int(info.min), int(info.max)
            ends = own if ends is None else (max(ends[0], own[0]), min(ends[1], own[1]))
        if ends is None:
            return 0
        return int(np.count_nonzero(((noisy <= ends[0]) | (noisy >= ends[1])) & (noisy != clean)))

    def columns(self, powers: Mapping[int, float]) -> dict[int, dict[str, float | None]]:
        """Return ``std`` in its unit and ``snr_db`` on its AC power of each column, None for what is unknown."""
        found = dict[int, dict[str, float | None]]()
        for position, squares in self._squares.items():
            count, power = self._counts[position], powers[position]
            found[position] = told(squares / count, power) if count else {"std": None, "snr_db": None}
        return found

    @property
    def clipped(self) -> float:
        """The share of the cells that the noise moved onto a limit."""
        return self._clipped / self._cells if self._cells else 0.0


def difference(noisy: Values, clean: Values) -> Values:
    """Return what the noise is, in float64; of 64-bit integers it is taken as integers."""
    if clean.dtype.kind in "iu" and clean.dtype.itemsize == 8:
        return (noisy - clean).view(np.int64).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return noisy.astype(np.float64) - clean
