"""Curves and trade-offs drawn. Needs the ``plots`` extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augkit.errors import UsageError
from augkit.evaluate.curve import Curve
from augkit.evaluate.intervals import Interval
from augkit.evaluate.tuning import Tuning
from augkit.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (6.4, 4.2)
_COLOURS = {"train": "#8a8a8a", "validation": "#1f4e79", "noisy": "#d1602c"}
_NAMES = {"train": "training, clean", "validation": "validation, clean", "noisy": "validation, noisy"}


@contextmanager
def drawn(target: Path | str | Axes) -> Iterator[Axes]:
    """Yield the axes to draw on, and save them where a file was named; its suffix says the format."""
    if not isinstance(target, str | Path):
        yield target
        return
    figure = new_figure(_SIZE)
    yield figure.subplots()
    try:
        figure.savefig(target, dpi=150)
    except (OSError, ValueError) as error:
        raise UsageError(f"{target}: the plot could not be written: {error}") from None


def draw_curve(curve: Curve, axes: Axes, *, label: str | None) -> None:
    """Draw the means with their intervals, and the clean score as a line across."""
    points = sorted(curve.points, key=lambda point: point.level or 0.0)
    levels = [point.level or 0.0 for point in points]
    (line,) = axes.plot(levels, [point.interval.mean for point in points], marker="o", label=label or curve.noise)
    _band(axes, levels, [point.interval for point in points], line.get_color())
    axes.axhline(curve.clean.interval.mean, color=line.get_color(), linestyle=":", linewidth=1)
    axes.set_xlabel(curve.unit)
    axes.set_ylabel("score (dotted: without noise)")
    axes.legend(frameon=False)
    if curve.unit in ("snr_db", "psnr_db") and not axes.xaxis_inverted():
        axes.invert_xaxis()


def draw_tuning(tuning: Tuning, axes: Axes) -> None:
    """Draw the scores against the level of training noise, the accepted loss and the chosen level."""
    levels = [trial.level for trial in tuning.trials]
    for name, colour in _COLOURS.items():
        found = [trial.interval(name) for trial in tuning.trials]
        axes.plot(levels, [one.mean for one in found], marker="o", color=colour, label=_NAMES[name])
        _band(axes, levels, found, colour)
    least = tuning.trials[0].interval("validation").mean - tuning.max_clean_drop
    axes.axhline(least, color=_COLOURS["validation"], linestyle="--", linewidth=1, label="accepted on clean data")
    axes.axvline(tuning.level, color="black", linestyle=":", linewidth=1, label=f"chosen: {tuning.level:g}")
    axes.set_xlabel("level of the training noise")
    axes.set_ylabel("score")
    axes.legend(frameon=False, fontsize=8)


def _band(axes: Axes, levels: list[float], found: list[Interval], colour: Any) -> None:
    known = [(level, one.low, one.high) for level, one in zip(levels, found, strict=True) if one.low is not None]
    if known:
        across, low, high = zip(*known, strict=True)
        axes.fill_between(across, low, high, color=colour, alpha=0.2, linewidth=0)
