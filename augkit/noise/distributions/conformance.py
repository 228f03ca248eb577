"""Whether a law can be noise, measured: symmetric about zero, one mode there, and true to its own density.

The samplers take a law at its word: its density, its survival function and the inverse of that must tell of one law,
down to a probability of 2**-64. What is measured here once, at some 20,000 points, they need not doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf, isnan, log, sqrt

import msgspec
import numpy as np

from augkit.noise.distributions.base import Array, Distribution

DEEPEST = 2.0**-64
"""The upper tail probability down to which a law is asked for its quantiles."""

_QUANTILES = 2.0 ** -np.linspace(2, 64, 125)
_HALVINGS = 30
_PARTS = 32
_NODES = np.array([-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526])
_WEIGHTS = np.array([0.34785484513745385, 0.6521451548625461, 0.6521451548625461, 0.34785484513745385]) / 2
_NEAR, _CLOSE, _EXACT = 1e-2, 1e-3, 1e-6
_ROUNDING = 1e-9
_ROUNDING_OF_ONE = 1e-15


class Panels(msgspec.Struct, frozen=True, eq=False):
    """The right half of a law, from just above zero to its 2**-64 quantile, cut into panels.

    Attributes
    ----------
    edges : float64 ndarray, shape (panels + 1,)
        Halvings of the quartile towards zero, and quantiles.
    x, density, mass : float64 ndarray, shape (panels, points)
        Points within each panel, the density there, and the probability that each stands for (Gauss-Legendre in ln x).
    """

    edges: Array
    x: Array
    density: Array
    mass: Array

    def mean(self, values: Array) -> float:
        """Return the mean of a symmetric function over both halves, from its values at the points."""
        return 2 * float(np.sum(values * self.mass))

    @property
    def geometric_power(self) -> float:
        """exp(E ln |Z|); the density is taken as flat below the first edge, where it holds next to nothing."""
        first = float(self.edges[0])
        below = 2 * first * float(self.density[0, 0]) * (log(first) - 1)
        return exp(self.mean(np.log(self.x)) + below)

    @property
    def tail_index(self) -> float:
        """The exponent of the power law that the last quantiles follow; inf where the law ends."""
        rise = log(self.edges[-1] / self.edges[-9])
        return 4 * log(2) / rise if rise > 0 else inf

    @property
    def std(self) -> float:
        """The standard deviation, with the tail beyond the last quantile continued as a power law."""
        index = self.tail_index
        if index <= 2:
            return inf
        beyond = 2 * DEEPEST * float(self.edges[-1]) ** 2 * (1 if index == inf else index / (index - 2))
        return sqrt(self.mean(np.square(self.x)) + beyond)


def panels(law: Distribution) -> Panels:
    """Integrate the density of `law` in panels."""
    quantiles = np.asarray(law.isf(_QUANTILES), dtype=np.float64)
    edges = np.append(quantiles[0] * np.exp2(np.arange(-float(_HALVINGS), 0)), quantiles)
    logs = np.log(edges)
    widths = np.diff(logs) / _PARTS
    offsets = (np.arange(_PARTS)[:, np.newaxis] + (1 + _NODES) / 2).ravel()
    x = np.exp(logs[:-1, np.newaxis] + widths[:, np.newaxis] * offsets)
    density = np.asarray(law.pdf(x.ravel()), dtype=np.float64).reshape(x.shape)
    mass = np.tile(_WEIGHTS, _PARTS) * widths[:, np.newaxis] * x * density
    return Panels(edges, x, density, mass)


def faults(law: Distribution) -> Iterator[str]:
    """Yield what keeps `law` from being noise, each as the rest of a sentence that begins with its name."""
    with np.errstate(all="ignore"):
        yield from _faults_of_arrays(law)
        yield from _faults_of_symmetry(law)
        yield from _faults_of_reach(law)
        cut = panels(law)
        yield from _faults_of_shape(float(law.pdf(np.zeros(1))[0]), cut)
        yield from _faults_of_quantiles(law, cut)
        yield from _faults_of_end(law, float(cut.edges[-1]))
        yield from _faults_of_moments(law, cut)


def _faults_of_arrays(law: Distribution) -> Iterator[str]:
    for name in ("pdf", "cdf", "sf", "isf"):
        for given in (np.array(0.25), np.array([[0.125, 0.25]])):
            got = np.asarray(getattr(law, name)(given))
            if got.shape != given.shape or got.dtype != np.float64:
                yield f"{name} returns {got.dtype} of shape {got.shape} for float64 of shape {given.shape}"
            elif not np.all(np.isfinite(got)):
                yield f"{name}({given.ravel()[-1]:g}) is {got.ravel()[-1]:g}"


def _faults_of_symmetry(law: Distribution) -> Iterator[str]:
    q = np.array([0.4, 0.25, 0.1, 1e-2, 1e-3])
    upper, lower = law.isf(q), law.isf(1 - q)
    middle, spread = (upper + lower) / 2, upper - lower
    if not np.all(spread > 0):
        yield f"its isf does not fall: isf({q[0]:g}) is {upper[0]:g} and isf({1 - q[0]:g}) is {lower[0]:g}"
    elif not np.all(np.abs(middle) <= _EXACT * spread):
        if np.all(np.abs(middle - middle[0]) <= _EXACT * spread):
            yield f"its centre is {middle[0]:g}, that of noise is 0; shift it there (loc of scipy.stats)"
        else:
            at = int(np.argmax(np.abs(middle) / spread))
            yield f"it is asymmetric: it lies above {upper[at]:g} as often as below {lower[at]:g}"
    for name, right, left in (("pdf", law.pdf(upper), law.pdf(-upper)), ("cdf", law.sf(upper), law.cdf(-upper))):
        unequal = ~(np.abs(right - left) <= _EXACT * right)
        if unequal.any():
            at = int(np.argmax(unequal))
            other = {"pdf": "pdf", "cdf": "sf"}[name]
            yield (
                f"it is asymmetric: {other}({upper[at]:g}) is {right[at]:g} and {name}({-upper[at]:g}) is {left[at]:g}"
            )


def _faults_of_reach(law: Distribution) -> Iterator[str]:
    quantiles = np.asarray(law.isf(_QUANTILES))
    wrong = ~np.isfinite(quantiles) | (np.diff(quantiles, prepend=0.0) < -_ROUNDING * quantiles)
    if wrong.any():
        at = int(np.argmax(wrong))
        yield f"isf({_QUANTILES[at]:.3g}) is {quantiles[at]:.6g}; it has to rise, finite, down to q = {DEEPEST:.3g}"


def _faults_of_end(law: Distribution, last: float) -> Iterator[str]:
    x = last * np.array([1 + _EXACT, 1.25, 2.0, 10.0])
    for name, values in (("sf", law.sf(x)), ("cdf", law.cdf(-x))):
        wrong = ~(np.abs(np.asarray(values)) <= DEEPEST + _ROUNDING_OF_ONE)
        if wrong.any():
            at = int(np.argmax(wrong))
            yield f"its {name} is {values[at]:g} beyond {last:g}, where by its isf the law ends"


def _faults_of_shape(peak: float, cut: Panels) -> Iterator[str]:
    if not np.isfinite(peak):
        yield f"its density at 0 is {peak:g}; a finite one is needed"
        return
    x, density = np.append(0.0, cut.x.ravel()), np.append(peak, cut.density.ravel())
    rising = ~(density[1:] <= density[:-1] * (1 + _ROUNDING))
    if rising.any():
        at = int(np.argmax(rising))
        yield (
            f"its density rises away from zero, from {density[at]:g} at {x[at]:g} to {density[at + 1]:g} at "
            f"{x[at + 1]:g}; noise needs one mode, at zero"
        )


def _faults_of_quantiles(law: Distribution, cut: Panels) -> Iterator[str]:
    beyond = np.asarray(law.sf(cut.edges), dtype=np.float64)
    exact = np.append(beyond[:_HALVINGS], _QUANTILES)
    # a quantile may be off by rounding, which near the end of a bounded law is much of its probability
    slack = _ROUNDING * cut.edges * np.append(cut.density[:, 0], cut.density[-1, -1])
    expected, mass = exact[:-1] - exact[1:], cut.mass.sum(axis=1)
    ended = (np.diff(np.log(cut.edges)) < _ROUNDING) & (cut.density[:, 0] == 0)
    wrong = ~(np.abs(mass - expected) <= _NEAR * expected + slack[:-1]) & ~ended
    if wrong.any():
        at = int(np.argmax(wrong))
        yield (
            f"its density holds {mass[at]:.6g} between {cut.edges[at]:g} and {cut.edges[at + 1]:g}, and by its "
            f"{'sf' if at < _HALVINGS else 'isf'} that should be {expected[at]:.6g}"
        )
    total, wanted = float(mass.sum()), float(exact[0] - exact[-1])
    if not abs(total - wanted) <= _CLOSE:
        yield f"its density integrates to {2 * total:.6g}, and to {2 * wanted:.6g} by its sf"
    unequal = ~(np.abs(beyond - exact) <= _EXACT * exact + slack + 1e-15)
    if unequal.any():
        at = int(np.argmax(unequal))
        yield f"sf({cut.edges[at]:.9g}) is {beyond[at]:.9g}, while isf({exact[at]:.9g}) is {cut.edges[at]:.9g}"


def _faults_of_moments(law: Distribution, cut: Panels) -> Iterator[str]:
    std, measured, index = law.std, cut.std, cut.tail_index
    if isnan(std) or not std > 0:
        yield f"its std is {std}; inf stands for an infinite variance"
    elif not 1.9 < index < 2.1 and not (std == measured or abs(std / measured - 1) <= _NEAR):
        yield f"its std is {std:g}, and by its density that should be {measured:g}"
    power, measured = law.geometric_power, cut.geometric_power
    if not abs(power / measured - 1) <= _NEAR:
        yield f"its geometric_power is {power:g}, and by its density that should be {measured:g}"
