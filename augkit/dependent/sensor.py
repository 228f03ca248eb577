"""The Poisson-Gaussian model of an image sensor, on linear light."""

from __future__ import annotations

import msgspec
import numpy as np

from augkit.dependent.model import NEAREST, SHARES, TOP, Array, check_not_negative, check_positive
from augkit.dependent.shot import Shot, counts_beyond
from augkit.dependent.transfer import Transfer, as_transfer, from_light, to_light
from augkit.errors import UsageError
from augkit.noise.distributions.gaussian import Gaussian
from augkit.noise.keys import Key
from augkit.noise.strips import fill

MOST_ELECTRONS, MOST_GAIN = 1e8, 1e6
_REACH = 9.0
"""Standard deviations beyond which a normal law holds less than 2**-60."""


class Sensor(msgspec.Struct, frozen=True):
    """The Poisson-Gaussian model of an image sensor: shot noise and read noise, in linear light.

    The linear camera model of EMVA Standard 1288 (release 4.0 linear, section 2): a Poisson count of electrons, plus
    the normal temporal dark noise, times the system gain; the same as the model of Foi, Trimeche, Katkovnik and
    Egiazarian (2008). In electrons, white is at ``full_well / gain``; a share v of it in linear light has the variance
    ``v / white + (read_noise / white)**2``. Saturation and quantisation come after it, as in a camera.

    Parameters
    ----------
    full_well : float
        Electrons at full scale at a gain of 1: the saturation capacity of EMVA 1288.
    read_noise : float
        Standard deviation of the temporal dark noise, in electrons at the sensor.
    gain : float
        Analogue gain over the base gain, 1 or more, or ISO over base ISO: white needs that many times fewer electrons,
        and the read noise stays as many electrons as before.
    transfer : {"srgb", "linear"} or float
        How values stand for light, as `augkit.dependent.transfer` has it.
    """

    full_well: float
    read_noise: float
    gain: float = 1.0
    transfer: Transfer = "linear"

    def __post_init__(self) -> None:
        check_positive("full_well", self.full_well, MOST_ELECTRONS)
        check_not_negative("read_noise", self.read_noise)
        if not 1 <= self.gain <= MOST_GAIN:
            raise UsageError(f"gain={self.gain:g}: expected 1 (base gain, base ISO) to {MOST_GAIN:g}")
        as_transfer(self.transfer)

    @property
    def white(self) -> float:
        """Electrons at full scale."""
        return self.full_well / self.gain

    def beyond(self, steps: Array = NEAREST) -> Array:
        """Return P(count + read noise >= step), summed over all counts that matter."""
        mean = to_light(SHARES, self.transfer) * self.white
        edges = to_light(steps / TOP, self.transfer) * self.white
        if self.read_noise == 0:
            return counts_beyond(mean, edges)
        return np.stack([_read_beyond(one, edges, self.read_noise) for one in mean[:, 0].tolist()])

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return (count + read noise) / white, as it is stored."""
        electrons = np.empty(len(share))
        fill(electrons, Gaussian(), key.child("read"), start=start)
        electrons *= self.read_noise
        light = Shot(self.white).noisy(to_light(share, self.transfer), key, start) + electrons / self.white
        return from_light(light, self.transfer)


def _read_beyond(mean: float, edges: Array, read_noise: float) -> Array:
    """Return P(count + read noise >= edge) for a Poisson count of one mean, and rising edges, in electrons.

    Where both laws are wide, every n-th count stands for n of them: a sum over a smooth function with a step of half
    its width is exact to 1e-14 (the trapezoidal rule; Trefethen, Weideman 2014).
    """
    from scipy.special import gammaln, ndtr, xlogy

    width, reach = float(np.sqrt(mean)), _REACH * read_noise
    step = max(1, int(min(width, read_noise) / 2))
    first, last = max(0, int(mean - _REACH * (width + 1))), mean + _REACH * (width + 4)
    count = np.arange(first, last + step, step)
    weight = np.exp(xlogy(count, mean) - mean - gammaln(count + 1))
    weight /= np.add.reduce(weight)
    beyond = np.where(edges < mean, 1.0, 0.0)
    open_ = slice(*np.searchsorted(edges, (first - reach, last + reach)))
    # for an edge, counts far above it are beyond it for certain; only those near it are looked at singly
    certain = np.append(np.cumsum(weight[::-1])[::-1], 0.0)
    number = min(len(count), int(2 * reach / step) + 2)
    near = np.searchsorted(count, edges[open_] - reach)
    index = near[:, np.newaxis] + np.arange(number)
    distance = (first + index * float(step) - edges[open_, np.newaxis]) / read_noise
    singly = np.append(weight, 0.0)[np.minimum(index, len(count))] * ndtr(distance)
    beyond[open_] = np.add.reduce(singly, axis=1) + certain[np.minimum(near + number, len(count))]
    return np.minimum(beyond, 1.0)
