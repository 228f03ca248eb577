"""Cells to numbers: those of one column in one batch, whatever else stands among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from augkit.series.csv_arrow import Floats, as_binary, of_flags, of_texts, raw, texts, to_flags, to_floats
from augkit.series.csv_cells import Bytes, Flags, Places
from augkit.series.csv_style import Style, survey

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_IS_NUMBER = re.compile(_NUMBER.encode()).fullmatch
_LOOK = 1000
"""Cells without a number that are looked at, to tell what they are."""

_FEW = 2000
"""Cells that are looked at one by one."""

_BLANK = np.zeros(256, bool)
_BLANK[list(b" \t\r")] = True
_QUOTE, _COMMA, _POINT = b'",.'


class Numbers(msgspec.Struct, frozen=True, eq=False):
    """The cells of one column in one batch, as numbers.

    Attributes
    ----------
    values : ndarray of float64, shape (rows,)
        NaN where the cell holds no finite number.
    style : Style
        Of the cells that do.
    scientific : ndarray of bool, or None
        Which cells have an exponent; None where none do.
    count, stray : int
        Cells that hold a number; cells that hold something else.
    words : frozenset of str
        Texts of some of the latter.
    """

    values: Floats
    style: Style
    scientific: Flags | None
    count: int
    stray: int
    words: frozenset[str]


def trim(data: Bytes, starts: Places, ends: Places, *, quoted: bool) -> tuple[Places, Places]:
    """Draw the edges of cells in to what is within their quotes and blanks."""
    starts, ends = _trim_blanks(data, starts, ends)
    if not quoted:
        return starts, ends
    wrapped = (ends - starts > 1) & (data[starts] == _QUOTE) & (data[ends - 1] == _QUOTE)
    if not wrapped.any():
        return starts, ends
    return _trim_blanks(data, starts + wrapped, ends - wrapped)


def _trim_blanks(data: Bytes, starts: Places, ends: Places) -> tuple[Places, Places]:
    while (step := _BLANK[data[starts]] & (starts < ends)).any():
        starts = starts + step
    while (step := _BLANK[data[ends - 1]] & (starts < ends)).any():
        ends = ends - step
    return starts, ends


def parse(data: Bytes, starts: Places, ends: Places, *, decimal: str) -> Numbers:
    """Read the cells of one column.

    Parameters
    ----------
    data : ndarray of uint8
        A batch of text.
    starts, ends : ndarray, shape (rows,)
        Edges of the cells, trimmed.
    decimal : str
        "." or ",".
    """
    if starts.size <= _FEW and decimal == "." and (text := _without_numbers(data, starts, ends)) is not None:
        return text
    filled = ends > starts
    blank = not filled.all()
    cells = texts(data, starts[filled], ends[filled]) if blank else texts(data, starts, ends)
    if decimal == ",":
        cells = _with_points(cells)
    numbers, good = _cast(cells)
    words = frozenset[str]()
    if good is not None:
        words = _words(cells.filter(of_flags(~good)))
        cells = cells.filter(of_flags(good))
    values, where = numbers, None
    if blank or good is not None:
        where = np.flatnonzero(filled)
        where = where if good is None else where[good]
        values = np.full(starts.size, np.nan)
        values[where] = numbers
    style, scientific = survey(*raw(cells), numbers)
    if scientific is not None and where is not None:
        spread = np.zeros(starts.size, bool)
        spread[where] = scientific
        scientific = spread
    return Numbers(values, style, scientific, numbers.size, int(np.count_nonzero(filled)) - numbers.size, words)


def _without_numbers(data: Bytes, starts: Places, ends: Places) -> Numbers | None:
    """Read a few cells one by one, which needs no Arrow; None where there is a number among them."""
    cells = [data[start:end].tobytes() for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    cells = [cell for cell in cells if cell]
    if any(map(_IS_NUMBER, cells)):
        return None
    words = frozenset(cell.decode("latin-1") for cell in cells[:_LOOK])
    return Numbers(np.full(starts.size, np.nan), Style(), None, 0, len(cells), words)


def _words(cells: pa.Array) -> frozenset[str]:
    """Return the distinct texts among the first of `cells`."""
    import pyarrow.compute as pc

    return frozenset(word.decode("latin-1") for word in pc.unique(as_binary(cells.slice(0, _LOOK))).to_pylist())


def _with_points(cells: pa.Array) -> pa.Array:
    """Return texts with a decimal comma as Arrow reads them; a point, which is none of theirs, makes them no number."""
    offsets, data = raw(cells)
    swapped = np.where(data == _COMMA, _POINT, np.where(data == _POINT, _COMMA, data)).astype(np.uint8)
    return of_texts(offsets, swapped)


def _cast(cells: pa.Array) -> tuple[Floats, Flags | None]:
    """Return the finite numbers among the texts, and which of the texts they are; None for all."""
    import pyarrow as pa

    good = None
    try:
        numbers = to_floats(cells.cast(pa.float64()))
    except pa.ArrowInvalid:
        import pyarrow.compute as pc

        good = to_flags(pc.match_substring_regex(as_binary(cells), _NUMBER))
        numbers = to_floats(cells.filter(of_flags(good)).cast(pa.float64()))
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers, good
    if good is None:
        return numbers[finite], finite
    good[good] = finite
    return numbers[finite], good
