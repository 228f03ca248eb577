"""Impulse noise: salt and pepper."""

from __future__ import annotations

import msgspec
import numpy as np

from augkit.dependent.model import NEAREST, SHARES, TOP, Array
from augkit.errors import UsageError
from augkit.noise.distributions.uniform import Uniform
from augkit.noise.keys import Key
from augkit.noise.strips import fill


class SaltAndPepper(msgspec.Struct, frozen=True):
    """Impulse noise: some samples become white or black, the others stay.

    The bipolar impulse noise of Gonzalez and Woods, Digital Image Processing, on image restoration.

    Parameters
    ----------
    amount : float
        Share of the samples that are hit.
    salt : float
        Share of white among them.
    """

    amount: float
    salt: float = 0.5

    def __post_init__(self) -> None:
        for name, value in (("amount", self.amount), ("salt", self.salt)):
            if not 0 <= value <= 1:
                raise UsageError(f"{name}={value:g}: expected a share from 0 to 1")

    def beyond(self, steps: Array = NEAREST) -> Array:
        """Return the three steps: pepper at 0, the value itself, salt at 255."""
        stays = np.where(steps / TOP <= SHARES, 1 - self.amount, 0.0)
        return stays + self.amount * self.salt

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return 0, 1 or the share itself."""
        draw = np.empty(len(share))
        fill(draw, Uniform(), key.child("impulse"), start=start)
        draw += 0.5
        salt, hit = self.amount * self.salt, self.amount
        return np.where(draw < salt, 1.0, np.where(draw < hit, 0.0, share))
