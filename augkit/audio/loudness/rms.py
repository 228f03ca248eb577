"""Mean power over all samples and channels; DC counts. The definition of the field, and the default."""

from __future__ import annotations

import math

import numpy as np

from augkit.audio.blocks import Block, Powers
from augkit.audio.loudness.base import Definition, Place, power_gain, power_ratio


class ChannelPower:
    """The mean power of each channel.

    Attributes
    ----------
    counts : ndarray
        The samples of each.
    """

    def __init__(self, place: Place) -> None:
        self._total = np.zeros(1)
        self._whole: Powers | None = None
        self.counts = np.zeros(1, np.int64)

    def add(self, block: Block) -> None:
        """Take in the next frames."""
        self._whole = None
        self._total = self._total + block.squares
        self.counts = self.counts + block.counts

    def level(self) -> Powers:
        """Return the powers, shape (channels,)."""
        return self.each()

    def each(self) -> Powers:
        """Return the power of each channel, shape (channels,)."""
        return self._total / np.maximum(self.counts, 1)

    def whole(self) -> Powers:
        """Return the power over all channels, shape (1,), not to be changed."""
        if self._whole is None:
            self._whole = np.array([math.fsum(self._total.tolist()) / max(sum(self.counts.tolist()), 1)])
        return self._whole


class Power(ChannelPower):
    """The mean power over all samples and channels."""

    def level(self) -> Powers:
        """Return the power, shape (1,)."""
        return self.whole()


RMS = Definition("rms", Power, Power, power_ratio, power_gain)
