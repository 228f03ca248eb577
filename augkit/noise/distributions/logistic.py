"""The logistic law."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from augkit.noise.distributions.base import EXP_EULER, Array, Law


class Logistic(Law, frozen=True, tag="logistic"):
    """The logistic law (JKB, chapter 23), as in `scipy.stats.logistic`."""

    def pdf(self, x: Array) -> Array:
        """Return exp(-|x|) / (1 + exp(-|x|))**2."""
        decay = np.exp(-np.abs(x))
        density: Array = decay / np.square(1 + decay)
        return density

    def sf(self, x: Array) -> Array:
        """Return 1 / (1 + exp(x))."""
        decay = np.exp(-np.abs(x))
        tail: Array = np.where(np.asarray(x) < 0, 1.0, decay) / (1 + decay)
        return tail

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return ln((1 - q) / q)."""
        q = np.asarray(q, dtype=np.float64)
        return np.log1p(-q) - np.log(q)

    @property
    def std(self) -> float:
        """Pi / sqrt 3."""
        return pi / sqrt(3)

    @property
    def kurtosis(self) -> float:
        """6/5."""
        return 1.2

    @property
    def geometric_power(self) -> float:
        """(pi/2) exp(-gamma): the half-logistic law has E ln X = ln(pi/2) - gamma."""
        return pi / 2 / EXP_EULER
