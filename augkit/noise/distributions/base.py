"""What a distribution has to know to be used as noise."""

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

    Arrays are float64 and of any shape; `x` may be negative. Instances compare by value, hash and pickle; ``str``
    gives the text form that `as_distribution` reads back.
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
        parameters = ",".join(f"{name}={_short(getattr(self, name))}" for name in self.__struct_fields__)
        return f"{self.__struct_config__.tag}:{parameters}".removesuffix(":")


def _short(number: float) -> str:
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)
