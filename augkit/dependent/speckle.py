"""Speckle: multiplicative noise of any law."""

from __future__ import annotations

import msgspec
import numpy as np

from augkit.dependent.model import NEAREST, SHARES, TOP, Array, check_not_negative
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.noise.strips import fill


class Speckle(msgspec.Struct, frozen=True):
    """Multiplicative noise: v + v z, with z of any law.

    The multiplicative model of Lee (1981, Speckle analysis and smoothing of synthetic aperture radar images, Computer
    Graphics and Image Processing 17(1)), there with z normal.

    Parameters
    ----------
    law : Distribution
        The law of z.
    scale : float
        Its scale.
    """

    law: Distribution
    scale: float

    def __post_init__(self) -> None:
        check_not_negative("scale", self.scale)

    def beyond(self, steps: Array = NEAREST) -> Array:
        """Return P(z >= (step - v) / v)."""
        return law_beyond(self.law, steps / TOP, SHARES * self.scale)

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return v + v z."""
        z = np.empty(len(share))
        fill(z, self.law, key.child("speckle"), start=start)
        return share + share * (z * self.scale)


def law_beyond(law: Distribution, edges: Array, scale: Array) -> Array:
    """Return P(v + scale z >= edge) for each 8-bit value v, with the scale that each has; none at a scale of 0."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        distance = np.clip((edges - SHARES) / scale, -1e300, 1e300)
    still = np.broadcast_to(scale == 0, distance.shape)
    distance[still] = 0.0
    upper = np.asarray(law.sf(np.abs(distance)))
    return np.where(still, np.where(edges <= SHARES, 1.0, 0.0), np.where(distance < 0, 1 - upper, upper))
