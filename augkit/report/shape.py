"""The shape of a noise as curves: a histogram of even bins, and quantiles against those of a law."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from augkit.comparison.cells import Cells
from augkit.comparison.gathered import Array
from augkit.noise.distributions import Distribution

_REACH = 2e-4
_BINS = 60
_SPREAD = 1 / (1 + np.exp(-np.linspace(-8.5, 8.5, 120)))
"""Probabilities at which quantiles are compared: closer and closer towards the tails."""


class Placed(NamedTuple):
    """A law with its centre and scale."""

    law: Distribution
    centre: float
    scale: float

    def density(self, places: Array) -> Array:
        """Return the probability density in the unit of the places."""
        return self.law.pdf((places - self.centre) / self.scale) / self.scale

    def quantile(self, below: Array) -> Array:
        """Return where so much of the probability lies below."""
        return self.centre + self.scale * self.law.isf(1 - below)

    @property
    def reach(self) -> float:
        """The distance from the centre beyond which nearly nothing lies."""
        return self.scale * float(self.law.isf(np.array([_REACH]))[0])


class Bins(NamedTuple):
    """A histogram: edges of shape (bins + 1,), and the density between them."""

    edges: Array
    density: Array


def histogram(cells: Cells, reach: float) -> Bins:
    """Return the density of the noise up to `reach`; that of a cell among the samples that could have shown it."""
    count = int(np.clip(np.sqrt(cells.size), 8, _BINS))
    wanted = np.linspace(-reach, reach, count + 1)
    places = np.unique(np.abs(cells.edges[:, np.newaxis] - wanted).argmin(axis=0))
    if len(places) < 2:
        return Bins(cells.edges, np.zeros(len(cells.edges) - 1))
    share = _shares(cells)
    sums = np.append(0.0, np.cumsum(share))[places]
    edges = cells.edges[places]
    return Bins(edges, np.diff(sums) / np.diff(edges))


def quantiles(cells: Cells, placed: Placed) -> tuple[Array, Array]:
    """Return places where noise was seen, and where the law has as much of its probability below.

    What saturated is made up for as in `histogram`.
    """
    share = _shares(cells)
    start = float(placed.law.cdf(np.array([(cells.edges[0] - placed.centre) / placed.scale]))[0])
    below = start + np.cumsum(share)
    inside = (below > _REACH) & (below < 1 - _REACH) & (share > 0)
    if not inside.any():
        return np.zeros(0), np.zeros(0)
    places = np.unique(np.searchsorted(below[inside], _SPREAD))
    places = places[places < np.count_nonzero(inside)]
    return cells.edges[1:][inside][places], placed.quantile(below[inside][places])


def _shares(cells: Cells) -> Array:
    shares: Array = cells.inner.sum(axis=0) / np.maximum(cells.eligible, 1.0)
    shares[cells.eligible < 0.01 * cells.size] = 0.0  # seen by too few to tell
    return shares
