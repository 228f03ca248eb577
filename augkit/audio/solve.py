"""The gain at which the noise has its power after clipping and rounding."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from augkit.audio.blocks import Powers

MOST_CLIPPED = 0.5
"""The share of clipped samples up to which the gain is raised to make up for clipping."""

CLOSE = 10**0.001 - 1
"""A power that is right to 0.01 dB is taken."""

_MOST_PASSES = 40
_NARROW, _NARROW_ENOUGH = 1e-6, 1e-2
"""How near the ends of a bracket come to each other: where steps part them, and where too many samples are clipped."""

_LARGEST_STEP = 4.0
_FLATTEST, _STEEPEST = 0.05, 40.0


class Measured(msgspec.Struct, frozen=True, eq=False):
    """What one gain led to; each of shape (1,) or (channels,).

    Attributes
    ----------
    power : ndarray
        Mean power of what was added.
    moving : ndarray
        The part of it that grows with the gain: that of samples which are not clipped.
    clipped : ndarray
        Share of clipped samples.
    """

    power: Powers
    moving: Powers
    clipped: Powers


class _Search(msgspec.Struct):
    """One gain on its way: between the largest that was too low and the smallest that was too high."""

    wanted: float
    gain: float
    least: float
    low: float = 0.0
    high: float = math.inf
    best: tuple[float, float] = (math.inf, 0.0)
    last: tuple[float, float] = (0.0, 0.0)
    narrow: float = _NARROW
    done: bool = False

    def take(self, power: float, moving: float, clipped: float) -> None:
        """Learn what the present gain led to, and choose the next."""
        error = abs(math.log(power / self.wanted)) if power > 0 else math.inf
        capped = clipped > MOST_CLIPPED and power < self.wanted
        if not capped or self.gain <= self.least:
            self.best = min(self.best, (error, self.gain))
        if error <= CLOSE or (capped and self.gain <= self.least):
            self.done = True
            return
        if power < self.wanted and not capped:
            self.low = self.gain
        else:
            self.high = self.gain
            self.narrow = _NARROW_ENOUGH if capped else self.narrow
        slope = self._slope(power, moving)
        step = (self.wanted / power) ** (1 / slope) if slope > _FLATTEST and not capped else math.inf
        self.last = self.gain, power
        following = self.gain * min(max(step, 1 / _LARGEST_STEP), _LARGEST_STEP)
        if not self.low < following < self.high:
            lowest = self.low or min(self.least, self.high / _LARGEST_STEP)
            following = math.sqrt(lowest * self.high) if self.low else lowest
        self.gain = following
        self.done = self.high <= self.low * (1 + self.narrow)

    def _slope(self, power: float, moving: float) -> float:
        """Return by how many dB the power grows for each dB of the gain: from two gains, or at this one."""
        gain, before = self.last
        if before > 0 and power > 0 and gain != self.gain:
            secant = math.log(power / before) / math.log(self.gain / gain)
            if _FLATTEST < secant < _STEEPEST:
                return secant
        return 2 * moving / power if power > 0 else 0.0


def solve(measure: Callable[[Powers], Measured], wanted: Powers, begin: Powers, least: Powers) -> Powers:
    """Return the gains whose noise comes nearest to the power `wanted`, in few passes.

    What is added grows with the gain, sample by sample. So Newton's method and then that of secants, in dB on both
    axes, come near within a few steps, and a bracket catches them where rounding makes steps of the curve.

    Parameters
    ----------
    measure : callable
        (gains) -> what they lead to: a pass over signal and noise.
    wanted : ndarray, shape (1,) or (channels,)
        Mean powers; 0 for a channel that stays clean.
    begin : ndarray
        Gains to begin with.
    least : ndarray
        Gains that are not lowered for too many clipped samples: those that hold without limits.
    """
    searches = [
        _Search(*values, done=values[0] == 0)
        for values in zip(wanted.tolist(), begin.tolist(), least.tolist(), strict=True)
    ]
    for _ in range(_MOST_PASSES):
        if all(search.done for search in searches):
            break
        gains = np.array([search.best[1] if search.done else search.gain for search in searches])
        found = measure(gains)
        for number, search in enumerate(searches):
            if not search.done:
                search.take(float(found.power[number]), float(found.moving[number]), float(found.clipped[number]))
    return np.array([search.best[1] for search in searches])
