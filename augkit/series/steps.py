"""Differences between neighbouring rows, of all rows or of those of each group."""

from __future__ import annotations

import numpy as np

from augkit.series.moments import Codes, Floats, by_group


class Steps:
    """Takes the rows in pieces and remembers the last one of each group."""

    def __init__(self) -> None:
        self._last = np.full(1, np.nan)

    def next(self, values: Floats, codes: Codes | None) -> tuple[Floats, Codes | None]:
        """Return what each row differs by from the one before it in its group; NaN for a group's first row.

        Returns
        -------
        steps : ndarray of float64, shape (rows,)
        order : ndarray of int, shape (rows,), or None
            The rows that they belong to; None for all in their order.
        """
        if not values.size:
            return values, None
        with np.errstate(invalid="ignore"):
            if codes is None:
                steps = np.diff(values, prepend=self._last)
                self._last = values[-1:].copy()
                return steps, None
            order = by_group(codes)
            sorted_codes, rows = codes[order], values[order]
            first = np.flatnonzero(np.diff(sorted_codes, prepend=-1))
            groups = sorted_codes[first]
            if groups[-1] >= len(self._last):
                more = int(groups[-1]) + 1 - len(self._last)
                self._last = np.concatenate([self._last, np.full(more, np.nan)])
            before = np.empty_like(rows)
            before[1:] = rows[:-1]
            before[first] = self._last[groups]
            self._last[groups] = rows[np.append(first[1:], len(rows)) - 1]
            return rows - before, order
