"""Grain: noise that is correlated between neighbouring pixels, like that of film."""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.noise.strips import fill

_REACH = 4.0
_WIDEST = 64.0


class Grain(msgspec.Struct, frozen=True):
    """White noise smoothed by a Gaussian kernel, at unit power in every pixel.

    The noise is made beyond the edges of the image and cut, so its power and correlation are the same at the edges.
    law is that of the white noise; what is smoothed comes close to Gaussian.

    Attributes
    ----------
    radius : float
        Standard deviation of the kernel in pixels; from 0.5 on, pixels at a distance d correlate by
        exp(-d**2 / (4 radius**2)), the autocorrelation of the kernel (Bracewell, The Fourier Transform and Its
        Applications, chapter 3), and by less below.
    width : int
        Pixels in a row of the image.
    """

    radius: float
    width: int

    def __post_init__(self) -> None:
        if not 0 < self.radius <= _WIDEST:
            raise UsageError(f"grain={self.radius:g}: expected a radius in pixels above 0, up to {_WIDEST:g}")

    def check(self, law: Distribution) -> None:
        """Raise `UsageError` for a law without variance: smoothing has no unit power then."""
        if math.isinf(law.std):
            raise UsageError(f"grain={self.radius:g}: {law} noise has no finite variance to keep; give another law")

    def fill(self, out: NDArray[np.floating], law: Distribution, key: Key, start: int) -> None:
        """Fill `out` with the grain of pixels number `start` and on, at unit scale of the law.

        Parameters
        ----------
        out : float32 or float64 ndarray, shape (pixels, channels)
        start : int
            Number of the first pixel, row by row.
        """
        taps = _kernel(self.radius)
        margin, channels = len(taps) // 2, out.shape[1]
        first, last = start // self.width, -(-(start + len(out)) // self.width)
        across = self.width + 2 * margin
        white = np.empty((last - first + 2 * margin, across, channels), out.dtype)
        fill(white.reshape(-1), law, key, start=first * across * channels)
        smooth = _along(_along(white, taps, 1), taps, 0)
        begin = start - first * self.width
        out[:] = smooth.reshape(-1, channels)[begin : begin + len(out)]


@lru_cache(maxsize=8)
def _kernel(radius: float) -> tuple[float, ...]:
    """Return the taps of a Gaussian whose squares sum to one, rounded to 24 bits: the same everywhere."""
    reach = max(1, math.ceil(_REACH * radius))
    taps = [math.exp(-0.5 * (step / radius) ** 2) for step in range(-reach, reach + 1)]
    power = math.sqrt(math.fsum(tap * tap for tap in taps))
    return tuple(round(tap / power * 2**24) / 2**24 for tap in taps)


def _along(noise: NDArray[np.floating], taps: tuple[float, ...], axis: int) -> NDArray[np.floating]:
    """Filter along an axis, keeping only what the whole kernel covers; in a fixed order of additions."""
    size = noise.shape[axis] - len(taps) + 1
    out = np.zeros((*noise.shape[:axis], size, *noise.shape[axis + 1 :]), noise.dtype)
    for step, tap in enumerate(taps):
        part = noise[step : step + size] if axis == 0 else noise[:, step : step + size]
        out += part * noise.dtype.type(tap)
    return out
