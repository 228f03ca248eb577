"""The generalized Gaussian (exponential power) law: Laplace at beta = 1, Gaussian at 2, uniform in the limit."""

from __future__ import annotations

from math import exp, gamma, lgamma, sqrt

import numpy as np

from augkit.errors import UsageError
from augkit.noise.distributions.base import Array, Law


class GeneralizedGaussian(Law, frozen=True, tag="generalized-gaussian"):
    """The law with density proportional to exp(-|x|**beta), as in `scipy.stats.gennorm`.

    Subbotin 1923, Matematicheskii Sbornik 31; moments by Nadarajah 2005, Journal of Applied Statistics 32(7).

    Parameters
    ----------
    beta : float
        Shape, from 0.3 to 100.
    """

    beta: float = 1.5

    def __post_init__(self) -> None:
        if not 0.3 <= self.beta <= 100:
            raise UsageError(f"generalized-gaussian: beta={self.beta:g}: expected a number from 0.3 to 100")

    def pdf(self, x: Array) -> Array:
        """Return beta / (2 Gamma(1/beta)) exp(-|x|**beta)."""
        return self.beta / (2 * gamma(1 / self.beta)) * np.exp(-self._power(x))

    def sf(self, x: Array) -> Array:
        """Return the upper tail by the incomplete gamma function (`scipy.special.gammaincc`)."""
        from scipy.special import gammaincc

        half = 0.5 * np.asarray(gammaincc(1 / self.beta, self._power(x)))
        return np.where(np.asarray(x) < 0, 1 - half, half)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return the upper quantile (`scipy.special.gammainccinv`)."""
        from scipy.special import gammainccinv

        q = np.asarray(q, dtype=np.float64)
        size: Array = gammainccinv(1 / self.beta, 2 * np.minimum(q, 1 - q)) ** (1 / self.beta)
        return np.where(q > 0.5, -size, size)

    def _power(self, x: Array) -> Array:
        with np.errstate(over="ignore"):
            power: Array = np.abs(np.asarray(x, dtype=np.float64)) ** self.beta
        return power

    @property
    def std(self) -> float:
        """Sqrt(Gamma(3/beta) / Gamma(1/beta))."""
        return sqrt(exp(lgamma(3 / self.beta) - lgamma(1 / self.beta)))

    @property
    def kurtosis(self) -> float:
        """Gamma(5/beta) Gamma(1/beta) / Gamma(3/beta)**2 - 3."""
        return exp(lgamma(5 / self.beta) + lgamma(1 / self.beta) - 2 * lgamma(3 / self.beta)) - 3

    @property
    def geometric_power(self) -> float:
        """exp(psi(1/beta) / beta), as |Z|**beta follows a gamma law of shape 1/beta."""
        from scipy.special import psi

        return exp(float(psi(1 / self.beta)) / self.beta)
