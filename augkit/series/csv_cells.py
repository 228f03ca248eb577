"""Where the cells of a text table begin and end: found with NumPy on the file's bytes, quotes and all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.compiled import csv_calls, library
from augkit.series.csv_dialect import Dialect

Bytes = NDArray[np.uint8]
Places = NDArray[Any]
Flags = NDArray[np.bool_]

BATCH = 2**21
"""Bytes of text that are worked on at a time, so that the arrays about them stay in cache."""

_LONG = 2**23
"""Bytes in which a row ends, unless quotes are characters like any other."""

_QUOTE, _SPACE, _TAB, _RETURN = b'" \t\r'


class OddQuotesError(Exception):
    """Quotes that do not enclose whole cells; cells have to be found one by one."""


class Lines(msgspec.Struct, frozen=True, eq=False):
    """All cells of a batch of whole lines, row after row, blank lines and comments included.

    Attributes
    ----------
    data : ndarray of uint8
        The batch; ends with a line end.
    starts, ends : ndarray of int64, shape (cells,)
        Edges of each cell in `data`, quotes and blanks included.
    first : ndarray of int64, shape (lines + 1,)
        Index of each line's first cell, and the number of cells.
    """

    data: Bytes
    starts: Places
    ends: Places
    first: Places

    def text(self, line: int) -> list[bytes]:
        """Return the cells of one line."""
        cells = range(int(self.first[line]), int(self.first[line + 1]))
        return [self.data[self.starts[i] : self.ends[i]].tobytes() for i in cells]

    def begin(self, line: int) -> int:
        """Return the place of the first byte of a line's first cell."""
        cell = int(self.first[line])
        return int(self.starts[cell]) if cell < self.starts.size else self.data.size


def row_batches(pieces: Iterable[bytes], newline: bytes, size: int = BATCH) -> Iterator[memoryview]:
    """Put pieces of text together anew, so that each ends with a row; only the last may lack its line end.

    A line end within quotes is none: a batch holds an even number of quotes.

    Raises
    ------
    OddQuotesError
        Where no row ends for a long time, as behind a quote that is a character like any other.
    """
    rest = b""
    for piece in pieces:
        text = rest + piece if rest else piece
        if len(text) < size:
            rest = text
            continue
        end = _last_row_end(text, newline)
        if end:
            yield memoryview(text)[:end]
        elif len(text) > max(4 * size, _LONG):
            raise OddQuotesError
        rest = text[end:]
    if rest.count(b'"') % 2:
        raise OddQuotesError
    if rest:
        yield memoryview(rest)


def _last_row_end(text: bytes, newline: bytes) -> int:
    """Return where the last row ends that is whole; 0 where none is."""
    if b'"' not in text:
        return text.rfind(newline) + 1
    end, odd = len(text), text.count(b'"') % 2
    while True:
        place = text.rfind(newline, 0, end)
        if place < 0:
            return 0
        odd ^= text.count(b'"', place + 1, end) % 2
        if not odd:
            return place + 1
        end = place


def cut(data: Bytes, dialect: Dialect) -> Lines:
    """Find all cells of a batch of whole lines.

    Raises
    ------
    OddQuotesError
        Where quotes are not at the edges of cells.
    """
    quoted = bool((data == _QUOTE).any())
    if dialect.delimiter == " ":
        return _cut_blanks(data, dialect, quoted=quoted)
    delimiter, newline = ord(dialect.delimiter), ord(dialect.newline)
    marks = (data == delimiter) | (data == newline)
    if quoted:
        marks |= data == _QUOTE
    ends = np.flatnonzero(marks)
    kinds = data[ends]
    if quoted:
        is_quote = kinds == _QUOTE
        _check_quotes(data, ends[is_quote], dialect)
        outside = ~(is_quote | np.logical_xor.accumulate(is_quote))
        ends, kinds = ends[outside], kinds[outside]
    starts = np.empty_like(ends)
    starts[:1] = 0
    np.add(ends[:-1], 1, out=starts[1:])
    return _lines(data, starts, ends, np.flatnonzero(kinds == newline) + 1)


