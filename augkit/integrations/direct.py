"""The laws drawn by a framework's own random numbers, on its own device: the same laws, not the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from augkit.errors import UsageError
from augkit.noise.distributions import (
    AlphaStable,
    Cauchy,
    Contaminated,
    Distribution,
    Gaussian,
    GeneralizedGaussian,
    Laplace,
    Logistic,
    StudentT,
    Uniform,
)

Tensor: TypeAlias = Any


class Device(Protocol):
    """What a framework brings: random tensors, each call new ones, all of one shape, and functions on them."""

    def uniform(self) -> Tensor:
        """Return numbers between 0 and 1, both left out, the finer the nearer to 0."""

    def normal(self) -> Tensor:
        """Return standard normal numbers."""

    def gamma(self, shape: float) -> Tensor:
        """Return numbers of the standard gamma law."""

    def log(self, x: Tensor, /) -> Tensor: ...  # noqa: D102
    def exp(self, x: Tensor, /) -> Tensor: ...  # noqa: D102
    def expm1(self, x: Tensor, /) -> Tensor: ...  # noqa: D102
    def sqrt(self, x: Tensor, /) -> Tensor: ...  # noqa: D102
    def sin(self, x: Tensor, /) -> Tensor: ...  # noqa: D102
    def cos(self, x: Tensor, /) -> Tensor: ...  # noqa: D102
    def where(self, condition: Tensor, one: Tensor, other: Tensor, /) -> Tensor: ...  # noqa: D102


def check_direct(law: Distribution) -> Distribution:
    """Return a law that `draw` knows; raise `UsageError` for another."""
    if type(law) not in _METHODS:
        known = ", ".join(one.__name__ for one in _METHODS)
        raise UsageError(
            f"noise={law}: on a device these laws are drawn: {known}; add others with augkit's array functions"
        )
    return law


def draw(law: Distribution, device: Device) -> Tensor:
    """Return samples of a law at unit scale.

    Uniform numbers with 48 bits near zero let the tails reach to a probability of about 2**-48.
    """
    return _METHODS[type(law)](law, device)


def _gaussian(_: Any, device: Device) -> Tensor:
    return device.normal()


def _laplace(_: Any, device: Device) -> Tensor:
    """Return the difference of two exponential variables (JKB, chapter 24)."""
    return device.log(device.uniform()) - device.log(device.uniform())


def _uniform(_: Any, device: Device) -> Tensor:
    return device.uniform() - 0.5


def _logistic(_: Any, device: Device) -> Tensor:
    """Return the difference of two Gumbel variables (JKB, chapter 23)."""
    return device.log(-device.log(device.uniform())) - device.log(-device.log(device.uniform()))


def _student_t(law: Any, device: Device) -> Tensor:
    """Return radius times cosine, the polar method of Bailey 1994, Mathematics of Computation 62(206)."""
    df = 1.0 if isinstance(law, Cauchy) else law.df
    radius = device.sqrt(df * device.expm1(device.log(device.uniform()) * (-2 / df)))
    return radius * device.cos(2 * math.pi * device.uniform())


def _generalized_gaussian(law: Any, device: Device) -> Tensor:
    """Return a power of a gamma variable, with a sign (Nadarajah 2005)."""
    size = device.exp(device.log(device.gamma(1 / law.beta)) / law.beta)
    return device.where(device.uniform() < 0.5, -size, size)


def _contaminated(law: Any, device: Device) -> Tensor:
    normal = device.normal()
    return device.where(device.uniform() < law.fraction, normal * law.ratio, normal)


def _alpha_stable(law: Any, device: Device) -> Tensor:
    """Return what Chambers, Mallows and Stuck 1976 do, J. American Statistical Association 71(354)."""
    alpha = law.alpha
    angle = math.pi * (device.uniform() - 0.5)
    if alpha == 1:
        return device.sin(angle) / device.cos(angle)
    wait = -device.log(device.uniform())
    first = device.log(device.cos(angle)) * (-1 / alpha)
    second = (device.log(device.cos((1 - alpha) * angle)) - device.log(wait)) * ((1 - alpha) / alpha)
    return device.sin(alpha * angle) * device.exp(first + second)


_METHODS: Mapping[type, Callable[[Any, Device], Tensor]] = MappingProxyType(
    {
        Gaussian: _gaussian,
        Laplace: _laplace,
        Uniform: _uniform,
        Logistic: _logistic,
        StudentT: _student_t,
        Cauchy: _student_t,
        AlphaStable: _alpha_stable,
        GeneralizedGaussian: _generalized_gaussian,
        Contaminated: _contaminated,
    }
)
