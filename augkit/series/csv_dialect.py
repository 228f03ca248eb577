"""The dialect of a text table: delimiter, decimal mark and line end, found in its first rows."""

from __future__ import annotations

import csv
import re
from io import StringIO
from itertools import islice

import msgspec

from augkit.series.options import SeriesOptions

_SAMPLE = 2**16
_ROWS = 64

_CANDIDATES = ("\t", ";", "|", ",", " ")
"""In the order in which they win where two of them explain a file equally well."""

_WORDS = re.compile(r'(?:"[^"]*"|[^ \t"])+')
_LINES = re.compile(r"\r\n?|\n")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}:\d{2}(:\d{2}.*)?|\d{4}[-/:]?[qQmMwW]?\d{1,2}|\d{8}T\d{4,6}.*"
    r"|(\d{1,4}[- ])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-. ,]+\d.*",
    re.IGNORECASE,
)

MISSING = frozenset(
    (
        *("", "na", "n/a", "nan", "+nan", "-nan", "#n/a", "<na>", "null", "none", "nil", "missing", "nat"),
        *("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "-", "--", "?", ".", "*"),
    )
)
"""Words, in lower case, that stand for a value that is not there."""


class Dialect(msgspec.Struct, frozen=True):
    """How cells and rows are separated and numbers are written.

    Attributes
    ----------
    delimiter : str
        One character; a space stands for any run of spaces and tabs.
    decimal : str
        "." or ",".
    newline : str
        The character at a row's end: a line feed (with or without a carriage return before it), or a lone carriage
        return.
    """

    delimiter: str
    decimal: str = "."
    newline: str = "\n"


def is_number(cell: str, decimal: str) -> bool:
    """Tell whether a cell's text, with or without quotes and blanks around it, is a number."""
    cell = cell.strip().strip('"').strip()
    if decimal == ",":
        cell = cell.translate({ord(","): ".", ord("."): ","})
    return _NUMBER.fullmatch(cell) is not None


def is_missing(cell: str) -> bool:
    """Tell whether a cell's text is blank or a word for a missing value."""
    return cell.strip().strip('"').strip().lower() in MISSING


def is_date(cell: str) -> bool:
    """Tell whether a cell's text looks like a date, a quarter or a time of day."""
    return _DATE.fullmatch(cell.strip().strip('"').strip()) is not None


def sniff(data: bytes, options: SeriesOptions) -> Dialect:
    """Find the dialect of a table's text; what `options` give is taken as it is.

    Each delimiter is tried on the first rows: how many of them have as many cells as the most frequent row, and what
    share of the cells are then numbers. A text without any delimiter is one column.
    """
    newline = "\n" if b"\n" in data or b"\r" not in data else "\r"
    sample = _sample(data, newline)
    given, decimal = options.delimiter_mark(), options.decimal_mark()
    candidates = (given,) if given else tuple(c for c in _CANDIDATES if c != decimal and c in sample)
    trials = [_trial(sample, delimiter, decimal) for delimiter in candidates]
    best = max(trials, key=lambda trial: trial[0], default=(0.0, ",", "."))
    if best[0] > 0 or given:
        return Dialect(best[1], best[2], newline)
    decimal = decimal or "."
    return Dialect(";" if decimal == "," else ",", decimal, newline)


def _sample(data: bytes, newline: str) -> str:
    """Return the first rows: whole ones, and at least three, however long they are."""
    end = 0
    for _ in range(3):
        end = data.find(newline.encode(), end) + 1 or len(data)
    end = max(end, data.rfind(newline.encode(), 0, _SAMPLE) + 1)
    return data[:end].decode("latin-1")


def _trial(sample: str, delimiter: str, decimal: str | None) -> tuple[float, str, str]:
    """Return how well a delimiter explains the sample, the delimiter, and the decimal mark that goes with it."""
    rows = [row for row in split(sample, delimiter) if any(map(str.strip, row)) and not row[0].startswith("#")]
    if not rows:
        return 0.0, delimiter, decimal or "."
    widths = [len(row) for row in (rows[1:] or rows)]
    width = max(set(widths), key=widths.count)
    marks = (decimal,) if decimal else (".", ",") if delimiter != "," else (".",)
    body = rows[1:] or rows
    shares = [(_share(body, mark), mark) for mark in marks]
    share, mark = max(shares, key=lambda pair: pair[0])
    if width < 2:
        return 0.0, delimiter, mark
    fits = widths.count(width) + (len(rows[0]) in (width, width - 1 if width > 2 else width))
    return fits / (len(widths) + 1) * (0.01 + share), delimiter, mark


def split(sample: str, delimiter: str) -> list[list[str]]:
    """Split a short text into rows of cells, for a first look only."""
    if delimiter == " ":
        return [_WORDS.findall(line) for line in _LINES.split(sample)[:_ROWS]]
    reader = csv.reader(StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        return list(islice(reader, _ROWS))
    except csv.Error:
        return [line.split(delimiter) for line in _LINES.split(sample)[:_ROWS]]


def _share(rows: list[list[str]], decimal: str) -> float:
    cells = [cell for row in rows for cell in row if not is_missing(cell)]
    return sum(is_number(cell, decimal) for cell in cells) / max(len(cells), 1)
