"""Student's t law: tails from Gaussian (df large) to Cauchy (df = 1) and beyond."""

from __future__ import annotations

from math import exp, inf, lgamma, log, nan, pi, sqrt

import numpy as np

from augkit.errors import UsageError
from augkit.noise.distributions.base import Array, Law


class StudentT(Law, frozen=True, tag="student-t"):
    """Student's t law with `df` degrees of freedom (JKB, chapter 28), as in `scipy.stats.t`.

    Parameters
    ----------
    df : float
        Degrees of freedom, from 0.5 to 1e6; the variance is infinite at 2 and below.
    """

    df: float = 3.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.df <= 1e6:
            raise UsageError(f"student-t: df={self.df:g}: expected a number from 0.5 to 1e6, such as df=3")

    def pdf(self, x: Array) -> Array:
        """Return Gamma((df+1)/2) / (sqrt(pi df) Gamma(df/2)) (1 + x**2/df)**(-(df+1)/2)."""
        constant = exp(lgamma((self.df + 1) / 2) - lgamma(self.df / 2) - 0.5 * log(pi * self.df))
        return constant * np.exp(-0.5 * (self.df + 1) * np.log1p(np.square(x) / self.df))

    def sf(self, x: Array) -> Array:
        """Return the upper tail by the incomplete beta function (`scipy.special.stdtr`)."""
        from scipy.special import stdtr

        return np.asarray(stdtr(self.df, -np.asarray(x, dtype=np.float64)))

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return the upper quantile (`scipy.special.stdtrit`)."""
        from scipy.special import stdtrit

        return np.asarray(-stdtrit(self.df, np.asarray(q, dtype=np.float64)))

    @property
    def std(self) -> float:
        """Sqrt(df / (df - 2)), inf for df <= 2."""
        return sqrt(self.df / (self.df - 2)) if self.df > 2 else inf

    @property
    def kurtosis(self) -> float:
        """6 / (df - 4), inf for 2 < df <= 4, nan below."""
        if self.df > 4:
            return 6 / (self.df - 4)
        return inf if self.df > 2 else nan

    @property
    def geometric_power(self) -> float:
        """Sqrt(df) exp((psi(1/2) - psi(df/2)) / 2), as E ln chi-square(k) = psi(k/2) + ln 2 (JKB, chapter 18)."""
        from scipy.special import psi

        return sqrt(self.df) * exp((float(psi(0.5)) - float(psi(self.df / 2))) / 2)
