"""Power weighted by the frequency weighting A of IEC 61672-1:2013, over all samples and channels.

The weighting is applied to the spectrum, with the standard's own formula, so that it is right up to the Nyquist
frequency at any sample rate; a digital filter would be wrong there. The samples are cut into windows that overlap by
half. The squares of the windows, half a period of a sine each, add up to one everywhere, so no sample counts more than
another.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import Block, Powers
from augkit.audio.loudness.base import Definition, Place, power_gain, power_ratio

_F1, _F2, _F3, _F4 = 20.598997, 107.65265, 737.86223, 12194.217
"""The pole frequencies of IEC 61672-1:2013, annex E, in Hz."""

_SHORTEST, _LONGEST = 2**8, 2**17


def a_weighting(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power gain of the weighting A at frequencies in Hz; 1 at 1000 Hz."""
    return _a_power(frequency) / _a_power(np.array([1000.0]))


def _a_power(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    f2 = np.square(frequency)
    below = (f2 + _F1**2) ** 2 * (f2 + _F2**2) * (f2 + _F3**2)
    power: NDArray[np.float64] = f2**4 * _F4**4 / (below * (f2 + _F4**2) ** 2)
    return power


class AWeightedPower:
    """The mean A-weighted power over all samples and channels."""

    def __init__(self, place: Place) -> None:
        size = 2 ** round(math.log2(place.samplerate / 3))
        self._size = min(max(size, _SHORTEST), _LONGEST)
        half = self._size // 2
        self._window = np.sin(np.pi * (np.arange(self._size) + 0.5) / self._size)[:, np.newaxis]
        weights = a_weighting(np.arange(half + 1) * (place.samplerate / self._size))
        weights[1:half] *= 2  # the negative frequencies
        self._weights = weights[:, np.newaxis] / self._size
        self._held: NDArray[np.float64] | None = None
        self._total, self._count = 0.0, 0

    def add(self, block: Block) -> None:
        """Take in the next frames."""
        samples = block.filled
        if self._held is None:
            self._held = np.zeros((self._size // 2, samples.shape[1]))
        held = np.concatenate([self._held, samples])
        step = self._size // 2
        for begin in range(0, len(held) - self._size + 1, step):
            self._total += self._power(held[begin : begin + self._size])
        self._held = held[max(0, (len(held) - step) // step * step) :]
        self._count += int(block.counts.sum())

    def _power(self, piece: NDArray[np.float64]) -> float:
        spectrum = np.fft.rfft(piece * self._window, axis=0)
        return float(np.add.reduce((np.square(spectrum.real) + np.square(spectrum.imag)) * self._weights, axis=None))

    def level(self) -> Powers:
        """Return the power, shape (1,)."""
        if self._held is None:
            return np.zeros(1)
        rest = np.concatenate([self._held, np.zeros((2 * self._size - len(self._held), self._held.shape[1]))])
        step = self._size // 2
        left = math.fsum(self._power(rest[begin : begin + self._size]) for begin in (0, step))
        return np.array([(self._total + left) / max(self._count, 1)])


A_WEIGHTED = Definition("a-weighted", AWeightedPower, AWeightedPower, power_ratio, power_gain, needs_samplerate=True)
