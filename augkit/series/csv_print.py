"""Numbers with few digits, written four digits at a time: two words of eight bytes hold the text of each.

The whole part ends where the first word does; mark, decimals and what follows fill the second one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augkit.series.csv_arrow import raw
from augkit.series.csv_cells import Bytes, Places

if TYPE_CHECKING:
    import pyarrow as pa

_ROW = 16
_LARGEST = 10**7
_MOST_DECIMALS = 6
_FOUR = 10**4
_NUMBERS = np.arange(_FOUR, dtype=np.uint64)
_FOURS = sum(((_NUMBERS // 10 ** (3 - i) % 10 + ord("0")) << np.uint64(8 * i) for i in range(4)), np.uint64(0))
"""The text of every number of four digits, its first character in the lowest byte."""

_MINUS = ord("-")


@dataclass(frozen=True, eq=False, slots=True)
class Texts:
    """Texts that stand one behind the other, with or without something between them.

    Attributes
    ----------
    data : ndarray of uint8
    begins, ends : ndarray of int, shape (texts,)
    """

    data: Bytes
    begins: Places
    ends: Places

    def __len__(self) -> int:
        return int(self.begins.size)


def texts_of(array: pa.Array) -> Texts:
    """Return the texts of an Arrow array."""
    places, data = raw(array)
    return Texts(data, places[:-1], places[1:])


def print_plain(scaled: NDArray[np.int64], decimals: int, mark: int, tail: int | None) -> Texts | None:
    """Return whole numbers as text, with a mark before their last digits; None for those of many digits.

    Parameters
    ----------
    scaled : ndarray of int64, shape (n,)
        The numbers times ``10**decimals``.
    decimals : int
        0 for no mark.
    mark : int
        The character before the decimals.
    tail : int or None
        A character that is put behind each number.
    """
    if decimals > _MOST_DECIMALS or not scaled.size:
        return None
    power = 10**decimals
    size = np.abs(scaled)
    largest = int(size.max()) // power
    if largest >= _LARGEST:
        return None
    whole = size // power if decimals else size
    words = np.empty((scaled.size, 2), "<u8")
    words[:, 0] = _right_aligned(whole, wide=largest >= _FOUR)
    words[:, 1] = _behind(size - whole * power, decimals, mark, tail)
    data = words.view(np.uint8).reshape(-1)
    begins = np.arange(8 - 1, _ROW * scaled.size, _ROW, dtype=np.int32)
    limit = 10
    while limit <= largest:
        begins -= whole >= limit
        limit *= 10
    negative = np.flatnonzero(scaled < 0)
    begins[negative] -= 1
    data[begins[negative]] = _MINUS
    length = (decimals + 1 if decimals else 0) + (tail is not None)
    return Texts(data, begins, np.arange(8 + length, _ROW * scaled.size + length, _ROW, dtype=np.int32))


def _right_aligned(whole: NDArray[np.int64], *, wide: bool) -> NDArray[np.uint64]:
    """Return eight characters that end with each number."""
    if not wide:
        return _FOURS.take(whole) << np.uint64(32)
    upper = whole // _FOUR
    return _FOURS.take(upper) | _FOURS.take(whole - upper * _FOUR) << np.uint64(32)


def _behind(rest: NDArray[np.int64], decimals: int, mark: int, tail: int | None) -> NDArray[np.uint64] | np.uint64:
    """Return eight characters that begin with the mark, the decimals and the tail."""
    end = np.uint64(0 if tail is None else tail << 8 * (decimals + 1 if decimals else 0))
    if not decimals:
        return end
    if decimals <= 4:
        digits = _FOURS.take(rest) >> np.uint64(8 * (4 - decimals))
    else:
        upper = rest // _FOUR
        digits = _FOURS.take(upper) | _FOURS.take(rest - upper * _FOUR) << np.uint64(32)
        digits >>= np.uint64(8 * (8 - decimals))
    return (digits << np.uint64(8)) | (end | np.uint64(mark))
