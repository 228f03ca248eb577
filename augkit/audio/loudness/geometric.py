"""The geometric SNR, which noise without a variance has as well (Gonzalez, Paredes, Arce 2006).

G-SNR = P / (2 C S0**2), with S0 = exp(E ln |z|) over the noise before it is clipped and rounded (rounded noise holds
exact zeros), and C = exp(Euler's constant). For Gaussian noise it equals the ordinary SNR.
"""

from __future__ import annotations

import math

import numpy as np

from augkit.audio.blocks import Block, Powers
from augkit.audio.loudness.base import Definition, Place, power_gain, power_ratio
from augkit.audio.loudness.rms import Power
from augkit.noise.distributions.base import EXP_EULER


class GeometricPower:
    """2 C S0**2 of a noise."""

    def __init__(self, place: Place) -> None:
        self._channels = place.channels
        self._total, self._count = 0.0, 0

    def add(self, block: Block) -> None:
        """Take in the next frames."""
        samples = block.samples
        if block.finite is not None:
            samples = np.broadcast_to(samples, block.finite.shape)[block.finite]
        logs = np.log(np.abs(samples, dtype=np.float64))
        self._total += float(np.add.reduce(logs, axis=None))
        self._count += logs.size

    def level(self) -> Powers:
        """Return it, shape (1,)."""
        return np.array([2 * EXP_EULER * math.exp(2 * self._total / max(self._count, 1))])


GEOMETRIC = Definition("geometric", Power, GeometricPower, power_ratio, power_gain)
