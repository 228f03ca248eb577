"""Which law a noise follows, by the likelihood of its rounded and saturated values, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.comparison.cells import PARTS, Cells, Survival, count_noise
from augkit.comparison.families import FAMILIES, Family, survival_of
from augkit.comparison.gathered import Array
from augkit.noise.distributions import Distribution

SURE = 0.999
"""Confidence from which a law is told as found."""

MISFIT = 0.005
"""Nats a sample by which the best law may miss the histogram: beyond, none of the laws is the right one."""

_FEWEST = 32
_TIED = 0.01
_GROUPS = 48
_LARGEST = 1e150


class Fitted(msgspec.Struct, frozen=True):
    """The member of a family that fits best.

    Attributes
    ----------
    noise : str
        The law as text.
    scale, centre : float
        In the unit of the samples; of several files the medians, each in the unit that was given for it.
    score : float
        Log-likelihood less half the logarithm of the number of samples for each parameter (Schwarz 1978, Annals of
        Statistics 6(2)), in nats a sample.
    """

    noise: str
    scale: float
    centre: float
    score: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the law of a noise.

    Attributes
    ----------
    noise : str
        The best-fitting law as text, such as "student-t:df=3.02".
    verdict : str
        "found"; "undecided", where another law explains the samples nearly as well; or "none of these", where even the
        best law does not look like the samples.
    confidence : float
        How sure it is that this law is nearer to the samples than every other one: the least of the normal probability
        of the mean gap over its standard error (Vuong 1989, Econometrica 57(2); between parts of the file, so that
        neighbours that are alike do not feign certainty) and of the odds by Schwarz's criterion.
    gap : float
        Nats a sample by which it is ahead of the next law.
    next : str
        The next law.
    misfit : float
        Nats a sample by which it misses the histogram, less what chance makes of it.
    scale, centre : float
        Of the law, in the unit of the samples.
    samples : int
        Looked at.
    laws : list of Fitted
        All families, the best first.
    """

    noise: str
    verdict: str
    confidence: float
    gap: float
    next: str
    misfit: float
    scale: float
    centre: float
    samples: int
    laws: list[Fitted]


class _Fit(msgspec.Struct, frozen=True, eq=False):
    """One law on one or several files, which share its parameter and have a centre and a scale each."""

    family: Family
    law: Distribution
    places: list[tuple[float, float]]
    parts: Array  # penalised log-likelihood of each part of each file

    def typical(self, units: Sequence[float]) -> tuple[float, float]:
        """Return the medians of centre and scale over the files, each in its own unit."""
        centre, scale = np.median(np.array(self.places) / np.array(units)[:, np.newaxis], axis=0)
        return float(centre), float(scale)


def cells_of(clean: Array, noise: Array, step: float, limits: tuple[float, float] | None) -> Cells | None:
    """Count noise in cells and in parts of equal length, in the order of the samples."""
    if len(noise) < _FEWEST or not noise.any() or not np.abs(noise).max() < _LARGEST:
        return None
    parts: NDArray[np.intp] = np.arange(len(noise)) * PARTS // len(noise)
    return count_noise(clean, noise, parts, step, limits)


def find_law(files: Sequence[Cells], units: Sequence[float] = ()) -> Found:
    """Fit every family by maximum likelihood and tell which is the best, and how sure that is.

    Parameters
    ----------
    files : sequence of Cells
        One or more, whose noises are of one law, at levels of their own.
    units : sequence of float
        What centre and scale of each file are told in, such as its full scale; 1 where none are given.
    """
    units = units or [1.0] * len(files)
    size = sum(cells.size for cells in files)
    fits = sorted((_best(family, files) for family in FAMILIES), key=lambda fit: -fit.parts.sum())
    best = fits[0]
    rivals = _rivals(best, fits, files)
    gaps = [best.parts - rival.parts for rival in rivals]
    sure = min(map(_confidence, gaps))
    nearest = int(np.argmin([gap.sum() for gap in gaps]))
    pairs = zip(files, best.places, strict=True)
    misfit = sum(misfit_of(cells, best.law, *place) * cells.size for cells, place in pairs) / size
    centre, scale = best.typical(units)
    foreign = misfit > MISFIT or max(cells.tied for cells in files) > _TIED
    return Found(
        noise=_text(best),
        verdict="none of these" if foreign else "found" if sure >= SURE else "undecided",
        confidence=sure,
        gap=float(gaps[nearest].sum()) / size,
        next=_text(rivals[nearest]),
        misfit=misfit,
        scale=scale,
        centre=centre,
        samples=size,
        laws=[Fitted(_text(fit), *fit.typical(units)[::-1], float(fit.parts.sum()) / size) for fit in fits],
    )


def _text(fit: _Fit) -> str:
    if not fit.family.parameter:
        return fit.family.name
    return f"{fit.family.name}:{fit.family.parameter}={getattr(fit.law, fit.family.parameter):.3g}"


def _rivals(best: _Fit, fits: Sequence[_Fit], files: Sequence[Cells]) -> list[_Fit]:
    """Return what the best law has to be told apart from."""
    holders = {name for name, _ in best.family.rivals}
    named = {family.name: family for family in FAMILIES}
    others = [fit for fit in fits if fit is not best and fit.family.name not in holders]
    return others + [_fit(named[name], value, files, best) for name, value in best.family.rivals]


