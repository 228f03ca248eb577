"""Where the noise of a table's columns comes from: the seam between files and models of noise.

A source is made for one entity: a part of a table, or the rows of one group of it. It is given the rows of that entity
in their order, in pieces of any size, and returns their new values; what it carries from row to row (a filter's state,
a random walk, a fault that lasts) is its own affair. Its noise depends on its key and on the number of the row within
the entity, never on the size of the pieces or on what other columns there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.noise.keys import Key
from augkit.series.nature import Column
from augkit.series.spread import Values
from augkit.series.timing import Times

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bits = NDArray[np.uint8]


class Rows(msgspec.Struct, frozen=True, eq=False):
    """Some rows of one entity, behind those that were taken before.

    Attributes
    ----------
    values : mapping of int to ndarray, shape (rows,)
        Clean values of each column by its position; what is not finite is to stay as it is.
    seconds : ndarray of float64, shape (rows,), or None
        The time of each row in seconds since the first row of the table, never falling within an entity; None where no
        time column was named.
    """

    values: Mapping[int, Values]
    seconds: Floats | None = None


class Noisy(msgspec.Struct, frozen=True, eq=False):
    """New values of some rows.

    Attributes
    ----------
    values : mapping of int to ndarray, shape (rows,)
        Of the dtype of the clean ones.
    faulty : mapping of int to ndarray of uint8, shape (rows,)
        Which faults each cell holds, 0 for none, for columns where some may.
    missing : mapping of int to ndarray of bool, shape (rows,)
        Which cells are to hold no number at all, for columns where some may.
    """

    values: Mapping[int, Values]
    faulty: Mapping[int, Bits] = msgspec.field(default_factory=dict)
    missing: Mapping[int, Flags] = msgspec.field(default_factory=dict)


class Facts(msgspec.Struct, frozen=True, eq=False):
    """What is known of one column of one entity before its noise is made.

    Attributes
    ----------
    rows, count : int
        Its cells, and those of them that hold a finite number.
    low, high : float
        Its smallest and its largest number; 0 where there is none.
    power : float
        Mean square about the mean: its AC power, in the square of its unit.
    """

    rows: int
    count: int
    low: float
    high: float
    power: float


class Entity(msgspec.Struct, frozen=True, eq=False):
    """What a source is made for.

    Attributes
    ----------
    columns : sequence of Column
        Those that get noise.
    rows : int
        How many rows will be taken in all.
    key : Key
        Of the output and, where there are groups, of the group; `column_key` gives that of a column.
    facts : mapping of int to Facts
        By position.
    group : str or None
        The name of the group.
    times : Times or None
        The intervals between its rows, where a column tells their times.
    """

    columns: Sequence[Column]
    rows: int
    key: Key
    facts: Mapping[int, Facts]
    group: str | None = None
    times: Times | None = None

    def column_key(self, column: Column) -> Key:
        """Return the key of one column's own noise."""
        return self.key.child("column", column.word)
