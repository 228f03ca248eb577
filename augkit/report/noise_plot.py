"""A picture of a noise: its histogram under the law that fits best, and its quantiles against those of the law."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augkit.comparison.look import Look, found_in
from augkit.errors import UsageError
from augkit.figures import new_figure
from augkit.noise.distributions import as_distribution
from augkit.report.shape import Placed, histogram, quantiles
from augkit.report.sheet import CLEAN, NOISY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from augkit.comparison.cells import Cells
    from augkit.comparison.laws import Found

SHOWN = 6
_SUFFIXES = (".png", ".svg", ".pdf")
_WIDTH, _ROW = 9.0, 3.2


def plot_noise(looks: Mapping[str, Look], path: Path) -> None:
    """Draw a row for each look, the first few of them, and write the picture to `path`: PNG, SVG or PDF.

    Raises
    ------
    UsageError
        For another suffix, where there is no noise to be drawn, or where matplotlib is not installed.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(
            f"{path}: a picture is written as one of {' '.join(_SUFFIXES)}, got {path.suffix or 'no suffix'}"
        )
    shown = {name: look for name, look in looks.items() if look.cells is not None}
    if not shown:
        raise UsageError(f"{path}: there is no noise between the two that could be drawn")
    rows = min(len(shown), SHOWN)
    figure = new_figure((_WIDTH, _ROW * rows))
    grid = figure.subplots(rows, 2, squeeze=False)
    for axes, (name, look) in zip(grid, islice(shown.items(), SHOWN), strict=False):
        found = found_in([look])
        if look.cells is not None and found is not None:
            _draw_histogram(axes[0], look.cells, found, look.full_scale or 1.0)
            _draw_quantiles(axes[1], look.cells, found, look.full_scale or 1.0)
            axes[0].set_title(f"{name} {found.noise}, {found.verdict}".strip(), fontsize=9)
    figure.savefig(path, dpi=130, format=path.suffix.lower()[1:])


def _draw_histogram(axes: Axes, cells: Cells, found: Found, unit: float) -> None:
    placed = Placed(as_distribution(found.noise), found.centre, found.scale)
    reach = placed.reach
    bins = histogram(cells, reach)
    axes.stairs(bins.density * unit, bins.edges / unit, color=NOISY, linewidth=1.2, label="in the files")
    places = np.linspace(-reach, reach, 401)
    density = placed.density(places) * unit
    axes.plot(places / unit, density, color=CLEAN, linewidth=1.2, label=found.noise)
    axes.set_yscale("log")
    axes.set_ylim(float(density.min()) / 3, float(density.max()) * 2)
    _finish(axes, "noise", "density")
    axes.legend(fontsize=7, frameon=False)


def _draw_quantiles(axes: Axes, cells: Cells, found: Found, unit: float) -> None:
    seen, wanted = quantiles(cells, Placed(as_distribution(found.noise), found.centre, found.scale))
    reach = float(np.abs(wanted).max(initial=0.0)) / unit
    axes.plot([-reach, reach], [-reach, reach], color=CLEAN, linewidth=1.0)
    axes.plot(wanted / unit, seen / unit, ".", color=NOISY, markersize=4)
    _finish(axes, f"quantiles of {found.noise}", "quantiles of the noise")


def _finish(axes: Axes, below: str, beside: str) -> None:
    axes.set_xlabel(below, fontsize=8)
    axes.set_ylabel(beside, fontsize=8)
    axes.tick_params(labelsize=7)
