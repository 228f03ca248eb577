"""What a data sheet says about a sensor: its errors, with units, for one column or several."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import frexp, isfinite, ldexp, sqrt
from typing import Literal, TypeAlias

import msgspec

from augkit.errors import UsageError
from augkit.series.sensors.units import parse_unit, to_unit

Quantity: TypeAlias = float | str
Convention: TypeAlias = Literal["two-sided", "one-sided"]
Quoted: TypeAlias = Literal["coefficient", "floor"]

FLOOR = 0.6642824702679601
"""sqrt(2 log 2 / pi): the Allan deviation of flicker noise over its coefficient B (IEEE Std 952, C.1.3)."""

_BITS = 24
_POWERS: Mapping[str, Fraction] = {
    "white_noise": Fraction(1, 2),
    "random_walk": Fraction(-1, 2),
    "bias_instability": Fraction(0),
    "turn_on_bias": Fraction(0),
    "quantization": Fraction(1),
    "ramp": Fraction(-1),
}


class Correlated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A first-order Gauss-Markov process.

    Attributes
    ----------
    sigma : number or text
        Its standard deviation, in the unit of the values.
    tau : number or text
        Its time constant, in seconds.
    """

    sigma: Quantity
    tau: Quantity


class Sensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The errors of a sensor, as its data sheet gives them; those not given are none.

    Each is a number in the unit of the values (and seconds), or a text with a unit of its own that can be converted to
    it, such as ``"0.3 deg/sqrt(h)"`` for values in deg/s.

    Attributes
    ----------
    unit : str
        Unit of the values, such as ``"deg/s"`` or ``"m/s^2"``; needed where a text has units.
    white_noise : number or text
        Density N of white noise, in unit/sqrt(Hz): angle or velocity random walk. Its standard deviation at the sample
        rate fs is N sqrt(fs), or N sqrt(fs/2) where `convention` is one-sided.
    convention : "two-sided" or "one-sided"
        Which density the white noise is given as. IEEE Std 952, Allan plots and ``deg/sqrt(h)`` are two-sided; noise
        densities of MEMS sensors, measured by a spectrum analyser, are mostly one-sided.
    random_walk : number or text
        Coefficient K of the random walk of the values themselves (rate random walk), in unit/sqrt(s).
    bias_instability : number or text
        Coefficient B of flicker noise, in the unit of the values.
    bias_instability_as : "coefficient" or "floor"
        Whether B itself is given or, as in many sheets, the floor of the Allan deviation, which is 0.664 B.
    gauss_markov : list of Correlated
        Processes of a standard deviation and a time constant.
    quantization : number or text
        Coefficient Q of the quantisation of the integral, in unit*s: a step over sqrt(12).
    ramp : number or text
        Drift R, in unit/s.
    turn_on_bias : number or text
        Standard deviation of the bias that each run has.
    scale_factor : number or text
        Standard deviation of the relative error of the scale factor that each run has: ``"0.5 %"``, ``"200 ppm"``.
    """

    unit: str = ""
    white_noise: Quantity = 0.0
    convention: Convention = "two-sided"
    random_walk: Quantity = 0.0
    bias_instability: Quantity = 0.0
    bias_instability_as: Quoted = "coefficient"
    gauss_markov: list[Correlated] = []
    quantization: Quantity = 0.0
    ramp: Quantity = 0.0
    turn_on_bias: Quantity = 0.0
    scale_factor: Quantity = 0.0

    def __post_init__(self) -> None:
        self.errors()

    def errors(self) -> Errors:
        """Return the errors in the unit of the values, seconds and the two-sided convention.

        Raises
        ------
        UsageError
            Naming the parameter, for a quantity that cannot be converted, is not finite or is negative.
        """
        if self.unit:
            parse_unit(self.unit)
        found = {name: self._quantity(name, power) for name, power in _POWERS.items()}
        if self.convention == "one-sided":
            found["white_noise"] = _short(found["white_noise"] / sqrt(2))
        if self.bias_instability_as == "floor":
            found["bias_instability"] = _short(found["bias_instability"] / FLOOR)
        processes = tuple(self._correlated(f"gauss_markov[{i}].", one) for i, one in enumerate(self.gauss_markov))
        scale_factor = _checked("scale_factor", self.scale_factor, "", Fraction(0))
        return Errors(**found, gauss_markov=processes, scale_factor=scale_factor)

    def _quantity(self, name: str, power: Fraction) -> float:
        return _checked(name, getattr(self, name), self.unit, power, signed=name == "ramp")

    def _correlated(self, where: str, process: Correlated) -> tuple[float, float]:
        tau = _checked(f"{where}tau", process.tau, "s", Fraction(0))
        if tau == 0:
            raise UsageError(f"{where}tau={process.tau}: a time constant is above 0")
        return _checked(f"{where}sigma", process.sigma, self.unit, Fraction(0)), tau


def _checked(name: str, given: Quantity, unit: str, power: Fraction, *, signed: bool = False) -> float:
    try:
        value = to_unit(given, unit, power)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    if not isfinite(value) or (value < 0 and not signed):
        raise UsageError(f"{name}={given}: a finite number{'' if signed else ' of 0 or more'} was expected")
    return _short(value)


def check_rate(samplerate: float) -> float:
    """Return a number of rows per second; raise `UsageError` where it is none."""
    rate = float(samplerate)
    if not (isfinite(rate) and 1e-9 <= rate <= 1e12):
        raise UsageError(f"samplerate={samplerate!r}: expected a number of rows per second, above 0")
    return rate


def _short(number: float) -> float:
    """Round to 24 bits, so that the last bits of a conversion do not show in the samples."""
    mantissa, exponent = frexp(number)
    return ldexp(round(mantissa * 2**_BITS), exponent - _BITS)


class Errors(msgspec.Struct, frozen=True):
    """The errors of a sensor as plain numbers, in the unit of the values and seconds; see `Sensor`.

    Attributes
    ----------
    white_noise : float
        Two-sided density N.
    bias_instability : float
        Coefficient B.
    gauss_markov : tuple of (sigma, tau)
    """

    white_noise: float = 0.0
    random_walk: float = 0.0
    bias_instability: float = 0.0
    turn_on_bias: float = 0.0
    quantization: float = 0.0
    ramp: float = 0.0
    gauss_markov: tuple[tuple[float, float], ...] = ()
    scale_factor: float = 0.0


class ColumnSensor(Sensor, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sensor, and the columns that it stands behind.

    Attributes
    ----------
    columns : list of str
        Names or globs; empty for all that are noised.
    """

    columns: list[str] = []
