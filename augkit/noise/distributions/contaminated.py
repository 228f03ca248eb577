"""The contaminated Gaussian law (Tukey 1960): a Gaussian, with a share of a wider one."""

from __future__ import annotations

from math import sqrt

import numpy as np

from augkit.errors import UsageError
from augkit.noise.distributions.base import Array, Law
from augkit.noise.distributions.gaussian import Gaussian

_NARROW = Gaussian()
_HALVINGS = 64


class Contaminated(Law, frozen=True, tag="contaminated"):
    """Standard normal with probability 1 - fraction, `ratio` times as wide with probability fraction.

    Tukey 1960, A survey of sampling from contaminated distributions, in Contributions to Probability and Statistics.

    Parameters
    ----------
    fraction : float
        Share of the wider part, 0 to 1.
    ratio : float
        Its standard deviation, 1 to 1000.
    """

    fraction: float = 0.1
    ratio: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.fraction <= 1:
            raise UsageError(f"contaminated: fraction={self.fraction:g}: expected a share from 0 to 1")
        if not 1 <= self.ratio <= 1000:
            raise UsageError(f"contaminated: ratio={self.ratio:g}: expected a number from 1 to 1000")

    def pdf(self, x: Array) -> Array:
        """Return the mixture of the two densities."""
        x = np.asarray(x, dtype=np.float64)
        wide = _NARROW.pdf(x / self.ratio) / self.ratio
        return (1 - self.fraction) * _NARROW.pdf(x) + self.fraction * wide

    def sf(self, x: Array) -> Array:
        """Return the mixture of the two upper tails."""
        x = np.asarray(x, dtype=np.float64)
        return (1 - self.fraction) * _NARROW.sf(x) + self.fraction * _NARROW.sf(x / self.ratio)

    def cdf(self, x: Array) -> Array:
        """Return P(Z <= x), by symmetry."""
        return self.sf(-np.asarray(x, dtype=np.float64))

    def isf(self, q: Array) -> Array:
        """Return the upper quantile by bisection between those of the two parts."""
        q = np.asarray(q, dtype=np.float64)
        parts = _NARROW.isf(q), self.ratio * _NARROW.isf(q)
        low, high = np.minimum(*parts), np.maximum(*parts)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = self.sf(middle) > q
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return (low + high) / 2

    @property
    def std(self) -> float:
        """Sqrt(1 - fraction + fraction ratio**2)."""
        return sqrt(1 - self.fraction + self.fraction * self.ratio**2)

    @property
    def kurtosis(self) -> float:
        """3 (1 - fraction + fraction ratio**4) / std**4 - 3."""
        return 3 * (1 - self.fraction + self.fraction * self.ratio**4) / self.std**4 - 3

    @property
    def geometric_power(self) -> float:
        """That of the Gaussian times ratio**fraction, as the logarithms mix."""
        return _NARROW.geometric_power * float(self.ratio**self.fraction)
