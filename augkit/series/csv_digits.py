"""Cells that are plain numbers without an exponent, read eight digits at a time.

The last 16 bytes of each cell are taken as two words. The decimal mark is shifted out, at once for all cells where it
has the same place from the end, and what stands before the digits is masked; then pairs of digits, of pairs, and of
those, become one number (Lemire, "Quickly parsing eight digits", 2018). Such a number is a whole one below 2**53 over a
power of ten, so that their quotient is the float64 nearest to the text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augkit.series.csv_cells import Bytes, Flags, Places

_LONGEST = 16
_MOST_DECIMALS = 7
_EXACT = 2**53
_POWERS = np.array([float(f"1e{n}") for n in range(_LONGEST)])

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
_BUT_HIGH = np.uint64(0x7F7F7F7F7F7F7F7F)
_EACH_BYTE = 0x0101010101010101
_1, _3, _7, _8, _56 = (np.uint64(number) for number in (1, 3, 7, 8, 56))
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
        The most digits behind a mark.
    mark, bare, plus, padded, largest
        As `Style` has them.
    """

    values: NDArray[np.float64]
    decimals: int
    mark: bool
    bare: bool
    plus: bool
    padded: bool
    largest: float


@dataclass(frozen=True, eq=False, slots=True)
class _Digits:
    """The digits of cells as whole numbers.

    Attributes
    ----------
    whole : ndarray of uint64, shape (cells,)
    count : ndarray of int, shape (cells,)
        How many digits each has.
    decimals : int, or ndarray of uint8, shape (cells,)
        How many of them are behind the mark.
    marked : bool, or ndarray of bool, shape (cells,)
        Whether there is one.
    """

    whole: Words
    count: Places
    decimals: int | NDArray[np.uint8]
    marked: bool | Flags


def read_plain(data: Bytes, starts: Places, ends: Places, decimal: str) -> Plain | None:
    """Read cells that are all plain numbers of few digits; None where they are not.

    Parameters
    ----------
    data : ndarray of uint8
    starts, ends : ndarray of int, shape (cells,), at least one
        Edges of the cells, in the order of the text.
    decimal : str
    """
    size = ends - starts
    if int(size.max()) > _LONGEST or not size.min():
        return None
    lead = data.take(starts)
    negative = signed = None
    if int(lead.min()) < _ZERO:
        negative = lead == _MINUS
        signed = negative | (lead == _PLUS)
    found = _digits(data, starts, ends, size if signed is None else size - signed, ord(decimal))
    largest = _EXACT if found is None else int(found.whole.max())
    if found is None or largest >= _EXACT:
        return None
    power = _POWERS[found.decimals]
    values = found.whole.astype(np.float64)
    if isinstance(power, np.ndarray) or power != 1:
        np.divide(values, power, out=values)
    if negative is not None:
        np.negative(values, out=values, where=negative)
    mark = bool(np.any(found.marked))
    first = lead if signed is None else data.take(starts + signed)
    return Plain(
        values,
        int(np.max(found.decimals)),
        mark=mark,
        bare=mark and bool(((found.count == found.decimals) & found.marked).any()),
        plus=bool((lead == _PLUS).any()) if signed is not None else False,
        padded=not mark and bool(((first == _ZERO) & (found.count > 1)).any()),
        largest=float(largest / power) if np.ndim(power) == 0 else max(-float(values.min()), float(values.max())),
    )


def _digits(data: Bytes, starts: Places, ends: Places, size: Places, mark: int) -> _Digits | None:
    """Return the digits of cells; None where others than digits are among them, but for a mark.

    Parameters
    ----------
    size : ndarray of int, shape (cells,)
        Characters of each cell without its sign.
    """
    wide = int(size.max()) > 8
    decimals = _common_decimals(data, starts, ends, mark)
    if decimals is not None:
        last, before = _words(data, ends, wide=wide)
        if decimals >= 0:
            _drop_mark(last, before, decimals)
        count = size - (decimals >= 0)
        whole = _whole(last, before, count)
        if whole is not None or decimals >= 0:
            return None if whole is None else _Digits(whole, count, max(decimals, 0), decimals >= 0)
    last, before = _words(data, ends, wide=wide)
    found = _without_marks(last, before, size, mark)
    if found is None:
        return None
    last, before, places, marked = found
    count = size - marked
    whole = _whole(last, before, count)
    return None if whole is None else _Digits(whole, count, places, marked)


