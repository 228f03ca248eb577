"""The Gaussian (normal) law."""

from __future__ import annotations

from math import erfc, exp, log, pi, sqrt

import numpy as np

from augkit.noise.distributions.base import EXP_EULER, Array, Law


class Gaussian(Law, frozen=True, tag="gaussian"):
    """The standard normal law (JKB, chapter 13); scale is the standard deviation, as in `scipy.stats.norm`."""

    def pdf(self, x: Array) -> Array:
        """Return exp(-x**2/2) / sqrt(2 pi)."""
        return np.exp(-0.5 * np.square(x)) / sqrt(2 * pi)

    def sf(self, x: Array) -> Array:
        """Return erfc(x / sqrt 2) / 2, by the C library, which loads faster than scipy."""
        x = np.asarray(x, dtype=np.float64)
        return np.array([0.5 * erfc(value) for value in (x / sqrt(2)).ravel().tolist()]).reshape(x.shape)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return the upper quantile by algorithm AS 241, PPND16 (Wichura 1988), to about 1 part in 10**16."""
        q = np.asarray(q, dtype=np.float64)
        if q.size and q.min() > 2e-11 and q.max() < 0.07:  # the tail of a sampler: all of it is near, and above 0
            return _ratio(NEAR, np.sqrt(-np.log(q)) - 1.6)
        central = 0.5 - q
        root = np.sqrt(-np.log(np.minimum(q, 1 - q)))
        middle = np.abs(central) <= 0.425
        near = ~middle & (root <= 5)
        far = ~middle & ~near
        size = np.empty(q.shape)
        size[middle] = np.abs(central[middle]) * _ratio(_MIDDLE, 0.180625 - np.square(central[middle]))
        size[near] = _ratio(NEAR, root[near] - 1.6)
        size[far] = _ratio(_FAR, root[far] - 5)
        return np.copysign(size, central)

    @property
    def std(self) -> float:
        """1."""
        return 1.0

    @property
    def kurtosis(self) -> float:
        """0."""
        return 0.0

    @property
    def geometric_power(self) -> float:
        """1 / sqrt(2 exp(gamma)), as E ln chi-square(1) = psi(1/2) + ln 2 = -gamma - ln 2."""
        return exp(-0.5 * log(2 * EXP_EULER))


def _ratio(coefficients: Array, x: Array) -> Array:
    """Return the quotient of two polynomials, by Horner's rule from the highest power down."""
    if not x.size:
        return x
    flat = x.ravel()
    both = coefficients[0] * flat
    both += coefficients[1]
    for pair in coefficients[2:]:
        both *= flat
        both += pair
    quotient: Array = (both[0] / both[1]).reshape(x.shape)
    return quotient


def _paired(above: tuple[float, ...], below: tuple[float, ...]) -> Array:
    """Return the coefficients of numerator and denominator, shape (powers, 2, 1)."""
    return np.array([above, below]).T[:, :, np.newaxis].copy()


# fmt: off
_MIDDLE = _paired(
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)
NEAR = _paired(
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 0.241780725177450611770, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 0.148103976427480074590,
     0.689767334985100004550, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)
"""Of the branch that the tail of a sampler lies in."""

_FAR = _paired(
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     0.296560571828504891230, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 0.136929880922735805310, 0.599832206555887937690, 1.0),
)
# fmt: on
