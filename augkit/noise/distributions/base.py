"""What a distribution has to know to be used as noise.

Formulas are named by their source. JKB is Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions, 2nd edition
(chapters 12 to 21 in volume 1 of 1994, 22 to 33 in volume 2 of 1995). The geometric power is that of Gonzalez, Paredes,
Arce 2006, Zero-order statistics, IEEE Transactions on Signal Processing 54(10); its values follow from the mean
logarithm of each law.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXP_EULER = 1.7810724179901979
"""exp of Euler's constant: the C of the geometric SNR (Gonzalez, Paredes, Arce 2006)."""


@runtime_checkable
class Distribution(Protocol):
    """A symmetric unimodal law about zero, at unit scale (`scale` as scipy.stats means it).

    An object of any class with these methods is a law. Every method takes a float64 array of any shape and returns
    float64 of that shape; `x` may have either sign, and `q` lies between 0 and 1. The density is finite, at zero as
    well, and does not rise away from zero. Instances compare and hash by value and pickle, as a frozen dataclass does:
    tables are kept for each law, and worker processes receive it. ``str`` names the law in messages; augkit's own laws
    give the text that `as_distribution` reads back. All of this is measured when a law is first used.
    """

    def __hash__(self) -> int:
        """Hash by value: the tables of a law are cached under it."""
        ...

    def pdf(self, x: Array) -> Array:
        """Return the probability density."""
        ...

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x)."""
        ...

    def sf(self, x: Array) -> Array:
        """Return P(Z > x), accurate in the upper tail."""
        ...

    def isf(self, q: Array) -> Array:
        """Return the x with P(Z > x) = q, accurate down to q = 2**-64."""
        ...

    @property
    def std(self) -> float:
        """The standard deviation; inf where there is none."""
        ...

    @property
    def kurtosis(self) -> float:
        """The excess kurtosis; inf or nan where there is none."""
        ...

    @property
    def geometric_power(self) -> float:
        """S0 = exp(E ln |Z|), which every law has (Gonzalez, Paredes, Arce 2006)."""
        ...


class Law(msgspec.Struct, frozen=True):
    """What augkit's own laws share: the text form, from their tag and their fields."""

    def __str__(self) -> str:
        parameters = ",".join(f"{name}={short(getattr(self, name))}" for name in self.__struct_fields__)
        return f"{self.__struct_config__.tag}:{parameters}".removesuffix(":")


def short(number: float) -> str:
    """Return the shortest text that reads back as `number`."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)
