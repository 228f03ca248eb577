"""Numbers to cells: each in the style of its column, all cells of a batch at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from augkit.series.csv_arrow import Floats, of_flags, of_numbers, of_strings, of_texts, raw, to_floats
from augkit.series.csv_cells import Flags, Places
from augkit.series.csv_splice import Texts, texts_of
from augkit.series.csv_style import Style

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT = 2.0**53
"""Integers of float64 are exact up to here."""

_MOST_DECIMALS = 16
_POWERS = np.array([float(f"1e{n}") for n in range(_MOST_DECIMALS + 1)])
_EXPONENT = re.compile(r"([eE])([-+]?)(\d+)")
_ZERO = ord("0")


class Written(msgspec.Struct, frozen=True, eq=False):
    """New texts of a column's cells.

    Attributes
    ----------
    parts : list of (rows, Texts)
        Texts and the rows they belong to; None for all rows. A later part takes the place of an earlier one.
    values : ndarray of float64
        What a reader gets from the texts.
    """

    parts: list[tuple[Places | None, Texts]]
    values: Floats


def write(
    values: Floats,
    scientific: Flags | None,
    style: Style,
    *,
    decimal: str,
    decimals: int | Literal["full"] | None = None,
) -> Written:
    """Write numbers in a column's style; what is not finite gets a text that is not to be used.

    Numbers without an exponent keep the column's decimals; where these are more than float64 holds at the column's
    magnitude, they get the shortest form that reads back. Numbers with an exponent keep the digits of the mantissa.

    Parameters
    ----------
    values : ndarray of float64, shape (rows,)
    scientific : ndarray of bool or None
        Which cells have an exponent; None where none do.
    style : Style
        Of the whole column.
    decimal : str
        "." or ",".
    decimals : int, "full" or None
        The digits after the mark, or all that it takes to read the number back, instead of the column's own.
    """
    style = as_asked(style, decimals)
    if style.scientific and not style.plain:
        return _write_scientific(values, style, decimal, digits=style.mantissa)
    shortest = is_full(style)
    mixed = scientific is not None and bool(scientific.any())
    written = (_write_shortest if shortest else _write_fixed)(values, style, decimal)
    if mixed and scientific is not None:
        rows = np.flatnonzero(scientific)
        digits = 16 if shortest else max(style.mantissa, _significant(style) - 1)
        patch = _write_scientific(values[rows], style, decimal, digits=digits)
        written.parts.append((rows, patch.parts[0][1]))
        written.values[rows] = patch.values
    return written


def as_asked(style: Style, decimals: int | Literal["full"] | None) -> Style:
    """Return a column's style with the decimals that are asked for."""
    if decimals == "full":
        return replace(style, decimals=_MOST_DECIMALS + 1, mantissa=_MOST_DECIMALS, mark=True)
    if decimals is None:
        return style
    return replace(style, decimals=decimals, mantissa=decimals, mark=decimals > 0)


def is_fixed(style: Style, scientific: Flags | None) -> bool:
    """Tell whether all of some cells are written with the same number of decimals, and without an exponent."""
    mixed = scientific is not None and bool(scientific.any())
    return not (mixed or is_full(style) or (style.scientific and not style.plain))


def is_full(style: Style) -> bool:
    """Tell whether a column is written with more digits than float64 holds, so that decimals mean nothing."""
    return style.decimals > _MOST_DECIMALS or style.largest * _POWERS[style.decimals] >= _EXACT


def _significant(style: Style) -> int:
    return len(f"{style.largest:.0f}") + style.decimals


def _write_fixed(values: Floats, style: Style, decimal: str) -> Written:
    """Write numbers with a fixed number of decimals, as integers with the mark put in."""
    power = _POWERS[style.decimals]
    with np.errstate(over="ignore"):
        scaled = np.rint(values * power)
    odd = np.flatnonzero(~(np.abs(scaled) < _EXACT))
    scaled[odd] = 0.0
    whole = scaled.astype(np.int64)
    written = np.divide(scaled, power, out=scaled)
    written[odd] = values[odd]
    odd = odd[np.isfinite(values[odd])]
    parts: list[tuple[Places | None, Texts]] = [(None, texts_of(_integers(whole, style, decimal)))]
    if odd.size:
        large = [f"{value:.{style.decimals}f}" for value in values[odd].tolist()]
        parts.append((odd, texts_of(_signed(_array(large, decimal), values[odd], style, ""))))
        written[odd] = np.array([float(text) for text in large])
    return Written(parts, written)


