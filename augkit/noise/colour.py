"""The colours of one-dimensional noise: how its power is spread over frequency.

The law of a coloured noise is that of its innovations: white noise of the law is filtered. The filter changes the
marginal law (sums of many samples are nearer to a Gaussian), except for the stable laws, such as Gaussian and Cauchy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from augkit.errors import UsageError, nearest
from augkit.noise.filters import LARGEST_LOWEST, Filter, autoregressive, power_law

STEEPEST = 2.0
"""The largest exponent: brown noise."""

SLOWEST = 1 - 2.0**-20
"""The largest coefficient of an autoregressive colour; what is slower is a drift, and brown noise makes it."""

_STEPS_PER_OCTAVE = 4


class PowerLaw(msgspec.Struct, frozen=True):
    """Noise whose power spectral density is proportional to ``frequency ** -exponent``.

    Attributes
    ----------
    exponent : float
        From -2 to 2. 0 is white, 1 pink (-3 dB an octave), 2 brown (-6), -1 blue (+3), -2 violet (+6).
    lowest : float or None
        Frequency in cycles per sample (at most 1/64) from which the density has its slope, up to 1/2. Below, it
        levels off where it falls, and goes on falling towards 0 where it rises. None: one period in the length.
    """

    exponent: float
    lowest: float | None = None

    def above(self, lowest: float) -> PowerLaw:
        """Return the colour with its slope from `lowest` on, in cycles per sample."""
        return PowerLaw(self.exponent, min(lowest, LARGEST_LOWEST))

    def filter(self, length: int) -> Filter | None:
        """Return the filter of unit power for a noise of `length` samples; None for white noise."""
        if self.exponent == 0:
            return None
        return power_law(self.exponent, self.lowest or _one_period(length))

    def __str__(self) -> str:
        names = {exponent: name for name, exponent in COLORS.items()}
        return names.get(self.exponent, f"exponent:{self.exponent:.10g}")


class Autoregressive(msgspec.Struct, frozen=True):
    """Noise that keeps a share of its last value, AR(1): ``y[n] = coefficient * y[n - 1] + innovation``.

    Its autocorrelation at a lag of k samples is ``coefficient ** k``; a first-order Gauss-Markov process of time
    constant tau, sampled every dt, has the coefficient ``exp(-dt / tau)``.

    Attributes
    ----------
    coefficient : float
        Between -1 and 1.
    """

    coefficient: float

    def above(self, lowest: float) -> Autoregressive:
        """Return the same colour."""
        return self

    def filter(self, length: int) -> Filter | None:
        """Return the filter of unit power; None for white noise."""
        return autoregressive(self.coefficient) if self.coefficient else None

    def __str__(self) -> str:
        return f"ar:{self.coefficient:.10g}"


Color: TypeAlias = PowerLaw | Autoregressive
ColorLike: TypeAlias = str | float | PowerLaw | Autoregressive

COLORS: Mapping[str, float] = MappingProxyType({"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0, "violet": -2.0})
"""The colours that have a name, with the exponents of their power spectral densities."""

WHITE = PowerLaw(0.0)

_EXPECTED = f"{', '.join(COLORS)}, an exponent between -2 and 2 (1 is pink, exponent:1.5), or ar:0.9"


def as_color(color: ColorLike) -> Color:
    """Read a colour: a name, the exponent of its density (1.5, ``"1.5"``, ``"exponent:1.5"``) or ``"ar:0.9"``.

    Raises
    ------
    UsageError
        For what is no colour, with the nearest name, and for a number out of range.
    """
    made = color if isinstance(color, PowerLaw | Autoregressive) else _read(color)
    if isinstance(made, Autoregressive) and not abs(made.coefficient) <= SLOWEST:
        raise UsageError(f"color={color}: the coefficient of an autoregressive noise lies between -1 and 1")
    if isinstance(made, PowerLaw) and not abs(made.exponent) <= STEEPEST:
        raise UsageError(f"color={color}: the exponent lies between -2 (violet) and 2 (brown)")
    return made


def _read(color: object) -> Color:
    text = str(color).strip().lower()
    if text in COLORS:
        return PowerLaw(COLORS[text])
    form, colon, number = (part.strip() for part in text.rpartition(":"))
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if isinstance(color, bool) or not math.isfinite(value) or form not in (("ar", "exponent") if colon else ("",)):
        raise UsageError(f"color={color!r}: no such colour{nearest(text, COLORS)}; expected {_EXPECTED}")
    return Autoregressive(value) if form == "ar" else PowerLaw(value)


def _one_period(length: int) -> float:
    """Return a frequency of at most one period in `length` samples, in steps of a quarter of an octave.

    The steps keep the number of filters small where many lengths occur.
    """
    octaves = math.ceil(_STEPS_PER_OCTAVE * math.log2(max(length, 1))) / _STEPS_PER_OCTAVE
    return min(float(2.0**-octaves), LARGEST_LOWEST)
