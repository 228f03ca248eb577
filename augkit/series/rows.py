"""Batches of any size cut into blocks of a fixed number of rows, so that whatever is summed up is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from augkit.series.spread import Values

BLOCK_ROWS = 2**15
"""Rows that are summed up at a time; the columns of a block fit into a core's cache."""

_MOST_CELLS = 2**21
_FEWEST_ROWS = 2**8


def block_rows(width: int) -> int:
    """Return the rows of a block of a table with so many columns, chosen or not; wide tables take fewer."""
    most = _MOST_CELLS // max(width, 1)
    return min(max(1 << max(most.bit_length() - 1, 0), _FEWEST_ROWS), BLOCK_ROWS)


class Even:
    """Gathers arrays of rows, and passes them on in blocks of a fixed number of rows.

    Parameters
    ----------
    work : callable
        Is given each block: the arrays by the names that they came under.
    rows : int
        Of a block; only the last one has fewer.
    """

    def __init__(self, work: Callable[[dict[int, Values]], None], rows: int = BLOCK_ROWS) -> None:
        self._work, self._rows = work, rows
        self._waiting: list[Mapping[int, Values]] = []
        self._count = 0

    def add(self, arrays: Mapping[int, Values], rows: int) -> None:
        """Take in the next rows of the same columns."""
        begin = 0
        while self._count + rows - begin >= self._rows:
            end = begin + self._rows - self._count
            self._waiting.append(_sliced(arrays, begin, end))
            self._pass_on()
            begin = end
        if begin < rows:
            self._waiting.append(_sliced(arrays, begin, rows))
            self._count += rows - begin

    def finish(self) -> None:
        """Pass on what is left."""
        if self._waiting:
            self._pass_on()

    def _pass_on(self) -> None:
        pieces, self._waiting, self._count = self._waiting, [], 0
        if len(pieces) == 1:
            self._work(dict(pieces[0]))
        else:
            self._work({name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]})


def _sliced(arrays: Mapping[int, Values], begin: int, end: int) -> dict[int, Values]:
    return {name: values[begin:end] for name, values in arrays.items()}
