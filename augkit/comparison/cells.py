"""Noise counted in cells, for likelihoods: what rounding makes of a value, and what saturation hides of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.comparison.gathered import Array

CELLS = 256
"""Cells at most: more of them tell laws apart no better."""

PARTS = 32
"""Parts of a file that are counted each by itself, so that their differences tell how sure a finding is."""

_LEAST = 1e-300
_LOOKED_AT = 2**16

Survival = Callable[[Array], Array]
"""P(Z > z) for z >= 0, of a symmetric law."""


class Cells(msgspec.Struct, frozen=True, eq=False):
    """Counts of the noise between two edges, part by part.

    Attributes
    ----------
    edges : float64 ndarray, shape (edges,)
        In the unit of the samples, rising.
    inner : int64 ndarray, shape (parts, edges - 1)
        Values that lie between two edges: a value that was rounded stands for the whole of its cell.
    above, below : int64 ndarray, shape (parts, edges)
        Values known only to lie above, or below, an edge, as the sample saturated.
    eligible : float64 ndarray, shape (edges - 1,)
        How many of the samples would have shown a noise of this cell, unclipped.
    tied : float
        The share of the most frequent value, of noise that is not rounded: what has a density has no such value.
    """

    edges: Array
    inner: NDArray[np.int64]
    above: NDArray[np.int64]
    below: NDArray[np.int64]
    eligible: Array
    tied: float = 0.0

    @property
    def size(self) -> int:
        """Number of samples."""
        return int(self.inner.sum() + self.above.sum() + self.below.sum())

    def probabilities(self, survival: Survival, centre: float, scale: float) -> tuple[Array, Array, Array]:
        """Return the probability of each cell, of lying above each edge, and below it."""
        places = (self.edges - centre) / scale
        tail = survival(np.abs(places))
        right = places >= 0
        above, below = np.where(right, tail, 1 - tail), np.where(right, 1 - tail, tail)
        inner = np.where(right[:-1], above[:-1] - above[1:], below[1:] - below[:-1])
        return inner, above, below

    def log_likelihood(self, survival: Survival, centre: float, scale: float) -> Array:
        """Return the logarithm of the likelihood of each part; float64 of shape (parts,)."""
        inner, above, below = (np.log(np.maximum(one, _LEAST)) for one in self.probabilities(survival, centre, scale))
        found: Array = (
            np.sum(self.inner * inner, axis=1) + np.sum(self.above * above, axis=1) + np.sum(self.below * below, axis=1)
        )
        return found

    def whole(self) -> Cells:
        """Return the counts of all parts together."""
        inner, above, below = (one.sum(axis=0, keepdims=True) for one in (self.inner, self.above, self.below))
        return Cells(self.edges, inner, above, below, self.eligible, self.tied)


def count_noise(
    clean: Array, noise: Array, parts: NDArray[np.intp], step: float, limits: tuple[float, float] | None
) -> Cells:
    """Count noise in cells.

    Parameters
    ----------
    clean, noise : float64 ndarray, shape (samples,)
        Finite, in the unit of the samples.
    parts : int ndarray, shape (samples,)
        The part that each sample belongs to, from 0 to `PARTS` - 1.
    step : float
        To which the noisy samples are rounded; 0 where they are not.
    limits : (low, high) or None
        Where they saturate. A sample at a limit tells only that its noise reaches at least so far.
    """
    low, high = limits or (-np.inf, np.inf)
    noisy = clean + noise
    saturated = (noisy >= high).astype(np.int8) - (noisy <= low).astype(np.int8)
    edges = _edges(noise, step)
    inner, above, below = (
        _table(parts[chosen], index, length)
        for chosen, index, length in (
            _within(saturated == 0, noise, edges),
            _beyond(saturated > 0, noise - step / 2, edges),
            _beyond(saturated < 0, noise + step / 2, edges),
        )
    )
    middles = (edges[:-1] + edges[1:]) / 2
    eligible = np.full(len(middles), float(len(noise)))
    if limits is not None:
        eligible -= np.searchsorted(np.sort(high - clean), middles + step / 4, side="right")
        eligible -= len(noise) - np.searchsorted(np.sort(low - clean), middles - step / 4, side="left")
    tied = 0.0 if step else _most_frequent(noise[saturated == 0])
    return Cells(edges, inner, above, below, np.maximum(eligible, 0.0), tied)


def _most_frequent(noise: Array) -> float:
    some = noise[:: max(1, len(noise) // _LOOKED_AT)]
    counts = np.unique(some, return_counts=True)[1]
    return float(counts.max(initial=0)) / len(some) if counts.max(initial=0) > 2 else 0.0


def _edges(noise: Array, step: float) -> Array:
    """Return edges that hold all of the noise: those of the steps, or fewer that grow wider away from the middle."""
    low, high = float(noise.min()), float(noise.max())
    if step and (high - low) / step < CELLS:
        return _whole_steps(round(low / step), round(high / step), step)
    size = float(np.median(np.abs(noise))) or float(np.abs(noise).mean()) or 1.0
    most = float(np.arcsinh(max(-low, high) / size)) * (1 + 1e-9)
    edges = size * np.sinh(np.linspace(-most, most, CELLS + 1))
    if step:
        edges = np.unique((np.floor(edges / step) + 0.5) * step)
        edges[0], edges[-1] = min(edges[0], low - step / 2), max(edges[-1], high + step / 2)
    else:
        edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    first, last = np.searchsorted(edges, [low, high])
    kept: Array = edges[max(first - 1, 0) : last + 2]
    return kept


def _whole_steps(first: int, last: int, step: float) -> Array:
    numbers: Array = np.arange(first, last + 2, dtype=np.float64)
    return (numbers - 0.5) * step


def _within(chosen: NDArray[np.bool_], noise: Array, edges: Array) -> tuple[NDArray[np.bool_], NDArray[np.intp], int]:
    index = np.searchsorted(edges, noise[chosen], side="right") - 1
    return chosen, np.clip(index, 0, len(edges) - 2), len(edges) - 1


def _beyond(chosen: NDArray[np.bool_], ends: Array, edges: Array) -> tuple[NDArray[np.bool_], NDArray[np.intp], int]:
    """Return the edge nearest to each end."""
    middles = (edges[:-1] + edges[1:]) / 2
    return chosen, np.searchsorted(middles, ends[chosen]), len(edges)


def _table(parts: NDArray[np.intp], index: NDArray[np.intp], length: int) -> NDArray[np.int64]:
    return np.bincount(parts * length + index, minlength=PARTS * length).reshape(PARTS, length)
