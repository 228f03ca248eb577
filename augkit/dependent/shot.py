"""Photon shot noise."""

from __future__ import annotations

import msgspec
import numpy as np

from augkit.dependent.model import NEAREST, SHARES, TOP, Array, check_positive
from augkit.noise.keys import Key
from augkit.noise.poisson import fill_poisson


class Shot(msgspec.Struct, frozen=True):
    """Photon shot noise: the value is the mean of a Poisson count.

    The variance of a Poisson count is its mean (Johnson, Kotz, Kemp 1992, Univariate Discrete Distributions, 2nd
    edition, chapter 4); that of light on a sensor is EMVA Standard 1288, release 4.0 linear, section 2.

    Parameters
    ----------
    photons : float
        Mean count at full scale: the fewer, the noisier. The standard deviation of a share v is sqrt(v / photons).
    """

    photons: float

    def __post_init__(self) -> None:
        check_positive("photons", self.photons)

    def beyond(self, steps: Array = NEAREST) -> Array:
        """Return P(count / photons >= step) by the incomplete gamma function (`scipy.special.pdtrc`)."""
        return counts_beyond(SHARES * self.photons, steps * self.photons / TOP)

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return count / photons."""
        counts, mean = np.empty(len(share)), np.maximum(share, 0.0)
        mean *= self.photons
        fill_poisson(counts, mean, key.child("photons"), start=start)
        counts /= self.photons
        return counts


def counts_beyond(mean: Array, edges: Array) -> Array:
    """Return P(count >= edge) of Poisson counts with these means; the shapes broadcast."""
    from scipy.special import pdtrc

    return np.where(mean > 0, pdtrc(np.ceil(edges) - 1, np.maximum(mean, 1e-300)), 0.0)
