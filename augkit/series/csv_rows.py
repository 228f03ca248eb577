"""From lines to a table: header, width, and the rows that are data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import msgspec
import numpy as np

from augkit.errors import InputError
from augkit.series.csv_bytes import as_name
from augkit.series.csv_cells import Flags, Lines, Places
from augkit.series.csv_dialect import Dialect, is_date, is_missing, is_number

_LOOK, _BODY = 64, 4
"""Lines that are looked at to find where a table begins, and how many of these have to be the table's own."""


class Head(msgspec.Struct, frozen=True):
    """What the first lines of a table tell.

    Attributes
    ----------
    headers : tuple of str
        One for each column; empty strings where there is no header.
    place : int
        Where the first line that is data begins in the text.
    named : bool
        Whether the table has a header.
    above : int
        Lines above the table that belong to no column.
    short : bool
        Whether the header has one cell less than the rows, and is taken as one without a name for their first.
    """

    headers: tuple[str, ...]
    place: int
    named: bool
    above: int = 0
    short: bool = False

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.headers)


def find_head(lines: Lines, dialect: Dialect, *, header: bool | None) -> Head:
    """Find the header and the width of a table in its first lines.

    A first row of numbers, dates and gaps is no header; names may then stand in the comment above it. A header that is
    one cell short of all rows is one of R's, whose row names have none (or of a table with a delimiter at each row's
    end). Titles and counts may stand above the table: lines of one cell, or of fewer than the rows and with a number.

    Raises
    ------
    InputError
        Where there is no row of data.
    """
    filled = (line for line in range(lines.first.size - 1) if not _is_blank(lines.text(line)))
    comment, top = None, next(filled, None)
    while top is not None and _is_comment(lines, top):
        comment, top = top, next(filled, None)
    if top is None:
        raise InputError("the file holds comments only: expected rows of numbers")
    top, *below = [top, *(line for line in islice(filled, _LOOK) if not _is_comment(lines, line))]
    above = _above(lines, [top, *below], dialect)
    top, *below = [top, *below][above:]
    cells = lines.text(top)
    if not (_is_header(cells, dialect) if header is None else header):
        names = _names_in_comment(lines, comment, len(cells))
        return Head(names or ("",) * len(cells), lines.begin(top), names is not None, above)
    names = tuple(map(as_name, cells))
    second = next((line for line in chain(below, filled) if not _is_comment(lines, line)), None)
    if second is None:
        raise InputError(f"the file holds a header ({', '.join(names[:8])}) and no rows")
    row = lines.text(second)
    short = False
    if len(row) == len(names) + 1 and len(names) > 1:
        short = not is_missing(row[-1].decode("latin-1"))
        names = ("", *names) if short else (*names, "")
    return Head(names, lines.begin(second), True, above, short)


def notices_of(head: Head) -> Iterator[str]:
    """Yield what is to be said of the first lines."""
    if head.above:
        yield f"lines above the table stay as they are: {head.above} with fewer cells than its rows"
    if head.short:
        yield "the header has one name less than the rows have cells: the first column is taken as the one without"


def _above(lines: Lines, first: Sequence[int], dialect: Dialect) -> int:
    """Return how many of the first lines are none of the table's: fewer cells than all others have, and no names."""
    width = lines.first[first[-1] + 1] - lines.first[first[-1]]
    above = 0
    for line in first:
        cells = lines.text(line)
        names = len(cells) > 1 and not any(is_number(cell.decode("latin-1"), dialect.decimal) for cell in cells)
        if len(cells) >= width - 1 or names:
            break
        above += 1
    body = first[above:]
    alike = len(body) >= _BODY and all(lines.first[line + 1] - lines.first[line] == width for line in body)
    return above if alike else 0


def _is_blank(cells: list[bytes]) -> bool:
    return len(cells) <= 1 and not b"".join(cells).strip()


def _is_comment(lines: Lines, line: int) -> bool:
    place = lines.begin(line)
    return lines.data[place : place + 1].tobytes() == b"#"


def _is_header(cells: list[bytes], dialect: Dialect) -> bool:
    """Tell whether a row holds names: anything but numbers, at least one, with dates and gaps among them."""
    texts = [cell.decode("latin-1") for cell in cells]
    others = [text for text in texts if not is_number(text, dialect.decimal)]
    return len(others) == len(texts) or not all(is_missing(text) or is_date(text) for text in others)


def _names_in_comment(lines: Lines, comment: int | None, width: int) -> tuple[str, ...] | None:
    if comment is None:
        return None
    names = [as_name(cell) for cell in lines.text(comment)]
    names[0] = names[0].lstrip("# ")
    names = names if names[0] else names[1:]
    return tuple(names) if len(names) == width else None


def rows(lines: Lines, width: int, *, before: int) -> tuple[Places, Places]:
    """Return the edges of the cells of all rows of data in a batch, each of shape (rows, columns).

    Blank lines, and comments that do not have a row's number of cells, are passed over.

    Parameters
    ----------
    lines : Lines
    width : int
        Number of columns.
    before : int
        Rows of data before this batch.

    Raises
    ------
    RaggedError
        Where a row has more or fewer cells than the header.
    """
    first = lines.first[:-1]
    counts = np.diff(lines.first)
    if width > 1 and bool((counts == width).all()):
        return lines.starts.reshape(-1, width), lines.ends.reshape(-1, width)
    blank = (counts == 0) | ((counts == 1) & _without_content(lines, first))
    fits = (counts == width) & ~blank
    if fits.all():
        return lines.starts.reshape(-1, width), lines.ends.reshape(-1, width)
    for line in np.flatnonzero(~fits & ~blank).tolist():
        cells = lines.text(line)
        if not _is_blank(cells) and not _is_comment(lines, line):
            row = before + int(np.count_nonzero(fits[:line])) + 1
            raise RaggedError(row, len(cells), lines.begin(line))
    chosen = first[fits][:, None] + np.arange(width)
    return lines.starts[chosen], lines.ends[chosen]


def _without_content(lines: Lines, cells: Places) -> Flags:
    """Tell which cells are empty but for a carriage return."""
    if not lines.starts.size:
        return np.zeros(cells.shape, bool)
    cells = np.minimum(cells, lines.starts.size - 1)
    start, end = lines.starts[cells], lines.ends[cells]
    empty: Flags = (start == end) | ((end - start == 1) & (lines.data[start] == ord("\r")))
    return empty


class RaggedError(Exception):
    """A row with the wrong number of cells.

    Attributes
    ----------
    row : int
        Among the rows of data, from 1.
    cells : int
        How many it has.
    place : int
        Where it begins in its batch.
    """

    def __init__(self, row: int, cells: int, place: int) -> None:
        super().__init__(row, cells, place)
        self.row, self.cells, self.place = row, cells, place
