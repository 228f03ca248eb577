"""A text table read: where its numbers stand, what they are, and how each column writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augkit.errors import InputError
from augkit.series.columns import unique_names
from augkit.series.csv_arrow import is_wide
from augkit.series.csv_cells import BATCH, Flags, Lines, OddQuotesError, Places, batches, cut, cut_one_by_one
from augkit.series.csv_dialect import Dialect, is_date, is_missing
from augkit.series.csv_numbers import Numbers, parse, trim
from augkit.series.csv_rows import Head, RaggedError, find_head, rows
from augkit.series.csv_style import Style
from augkit.series.nature import Column

_TOP = 2**16
"""Bytes in which the header, and columns of text, are looked for."""

_SOME = 100
"""Cells of text without a number among them that make a column one of text."""

_BOOLEANS = frozenset(("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n"))


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Some rows of a table.

    Attributes
    ----------
    place : slice
        Of the batch in the text.
    rows : slice
        Its rows of data among all.
    edges : dict of int to (starts, ends)
        Where the cells of each column of numbers stand in the batch, without quotes and blanks.
    scientific : dict of int to ndarray of bool
        Which cells have an exponent, for columns where some do.
    """

    place: slice
    rows: slice
    edges: dict[int, tuple[Any, Any]]
    scientific: dict[int, Flags]


@dataclass(slots=True)
class _Gathered:
    """What is known of one column, batch by batch."""

    values: list[Any] = field(default_factory=list)
    style: Style = field(default_factory=Style)
    numbers: int = 0
    stray: int = 0
    words: set[str] = field(default_factory=set)
    is_text: bool = False

    def add(self, numbers: Numbers) -> None:
        """Take in one batch."""
        self.values.append(numbers.values)
        self.style |= numbers.style
        self.numbers += numbers.count
        self.stray += numbers.stray
        if len(self.words) < _SOME:
            self.words |= numbers.words

    def nature(self) -> str | None:
        """Say why the column is no column of numbers, or of numbers that are none; None for a signal."""
        real = {word for word in self.words if not is_missing(word)}
        if self.is_text or (real and 2 * self.stray > self.numbers):
            return _nature_of_text(sorted(real))
        if not self.numbers:
            return "empty"
        return "id (leading zeros)" if self.style.padded and self.style.whole else None


def _nature_of_text(words: Sequence[str]) -> str:
    if all(word.strip().lower() in _BOOLEANS for word in words):
        return "boolean"
    return "time stamps" if all(map(is_date, words)) else "text"


