"""Cells to numbers: those of one column in one batch, whatever else stands among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from augkit.series.csv_arrow import Floats, as_binary, of_flags, raw, texts, to_flags, to_floats
from augkit.series.csv_cells import Bytes, Flags, Places
from augkit.series.csv_style import Style, survey

_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_LOOK = 1000
"""Cells without a number that are looked at, to tell what they are."""

_BLANK = np.zeros(256, bool)
_BLANK[list(b" \t\r")] = True
_QUOTE, _COMMA, _POINT = b'",.'


@dataclass(frozen=True, eq=False, slots=True)
class Numbers:
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


def _words(cells: pa.Array) -> frozenset[str]:
    """Return the distinct texts among the first of `cells`."""
    import pyarrow.compute as pc

    return frozenset(word.decode("latin-1") for word in pc.unique(as_binary(cells.slice(0, _LOOK))).to_pylist())


def _with_points(cells: pa.Array) -> pa.Array:
    """Return texts with a decimal comma as Arrow reads them; a point, which is none of theirs, makes them no number."""
    offsets, data = raw(cells)
    swapped = np.where(data == _COMMA, _POINT, np.where(data == _POINT, _COMMA, data)).astype(np.uint8)
    return pa.Array.from_buffers(cells.type, len(cells), [None, pa.py_buffer(offsets), pa.py_buffer(swapped)])


def _cast(cells: pa.Array) -> tuple[Floats, Flags | None]:
    """Return the finite numbers among the texts, and which of the texts they are; None for all."""
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
