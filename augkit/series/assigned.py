"""Options that have a value for all columns, or one of its own for some: ``0.1sd``, ``ax=0.1sd,adc=3``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from augkit.errors import UsageError
from augkit.level import LevelLike

_NAMED = re.compile(r"\s*([^=,]+?)\s*=(.*)")

ALL = ""
"""The name that stands for every column without a value of its own."""


def assigned(option: str, given: LevelLike | None) -> Mapping[str, LevelLike]:
    """Return the values of an option by the names, positions or globs of columns; `ALL` for the rest.

    A term without a name belongs to the one before it: ``ax=0.1,0.2,adc=3`` lets 0.1 or 0.2 be drawn for ax.

    Raises
    ------
    UsageError
        For a name that is given twice.
    """
    if given is None:
        return {}
    if not isinstance(given, str) or "=" not in given:
        return {ALL: given}
    terms: dict[str, list[str]] = {}
    name = ALL
    for term in given.split(","):
        match = _NAMED.fullmatch(term)
        if match:
            name = match[1]
            if name in terms:
                raise UsageError(f"{option}={given}: {name!r} is there twice")
        terms.setdefault(name, []).append(match[2] if match else term)
    return {name: ",".join(values) for name, values in terms.items()}


def parse_range(option: str, text: LevelLike) -> tuple[float, float]:
    """Read LOW..HIGH.

    Raises
    ------
    UsageError
        For what is no range of two numbers, the lower one first.
    """
    low, dots, high = str(text).partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = 0.0, -1.0
    if not dots or not ends[0] < ends[1]:
        raise UsageError(f"{option}={text}: expected LOW..HIGH, such as -16..16 or 0..4095")
    return ends
