"""The Laplace (double exponential) law."""

from __future__ import annotations

from math import sqrt

import numpy as np

from augkit.noise.distributions.base import EXP_EULER, Array, Law


class Laplace(Law, frozen=True, tag="laplace"):
    """The Laplace law (JKB, chapter 24); scale is the mean absolute value, as in `scipy.stats.laplace`."""

    def pdf(self, x: Array) -> Array:
        """Return exp(-|x|) / 2."""
        return 0.5 * np.exp(-np.abs(x))

    def sf(self, x: Array) -> Array:
        """Return exp(-x) / 2 for x >= 0 and its reflection below."""
        half = 0.5 * np.exp(-np.abs(x))
        return np.where(np.asarray(x) < 0, 1 - half, half)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return -ln(2q) for q <= 1/2 and its reflection above."""
        q = np.asarray(q, dtype=np.float64)
        size: Array = -np.log(2 * np.minimum(q, 1 - q))
        return np.where(q > 0.5, -size, size)

    @property
    def std(self) -> float:
        """Sqrt 2."""
        return sqrt(2)

    @property
    def kurtosis(self) -> float:
        """3."""
        return 3.0

    @property
    def geometric_power(self) -> float:
        """exp(-gamma), as |Z| is exponential."""
        return 1 / EXP_EULER
