"""The symmetric alpha-stable laws: the limits of sums, Gaussian at alpha = 2 and Cauchy at alpha = 1."""

from __future__ import annotations

from math import inf, nan, sqrt

import numpy as np

from augkit.errors import UsageError
from augkit.noise.distributions.base import EXP_EULER, Array, Law
from augkit.noise.distributions.gaussian import Gaussian
from augkit.noise.distributions.stable_table import StableTable, stable_table


class AlphaStable(Law, frozen=True, tag="alpha-stable"):
    """The symmetric alpha-stable law, whose characteristic function is exp(-abs(t)**alpha).

    It is `scipy.stats.levy_stable` with beta = 0, and S(alpha, 0, 1, 0) of Nolan 2020, Univariate Stable Distributions.
    Density and tails are exact to a relative 1e-12, but for alpha from 2 - 1e-10 up, where it is 1e-8 at worst, at
    densities below 1e-15; see `stable_table`.

    Parameters
    ----------
    alpha : float
        Index of stability, from 0.5 (where the 2**-64 quantile still is a float32) to 2. Below 2 the tails fall off
        as x**-alpha.
    """

    alpha: float = 1.5

    def __post_init__(self) -> None:
        if not 0.5 <= self.alpha <= 2:
            raise UsageError(f"alpha-stable: alpha={self.alpha:g}: expected a number from 0.5 to 2, such as alpha=1.5")

    def pdf(self, x: Array) -> Array:
        """Return the density, by interpolation and the tail's series."""
        x = np.asarray(x, dtype=np.float64)
        return self._half().pdf(np.abs(x).ravel()).reshape(x.shape)

    def sf(self, x: Array) -> Array:
        """Return the upper tail, by interpolation and the tail's series, and its reflection below zero."""
        x = np.asarray(x, dtype=np.float64)
        half = self._half().sf(np.abs(x).ravel()).reshape(x.shape)
        return np.where(x < 0, 1 - half, half)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return the upper quantile by Newton's method, and its reflection above 1/2."""
        q = np.asarray(q, dtype=np.float64)
        size = self._half().isf(np.minimum(q, 1 - q).ravel()).reshape(q.shape)
        return np.where(q > 0.5, -size, size)

    def _half(self) -> StableTable | _GaussianHalf:
        return stable_table(self.alpha) if self.alpha < 2 else _GAUSSIAN_HALF

    @property
    def std(self) -> float:
        """Sqrt 2 at alpha = 2, inf below."""
        return inf if self.alpha < 2 else sqrt(2)

    @property
    def kurtosis(self) -> float:
        """0 at alpha = 2; there is none below."""
        return nan if self.alpha < 2 else 0.0

    @property
    def geometric_power(self) -> float:
        """exp(gamma (1/alpha - 1)) (Zolotarev 1986; Gonzalez, Paredes, Arce 2006)."""
        return float(EXP_EULER ** (1 / self.alpha - 1))


class _GaussianHalf:
    """The law at alpha = 2, whose characteristic function exp(-t**2) is that of a variance of 2."""

    def pdf(self, x: Array) -> Array:
        return Gaussian().pdf(x / sqrt(2)) / sqrt(2)

    def sf(self, x: Array) -> Array:
        return Gaussian().sf(x / sqrt(2))

    def isf(self, q: Array) -> Array:
        return sqrt(2) * Gaussian().isf(q)


_GAUSSIAN_HALF = _GaussianHalf()