def cut_evenly(data: Bytes, dialect: Dialect, width: int) -> tuple[Places, Places] | None:
    """Find the cells of a batch without quotes, all lines of which have `width`; None for others, or if none compiled.

    Returns
    -------
    starts, ends : ndarray of int32, shape (lines, width)
    """
    kernel = library()
    if kernel is None or dialect.delimiter == " ":
        return None
    return csv_calls.cut(kernel, data, dialect.delimiter, dialect.newline, width)


def _lines(data: Bytes, starts: Places, ends: Places, after: Places) -> Lines:
    first = np.empty(after.size + 1, np.int64)
    first[0] = 0
    first[1:] = after
    return Lines(data, starts, ends, first)


def _cut_blanks(data: Bytes, dialect: Dialect, *, quoted: bool) -> Lines:
    """Find cells that are separated by runs of spaces and tabs."""
    newline = data == ord(dialect.newline)
    blank = newline | (data == _SPACE) | (data == _TAB) | (data == _RETURN)
    if quoted:
        is_quote = data == _QUOTE
        _check_quotes(data, np.flatnonzero(is_quote), dialect)
        inside = np.logical_xor.accumulate(is_quote)
        blank &= ~inside
        newline &= ~inside
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    if not blank[0]:
        edges = np.concatenate(([0], edges))
    starts, ends = edges[0::2], edges[1::2]
    return _lines(data, starts, ends, np.searchsorted(starts, np.flatnonzero(newline)))


def _check_quotes(data: Bytes, quotes: Places, dialect: Dialect) -> None:
    """Raise `OddQuotesError` unless each pair of quotes encloses a cell, or two pairs meet in a doubled quote."""
    if quotes.size % 2:
        raise OddQuotesError
    opening, closing = quotes[0::2], quotes[1::2]
    edge = np.zeros(256, bool)
    edge[[ord(dialect.delimiter), ord(dialect.newline), _RETURN]] = True
    edge[_TAB] |= dialect.delimiter == " "
    blank = np.zeros(256, bool)
    blank[[_SPACE, _TAB]] = True
    blank &= ~edge
    doubled = np.zeros(opening.size, bool)
    doubled[1:] = opening[1:] == closing[:-1] + 1
    before = opening - 1
    while (step := (before >= 0) & blank[data[before]]).any():
        before = before - step
    after = closing + 1
    while (step := blank[data[after]]).any():
        after = after + step
    begins = doubled | (before < 0) | edge[data[before]]
    finishes = edge[data[after]]
    finishes[:-1] |= doubled[1:]
    if not (begins.all() and finishes.all()):
        raise OddQuotesError


def cut_one_by_one(data: Bytes, dialect: Dialect) -> tuple[Lines, int]:
    """Find cells as Python's csv module does: a quote within an unquoted cell is a character like any other.

    Returns
    -------
    lines : Lines
        All rows that are whole.
    end : int
        Where they end.
    """
    text = data.tobytes()
    blanks = dialect.delimiter == " "
    stop = re.escape(("" if blanks else dialect.delimiter) + dialect.newline).encode() + (rb" \t\r" if blanks else b"")
    cell = re.compile(rb'([ ]*"(?>[^"]*(?:""[^"]*)*)"[^' + stop + rb"]*)|[^" + stop + b"]*")
    newline = ord(dialect.newline)
    starts, ends, after = list[int](), list[int](), list[int]()
    place = end = 0
    while place < len(text):
        match: Any = cell.match(text, place)
        if match.end() == len(text) or (match[1] is None and match[0].lstrip(b" ").startswith(b'"')):
            break
        if not blanks or match.end() > place:
            starts.append(place)
            ends.append(match.end())
        place = match.end() + 1
        if text[match.end()] == newline:
            after.append(len(starts))
            end = place
    cells = after[-1] if after else 0
    places = np.array(starts[:cells], np.int64), np.array(ends[:cells], np.int64)
    return _lines(data[:end], *places, np.array(after, np.int64)), end
