"""What the columns of a text table are: gathered batch by batch, as its cells are read as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from augkit.series.columns import unique_names
from augkit.series.csv_dialect import Dialect, is_date, is_missing
from augkit.series.csv_numbers import Numbers
from augkit.series.csv_parse import Parsed, read_columns, trimmed
from augkit.series.csv_rows import Head
from augkit.series.csv_scan import Cells
from augkit.series.csv_style import Style
from augkit.series.nature import Column

_SHOWN = 24
_SOME = 100
"""Cells of text without a number among them that make a column one of text."""

_BOOLEANS = frozenset(("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n"))


class Gathered(msgspec.Struct):
    """What is known of one column, batch by batch."""

    style: Style = msgspec.field(default_factory=Style)
    numbers: int = 0
    stray: int = 0
    words: set[str] = msgspec.field(default_factory=set)
    is_text: bool = False

    def add(self, numbers: Numbers) -> None:
        """Take in one batch."""
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

    def column(self, column: Column, nature: str | None) -> Column:
        """Return a column with what was found out about it."""
        style = self.style
        return replace(
            column,
            numeric=bool(self.numbers) and nature in (None, "id"),
            whole=style.whole,
            resolution=10.0**-style.decimals if style.plain else 0.0,
            nature=nature,
        )

    def notice(self, name: str) -> str | None:
        """Say what among the numbers is none and gets no noise; None where there are but gaps."""
        real = sorted(word for word in self.words if word and not is_missing(word))
        if not real:
            return None
        shown = ", ".join(repr(word[:_SHOWN]) for word in real[:3]) + (", ..." if len(real) > 3 else "")
        return f"column {name!r} holds what is no number, which stays as it is: {shown}"

    def gap(self) -> str:
        """Return the word that stands for a missing value; empty where blanks do."""
        return min((word for word in self.words if word and is_missing(word)), default="")


def _nature_of_text(words: Sequence[str]) -> str:
    if all(word.strip().lower() in _BOOLEANS for word in words):
        return "boolean"
    return "time stamps" if all(map(is_date, words)) else "text"


class Gatherer:
    """Finds out what the columns of a table are, from all its rows.

    Parameters
    ----------
    head : Head
    dialect : Dialect
    positions : iterable of int
        Of the columns to be looked at.
    """

    def __init__(self, head: Head, dialect: Dialect, positions: Iterable[int]) -> None:
        self._head, self._dialect = head, dialect
        self._gathered = {position: Gathered() for position in positions}

    def look_at_top(self, cells: Cells) -> None:
        """Take columns for text whose first rows hold no number, so that the others need not be looked at."""
        for position, _, numbers in read_columns(cells, self._gathered, self._dialect):
            real = any(not is_missing(word) for word in numbers.words)
            if real and not numbers.count and numbers.stray >= _SOME:
                self._gathered[position].add(numbers)
                self._gathered[position].is_text = True

    def add(self, cells: Cells, others: Iterable[int]) -> Parsed:
        """Take in the next rows, and return them with the columns that may hold numbers."""
        made = Parsed(cells.data, cells.added, cells.rows, dict(trimmed(cells, others)))
        positions = [position for position, gathered in self._gathered.items() if not gathered.is_text]
        for position, edges, numbers in read_columns(cells, positions, self._dialect):
            self._gathered[position].add(numbers)
            made.put(position, edges, numbers)
        return made

    def style(self, position: int) -> Style:
        """Return how the numbers of a column are written."""
        return self._gathered[position].style

    def notice(self, position: int, name: str) -> str | None:
        """Say what among the numbers of a column is none; None where there are but gaps."""
        return self._gathered[position].notice(name)

    def gap(self, position: int) -> str:
        """Return the word that stands for a missing value in a column."""
        return self._gathered[position].gap()

    def column(self, column: Column) -> Column:
        """Return a column with what was found out about it."""
        if column.position not in self._gathered:
            return column
        gathered = self._gathered[column.position]
        nature = gathered.nature()
        if nature is None and gathered.style.whole and self._head.named and not column.position and not column.header:
            nature = "id"
        return gathered.column(column, nature)


def columns_of(head: Head) -> list[Column]:
    """Return the columns as the header tells of them."""
    names = unique_names(head.headers)
    return [
        Column(name, header, position, place=position, width=head.width)
        for position, (name, header) in enumerate(zip(names, head.headers, strict=True))
    ]
