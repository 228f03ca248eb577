"""The units that data sheets of sensors are written in: read, and taken to the unit of a column.

A unit is a factor and the powers of its base units. Those of data sheets, where g is the acceleration of free fall, h
an hour and a degree an angle; a general library of units reads them as a gram and Planck's constant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import pi
from types import MappingProxyType

import msgspec

from augkit.errors import UsageError, nearest

_G = 9.80665
_MOST, _LONGEST = 8, 100

Powers = tuple[tuple[str, Fraction], ...]


class Unit(msgspec.Struct, frozen=True):
    """A unit of measurement.

    Attributes
    ----------
    factor : float
        What one of it is in base units.
    powers : tuple of (str, Fraction)
        The base units and their powers, sorted, none of them 0.
    """

    factor: float = 1.0
    powers: Powers = ()

    def __mul__(self, other: Unit) -> Unit:
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, Fraction(0)) + power
        return Unit(self.factor * other.factor, tuple(sorted((n, p) for n, p in powers.items() if p)))

    def __pow__(self, power: Fraction) -> Unit:
        return Unit(self.factor ** float(power), tuple((name, p * power) for name, p in self.powers if p * power))


def _base(name: str, factor: float = 1.0) -> Unit:
    return Unit(factor, ((name, Fraction(1)),))


SECOND = _base("s")
_UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "%": Unit(0.01),
        "ppm": Unit(1e-6),
        "s": SECOND,
        "sec": SECOND,
        "min": _base("s", 60.0),
        "h": _base("s", 3600.0),
        "hr": _base("s", 3600.0),
        "day": _base("s", 86400.0),
        "Hz": SECOND ** Fraction(-1),
        "rad": _base("rad"),
        "deg": _base("rad", pi / 180),
        "°": _base("rad", pi / 180),
        "arcmin": _base("rad", pi / 10_800),
        "arcsec": _base("rad", pi / 648_000),
        "rev": _base("rad", 2 * pi),
        "rpm": Unit(2 * pi / 60, (("rad", Fraction(1)), ("s", Fraction(-1)))),
        "dps": Unit(pi / 180, (("rad", Fraction(1)), ("s", Fraction(-1)))),
        "m": _base("m"),
        "in": _base("m", 0.0254),
        "ft": _base("m", 0.3048),
        "g": Unit(_G, (("m", Fraction(1)), ("s", Fraction(-2)))),
        "gn": Unit(_G, (("m", Fraction(1)), ("s", Fraction(-2)))),
        "Gal": Unit(0.01, (("m", Fraction(1)), ("s", Fraction(-2)))),
        "T": _base("T"),
        "Gs": _base("T", 1e-4),
        "gauss": _base("T", 1e-4),
        "Pa": _base("Pa"),
        "bar": _base("Pa", 1e5),
        "psi": _base("Pa", 6894.757293168),
        "K": _base("K"),
        "degC": _base("K"),
        "°C": _base("K"),
        "degF": _base("K", 5 / 9),
        "V": _base("V"),
        "A": _base("A"),
        "W": _base("W"),
        "Ohm": _base("Ohm"),
        "N": _base("N"),
        "Nm": _base("Nm"),
        "lux": _base("lux"),
        "dB": _base("dB"),
        "LSB": _base("LSB"),
        "count": _base("LSB"),
        "counts": _base("LSB"),
    }
)
_PREFIXES: Mapping[str, float] = MappingProxyType(
    {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "c": 1e-2, "h": 1e2, "k": 1e3, "M": 1e6, "G": 1e9}
)
_PREFIXED = frozenset(
    ("s", "Hz", "rad", "deg", "m", "g", "gn", "Gal", "T", "Gs", "gauss", "Pa", "bar", "K", "V", "A", "W", "Ohm", "N")
)

_TOKEN = re.compile(r"[A-Za-zµμ°%]+|[-+]?\d+(?:\.\d+)?|\S")
_SPELT = (("**", "^"), ("²", "^2"), ("³", "^3"), ("√", " sqrt "), ("·", "*"), ("⋅", "*"), ("×", "*"))
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def parse_unit(text: str) -> Unit:
    """Read a unit such as ``deg/s/sqrt(Hz)``, ``ug/√Hz``, ``m/s^2`` or ``deg/sqrt(h)``.

    Raises
    ------
    UsageError
        Naming what was not understood, with the nearest known unit.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"unit {text[:20]!r}...: a text of at most {_LONGEST} characters was expected")
    parser = _Parser(text)
    unit = parser.product()
    if parser.left():
        raise parser.fault(f"{parser.left()!r} was not expected; units look like deg/s/sqrt(Hz) or m/s^2")
    return unit


