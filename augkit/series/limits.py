"""Where columns saturate and how finely they are rounded, as far as their writing can show it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from augkit.series.additive import Limits
from augkit.series.columns import own_values
from augkit.series.converter import Converter
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions

_NO_ENDS = -math.inf, math.inf
_EXACT, _NEAR = 2.0**53, 1e-6


def limits_of(columns: Sequence[Column], options: SeriesOptions) -> dict[int, Limits]:
    """Return where each column saturates: at the last numbers within its range that it can show, and at its type's."""
    limits = own_values(columns, options.limits())
    for column in columns:
        step = _shown(column, options)
        if step and column.position in limits:
            low, high = limits[column.position]
            limits[column.position] = -_rounded_down(-low, step), _rounded_down(high, step)
        if column.ends is not None:
            low, high = limits.get(column.position, column.ends)
            limits[column.position] = max(low, column.ends[0]), min(high, column.ends[1])
    return limits


def converters_of(columns: Sequence[Column], options: SeriesOptions) -> dict[int, Converter]:
    """Return the converter of each column that has a step, with the ends of its range."""
    ranges, converters = own_values(columns, options.limits()), dict[int, Converter]()
    for position, converter in own_values(columns, options.converters()).items():
        low, high = (end if math.isfinite(end) else None for end in ranges.get(position, _NO_ENDS))
        converters[position] = Converter(low, high, converter.step)
    return converters


def unshown_step(column: Column, converter: Converter, options: SeriesOptions) -> str | None:
    """Say that the codes of a converter have more decimals than their column; None where it can show them."""
    shown = _shown(column, options)
    codes = [code for code in (converter.step, converter.low) if code is not None]
    if not shown or all(abs(code / shown - round(code / shown)) < _NEAR for code in codes):
        return None
    given = " and ".join(f"{code:g}" for code in codes)
    return f"column {column.name!r} rounds the codes of its converter ({given}) to its decimals; give decimals=full"


def _shown(column: Column, options: SeriesOptions) -> float:
    """Return the smallest step that the writing of a column can show; 0 where that is not known."""
    decimals = options.fixed_decimals()
    if not column.resolution or decimals == "full":
        return 0.0
    return column.resolution if decimals is None else 10.0**-decimals


def _rounded_down(number: float, step: float) -> float:
    """Return the last multiple of a step that is not above a number, but for rounding."""
    if not math.isfinite(number) or abs(number) > step * _EXACT:
        return number
    return math.floor(number / step + _NEAR) * step
