"""The random processes that the errors of a sensor are made of, each a stream of rows that carries its state on.

A process takes the `Steps` of a block and returns its values in the unit of the column. Densities are two-sided, as in
IEEE Std 952 (annex C): S(f) is N**2 for white noise, (K / 2 pi f)**2 for the random walk, B**2 / (2 pi f) for flicker.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from augkit.noise.distributions import Gaussian, Uniform
from augkit.noise.keys import Key
from augkit.noise.strips import fill
from augkit.series.sensors.decay import SEGMENT, Decays, lost, twice
from augkit.series.sensors.timeline import Pace, Steps

Array = NDArray[np.float64]

_GAUSSIAN, _UNIFORM = Gaussian(), Uniform()

FLICKER_RATIO, _LOG_RATIO = 8, 2.0794415416798357
"""Of the time constants of neighbouring decays of flicker noise: their sum is 1/f within 0.15 dB."""

_FASTEST, _FASTEST_SHARE = 1.2232, 1.1948
"""Of the fastest decay: its time constant in intervals, and its variance relative to the others; fitted so that the
density of regular rows, aliases and all, is 1/f within 0.35 dB up to the Nyquist frequency."""

_PERIODS = 2.0
"""The slowest decay lasts so many durations: 1/f within 0.2 dB from one period in the duration up."""

_MOST_DECAYS = 24


class Process(Protocol):
    """What all processes offer."""

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`, the next in the stream, shape (steps.count,)."""
        ...


def _normal(key: Key, steps: Steps) -> Array:
    out = np.empty(steps.count)
    fill(out, _GAUSSIAN, key, start=steps.start)
    return out


def _one(key: Key) -> float:
    out = np.empty(1)
    fill(out, _GAUSSIAN, key)
    return float(out[0])


class White:
    """White noise of density N: sigma = N * sqrt(1 / interval), with the usual interval as the sensor's bandwidth."""

    def __init__(self, density: float, pace: Pace, key: Key) -> None:
        self.sigma, self.key = density * sqrt(1 / pace.interval), key

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        return _normal(self.key, steps) * self.sigma


class Walk:
    """A random walk from 0 in the first row, by steps of K * sqrt(dt)."""

    def __init__(self, coefficient: float, key: Key) -> None:
        self.coefficient, self.key = coefficient, key
        self.carried = 0.0

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        dt = steps.interval if steps.dt is None else steps.dt
        moved = _normal(self.key, steps) * (np.sqrt(dt) * self.coefficient)
        if steps.start == 0:
            moved[:1] = 0
        moved[:1] += self.carried
        walked: Array = np.add.accumulate(moved)
        whole = steps.count // SEGMENT * SEGMENT
        self.carried = float(walked[whole - 1]) if whole else self.carried
        return walked


class GaussMarkov:
    """The first-order Gauss-Markov process: y[n] = phi y[n-1] + q z[n], phi = exp(-dt / tau), from its stationary law.

    q**2 = sigma**2 (1 - phi**2), so that its standard deviation is sigma at any intervals.
    """

    def __init__(self, sigma: float, tau: float, key: Key) -> None:
        self.sigma, self.tau, self.key = sigma, tau, key
        self.decays = Decays(1)

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        dt = np.array([steps.interval]) if steps.dt is None else steps.dt
        shares = lost(dt / self.tau)[np.newaxis]
        new = _normal(self.key, steps)[np.newaxis] * self.sigma
        _decay(self.decays, shares, new, steps)
        values: Array = new[0]
        return values


def _decay(decays: Decays, shares: Array, new: Array, steps: Steps) -> None:
    """Turn white noise into decays that lose `shares` in a step and have its standard deviation in every row."""
    first = new[:, :1].copy()
    np.multiply(new, np.sqrt(twice(shares)), out=new)
    if steps.start == 0:
        new[:, :1] = first
    decays.run(1 - shares, new)


class Flicker:
    """Flicker noise of bias instability B: a sum of Gauss-Markov processes, at any intervals.

    Decays of equal variance ``B**2 log(ratio) / pi`` whose time constants are in a fixed ratio have the density
    ``B**2 / (2 pi f)`` between them (van der Ziel 1950), and the Allan deviation ``B sqrt(2 log 2 / pi) = 0.664 B``.
    The fastest has about the usual interval as its time constant, the slowest outlasts the stream.
    """

    def __init__(self, instability: float, pace: Pace, key: Key) -> None:
        slowest = _FASTEST * pace.interval
        count = 1
        while slowest < _PERIODS * pace.duration and count < _MOST_DECAYS:
            slowest *= FLICKER_RATIO
            count += 1
        self.slowest = slowest
        self.keys = [key.child(place) for place in range(count)]
        spread = instability * sqrt(_LOG_RATIO / pi)
        self.spreads = [spread * sqrt(_FASTEST_SHARE), *[spread] * (count - 1)]
        self.decays = Decays(count)

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        new = np.empty((len(self.keys), steps.count))
        for row, key, spread in zip(new, self.keys, self.spreads, strict=True):
            fill(row, _GAUSSIAN, key, start=steps.start)
            np.multiply(row, spread, out=row)
        _decay(self.decays, self._shares(steps), new, steps)
        total: Array = new[0]
        for row in new[1:]:
            np.add(total, row, out=total)
        return total

    def _shares(self, steps: Steps) -> Array:
        """Return what each decay loses in each step, the slowest computed and the others by squaring what is kept."""
        dt = np.array([steps.interval]) if steps.dt is None else steps.dt
        shares = np.empty((len(self.keys), len(dt)))
        shares[-1] = lost(dt / self.slowest)
        for faster, slower in zip(shares[-2::-1], shares[:0:-1], strict=True):
            faster[:] = twice(twice(twice(slower)))  # over eight steps of the slower one
        return shares


class Quantization:
    """Quantisation noise of coefficient Q of a sensor that reads increments: (q[n] - q[n-1]) / interval.

    The integral is rounded in each row, which moves it by a uniform q of standard deviation Q (IEEE Std 952, C.1.1).
    """

    def __init__(self, coefficient: float, pace: Pace, key: Key) -> None:
        self.scale, self.key = coefficient * sqrt(12) / pace.interval, key

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        rounding = np.empty(steps.count + 1)
        fill(rounding, _UNIFORM, self.key, start=steps.start)
        return (rounding[1:] - rounding[:-1]) * self.scale


class Ramp:
    """A rate ramp: a drift of R per second from the first row on."""

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        return steps.since_start() * self.slope


class TurnOn:
    """A bias that is drawn once for a stream, from a Gaussian of standard deviation sigma."""

    def __init__(self, sigma: float, key: Key) -> None:
        self.value = sigma * _one(key)

    def next(self, steps: Steps) -> Array:
        """Return the values of the rows of `steps`."""
        return np.full(steps.count, self.value)
