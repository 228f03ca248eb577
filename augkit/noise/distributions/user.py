"""Laws of the user's own: frozen distributions of `scipy.stats`, and objects with the methods of `Distribution`.

Both are measured before they are used, once (see `conformance`): a law that is asymmetric, has its centre elsewhere
than at zero, has more than one mode, or contradicts itself is refused with what was measured. ``str`` gives such a law
a name for messages and manifests, but no text that `as_distribution` reads back: they serve the array functions, not
recipes or the command line. A law of `scipy.stats` gives the same samples wherever the release of SciPy is the same.
"""

from __future__ import annotations

import sys
from functools import cached_property, lru_cache
from inspect import getattr_static
from math import inf, isinf, isnan, nan
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from augkit.errors import UsageError
from augkit.noise.distributions.base import Array, Distribution, short
from augkit.noise.distributions.conformance import faults, panels
from augkit.unwarned import unwarned

_METHODS = ("pdf", "cdf", "sf", "isf", "std", "kurtosis", "geometric_power")
_MARKS = np.linspace(0.02, 0.48, 24)


def user_law(noise: object) -> Distribution:
    """Return the law that an object of the user's stands for, measured.

    Raises
    ------
    UsageError
        For an object that is no law, or one that cannot be noise, with what was measured.
    """
    stats = _scipy_stats()
    if stats is not None:
        if isinstance(noise, stats.distributions.rv_frozen):
            return _measured(_read_frozen(noise))
        if isinstance(noise, stats.rv_continuous | stats.rv_discrete):
            raise UsageError(
                f"noise: scipy.stats.{noise.name} is not frozen; give its parameters, as in t(3) or norm()"
            )
    if isinstance(noise, type):
        raise UsageError(f"noise={noise.__name__}: a class; give an instance of it, with its parameters")
    lacking = [name for name in _METHODS if getattr_static(noise, name, None) is None]
    if lacking:
        raise UsageError(
            f"noise={noise!r}: expected a name such as 'gaussian', a frozen scipy.stats distribution such as "
            f"scipy.stats.t(3), or an object with the methods of Distribution; this one lacks {', '.join(lacking)}"
        )
    if getattr_static(noise, "__hash__", None) is None:
        raise UsageError(f"noise={noise!r}: a law is looked up by its value; make it hashable (a frozen dataclass is)")
    return _measured(cast(Distribution, noise))


def _scipy_stats() -> Any:
    """Return `scipy.stats` where it was imported, as it was by whoever has an object of it."""
    return sys.modules.get("scipy.stats")


@lru_cache(maxsize=64)
def _measured(law: Distribution) -> Distribution:
    """Return `law`, or the reading of its lower tail where that is the one that `scipy.stats` has exact."""
    for fault in faults(law):
        if isinstance(law, ScipyLaw) and not law.mirrored:
            mirror = ScipyLaw(law.name, law.parameters, law.marks, law.frozen, mirrored=True)
            if next(faults(mirror), None) is None:
                return mirror
        raise UsageError(f"noise {law}: {fault}")
    return law


class ScipyLaw(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A frozen continuous distribution of `scipy.stats`; what it calls scale is part of the law.

    It compares and hashes by name, parameters and marks.

    Attributes
    ----------
    name : str
        As in ``scipy.stats.t``; for a class of the user's own, its name.
    parameters : tuple of (str, float)
        Those that were given, by name.
    marks : tuple of float
        Some quantiles of a law that is not known by its name, such as a histogram, to tell it from others.
    frozen : rv_continuous_frozen
        The distribution.
    mirrored : bool
        Whether upper tails are read from its `cdf` and `ppf` in the lower one, which some laws alone have exact.
    """

    name: str
    parameters: tuple[tuple[str, float], ...]
    marks: tuple[float, ...]
    frozen: Any
    mirrored: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScipyLaw) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        return self.name, self.parameters, self.marks

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={short(value)}' for name, value in self.parameters)})"

    def pdf(self, x: Array) -> Array:
        """Return the probability density."""
        return self._of_scipy("pdf", x)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x)."""
        return self._of_scipy("cdf", x)

    def sf(self, x: Array) -> Array:
        """Return P(Z > x)."""
        return self._of_scipy("cdf", -np.asarray(x)) if self.mirrored else self._of_scipy("sf", x)

    def isf(self, q: Array) -> Array:
        """Return the x with P(Z > x) = q."""
        return -self._of_scipy("ppf", q) if self.mirrored else self._of_scipy("isf", q)

    def _of_scipy(self, method: str, at: Array) -> Array:
        with np.errstate(all="ignore"):  # far tails overflow on the way to the right result
            return np.asarray(getattr(self.frozen, method)(at), dtype=np.float64)

    @property
    def std(self) -> float:
        """The standard deviation; inf where there is none."""
        return self._moments.std

    @property
    def kurtosis(self) -> float:
        """The excess kurtosis, as `scipy.stats` has it; nan without a variance."""
        return self._moments.kurtosis

    @property
    def geometric_power(self) -> float:
        """exp(E ln |Z|), integrated numerically."""
        return self._moments.geometric_power

    @cached_property
    def _moments(self) -> _Moments:
        cut = panels(self)
        with unwarned():  # integrals that do not converge
            try:
                std, kurtosis = float(self.frozen.std()), float(self.frozen.stats(moments="k"))
            except ValueError:  # quantiles of a class of the user's own that its generic integral asks for
                std, kurtosis = nan, nan
        if cut.tail_index <= 2 or isinf(std):
            std = inf
        elif isnan(std):
            std = cut.std
        return _Moments(std, nan if std == inf else kurtosis, cut.geometric_power)


class _Moments(NamedTuple):
    std: float
    kurtosis: float
    geometric_power: float


@lru_cache(maxsize=64)
def _read_frozen(frozen: Any) -> ScipyLaw:
    stats, law = _scipy_stats(), frozen.dist
    known = type(getattr(stats, law.name or "", None)) is type(law)
    name = f"scipy.stats.{law.name}" if known else type(law).__qualname__
    if not isinstance(law, stats.rv_continuous):
        raise UsageError(f"noise {name}: it is discrete; noise needs a continuous law")
    if name == "scipy.stats.levy_stable":
        raise UsageError(f"noise {name}: its density takes minutes; give the same law as 'alpha-stable:alpha=1.5'")
    shapes = [shape.strip() for shape in law.shapes.split(",")] if law.shapes else []
    given = dict(zip([*shapes, "loc", "scale"], frozen.args, strict=False)) | frozen.kwds
    if not all(np.ndim(value) == 0 for value in given.values()):
        raise UsageError(f"noise {name}: its parameters are arrays; one law was expected")
    neutral = {"loc": 0.0, "scale": 1.0}
    parameters = tuple((key, float(given[key])) for key in sorted(given) if neutral.get(key) != given[key])
    marks = () if known else tuple(float(mark) for mark in frozen.isf(_MARKS))
    return ScipyLaw(name, parameters, marks, frozen)
