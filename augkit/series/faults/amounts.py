"""How often faults begin and how long they last: rates and laws of duration, read from text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from augkit.errors import UsageError, nearest

_SECONDS: Mapping[str, float] = MappingProxyType(
    {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "day": 86_400.0}
)
_LONGER: Mapping[str, str] = MappingProxyType({"second": "s", "minute": "min", "hr": "h", "d": "day"})
_ROWS = ("sample", "row")

_TERM = re.compile(r"\s*(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)\s*(/?)\s*([A-Za-z]*)\s*")


class Rate(msgspec.Struct, frozen=True):
    """How many faults begin on average, in a second or in a row.

    Attributes
    ----------
    value : float
    per_row : bool
        Whether it counts rows; seconds otherwise.
    """

    value: float
    per_row: bool = False


class Duration(msgspec.Struct, frozen=True):
    """How long a fault lasts.

    Attributes
    ----------
    law : "constant", "uniform" or "exponential"
    values : tuple of float
        The duration, the two ends it lies between, or its mean.
    in_rows : bool
        Whether it counts rows; seconds otherwise.
    """

    law: Literal["constant", "uniform", "exponential"]
    values: tuple[float, ...]
    in_rows: bool = False

    def draw(self, share: float) -> float:
        """Return the duration at a share from 0 to 1 of the law, to seven significant digits."""
        if self.law == "constant":
            return self.values[0]
        if self.law == "uniform":
            low, high = self.values
            return float(f"{low + share * (high - low):.7g}")
        return float(f"{-self.values[0] * math.log1p(-share):.7g}")


def as_rate(given: str | float) -> Rate:
    """Read a rate: ``"2/min"``, ``"0.5/s"``, ``"3/h"``, ``"1/day"``, ``"1e-4/sample"``; a number is per second.

    Raises
    ------
    UsageError
        For what is no rate, or one of more than one fault in each row.
    """
    value, unit = _term("rate", given, "2/min, 0.5/s or 1e-4/sample", slash=True)
    per_row = unit in _ROWS
    rate = Rate(value if per_row else value / _SECONDS[unit or "s"], per_row)
    if not 0 <= rate.value < math.inf or (per_row and rate.value > 1):
        raise UsageError(f"rate={given}: a finite rate was expected, of at most one a sample")
    return rate


def as_duration(given: str | float) -> Duration:
    """Read a duration: ``"3s"``, ``"200ms"``, ``"1s..5s"`` (uniform), ``"exp:3s"`` (exponential), ``"10 samples"``.

    A number is in seconds.

    Raises
    ------
    UsageError
        For what is no duration, or is not above 0.
    """
    text = given.strip() if isinstance(given, str) else given
    example = "3s, 1s..5s, exp:3s or 10 samples"
    if not isinstance(text, str) or not (":" in text or ".." in text):
        value, unit = _term("duration", text, example)
        return _checked(given, "constant", [(value, unit)])
    law, colon, rest = text.partition(":")
    if colon and law.strip() not in ("exp", "exponential"):
        raise UsageError(f"duration={given}: a law of exp:MEAN was expected, or LOW..HIGH, as in {example}")
    if colon:
        return _checked(given, "exponential", [_term("duration", rest, example)])
    ends = text.split("..")
    if len(ends) != 2:
        raise UsageError(f"duration={given}: a range has two ends, as in 1s..5s")
    (low, low_unit), (high, high_unit) = (_term("duration", end, example) for end in ends)
    return _checked(given, "uniform", [(low, low_unit or high_unit), (high, high_unit or low_unit)])


def _checked(
    given: object, law: Literal["constant", "uniform", "exponential"], terms: list[tuple[float, str]]
) -> Duration:
    in_rows = {unit in _ROWS for _, unit in terms}
    if len(in_rows) > 1:
        raise UsageError(f"duration={given}: both ends in seconds or both in samples were expected")
    values = tuple(value if unit in _ROWS else value * _SECONDS[unit or "s"] for value, unit in terms)
    if not all(0 < value < math.inf for value in values) or list(values) != sorted(values):
        raise UsageError(f"duration={given}: a finite time above 0 was expected, the first end the lower one")
    return Duration(law, values, in_rows.pop())


def _term(name: str, given: object, example: str, *, slash: bool = False) -> tuple[float, str]:
    """Return a number and its unit, "" where it has none."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = repr(float(given))
    match = _TERM.fullmatch(given) if isinstance(given, str) else None
    if match is None or bool(match[2]) != (slash and bool(match[3])):
        raise UsageError(f"{name}={given}: expected a number and a unit, as in {example}")
    unit = match[3].lower()
    unit = _LONGER.get(unit.removesuffix("s") if len(unit) > 2 else unit, unit)
    for known in (unit, unit.removesuffix("s")):
        if known in _SECONDS or known in _ROWS or not known:
            return float(match[1]), known if unit else ""
    known_units = (*_SECONDS, *_ROWS)
    raise UsageError(f"{name}={given}: {match[3]!r} is no unit of time{nearest(unit, known_units)}, as in {example}")
