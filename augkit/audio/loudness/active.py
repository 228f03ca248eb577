"""The active speech level of ITU-T P.56 (12/2011), method B: pauses do not count.

The envelope of the rectified samples, smoothed twice with a time constant of 30 ms, is held against thresholds in
powers of two. For each one the time that the envelope spends on or above it, with a hangover of 200 ms, divides the
energy of the whole signal: the level that the signal would have if all of it lay in that time. The threshold that lies
15.9 dB below this level, between two of the fixed ones in general, tells speech from pause.

As P.56 measures one channel, several are taken together: their energies are summed, and the times that each is active.
The thresholds of the reference implementation (ITU-T G.191), 2**-15 to 2**-1 for 16 bits, go on as far as the signal
does; where that finds a level, this one is the same.

The noise is measured by its mean power over all samples: it has no pauses of its own to be left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import Block, Powers
from augkit.audio.loudness.base import Definition, Place, power_gain, power_ratio
from augkit.audio.loudness.rms import Power

TIME_CONSTANT, HANGOVER, MARGIN_DB = 0.03, 0.2, 15.9
"""T and H in seconds, and M, as P.56 calls them."""

_LOWEST, _HIGHEST = -64, 40
"""Exponents of the lowest and the highest threshold, as a share of full scale."""

_NEVER = -(2**62)


class Activity:
    """How long the envelope of one channel stays on or above each threshold, hangover included."""

    def __init__(self, hangover: int) -> None:
        self._hangover = hangover
        self._position = 0
        self._last = np.full(_HIGHEST - _LOWEST, _NEVER, np.int64)
        self.counts = np.zeros(_HIGHEST - _LOWEST, np.int64)

    def add(self, envelope: NDArray[np.float64]) -> None:
        """Take in the next samples, at least one."""
        # a number m * 2**e with 1/2 <= m < 1 stands on or above the thresholds up to 2**(e - 1)
        above = np.frexp(envelope)[1]
        above[envelope == 0] = _LOWEST
        np.clip(above, _LOWEST, _HIGHEST, out=above)
        begin, end = self._position, self._position + len(envelope)
        all_below, all_above = int(above.max()) - _LOWEST, int(above.min()) - _LOWEST
        self.counts[:all_above] += len(envelope)
        self._last[:all_above] = end - 1
        for threshold in range(all_above, all_below):
            self._add_mixed(threshold, np.flatnonzero(above > threshold + _LOWEST), begin, end)
        left = np.clip(self._last[all_below:] + 1 + self._hangover - begin, 0, len(envelope))
        self.counts[all_below:] += left
        self._position = end

    def _add_mixed(self, threshold: int, places: NDArray[np.intp], begin: int, end: int) -> None:
        """Count the places on or above a threshold, and after each of them what the hangover adds."""
        first, last = int(places[0]), int(places[-1])
        before = min(max(int(self._last[threshold]) + 1 + self._hangover - begin, 0), first)
        between = np.minimum(np.diff(places) - 1, self._hangover)
        after = min(end - begin - 1 - last, self._hangover)
        self.counts[threshold] += len(places) + before + int(between.sum()) + after
        self._last[threshold] = begin + last


class ActiveSpeechLevel:
    """The mean power while there is speech."""

    def __init__(self, place: Place) -> None:
        self._full_scale = place.full_scale
        decay = math.exp(-1 / (place.samplerate * TIME_CONSTANT))
        self._smooth: tuple[list[float], list[float]] = ([1 - decay], [1, -decay])
        hangover = math.floor(HANGOVER * place.samplerate + 0.5)
        self._states = [(np.zeros(1), np.zeros(1)) for _ in range(place.channels)]
        self._activities = [Activity(hangover) for _ in range(place.channels)]
        self._energy = np.zeros(place.channels)

    def add(self, block: Block) -> None:
        """Take in the next frames."""
        from scipy.signal import lfilter

        samples = block.filled / self._full_scale
        self._energy += block.squares
        for channel, activity in enumerate(self._activities):
            first, second = self._states[channel]
            envelope, first = lfilter(*self._smooth, np.abs(samples[:, channel]), zi=first)
            envelope, second = lfilter(*self._smooth, envelope, zi=second)
            self._states[channel] = first, second
            activity.add(envelope)

    def level(self) -> Powers:
        """Return the power, shape (1,); zero where there is no speech."""
        energy = float(np.add.reduce(self._energy))
        counts: Any = np.add.reduce([activity.counts for activity in self._activities], axis=0)
        power = active_power(energy / self._full_scale**2, counts)
        return np.array([power * self._full_scale**2])


def active_power(energy: float, counts: NDArray[np.int64]) -> float:
    """Return the active power from the sum of squares and the active samples at each threshold.

    Between two thresholds, level and threshold are interpolated in dB, both along a straight line.
    """
    if energy <= 0:
        return 0.0
    before = None
    for number, count in enumerate(counts.tolist()):
        if not count:
            break
        level, threshold = 10 * math.log10(energy / count), 20 * math.log10(2) * (number + _LOWEST)
        excess = level - threshold - MARGIN_DB
        if excess <= 0:
            if before is None:
                break
            share = before[1] / (before[1] - excess)
            return float(10 ** ((before[0] + share * (level - before[0])) / 10))
        before = level, excess
    return 0.0 if before is None else float(10 ** (before[0] / 10))


ACTIVE = Definition("active", ActiveSpeechLevel, Power, power_ratio, power_gain, needs_samplerate=True)
