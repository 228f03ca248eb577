"""A text table in batches: where its cells are, batch by batch, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from augkit.errors import InputError
from augkit.series.csv_bytes import TextFile
from augkit.series.csv_cells import (
    BATCH,
    Bytes,
    Lines,
    OddQuotesError,
    Places,
    cut,
    cut_evenly,
    cut_one_by_one,
    row_batches,
)
from augkit.series.csv_dialect import Dialect
from augkit.series.csv_rows import Head, RaggedError, find_head, rows

_LONGEST = 2**26
"""Bytes of the longest cell in quotes that is read where quotes also are characters like any other."""


class Cells(msgspec.Struct, frozen=True, eq=False):
    """Some rows of a table.

    Attributes
    ----------
    data : ndarray of uint8
        Their text; ends with a line end.
    added : int
        Bytes at its end that the file does not have.
    first_row : int
        Number of the first row, from 0.
    starts, ends : ndarray, shape (rows, columns)
        Edges of the cells in `data`, quotes and blanks included.
    """

    data: Bytes
    added: int
    first_row: int
    starts: Places
    ends: Places

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.starts.shape[0])

    def contains(self, mark: bytes) -> bool:
        """Tell whether a byte occurs in the text."""
        return bool((self.data == mark[0]).any())


class Scanner:
    """Goes over a text table as often as need be.

    Parameters
    ----------
    file : TextFile
    dialect : Dialect
    head : Head
    size : int
        Bytes of a batch.

    Attributes
    ----------
    by_cell : bool
        Whether cells are found one by one, as quotes are characters like any other in some of them.
    """

    def __init__(self, file: TextFile, dialect: Dialect, head: Head, size: int = BATCH) -> None:
        self._file, self._dialect, self._head, self._size = file, dialect, head, size
        self._newline = dialect.newline.encode()
        self.by_cell = False

    def __iter__(self) -> Iterator[Cells]:
        """Yield all rows behind the header.

        Raises
        ------
        OddQuotesError
            Where cells have to be found one by one.
        InputError
            With the row, for one that has more or fewer cells than the header.
        """
        row, place = 0, self._head.place
        for data, added, lines in self._batches():
            try:
                starts, ends = self._edges(data, lines, row)
            except RaggedError as error:
                raise self._ragged(error, place) from None
            yield Cells(data, added, row, starts, ends)
            row, place = row + starts.shape[0], place + data.size

    def _edges(self, data: Bytes, lines: Lines | None, before: int) -> tuple[Places, Places]:
        width = self._head.width
        if lines is not None:
            return rows(lines, width, before=before)
        return cut_evenly(data, self._dialect, width) or rows(cut(data, self._dialect), width, before=before)

    def _batches(self) -> Iterator[tuple[Bytes, int, Lines | None]]:
        """Yield whole rows, how many bytes were added to them, and their cells where these were found one by one."""
        pieces = _behind(self._file.pieces(self._size), self._head.place)
        if self.by_cell:
            yield from self._one_by_one(pieces)
            return
        for text in row_batches(pieces, self._newline, self._size):
            yield *self._ended(text), None

    def _one_by_one(self, pieces: Iterable[bytes]) -> Iterator[tuple[Bytes, int, Lines]]:
        rest, begin = b"", self._head.place
        for piece in pieces:
            rest += piece
            lines, end = cut_one_by_one(np.frombuffer(rest, np.uint8), self._dialect)
            if end:
                yield lines.data, 0, lines
            elif len(rest) > _LONGEST:
                break
            rest, begin = rest[end:], begin + end
        else:
            data, added = self._ended(rest)
            lines, end = cut_one_by_one(data, self._dialect)
            if end:
                yield lines.data, added, lines
            rest, begin = data[end:].tobytes(), begin + end
        if rest:
            begun = "a quoted cell begins that is never closed"
            what = begun if b'"' in rest[:_LONGEST] else f"a row of more than {_LONGEST:,} bytes begins"
            raise InputError(f"line {self._line_of(begin)}: {what}")

    def _ended(self, text: bytes | memoryview) -> tuple[Bytes, int]:
        """Return text with a line end, and how many bytes were added for it."""
        missing = bool(text) and text[-1:] != self._newline
        return np.frombuffer(bytes(text) + self._newline if missing else text, np.uint8), int(missing)

    def _ragged(self, error: RaggedError, begin: int) -> InputError:
        line = self._line_of(begin + error.place)
        what = "the header" if self._head.named else "the first row"
        delimiter = {"\t": "tab", " ": "blanks"}.get(self._dialect.delimiter, self._dialect.delimiter)
        return InputError(
            f"row {error.row} (line {line}) has {error.cells} cells where {what} has {self._head.width}, with "
            f"{delimiter!r} as the delimiter; mend the row, or give delimiter and decimal"
        )

    def _line_of(self, place: int) -> int:
        """Return the number of the line that a place of the text is in, from 1."""
        line = 1
        for piece in self._file.pieces(self._size):
            line += piece.count(self._newline, 0, place)
            place -= len(piece)
            if place <= 0:
                break
        return line


def _behind(pieces: Iterable[bytes], place: int) -> Iterator[bytes]:
    """Yield the text from a place on."""
    for piece in pieces:
        if place < len(piece):
            yield piece[place:] if place > 0 else piece
        place -= len(piece)


def look_at_top(file: TextFile, dialect: Dialect, *, header: bool | None, size: int) -> Head:
    """Find the header in the first bytes, or in as many as it takes.

    Raises
    ------
    InputError
        Where there is no row of data.
    """
    while True:
        text, whole = first_bytes(file, size)
        try:
            return find_head(top_lines(text, dialect, whole=whole), dialect, header=header)
        except InputError:  # no row in the first bytes; a header can be longer than they are
            if whole:
                raise
        size *= 16


def first_bytes(file: TextFile, size: int) -> tuple[bytes, bool]:
    """Return the first `size` bytes of the text or somewhat more, and whether they are all."""
    text, pieces = b"", file.pieces(size)
    for piece in pieces:
        text += piece
        if len(text) >= size:
            return text, next(pieces, None) is None
    return text, True


def top_lines(text: bytes, dialect: Dialect, *, whole: bool) -> Lines:
    """Return the cells of all rows in the first bytes that are whole."""
    newline = dialect.newline.encode()
    if whole and not text.endswith(newline):
        text += newline
    data = np.frombuffer(text[: text.rfind(newline) + 1], np.uint8)
    try:
        return cut(data, dialect)
    except OddQuotesError:
        return cut_one_by_one(data, dialect)[0]
