"""The columns of a batch of text: where their cells are, and what numbers they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from augkit.compiled import csv_calls, library
from augkit.series.csv_arrow import Floats, is_wide
from augkit.series.csv_cells import Bytes, Flags, Places
from augkit.series.csv_dialect import Dialect
from augkit.series.csv_numbers import Numbers, parse, trim
from augkit.series.csv_scan import Cells
from augkit.series.csv_style import Style

Edges = tuple[Places, Places]


class Parsed(msgspec.Struct, frozen=True, eq=False):
    """Some rows of a table, with the cells of some of its columns as numbers.

    Attributes
    ----------
    data : ndarray of uint8
        Their text.
    added : int
        Bytes at its end that the file does not have.
    rows : int
    edges : dict of int to (starts, ends)
        Where the cells of each column are, without quotes and blanks.
    values : dict of int to ndarray of float64
        Their numbers; NaN where a cell holds none.
    scientific : dict of int to ndarray of bool
        Which cells have an exponent, for columns where some do.
    """

    data: Bytes
    added: int
    rows: int
    edges: dict[int, Edges] = msgspec.field(default_factory=dict)
    values: dict[int, Any] = msgspec.field(default_factory=dict)
    scientific: dict[int, Flags] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        edges = sum(starts.nbytes + ends.nbytes for starts, ends in self.edges.values())
        return int(self.data.nbytes + edges + sum(values.nbytes for values in self.values.values()))

    def put(self, position: int, edges: Edges, numbers: Numbers) -> None:
        """Enter the numbers of a column."""
        self.edges[position], self.values[position] = edges, numbers.values
        if numbers.scientific is not None:
            self.scientific[position] = numbers.scientific


def parsed(cells: Cells, numbers: Iterable[int], others: Iterable[int], dialect: Dialect) -> Parsed:
    """Return some columns of a batch as numbers, and the places of others."""
    made = Parsed(cells.data, cells.added, cells.rows, dict(trimmed(cells, others)))
    for position, edges, found in read_columns(cells, numbers, dialect):
        made.put(position, edges, found)
    return made


class _Marks:
    """Whether cells may have quotes or blanks about them, found out once it matters."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._found: tuple[bool, bool] | None = None

    def trim(self, starts: Places, ends: Places) -> Edges:
        """Draw edges in to what is within quotes and blanks."""
        if self._found is None:
            contains = self._cells.contains
            self._found = any(map(contains, (b" ", b"\t", b"\r"))), contains(b'"')
        blanks, quoted = self._found
        return trim(self._cells.data, starts, ends, quoted=quoted) if blanks or quoted else (starts, ends)


def trimmed(cells: Cells, positions: Iterable[int]) -> Iterator[tuple[int, Edges]]:
    """Yield where the cells of some columns are, without quotes and blanks."""
    marks = _Marks(cells)
    for position in positions:
        yield position, marks.trim(*_edges(cells, position))


def read_columns(cells: Cells, positions: Iterable[int], dialect: Dialect) -> Iterator[tuple[int, Edges, Numbers]]:
    """Yield the edges and the numbers of some columns."""
    marks = _Marks(cells)
    for position in positions:
        edges = _edges(cells, position)
        numbers = _plain(cells.data, *edges, dialect.decimal)
        if numbers is None:
            outer, edges = edges, marks.trim(*edges)
            if any(inner is not edge for inner, edge in zip(edges, outer, strict=True)):
                numbers = _plain(cells.data, *edges, dialect.decimal)
        if numbers is None:
            numbers = parse(cells.data, *edges, decimal=dialect.decimal)
        yield position, edges, numbers


def _edges(cells: Cells, position: int) -> Edges:
    kind = np.int64 if is_wide(cells.data.size) else np.int32
    return cells.starts[:, position].astype(kind), cells.ends[:, position].astype(kind)


def _plain(data: Bytes, starts: Places, ends: Places, decimal: str) -> Numbers | None:
    """Return the numbers of a column whose cells are plain or empty; None for others, or if nothing is compiled."""
    kernel = library()
    if kernel is None or starts.dtype != np.int32:
        return None
    found = csv_calls.read_plain(kernel, data, starts, ends, decimal)
    return None if found is None else _numbers(*found)


def _numbers(values: Floats, facts: csv_calls.Facts) -> Numbers:
    mark = bool(facts.mark)
    style = Style(
        decimals=facts.decimals,
        plain=True,
        mark=mark,
        bare=bool(facts.bare),
        plus=bool(facts.plus),
        padded=bool(facts.padded and not mark),
        largest=facts.largest,
    )
    return Numbers(values, style, None, facts.filled, 0, frozenset())
