"""What was added, next to the law that was asked for: a histogram with its density, and quantiles against quantiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from augkit.comparison.files import looks_at
from augkit.comparison.laws import MISFIT, fit_law, misfit_of
from augkit.comparison.look import Look
from augkit.comparison.rows import Row
from augkit.errors import AugkitError, UsageError
from augkit.noise.distributions import Distribution, as_distribution
from augkit.report.excerpt import inside
from augkit.report.shape import Placed, histogram, quantiles
from augkit.report.svg import Axis, Chart, axis_of

_FILES = 8
_LOOKS = 12


class Residual(NamedTuple):
    """Two charts, and what is to be said of them; `charts` is empty where there is nothing to be drawn."""

    charts: list[str]
    words: list[str]


class _Fitted(NamedTuple):
    look: Look
    placed: Placed
    misfit: float


def residual(domain: str, src: Path, dst: Path, rows: Sequence[Row]) -> Residual:
    """Look at the noise of some outputs, each at its own scale.

    Parameters
    ----------
    rows : sequence of Row
        Those of noisy outputs, of which the lossless ones are taken, if there are any.
    """
    exact = [row for row in rows if not row.is_coded]
    chosen = exact or list(rows)
    noise = Counter(str(row.noise) for row in chosen).most_common(1)
    if not noise:
        return Residual([], ["No output has noise that could be looked at."])
    law = _law_of(noise[0][0])
    if law is None:
        return Residual([], [f"{noise[0][0]} follows no one law: how much of it there is depends on each sample."])
    looks, missing = _looks(domain, src, dst, [row for row in chosen if row.noise == noise[0][0]])
    fitted = [_fit(law, look) for look in looks if look.cells is not None]
    if not fitted:
        return Residual([], [f"No noise could be looked at{': ' + missing if missing else '.'}"])
    words = [_words(noise[0][0], fitted)]
    if not exact:
        words.append("All outputs are lossy: this is what the codec left of the noise, not what was added.")
    if any(one.look.of == "innovations" for one in fitted):
        words.append("The noise is coloured: shown are the innovations, before the filter, whose law was asked for.")
    return Residual([_histogram(law, fitted), _quantiles(law, fitted)], words)


def _law_of(noise: str) -> Distribution | None:
    try:
        return as_distribution(noise)
    except UsageError:
        return None


def _looks(domain: str, src: Path, dst: Path, rows: Sequence[Row]) -> tuple[list[Look], str]:
    """Return looks at some files, and why others could not be looked at."""
    looks, missing = list[Look](), ""
    for row in rows[:: max(1, -(-len(rows) // _FILES))]:
        try:
            looks += looks_at(domain, inside(src, row.source), inside(dst, row.file_name)).values()
        except (AugkitError, OSError) as error:
            missing = str(error)
    return looks[:_LOOKS], missing


def _fit(law: Distribution, look: Look) -> _Fitted:
    cells = look.cells
    assert cells is not None  # noqa: S101 - the caller has chosen those
    centre, scale = fit_law(law, cells)
    return _Fitted(look, Placed(law, centre, scale), misfit_of(cells, law, centre, scale))


def _words(noise: str, fitted: Sequence[_Fitted]) -> str:
    off = sum(one.misfit > MISFIT for one in fitted)
    names = f"{len(fitted)} column{'s' * (len(fitted) > 1)} or files were looked at, each at its own scale."
    if not off:
        return f"{names} All of them look like {noise}."
    return f"{names} {off} of them do not look like {noise}: rounding took much of the noise, or it is another one."


def _histogram(law: Distribution, fitted: Sequence[_Fitted]) -> str:
    unit = Placed(law, 0.0, 1.0)
    reach = unit.reach
    places = np.linspace(-reach, reach, 241)
    density = unit.density(places)
    chart = Chart(
        "histogram of the noise and the density of the law",
        Axis(-reach, reach),
        Axis(float(density.min()) / 3, float(density.max()) * 2, log=True),
        "noise, in scales of the law",
        "density",
    )
    parts = []
    for one in fitted:
        cells = one.look.cells
        if cells is not None:
            bins = histogram(cells, one.placed.reach)
            parts.append(chart.stairs(bins.edges / one.placed.scale, bins.density * one.placed.scale, "after thin"))
    return chart.drawn([*parts, chart.line(places, density, "before")])


def _quantiles(law: Distribution, fitted: Sequence[_Fitted]) -> str:
    pairs = [
        tuple((values - one.placed.centre) / one.placed.scale for values in quantiles(one.look.cells, one.placed))
        for one in fitted
        if one.look.cells is not None
    ]
    wanted = np.concatenate([want for _, want in pairs])
    reach = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    axis = axis_of(np.array([-reach, reach]))
    chart = Chart("quantiles of the noise against those of the law", axis, axis, f"quantiles of {law}", "of the noise")
    ends = np.array(axis[:2])
    return chart.drawn([chart.line(ends, ends, "before"), *(chart.dots(want, seen, "after") for seen, want in pairs)])
