"""The colour of a noise: how its power falls or rises with frequency, and what it was made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.comparison.gathered import Array, Gathered

_SEGMENT = 2**12
_FEWEST = 256
_AUDIBLE = 20.0
_ORDER = 32
_NAMES = {"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0, "violet": -2.0}
_NEAR = 0.1
_GAIN = 0.02


class Colour(msgspec.Struct, frozen=True):
    """How the power of a noise goes with frequency.

    Attributes
    ----------
    exponent : float
        Of ``power ~ frequency ** -exponent``, by regression over third octaves: 0 is white, 1 pink, 2 brown.
    error : float
        Its standard error, from the scatter about the line.
    color : str
        The name of the nearest colour, as ``--color`` takes it.
    """

    exponent: float
    error: float
    color: str


def find_colour(gathered: Gathered) -> Colour | None:
    """Return the colour of a noise; None where there are too few samples in a row."""
    residuals, _ = _rows(gathered)
    spectrum = _spectrum(residuals)
    if spectrum is None:
        return None
    frequencies, power = spectrum
    lowest = max(4 * frequencies[1], _AUDIBLE / (gathered.first.samplerate or math.inf))
    bands = [
        (math.log10(centre), math.log10(float(power[inside].mean())), np.count_nonzero(inside))
        for centre, inside in _third_octaves(frequencies, lowest)
        if power[inside].any()
    ]
    if len(bands) < 6:
        return None
    return _line(*(np.array(column, np.float64) for column in zip(*bands, strict=True)))


def _line(x: Array, y: Array, weight: Array) -> Colour:
    """Fit a line, each band weighing what its number of frequencies makes it worth."""
    weight = weight / weight.sum()
    middle = float(np.sum(weight * x))
    spread = float(np.sum(weight * np.square(x - middle)))
    level = float(np.sum(weight * y))
    slope = float(np.sum(weight * (x - middle) * (y - level))) / spread
    scatter = float(np.sum(weight * np.square(y - level - slope * (x - middle)))) / (len(x) - 2)
    exponent, error = -slope, math.sqrt(scatter / spread)
    name, nearest = min(_NAMES.items(), key=lambda item: abs(item[1] - exponent))
    near = abs(nearest - exponent) <= max(_NEAR, 3 * error)
    return Colour(exponent, error, name if near else f"exponent:{exponent:.2f}")


def _rows(gathered: Gathered) -> tuple[list[Array], float]:
    """Return noise without gaps, one channel at a time, over its largest value, and that."""
    found = list(_channels(gathered))
    largest = max((float(np.abs(noise).max()) for noise in found), default=0.0)
    return ([noise / largest for noise in found], largest) if 0 < largest < math.inf else ([], 0.0)


def _channels(gathered: Gathered) -> Iterator[Array]:
    for before, after in gathered.blocks:
        with np.errstate(invalid="ignore"):
            noise = after - before
        for channel in noise.reshape(len(noise), -1).T:
            known = channel[np.isfinite(channel)]
            if len(known) >= _FEWEST:
                yield known


def _spectrum(residuals: Sequence[Array]) -> tuple[Array, Array] | None:
    """Return frequencies in cycles per sample and mean power (Welch 1967, IEEE Transactions AU-15)."""
    if not residuals:
        return None
    size = 2 ** min(int(math.log2(_SEGMENT)), int(math.log2(max(map(len, residuals)))))
    window = np.hanning(size)
    total, count = np.zeros(size // 2 + 1), 0
    for noise in residuals:
        for begin in range(0, len(noise) - size + 1, size // 2):
            piece = noise[begin : begin + size]
            total += np.square(np.abs(np.fft.rfft((piece - piece.mean()) * window)))
            count += 1
    frequencies: Array = np.arange(size // 2 + 1) / size
    return (frequencies, total / count) if count and total.any() else None


def _third_octaves(frequencies: Array, lowest: float) -> Iterator[tuple[float, NDArray[np.bool_]]]:
    """Yield the centre of each whole third octave up to half the sample rate, and which frequencies lie in it."""
    top = 0.5
    while top / 2 ** (1 / 3) >= lowest:
        bottom = top / 2 ** (1 / 3)
        inside = (frequencies > bottom) & (frequencies <= top)
        if inside.any():
            yield math.sqrt(bottom * top), inside
        top = bottom


def innovations(gathered: Gathered) -> list[tuple[Array, Array]] | None:
    """Return blocks (zeros, innovations) of a noise that is coloured; None for one that is white.

    The innovations are what is left after the best linear prediction of each sample from the 32 before it, with the
    coefficients of Yule and Walker.
    """
    residuals, largest = _rows(gathered)
    if not residuals:
        return None
    order = min(_ORDER, len(residuals[0]) // 16)
    lags = np.zeros(order + 1)
    for noise in residuals:
        size = 2 * len(noise)
        lags += np.fft.irfft(np.square(np.abs(np.fft.rfft(noise - noise.mean(), size))), size)[: order + 1]
    if not lags[0] > 0:
        return None
    weights, left = _predictor(lags)
    chance = 4 * order / sum(map(len, residuals))
    if 1 - left / lags[0] < max(_GAIN, chance):
        return None
    found = [largest * np.convolve(noise - noise.mean(), weights, "valid") for noise in residuals]
    return [(np.zeros(len(one)), one) for one in found]


def _predictor(lags: Array) -> tuple[Array, float]:
    """Return the filter that leaves the error of prediction, and its power, by Levinson's recursion."""
    weights, power = np.array([1.0]), float(lags[0])
    for order in range(1, len(lags)):
        reflection = -float(np.sum(weights * lags[order:0:-1])) / power
        longer = np.append(weights, 0.0)
        weights = longer + reflection * longer[::-1]
        power *= 1 - reflection**2
    return weights, power
