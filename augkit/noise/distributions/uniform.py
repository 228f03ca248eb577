"""The uniform law."""

from __future__ import annotations

from math import e, sqrt

import numpy as np

from augkit.noise.distributions.base import Array, Law


class Uniform(Law, frozen=True, tag="uniform"):
    """The uniform law on [-1/2, 1/2] (JKB, chapter 26); scale is the width.

    `scipy.stats.uniform` begins at 0 instead.
    """

    def pdf(self, x: Array) -> Array:
        """Return 1 inside and 0 outside."""
        return np.where(np.abs(x) < 0.5, 1.0, 0.0)

    def sf(self, x: Array) -> Array:
        """Return 1/2 - x, within 0 and 1."""
        return np.clip(0.5 - np.asarray(x, dtype=np.float64), 0.0, 1.0)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return 1/2 - q."""
        return 0.5 - np.asarray(q, dtype=np.float64)

    @property
    def std(self) -> float:
        """1 / sqrt 12."""
        return 1 / sqrt(12)

    @property
    def kurtosis(self) -> float:
        """-6/5."""
        return -1.2

    @property
    def geometric_power(self) -> float:
        """1 / (2e), the integral of ln over (0, 1/2) being -(ln 2 + 1) / 2."""
        return 1 / (2 * e)