class CsvReading:
    """A text table as it was read.

    Attributes
    ----------
    text : bytes
        Ends with a line end, which is added where the file has none.
    head : Head
    batches : list of Batch
    styles : list of Style, one for each column
    columns : list of Column
    rows : int
    """

    def __init__(self, text: bytes, dialect: Dialect, *, header: bool | None, batch: int = BATCH) -> None:
        newline = dialect.newline.encode()
        self.text = text if text.endswith(newline) else text + newline
        self._data = np.frombuffer(self.text, np.uint8)
        self._dialect = dialect
        self.head = self._find_head(header)
        try:
            self._read(self._cuts(batch))
        except OddQuotesError:
            place = slice(self.head.place, len(self.text))
            self._read([(place, cut_one_by_one(self._data[place], dialect))])
        names = unique_names(self.head.headers)
        self.columns = [self._column(position, name) for position, name in enumerate(names)]
        self.styles = [gathered.style for gathered in self._gathered]

    def _find_head(self, header: bool | None) -> Head:
        top = next(batches(self.text, self._dialect, size=_TOP))
        try:
            return find_head(self._top_lines(top), self._dialect, header=header)
        except InputError:  # no row in the first bytes; a header can be longer than they are
            if top.stop == len(self.text):
                raise
        return find_head(self._top_lines(slice(0, len(self.text))), self._dialect, header=header)

    def _top_lines(self, top: slice) -> Lines:
        try:
            return cut(self._data[top], self._dialect)
        except OddQuotesError:
            return cut_one_by_one(self._data[top], self._dialect)

    def _cuts(self, size: int) -> Iterator[tuple[slice, Lines]]:
        for place in batches(self.text, self._dialect, begin=self.head.place, size=size):
            yield place, cut(self._data[place], self._dialect)

    def _read(self, cuts: Iterable[tuple[slice, Lines]]) -> None:
        self.rows, self.batches = 0, list[Batch]()
        self._gathered = self._first_look()
        for place, lines in cuts:
            self._add(place, lines)

    def _add(self, place: slice, lines: Lines) -> None:
        try:
            starts, ends = rows(lines, self.head.width, before=self.rows)
        except RaggedError as error:
            raise self._ragged(error, place.start) from None
        batch = Batch(place, slice(self.rows, self.rows + starts.shape[0]), {}, {})
        numeric = [position for position, gathered in enumerate(self._gathered) if not gathered.is_text]
        for position, edges, numbers in self._parse(place, lines, starts, ends, numeric):
            self._gathered[position].add(numbers)
            batch.edges[position] = edges
            if numbers.scientific is not None:
                batch.scientific[position] = numbers.scientific
        self.rows = batch.rows.stop
        self.batches.append(batch)

    def _parse(
        self, place: slice, lines: Lines, starts: Places, ends: Places, positions: Iterable[int]
    ) -> Iterator[tuple[int, tuple[Any, Any], Numbers]]:
        """Yield the trimmed edges and the numbers of some columns."""
        blanks = any(self.text.find(blank, place.start, place.stop) >= 0 for blank in (b" ", b"\t", b"\r"))
        quoted = self.text.find(b'"', place.start, place.stop) >= 0
        small = np.int64 if is_wide(lines.data.size) else np.int32
        for position in positions:
            edges = starts[:, position], ends[:, position]
            if blanks or quoted:
                edges = trim(lines.data, *edges, quoted=quoted)
            compact = edges[0].astype(small), edges[1].astype(small)
            yield position, compact, parse(lines.data, *compact, decimal=self._dialect.decimal)

    def _first_look(self) -> list[_Gathered]:
        """Take columns for text whose first rows hold no number, so that the others need not be looked at."""
        gathered = [_Gathered() for _ in self.head.headers]
        place = next(batches(self.text, self._dialect, begin=self.head.place, size=_TOP))
        if place.stop == len(self.text):
            return gathered
        lines = self._top_lines(place)
        try:
            starts, ends = rows(lines, self.head.width, before=0)
        except RaggedError as error:
            raise self._ragged(error, place.start) from None
        for position, _, numbers in self._parse(place, lines, starts, ends, range(self.head.width)):
            real = any(not is_missing(word) for word in numbers.words)
            if real and not numbers.count and numbers.stray >= _SOME:
                gathered[position].add(numbers)
                gathered[position].is_text = True
        return gathered

    def _ragged(self, error: RaggedError, begin: int) -> InputError:
        line = self.text.count(self._dialect.newline.encode(), 0, begin + error.place) + 1
        what = "the header" if self.head.named else "the first row"
        delimiter = {"\t": "tab", " ": "blanks"}.get(self._dialect.delimiter, self._dialect.delimiter)
        return InputError(
            f"row {error.row} (line {line}) has {error.cells} cells where {what} has {self.head.width}, with "
            f"{delimiter!r} as the delimiter; mend the row, or give delimiter and decimal"
        )

    def _column(self, position: int, name: str) -> Column:
        gathered, header = self._gathered[position], self.head.headers[position]
        nature, style = gathered.nature(), gathered.style
        if nature is None and style.whole and self.head.named and not position and not header:
            nature = "id"
        return Column(
            name=name,
            header=header,
            position=position,
            values=np.concatenate(gathered.values) if gathered.numbers and nature in (None, "id") else None,
            whole=style.whole,
            resolution=10.0**-style.decimals if style.plain else 0.0,
            nature=nature,
        )