def _best(family: Family, files: Sequence[Cells]) -> _Fit:
    """Look for the best parameter: on the family's grid first, then between the neighbours of the best one there."""
    if not family.parameter:
        return _fit(family, None, files)
    from scipy.optimize import minimize_scalar

    found = list[_Fit]()
    for value in family.grid:
        found.append(_fit(family, value, files, found[-1] if found else None))
    place = max(range(len(found)), key=lambda i: float(found[i].parts.sum()))
    ends = [math.log(family.grid[min(max(i, 0), len(found) - 1)]) for i in (place - 1, place + 1)]

    def cost(logarithm: float) -> float:
        found.append(_fit(family, math.exp(logarithm), files, found[place]))
        return -float(found[-1].parts.sum())

    minimize_scalar(cost, bounds=tuple(ends), method="bounded", options={"xatol": 4e-3, "maxiter": 9})
    return max(found, key=lambda fit: float(fit.parts.sum()))


def _fit(family: Family, value: float | None, files: Sequence[Cells], start: _Fit | None = None) -> _Fit:
    """Fit centre and scale of one law in each file; the search begins at another law's."""
    law = family.member(value)
    survival = survival_of(law)
    places, parts = list[tuple[float, float]](), list[Array]()
    for i, cells in enumerate(files):
        whole = cells.whole()
        places.append(_place(whole, survival, start.places[i], _half_width(whole)) if start else fit_law(law, cells))
        penalty = (2 + family.free / len(files)) * math.log(whole.size) / 2
        parts.append(cells.log_likelihood(survival, *places[-1]) - penalty / PARTS)
    return _Fit(family, law, places, np.concatenate(parts))


def fit_law(law: Distribution, cells: Cells) -> tuple[float, float]:
    """Return the centre and the scale at which a law fits best."""
    whole = cells.whole()
    unit = _half_width(whole)
    return _place(whole, survival_of(law), (0.0, unit / float(law.isf(np.array([0.25]))[0])), unit)


def _place(whole: Cells, survival: Survival, begin: tuple[float, float], unit: float) -> tuple[float, float]:
    """Return the centre and the scale of greatest likelihood."""
    from scipy.optimize import minimize

    def cost(place: Array) -> float:
        logarithm = min(max(float(place[1]), -60.0), 60.0)
        return -float(whole.log_likelihood(survival, place[0] * unit, unit * math.exp(logarithm))[0]) / whole.size

    corner = np.array([begin[0] / unit, math.log(begin[1] / unit)])
    corners = corner + np.array([[0.0, 0.0], [0.05, 0.0], [0.0, 0.1]])
    options = {"initial_simplex": corners, "xatol": 1e-3, "fatol": 1e-8, "maxiter": 200}
    place = minimize(cost, corner, method="Nelder-Mead", options=options).x
    return float(place[0]) * unit, unit * math.exp(float(place[1]))


def _half_width(whole: Cells) -> float:
    """Return the median distance of the noise from zero, roughly: where the search for a scale begins."""
    middles = np.abs(whole.edges[:-1] + whole.edges[1:]) / 2
    counts = whole.inner[0] + whole.above[0][:-1] + whole.below[0][1:]
    order = np.argsort(middles)
    sums = np.cumsum(counts[order])
    at = int(np.searchsorted(sums, sums[-1] / 2))
    widths = np.diff(whole.edges)
    return float(max(middles[order][at], widths[order][at] / 2))


def _confidence(gap: Array) -> float:
    from scipy.special import ndtr

    total = float(gap.sum())
    spread = float(gap.std(ddof=1)) * math.sqrt(len(gap))
    odds = 1 / (1 + math.exp(-min(max(total, -700.0), 700.0)))
    return min(float(ndtr(total / spread)) if spread else odds, odds)


def misfit_of(cells: Cells, law: Distribution, centre: float, scale: float) -> float:
    """Return by how many nats a sample a law misses the histogram of unclipped noise, less what chance makes of it."""
    expected, seen = expected_counts(cells, law, centre, scale), cells.inner.sum(axis=0).astype(np.float64)
    total = np.cumsum(expected)
    group = np.minimum((total / total[-1] * _GROUPS).astype(np.intp), _GROUPS - 1) if total[-1] else np.zeros(1, int)
    wanted = np.bincount(group, expected, _GROUPS)
    got = np.bincount(group, seen, _GROUPS)
    filled = wanted > 1  # a group of almost nothing has no say
    wanted, got = wanted[filled], got[filled]
    deviance = float(np.sum(wanted - got + got * np.log(np.maximum(got, 1e-300) / wanted)))
    chance = 0.5 * len(wanted) + 3 * math.sqrt(0.5 * len(wanted))
    return max(0.0, deviance - chance) / max(cells.size, 1)


def expected_counts(cells: Cells, law: Distribution, centre: float, scale: float) -> Array:
    """Return how many samples a law would put into each cell, of those that could have shown it."""
    inner: Array = cells.probabilities(survival_of(law), centre, scale)[0] * cells.eligible
    return inner
