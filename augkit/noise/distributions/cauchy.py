"""The Cauchy law, whose variance and mean do not exist."""

from __future__ import annotations

from math import inf, nan, pi

import numpy as np

from augkit.noise.distributions.base import Array, Law


class Cauchy(Law, frozen=True, tag="cauchy"):
    """The Cauchy law (JKB, chapter 16); scale is the half width at half maximum, as in `scipy.stats.cauchy`."""

    def pdf(self, x: Array) -> Array:
        """Return 1 / (pi (1 + x**2))."""
        return 1 / (pi * (1 + np.square(np.asarray(x, dtype=np.float64))))

    def sf(self, x: Array) -> Array:
        """Return atan2(1, x) / pi."""
        return np.arctan2(1.0, np.asarray(x, dtype=np.float64)) / pi

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return 1 / tan(pi q)."""
        return 1 / np.tan(pi * np.asarray(q, dtype=np.float64))

    @property
    def std(self) -> float:
        """Infinite."""
        return inf

    @property
    def kurtosis(self) -> float:
        """There is none."""
        return nan

    @property
    def geometric_power(self) -> float:
        """1, as 1/Z has the law of Z."""
        return 1.0