def _integers(scaled: NDArray[np.int64], style: Style, decimal: str) -> pa.Array:
    """Return integers as text with the decimal mark `style.decimals` digits from the right.

    A zero is put in where the mark goes, and then replaced by it. A number below 1 gets a 1 in front, so that its
    zeros are written; it then becomes the zero before the mark.
    """
    if not style.decimals:
        return _signed(of_numbers(scaled).cast("string"), scaled, style, decimal if style.mark else "")
    power = 10**style.decimals
    magnitude = np.abs(scaled)
    whole = magnitude // power
    below = np.flatnonzero(whole == 0)
    magnitude += whole * (9 * power)
    magnitude[below] += 10 * power
    digits = of_numbers(np.where(scaled < 0, -magnitude, magnitude)).cast("string")
    offsets, data = raw(digits)
    data = data.copy()
    marks = offsets[1:] - (style.decimals + 1)
    data[marks] = ord(decimal)
    if style.bare:
        keep = np.ones(data.size, bool)
        keep[marks[below] - 1] = False
        data = data[keep]
        shift = np.zeros(offsets.size, offsets.dtype)
        shift[below + 1] = 1
        offsets = offsets - np.cumsum(shift, dtype=offsets.dtype)
    else:
        data[marks[below] - 1] = _ZERO
    return _signed(of_texts(offsets, data), scaled, style, "")


def _signed(texts: pa.Array, sign: NDArray[np.int64] | Floats, style: Style, tail: str) -> pa.Array:
    """Add the plus signs of a column that has them, and what stands behind each number."""
    if not (tail or style.plus):
        return texts
    import pyarrow.compute as pc

    if tail:
        texts = pc.binary_join_element_wise(texts, tail, "")
    if style.plus:
        texts = pc.if_else(of_flags(np.asarray(sign) >= 0), pc.binary_join_element_wise("+", texts, ""), texts)
    return texts


def _with_commas(texts: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.replace_substring(texts, ".", ",")


def _write_shortest(values: Floats, style: Style, decimal: str) -> Written:
    """Write numbers in the shortest form that reads back."""
    with np.errstate(invalid="ignore"):
        magnitude = np.abs(values)
        odd = np.flatnonzero(((magnitude < 1e-6) & (magnitude > 0)) | (magnitude >= 1e15))
    texts = of_numbers(values).cast("string")
    if decimal == ",":
        texts = _with_commas(texts)
    parts: list[tuple[Places | None, Texts]] = [(None, texts_of(_signed(texts, values, style, "")))]
    if odd.size:
        plain = [np.format_float_positional(value, trim="-") for value in values[odd]]
        parts.append((odd, texts_of(_signed(_array(plain, decimal), values[odd], style, ""))))
    return Written(parts, values.copy())


def _write_scientific(values: Floats, style: Style, decimal: str, *, digits: int) -> Written:
    """Write numbers with an exponent, in the form that the column's first one has."""
    letter, sign, width = _exponent_form(style.exponent)
    form = f"%.{digits}{letter}"
    texts = ("\n".join([form] * values.size) % tuple(values.tolist())).split("\n") if values.size else []
    if (sign, width) != ("+", 2):
        texts = [_with_exponent(text, letter, sign, width) for text in texts]
    array = of_strings(texts)
    written = to_floats(array.cast("float64"))
    if decimal == ",":
        array = _with_commas(array)
    return Written([(None, texts_of(_signed(array, values, style, "")))], written)


def _exponent_form(exponent: str) -> tuple[str, str, int]:
    """Return the letter, the sign of positive exponents and the least number of digits of an exponent."""
    match = _EXPONENT.fullmatch(exponent)
    if match is None:
        return "e", "+", 2
    # A negative exponent does not show what a positive one would have; a plus sign is what most writers put.
    return match[1], "" if match[2] == "" else "+", len(match[3])


def _with_exponent(text: str, letter: str, sign: str, width: int) -> str:
    mantissa, found, exponent = text.partition(letter)
    if not found:
        return text
    number = int(exponent)
    return f"{mantissa}{letter}{'-' if number < 0 else sign}{abs(number):0{width}d}"


def _array(texts: list[str], decimal: str) -> pa.Array:
    return of_strings([text.replace(".", decimal) for text in texts])
