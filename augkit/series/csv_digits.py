"""Cells that are plain numbers of one form, read eight digits at a time.

The last 16 bytes of each cell are taken as two words. The decimal mark is shifted out, which has the same place from
the end in all cells, and what stands before the digits is masked; then pairs of digits, of pairs, and of those, become
one number (Lemire, "Quickly parsing eight digits", 2018). Such a number is a whole one below 2**53 over a power of ten,
so that their quotient is the float64 nearest to the text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augkit.series.csv_cells import Bytes, Places

_LONGEST = 16
_MOST_DECIMALS = 7
_EXACT = 2**53

_MINUS, _PLUS, _ZERO = b"-+0"

Words = NDArray[np.uint64]

_ALL = 2**64 - 1
_LAST = np.array([_ALL ^ (2 ** (64 - 8 * n) - 1) for n in range(9)] + [_ALL] * 8, np.uint64)
"""Masks of the last n bytes of a word; of all where n is more than eight."""

_BEFORE = np.array([0] * 9 + [_ALL ^ (2 ** (64 - 8 * n) - 1) for n in range(1, 9)], np.uint64)
"""Masks of the last n - 8 bytes of the word before."""

_ZEROS = np.uint64(0x3030303030303030)
_TO_TEN = np.uint64(0x7676767676767676)
_HIGH = 0x8080808080808080
_EIGHT_DIGITS = np.uint64(10**8)
_STEPS = tuple(
    (np.uint64(shift), np.uint64(factor), np.uint64(mask))
    for shift, factor, mask in ((8, 10, 0x00FF00FF00FF00FF), (16, 100, 0x0000FFFF0000FFFF), (32, 10**4, 0xFFFFFFFF))
)


@dataclass(frozen=True, eq=False, slots=True)
class Plain:
    """The numbers of some cells, and how they are written.

    Attributes
    ----------
    values : ndarray of float64, shape (cells,)
    decimals : int
        Digits behind the mark; -1 where there is none.
    bare, plus, padded, largest
        As `Style` has them.
    """

    values: NDArray[np.float64]
    decimals: int
    bare: bool
    plus: bool
    padded: bool
    largest: float


def read_plain(data: Bytes, starts: Places, ends: Places, decimal: str) -> Plain | None:
    """Read cells that are all numbers with as many decimals; None where they are not.

    Parameters
    ----------
    data : ndarray of uint8
    starts, ends : ndarray of int, shape (cells,), at least one
        Edges of the cells, in the order of the text.
    decimal : str
    """
    size = ends - starts
    longest = int(size.max())
    if longest > _LONGEST or not size[0]:
        return None
    mark = data[starts[0] : ends[0]].tobytes().find(decimal.encode())
    decimals = int(size[0]) - 1 - mark if mark >= 0 else -1
    if decimals > _MOST_DECIMALS or (mark >= 0 and not (data.take(ends - (decimals + 1)) == ord(decimal)).all()):
        return None
    lead = data.take(starts)
    negative = signed = None
    if int(lead.min()) < _ZERO:
        negative = lead == _MINUS
        signed = negative | (lead == _PLUS)
    digits = size - (mark >= 0) if signed is None else size - signed - (mark >= 0)
    if int(digits.min()) < 1:
        return None
    whole = _whole(data, ends, digits, decimals, wide=longest > 8)
    largest = _EXACT if whole is None else int(whole.max())
    if whole is None or largest >= _EXACT:
        return None
    power = 10.0 ** max(decimals, 0)
    values = whole.astype(np.float64)
    if decimals > 0:
        np.divide(values, power, out=values)
    if negative is not None:
        np.negative(values, out=values, where=negative)
    first = lead if signed is None else data.take(starts + signed)
    return Plain(
        values,
        decimals,
        bare=mark >= 0 and bool((digits == decimals).any()),
        plus=bool((lead == _PLUS).any()) if signed is not None else False,
        padded=mark < 0 and bool(((first == _ZERO) & (digits > 1)).any()),
        largest=largest / power,
    )


def _whole(data: Bytes, ends: Places, digits: Places, decimals: int, *, wide: bool) -> Words | None:
    """Return the digits of each cell as a number, without its mark; None where others than digits are among them."""
    words = _windows(data, ends, 16 if wide else 8)
    last = words[1::2].copy() if wide else words
    before = words[0::2].copy() if wide else None
    if decimals >= 0:
        behind = _LAST[decimals]
        moved = last << np.uint64(8)
        np.bitwise_and(moved, ~behind, out=moved)
        np.bitwise_and(last, behind, out=last)
        np.bitwise_or(last, moved, out=last)
        if before is not None:
            np.bitwise_or(last, before >> np.uint64(56), out=last)
            np.left_shift(before, np.uint64(8), out=before)
    if not _to_digits(last, _LAST.take(digits)):
        return None
    whole = _eight(last)
    if before is not None:
        if not _to_digits(before, _BEFORE.take(digits)):
            return None
        whole += _eight(before) * _EIGHT_DIGITS
    return whole


def _windows(data: Bytes, ends: Places, width: int) -> Words:
    """Return the last `width` bytes of each cell as words; those of the first cells may begin before the text."""
    early = int(np.searchsorted(ends, width))
    if data.size < width or early == ends.size:
        padded = np.concatenate([np.zeros(width, np.uint8), data[: int(ends[-1])]])
        return _windows_of(padded, ends + width, width)
    if not early:
        return _windows_of(data, ends, width)
    return np.concatenate([_windows(data[:width], ends[:early], width), _windows_of(data, ends[early:], width)])


def _windows_of(data: Bytes, ends: Places, width: int) -> Words:
    sliding: NDArray[np.void] = np.ndarray((data.size - width + 1,), np.dtype(f"V{width}"), data, 0, (1,))
    words: Words = sliding[ends - width].view("<u8")
    return words


def _to_digits(words: Words, mask: Words) -> bool:
    """Turn characters into digits where the mask has them, and all else into zeros; tell whether all are digits."""
    np.bitwise_xor(words, _ZEROS, out=words)
    np.bitwise_and(words, mask, out=words)
    over = words + _TO_TEN
    np.bitwise_or(over, words, out=over)
    return not int(np.bitwise_or.reduce(over)) & _HIGH


def _eight(digits: Words) -> Words:
    """Return the numbers of eight digits each, the first of them in the lowest byte; the digits are spent."""
    for shift, factor, mask in _STEPS:
        next_ones = digits >> shift
        np.multiply(digits, factor, out=digits)
        np.add(digits, next_ones, out=digits)
        np.bitwise_and(digits, mask, out=digits)
    return digits
