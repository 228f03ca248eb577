"""The errors of one sensor as a stream: the sum of its processes, each with a key of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from augkit.noise.keys import Key
from augkit.series.sensors.processes import (
    Flicker,
    GaussMarkov,
    Process,
    Quantization,
    Ramp,
    TurnOn,
    Walk,
    White,
)
from augkit.series.sensors.sheet import Errors
from augkit.series.sensors.timeline import Pace, Steps

Array = NDArray[np.float64]


class SensorNoise:
    """What a sensor adds to the rows of one stream, read in order.

    Parameters
    ----------
    errors : Errors
        In the unit of the values.
    pace : Pace
    key : Key
        Of the stream. Each kind of error has a key below it, so that none changes with the others.

    Attributes
    ----------
    scale_factor : float
        The relative error of the scale that this stream has: the share of each value that is added to it.
    """

    def __init__(self, errors: Errors, pace: Pace, key: Key) -> None:
        self.processes = _processes(errors, pace, key)
        self.scale_factor = TurnOn(errors.scale_factor, key.child("scale-factor")).value

    def next(self, steps: Steps) -> Array:
        """Return the errors of the rows that are new in `steps`, shape (steps.count - steps.lead,)."""
        total = np.zeros(steps.count - steps.lead)
        for process in self.processes:
            np.add(total, process.next(steps)[steps.lead :], out=total)
        return total


def _processes(errors: Errors, pace: Pace, key: Key) -> list[Process]:
    made: list[Process] = []
    if errors.white_noise:
        made.append(White(errors.white_noise, pace, key.child("white-noise")))
    if errors.random_walk:
        made.append(Walk(errors.random_walk, key.child("random-walk")))
    if errors.bias_instability:
        made.append(Flicker(errors.bias_instability, pace, key.child("bias-instability")))
    for place, (sigma, tau) in enumerate(errors.gauss_markov):
        if sigma:
            made.append(GaussMarkov(sigma, tau, key.child("gauss-markov", place)))
    if errors.quantization:
        made.append(Quantization(errors.quantization, pace, key.child("quantization")))
    if errors.ramp:
        made.append(Ramp(errors.ramp))
    if errors.turn_on_bias:
        made.append(TurnOn(errors.turn_on_bias, key.child("turn-on-bias")))
    return made
