"""Exact Poisson counts of any mean, one for each sample, from keyed bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from augkit.noise.blocks import Stream
from augkit.noise.keys import Key

Array = NDArray[np.float64]

LARGEST = 1e12
"""Means beyond it lose their law to rounding."""

_SMALL = 10.0
"""Means below it are searched from zero up; above it, the rejection of Hörmann holds."""


def fill_poisson(out: Array, mean: Array, key: Key, *, start: int = 0) -> None:
    """Fill `out` with Poisson counts of the given means.

    Parameters
    ----------
    out, mean : float64 ndarray, shape (n,)
        A mean is 0 or more; up to `LARGEST` the counts follow the law.
    start : int
        Number of the first sample within the stream. Every sample depends on its own number and mean alone.
    """
    stream = Stream(key, start)
    for block, first, last, offset in stream.spans(len(out)):
        words = stream.words(block, first, last, "<u8")
        index = stream.index(np.arange(offset, offset + last - first))
        part = mean[offset : offset + last - first]
        counts = out[offset : offset + last - first]
        small = part < _SMALL
        counts[small] = _searched(part[small], words[small])
        counts[~small] = _rejected(part[~small], words[~small], index[~small], stream)


def _searched(mean: Array, words: NDArray[np.unsignedinteger]) -> Array:
    """Invert the distribution function by adding probabilities from zero up."""
    wanted = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    counts = np.zeros(len(mean))
    probability = np.exp(-mean)
    below = probability.copy()
    open_ = np.flatnonzero(wanted >= below)
    count = 0
    while len(open_) and count < 100:  # P(count > 100) is below 2**-53 for any mean below 10
        count += 1
        probability[open_] *= mean[open_] / count
        below[open_] += probability[open_]
        counts[open_] = count
        open_ = open_[wanted[open_] >= below[open_]]
    return counts


def _rejected(mean: Array, words: NDArray[np.unsignedinteger], index: NDArray[np.uint64], stream: Stream) -> Array:
    """Draw by transformed rejection with squeeze, algorithm PTRS (Hörmann 1993), for means of 10 and more."""
    counts = np.empty(len(mean))
    left = np.arange(len(mean))
    turn = 0
    while len(left):
        mu = mean[left]
        spread, slope = _hat(mu)
        # the two halves of a word, in the middle of their cells: never 0
        u = ((words >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32 - 0.5
        v = ((words & np.uint64(2**32 - 1)).astype(np.float64) + 0.5) * 2.0**-32
        edge = 0.5 - np.abs(u)
        count = np.floor((2 * slope / edge + spread) * u + mu + 0.43)
        taken = (edge >= 0.07) & (v <= 0.9277 - 3.6224 / (spread - 2))
        doubtful = ~taken & (count >= 0) & ((edge >= 0.013) | (v <= edge))
        taken[doubtful] = _under_the_curve(mu[doubtful], edge[doubtful], v[doubtful], count[doubtful])
        counts[left[taken]] = count[taken]
        left = left[~taken]
        words = stream.escape_words(index[left], turn)
        turn += 1
    return counts


def _hat(mu: Array) -> tuple[Array, Array]:
    """Return the two parameters of the curve that candidates are drawn under."""
    spread = 0.931 + 2.53 * np.sqrt(mu)
    return spread, -0.059 + 0.02483 * spread


def _under_the_curve(mu: Array, edge: Array, v: Array, count: Array) -> NDArray[np.bool_]:
    from scipy.special import gammaln

    spread, slope = _hat(mu)
    height = np.log(v * (1.1239 + 1.1328 / (spread - 3.4)) / (slope / np.square(edge) + spread))
    under: NDArray[np.bool_] = height <= count * np.log(mu) - mu - gammaln(count + 1)
    return under