def _common_decimals(data: Bytes, starts: Places, ends: Places, mark: int) -> int | None:
    """Return the digits behind the mark of each cell, -1 where the first has no mark; None where they differ."""
    cell = data[starts[0] : ends[0]].tobytes()
    place = cell.find(mark)
    if place < 0:
        return -1
    decimals = len(cell) - 1 - place
    same = decimals <= _MOST_DECIMALS and decimals < int((ends - starts).min())
    return decimals if same and bool((data.take(ends - (decimals + 1)) == mark).all()) else None


def _words(data: Bytes, ends: Places, *, wide: bool) -> tuple[Words, Words | None]:
    """Return the last eight bytes of each cell as words, and those before them where they matter."""
    words = _windows(data, ends, 16 if wide else 8)
    return (words[1::2].copy(), words[0::2].copy()) if wide else (words, None)


def _drop_mark(last: Words, before: Words | None, decimals: int) -> None:
    """Take the mark before so many last bytes out of each cell, in place."""
    behind = _LAST[decimals]
    moved = last << _8
    np.bitwise_and(moved, ~behind, out=moved)
    np.bitwise_and(last, behind, out=last)
    np.bitwise_or(last, moved, out=last)
    if before is not None:
        np.bitwise_or(last, before >> _56, out=last)
        np.left_shift(before, _8, out=before)


def _without_marks(
    last: Words, before: Words | None, size: Places, mark: int
) -> tuple[Words, Words | None, NDArray[np.uint8], Flags] | None:
    """Take the mark out of each cell that has one; return the words, the decimals of each, and which had a mark.

    None is returned for a mark in both words of a cell; two in one word leave one behind, which is no digit.
    """
    np.bitwise_and(last, _LAST.take(size), out=last)
    here = _marks(last, mark)
    marked: Flags = here != 0
    last, behind = _shifted(last, here, marked)
    decimals = np.bitwise_count(behind)
    if before is not None:
        np.bitwise_and(before, _BEFORE.take(size), out=before)
        here = _marks(before, mark)
        among = here != 0
        if bool((among & marked).any()):
            return None
        np.bitwise_or(last, (before >> _56) * marked, out=last)
        marked |= among
        before, behind = _shifted(before, here, marked)
        decimals += np.bitwise_count(behind)
        decimals += among.view(np.uint8) << np.uint8(6)
    return last, before, decimals >> np.uint8(3), marked


def _marks(words: Words, mark: int) -> Words:
    """Return words of which the highest bit of each byte tells whether that is the mark, and all others are 0."""
    apart = words ^ np.uint64(mark * _EACH_BYTE)
    found = (apart & _BUT_HIGH) + _BUT_HIGH
    np.bitwise_or(found, apart, out=found)
    np.bitwise_or(found, _BUT_HIGH, out=found)
    marks: Words = np.invert(found, out=found)
    return marks


def _shifted(words: Words, marks: Words, moving: Flags) -> tuple[Words, Words]:
    """Return words whose bytes before the mark, or all if it has none, move up if they are to; and masks behind it."""
    behind = np.left_shift(marks, _1)
    np.subtract(behind, _1, out=behind)
    np.invert(behind, out=behind)
    moved = (marks >> _7) - _1
    np.bitwise_and(moved, words, out=moved)
    np.left_shift(moved, moving.astype(np.uint64) << _3, out=moved)
    np.bitwise_or(moved, words & behind, out=moved)
    return moved, behind


def _whole(last: Words, before: Words | None, count: Places) -> Words | None:
    """Return so many last digits of each cell as a number; None where there are none, or others among them."""
    if int(count.min()) < 1 or not _to_digits(last, _LAST.take(count)):
        return None
    if before is None:
        return _eight(last)
    if not _to_digits(before, _BEFORE.take(count)):
        return None
    whole = _eight(last)
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
