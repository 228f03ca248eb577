"""The style in which a column's numbers are written: what a new number has to look like."""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.series.csv_arrow import Floats, Offsets
from augkit.series.csv_cells import Bytes, Flags

_PLUS, _MINUS, _POINT, _ZERO, _NINE, _E = b"+-.09e"


class Style(msgspec.Struct, frozen=True):
    """How the numbers of a column are written.

    Attributes
    ----------
    decimals : int
        The most digits after the decimal mark, of numbers without an exponent.
    mantissa : int
        The most digits after the decimal mark, of numbers with an exponent.
    plain, scientific : bool
        Whether there are numbers without, with an exponent.
    exponent : str
        An exponent as it is written, such as "e-05"; empty where there is none.
    mark : bool
        Whether any number has a decimal mark.
    bare : bool
        Whether numbers below 1 begin with the decimal mark.
    plus : bool
        Whether positive numbers have a sign.
    padded : bool
        Whether integers have leading zeros.
    largest : float
        The largest magnitude.
    """

    decimals: int = 0
    mantissa: int = 0
    plain: bool = False
    scientific: bool = False
    exponent: str = ""
    mark: bool = False
    bare: bool = False
    plus: bool = False
    padded: bool = False
    largest: float = 0.0

    def __or__(self, other: Style) -> Style:
        return Style(
            decimals=max(self.decimals, other.decimals),
            mantissa=max(self.mantissa, other.mantissa),
            plain=self.plain or other.plain,
            scientific=self.scientific or other.scientific,
            exponent=self.exponent or other.exponent,
            mark=self.mark or other.mark,
            bare=self.bare or other.bare,
            plus=self.plus or other.plus,
            padded=self.padded or other.padded,
            largest=max(self.largest, other.largest),
        )

    @property
    def whole(self) -> bool:
        """Whether all numbers are written as integers."""
        return self.plain and not self.mark and not self.scientific


def survey(offsets: Offsets, data: Bytes, numbers: Floats) -> tuple[Style, Flags | None]:
    """Return the style of some cells, and which of them have an exponent; None where none do.

    Parameters
    ----------
    offsets, data : ndarray
        Texts of the cells, one behind the other, with a point as the decimal mark.
    numbers : ndarray of float64
        What they say.
    """
    if not numbers.size:
        return Style(), None
    begins, ends = offsets[:-1], offsets[1:]
    lead = data[begins]
    style = Style(plain=True, plus=bool((lead == _PLUS).any()), largest=float(np.abs(numbers).max()))
    if data.max() > _NINE:
        return _survey_exponents(style, offsets, data)
    places = _mark_from_end(data[: ends[0]])
    if places and (data[ends - places] == _POINT).all():
        return replace(style, mark=True, decimals=places - 1, bare=_is_bare(data, begins, lead)), None
    marks = np.flatnonzero(data == _POINT)
    if not marks.size:
        first = begins + _signed(lead)
        return replace(style, padded=bool(((data[first] == _ZERO) & (ends - first > 1)).any())), None
    decimals = int((ends[np.searchsorted(ends, marks, "right")] - marks).max()) - 1
    return replace(style, mark=True, decimals=decimals, bare=_is_bare(data, begins, lead)), None


def _mark_from_end(cell: Bytes) -> int:
    """Return how many bytes from the end of a cell its decimal mark is; 0 if it has none."""
    marks = np.flatnonzero(cell == _POINT)
    return int(cell.size - marks[0]) if marks.size else 0


def _is_bare(data: Bytes, begins: Offsets, lead: Bytes) -> bool:
    """Tell whether any number begins with its decimal mark, behind a sign or not."""
    return bool((data[begins + _signed(lead)] == _POINT).any())


def _signed(lead: Bytes) -> Flags:
    signed: Flags = (lead == _MINUS) | (lead == _PLUS)
    return signed


def _survey_exponents(style: Style, offsets: Offsets, data: Bytes) -> tuple[Style, Flags | None]:
    ends = offsets[1:]
    marks, exponents = np.flatnonzero(data == _POINT), np.flatnonzero((data | 32) == _E)
    cell_of_mark = np.searchsorted(ends, marks, "right")
    cell_of_exponent = np.searchsorted(ends, exponents, "right")
    scientific = np.zeros(ends.size, bool)
    scientific[cell_of_exponent] = True
    stop = ends.astype(np.int64)
    stop[cell_of_exponent] = exponents
    digits = stop[cell_of_mark] - marks - 1
    with_exponent = scientific[cell_of_mark]
    first = data[exponents[0] : ends[cell_of_exponent[0]]].tobytes()
    style = replace(
        style,
        plain=not scientific.all(),
        scientific=True,
        exponent=first.decode("ascii"),
        mark=marks.size > 0,
        bare=_is_bare(data, offsets[:-1], data[offsets[:-1]]),
        mantissa=int(digits[with_exponent].max(initial=0)),
        decimals=int(digits[~with_exponent].max(initial=0)),
    )
    return style, scientific
