"""The contact sheets of recordings and of series: curves and spectrograms, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augkit.errors import printable
from augkit.figures import new_figure
from augkit.report.preview import Cell, Sheet, in_lines
from augkit.report.sheet import CLEAN, NOISY, AudioPair, SeriesPair, small_ticks, spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

_WIDTH, _LETTERS = 3.3, 50
_HEIGHT = {"audio": 3.4, "series": 2.3}


def draw_plots(sheet: Sheet, path: Path) -> None:
    """Draw the sheet: one row for each noise, one cell for each level."""
    columns = max(map(len, sheet.rows.values()))
    figure = new_figure((_WIDTH * columns, _HEIGHT[sheet.domain] * len(sheet.rows) + 0.6))
    figure.suptitle(_plain(sheet.title), fontsize=13, fontweight="bold", x=0.01, ha="left")
    rows = figure.subfigures(len(sheet.rows), 1, squeeze=False)[:, 0]
    for part, (noise, cells) in zip(rows, sheet.rows.items(), strict=True):
        part.suptitle(noise, fontsize=11, x=0.01, ha="left")
        if sheet.domain == "audio":
            _draw_recordings(part, cells, columns)
        else:
            _draw_series(part, cells, columns)
    figure.savefig(path, dpi=120, format="png")


def _plain(text: str) -> str:
    """Return text that matplotlib writes as it is: a dollar sign would begin a formula."""
    return printable(text).replace("$", r"\$")


def _draw_recordings(part: SubFigure, cells: Sequence[Cell], columns: int) -> None:
    grid = part.subplots(2, columns, squeeze=False, sharey="row")
    for place in range(columns):
        wave, image = grid[0, place], grid[1, place]
        pair = cells[place].pair if place < len(cells) else None
        if not isinstance(pair, AudioPair):
            wave.set_axis_off()
            image.set_axis_off()
            continue
        clean, noisy = (one if one.ndim == 1 else one.mean(axis=1) for one in (pair.clean, pair.noisy))
        seconds = np.arange(len(clean)) / pair.samplerate
        wave.plot(seconds, noisy, color=NOISY, linewidth=0.4)
        wave.plot(seconds, clean, color=CLEAN, linewidth=0.4)
        _caption(wave, cells[place])
        power, extent = spectrogram(noisy, pair.samplerate)
        top = float(power.max())
        image.imshow(power, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=top - 80, vmax=top)
        image.set_xlabel("s", fontsize=7)
        image.set_ylabel("kHz", fontsize=7)
        small_ticks(wave)
        small_ticks(image)


def _draw_series(part: SubFigure, cells: Sequence[Cell], columns: int) -> None:
    grid = part.subplots(1, columns, squeeze=False, sharey=True)
    for place in range(columns):
        axes = grid[0, place]
        pair = cells[place].pair if place < len(cells) else None
        if not isinstance(pair, SeriesPair):
            axes.set_axis_off()
            continue
        axes.plot(pair.noisy, color=NOISY, linewidth=0.7)
        axes.plot(pair.clean, color=CLEAN, linewidth=0.9)
        _caption(axes, cells[place])
        axes.set_xlabel(f"row of {_plain(pair.title)}", fontsize=7)
        small_ticks(axes)


def _caption(axes: Axes, cell: Cell) -> None:
    axes.set_title("\n".join(filter(None, (cell.column, *in_lines(cell.caption, _LETTERS)))), fontsize=7, loc="left")
