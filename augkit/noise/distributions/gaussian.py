"""The Gaussian (normal) law."""

from __future__ import annotations

from math import erfc, exp, log, pi, sqrt

import numpy as np

from augkit.noise.distributions.base import EXP_EULER, Array, Law


class Gaussian(Law, frozen=True, tag="gaussian"):
    """The standard normal law; scale is the standard deviation, as in `scipy.stats.norm`."""

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
        """Return the upper quantile by algorithm AS 241 (Wichura 1988), from the standard library."""
        from statistics import NormalDist

        q = np.asarray(q, dtype=np.float64)
        inverse = NormalDist().inv_cdf
        return np.array([-inverse(value) for value in q.ravel().tolist()]).reshape(q.shape)

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
        """1 / sqrt(2 exp(gamma))."""
        return exp(-0.5 * log(2 * EXP_EULER))
