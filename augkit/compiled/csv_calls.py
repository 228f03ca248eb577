"""Calls of the compiled work on text tables: here, and only here, arrays become addresses, and are looked at before.

What a function declines is for the NumPy code to do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.compiled.arrays import address, place_of

_DECLINED = ctypes.c_size_t(-1).value
_WIDE = 2**31
_ASCII = 128
_MOST_DECIMALS = 16
_ROOM, _SPOILT = 24, 64
"""Bytes that a new number takes at most, and that are written behind the text."""

_ROWS = 256
"""Rows that are rounded at a time."""

Bytes = NDArray[np.uint8]
Places = NDArray[np.int32]
Floats = NDArray[np.float64]


def cut(kernel: ctypes.CDLL, text: Bytes, delimiter: str, newline: str, width: int) -> tuple[Places, Places] | None:
    """Find the cells of a text without quotes that ends with a line end; None where not all rows have `width` cells.

    Returns
    -------
    starts, ends : int32 ndarray, shape (rows, width)
    """
    marks = ord(delimiter), ord(newline)
    if text.size >= _WIDE or max(marks) >= _ASCII or width < 2:
        return None
    at = address(text, "u1", (text.size,))
    room = kernel.augkit_count_marks(at, text.size, *marks)
    starts, ends = np.empty(room, np.int32), np.empty(room, np.int32)
    rows = kernel.augkit_cut(at, text.size, *marks, width, room, place_of(starts), place_of(ends))
    return None if rows == _DECLINED else (starts.reshape(rows, width), ends.reshape(rows, width))


class Facts(ctypes.Structure):
    """How the plain numbers of a column are written."""

    _fields_ = (
        ("largest", ctypes.c_double),
        ("filled", ctypes.c_int64),
        ("decimals", ctypes.c_int64),
        ("mark", ctypes.c_int32),
        ("bare", ctypes.c_int32),
        ("plus", ctypes.c_int32),
        ("padded", ctypes.c_int32),
    )


def read_plain(
    kernel: ctypes.CDLL, text: Bytes, starts: Places, ends: Places, decimal: str
) -> tuple[Floats, Facts] | None:
    """Read cells that are plain numbers of up to 16 characters, or empty: NaN; None where some are neither."""
    values, facts, cells = np.empty(starts.size), Facts(), (starts.size,)
    places = address(starts, "i4", cells), address(ends, "i4", cells), starts.size
    made = place_of(values), ctypes.byref(facts)
    good = kernel.augkit_read_plain(address(text, "u1", (text.size,)), text.size, *places, ord(decimal), *made)
    return (values, facts) if good else None


class Numbers(msgspec.Struct, frozen=True, eq=False):
    """New numbers for the cells of a column, and how they are written.

    Attributes
    ----------
    starts, ends : int32 ndarray, shape (rows,)
    old, new : float64 ndarray, shape (rows,)
    decimals : int
        Digits after the decimal mark, up to 16.
    mark, bare, plus : bool
        Whether there is a mark without decimals; none before it where the number is below 1; a sign of positive ones.
    """

    starts: Places
    ends: Places
    old: Floats
    new: Floats
    decimals: int
    mark: bool
    bare: bool
    plus: bool


class _Column(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("starts", "ends", "old", "new", "written")),
        *((name, ctypes.c_int32) for name in ("decimals", "mark", "bare", "plus")),
    )


def put_numbers(
    kernel: ctypes.CDLL, text: Bytes, columns: Sequence[Numbers], decimal: str
) -> tuple[Bytes, list[Floats]] | None:
    """Return a text with new numbers in its cells, and what a reader gets of them.

    None is returned where a number times its power of ten is 2**51 or more, and for columns in another order.

    Parameters
    ----------
    columns : sequence of Numbers
        In their order within each row.
    """
    rows = columns[0].new.shape
    written = [np.empty(rows) for _ in columns]
    told = (_Column * len(columns))()
    for one, column, made in zip(told, columns, written, strict=True):
        if not 0 <= column.decimals <= _MOST_DECIMALS:
            raise TypeError(f"{column.decimals} decimals: expected 0 to {_MOST_DECIMALS}")
        one.starts, one.ends = address(column.starts, "i4", rows), address(column.ends, "i4", rows)
        one.old, one.new = address(column.old, "f8", rows), address(column.new, "f8", rows)
        one.written, one.decimals = place_of(made), column.decimals
        one.mark, one.bare, one.plus = column.mark, column.bare, column.plus
    out = np.empty(text.size + _ROOM * rows[0] * len(columns) + _SPOILT, np.uint8)
    whole = np.empty(_ROWS * len(columns), np.int64)
    given = address(text, "u1", (text.size,)), text.size, rows[0], told, len(columns), ord(decimal)
    size = kernel.augkit_put_numbers(*given, place_of(whole), place_of(out))
    return None if size == _DECLINED else (out[:size], written)
