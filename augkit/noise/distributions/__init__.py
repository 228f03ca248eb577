"""The laws that noise can follow: one small file and one row of `DISTRIBUTIONS` each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import signature
from types import MappingProxyType
from typing import cast

from augkit.errors import UsageError, nearest
from augkit.noise.distributions.alpha_stable import AlphaStable
from augkit.noise.distributions.base import Distribution
from augkit.noise.distributions.cauchy import Cauchy
from augkit.noise.distributions.contaminated import Contaminated
from augkit.noise.distributions.gaussian import Gaussian
from augkit.noise.distributions.generalized_gaussian import GeneralizedGaussian
from augkit.noise.distributions.laplace import Laplace
from augkit.noise.distributions.logistic import Logistic
from augkit.noise.distributions.student_t import StudentT
from augkit.noise.distributions.uniform import Uniform
from augkit.noise.distributions.user import user_law

__all__ = [
    "DISTRIBUTIONS",
    "AlphaStable",
    "Cauchy",
    "Contaminated",
    "Distribution",
    "Gaussian",
    "GeneralizedGaussian",
    "Laplace",
    "Logistic",
    "StudentT",
    "Uniform",
    "as_distribution",
]

DISTRIBUTIONS: Mapping[str, Callable[..., Distribution]] = MappingProxyType(
    {
        "gaussian": Gaussian,
        "laplace": Laplace,
        "uniform": Uniform,
        "logistic": Logistic,
        "student-t": StudentT,
        "cauchy": Cauchy,
        "alpha-stable": AlphaStable,
        "generalized-gaussian": GeneralizedGaussian,
        "contaminated": Contaminated,
    }
)


_OF_VALUES = ("shot", "sensor", "speckle", "salt-and-pepper")
"""Noises that are no laws: what they add depends on the value that it is added to."""


def as_distribution(noise: object) -> Distribution:
    """Read the text form of a law, such as ``"student-t:df=3"``, or take a law as an object.

    Parameters
    ----------
    noise : str, Distribution or frozen distribution of scipy.stats
        Objects other than augkit's own laws are measured first, once: see `augkit.noise.distributions.user`.

    Raises
    ------
    UsageError
        For an unknown name or parameter, with the nearest known one, or a value out of range; for an object that is no
        law, or one that cannot be noise, with what was measured.
    """
    if isinstance(noise, str):
        return _named(noise)
    return cast(Distribution, noise) if type(noise) in DISTRIBUTIONS.values() else user_law(noise)


@lru_cache(maxsize=64)
def _named(noise: str) -> Distribution:
    name, _, parameters = noise.strip().partition(":")
    plain = name.strip().lower().replace("_", "-")
    law = DISTRIBUTIONS.get(plain)
    if law is None:
        known = ", ".join(DISTRIBUTIONS)
        if plain in _OF_VALUES:
            raise UsageError(
                f"noise {noise!r}: {plain} noise depends on the values of pixels, so only images take it; "
                f"for audio and series give a law of additive noise: {known}"
            )
        raise UsageError(
            f"noise {noise!r}: no such law{nearest(name, DISTRIBUTIONS)}; known are {known}; "
            "others are given as objects, in Python"
        )
    return law(**_parameters(noise, parameters, tuple(signature(law).parameters)))


def _parameters(noise: str, text: str, fields: tuple[str, ...]) -> dict[str, float]:
    values: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        field, equals, number = (piece.strip() for piece in part.partition("="))
        if field not in fields or field in values:
            expected = f"one of {', '.join(fields)}, each once" if fields else "no parameter"
            raise UsageError(
                f"noise {noise!r}: {field!r} was not expected{nearest(field, fields)}; this law takes {expected}"
            )
        try:
            values[field] = float(number)
        except ValueError:
            got = repr(number) if equals else "nothing"
            raise UsageError(f"noise {noise!r}: {field} needs a number, as in {field}=3; got {got}") from None
    return values