class _Parser:
    """Recursive descent over products, quotients, powers, brackets and square roots."""

    def __init__(self, text: str) -> None:
        self._text = text
        for written, meant in _SPELT:
            text = text.replace(written, meant)
        self._tokens = _TOKEN.findall(text)

    def fault(self, what: str) -> UsageError:
        return UsageError(f"unit {self._text!r}: {what}")

    def left(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def product(self) -> Unit:
        unit = self._power()
        while self.left() and self.left() != ")":
            sign = -1 if self._taken("/") else 1
            self._taken("*")
            unit = unit * self._power() ** Fraction(sign)
        return unit

    def _taken(self, token: str) -> bool:
        """Take a token where it comes next, and tell whether it did."""
        if self.left() != token:
            return False
        self._tokens.pop(0)
        return True

    def _power(self) -> Unit:
        unit = self._factor()
        if not self._taken("^"):
            return unit ** self._number() if self.left()[:1].isdigit() else unit  # m/s2
        if not self._taken("("):
            return unit ** self._number()
        power = self._number()
        if self._taken("/"):
            power /= self._number()
        self._close()
        return unit**power

    def _number(self) -> Fraction:
        try:
            power = Fraction(self._tokens.pop(0))
        except (ValueError, IndexError):
            raise self.fault("^ needs a number, as in s^2, s^-0.5 or s^(1/2)") from None
        if not 0 < abs(power) <= _MOST:
            raise self.fault(f"a power of {float(power):g} is none that a unit has")
        return power

    def _close(self) -> None:
        if not self._taken(")"):
            raise self.fault("a bracket is not closed")

    def _factor(self) -> Unit:
        if self._taken("("):
            inside = self.product()
            self._close()
            return inside
        if self._taken("sqrt") or self._taken("rt"):
            return self._factor() ** Fraction(1, 2)
        if self._taken("1"):
            return Unit()
        return self._named(self._tokens.pop(0) if self._tokens else "")

    def _named(self, token: str) -> Unit:
        if token in _UNITS:
            return _UNITS[token]
        prefix, name = token[:1], token[1:]
        if prefix in _PREFIXES and name in _PREFIXED:
            return Unit(_PREFIXES[prefix]) * _UNITS[name]
        if not token:
            raise self.fault("a unit was expected where it ends")
        raise self.fault(f"{token!r} is no unit known here{nearest(token, _UNITS)}")


def to_unit(given: float | str, unit: str, seconds: Fraction = Fraction(0)) -> float:
    """Return a quantity in a column's unit times a power of seconds.

    Parameters
    ----------
    given : float or str
        A number is in that unit already; text holds a number and its own unit, as in ``"0.3 deg/sqrt(h)"``.
    unit : str
        Unit of the column; empty where it is not known, so that quantities are plain numbers.
    seconds : Fraction
        The power of seconds: 1/2 for a density in unit/sqrt(Hz), -1/2 for a random walk in unit/sqrt(s).

    Raises
    ------
    UsageError
        For what is no quantity, or one of another dimension.
    """
    if not isinstance(given, str):
        return float(given)
    match = _QUANTITY.fullmatch(given)
    if match is None:
        raise UsageError(f"{given!r}: a number and a unit were expected, as in '0.005 deg/s/sqrt(Hz)'")
    if not match[2]:
        return float(match[1])
    wanted = (parse_unit(unit) if unit else Unit()) * SECOND**seconds
    got = parse_unit(match[2])
    if got.powers != wanted.powers:
        expected = f"{unit or 'the unit of the values'}{_SECONDS.get(seconds, f' s^{seconds}')}"
        hint = "" if unit else "; name the unit of the values (unit = ...) to have it converted"
        raise UsageError(f"{given!r}: a quantity in {expected} was expected{hint}")
    return float(match[1]) * (got.factor / wanted.factor)


_SECONDS: Mapping[Fraction, str] = MappingProxyType(
    {
        Fraction(0): "",
        Fraction(1, 2): "/sqrt(Hz)",
        Fraction(-1, 2): "/sqrt(s)",
        Fraction(1): "*s",
        Fraction(-1): "/s",
    }
)
