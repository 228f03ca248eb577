"""Additive noise as a table of values: for roundings that the one lattice of all values cannot serve."""

from __future__ import annotations

import msgspec
import numpy as np

from augkit.dependent.model import NEAREST, SHARES, TOP, Array, check_not_negative
from augkit.dependent.speckle import law_beyond
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.noise.strips import fill


class Added(msgspec.Struct, frozen=True):
    """Additive noise: v + z, with z of any law.

    Parameters
    ----------
    law : Distribution
        The law of z.
    scale : float
        Its scale, as a share of full range.
    """

    law: Distribution
    scale: float

    def __post_init__(self) -> None:
        check_not_negative("scale", self.scale)

    def beyond(self, steps: Array = NEAREST) -> Array:
        """Return P(z >= step - v)."""
        return law_beyond(self.law, steps / TOP, np.full_like(SHARES, self.scale))

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return v + z."""
        z = np.empty(len(share))
        fill(z, self.law, key, start=start)
        return share + z * self.scale
