"""A score against the level of noise: its points, the area under it, and the errors beside a baseline's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from augkit.errors import UsageError
from augkit.evaluate.intervals import Interval, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Point(msgspec.Struct, frozen=True):
    """The scores at one level.

    Attributes
    ----------
    level : float or None
        In the unit of the curve; None for data without noise.
    scores : tuple of float
        One of each repeat.
    confidence : float
        What `interval` is to cover.
    """

    level: float | None
    scores: tuple[float, ...]
    confidence: float = 0.95

    @property
    def interval(self) -> Interval:
        """The mean over the repeats with its confidence interval, for noise drawn anew on the same data."""
        return mean_interval(self.scores, self.confidence)


class Curve(msgspec.Struct, frozen=True):
    """How a score falls as the noise grows.

    Attributes
    ----------
    noise : str
        The noise.
    unit : str
        What a level is: "std", "scale", "snr_db"...
    points : tuple of Point
        In the order of the levels asked for.
    clean : Point
        The score without noise.
    """

    noise: str
    unit: str
    points: tuple[Point, ...]
    clean: Point

    @property
    def area(self) -> float:
        """The area under the means by the trapezoidal rule, over the width of the levels: a mean score.

        Raises
        ------
        UsageError
            For a single level.
        """
        ordered = sorted((point.level or 0.0, point.interval.mean) for point in self.points)
        if len(ordered) < 2:
            raise UsageError("area: expected two levels or more, got one")
        whole = sum((right - left) * (one + other) / 2 for (left, one), (right, other) in pairwise(ordered))
        return whole / (ordered[-1][0] - ordered[0][0])

    def rows(self) -> list[dict[str, str | int | float | None]]:
        """Return a row for each level and repeat, as `pandas.DataFrame` takes them; the clean ones have no level.

        Every row bears the mean of its level and the ends of its confidence interval as well.
        """
        rows: list[dict[str, str | int | float | None]] = []
        for point in (self.clean, *self.points):
            middle = point.interval
            for repeat, score in enumerate(point.scores):
                rows.append(
                    {
                        "noise": self.noise,
                        "unit": self.unit,
                        "level": point.level,
                        "repeat": repeat,
                        "score": score,
                        "mean": middle.mean,
                        "low": middle.low,
                        "high": middle.high,
                    }
                )
        return rows

    def corruption_error(self, baseline: Curve, *, relative: bool = False) -> float:
        """Return the sum of the errors over that of a baseline's; scores are accuracies in [0, 1], errors 1 - score.

        Parameters
        ----------
        baseline : Curve
            Of the same noise and levels, from another model.
        relative : bool
            Take the errors beyond those on clean data.

        Raises
        ------
        UsageError
            For other levels, scores outside of [0, 1], or a baseline without any error.

        Notes
        -----
        CE and relative CE of Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions
        and Perturbations", ICLR 2019, section 4.
        """
        if (self.unit, [point.level for point in self.points]) != (
            baseline.unit,
            [point.level for point in baseline.points],
        ):
            raise UsageError("baseline: expected a curve of the same unit and levels; measure both in the same way")
        own, other = self._errors(relative=relative), baseline._errors(relative=relative)
        if other <= 0:
            raise UsageError("baseline: expected errors to compare with, but it makes none; take harder levels")
        return own / other

    def _errors(self, *, relative: bool) -> float:
        for point in (self.clean, *self.points):
            if not all(0 <= score <= 1 for score in point.scores):
                raise UsageError(f"corruption errors need accuracies from 0 to 1, got {point.scores} at {point.level}")
        least = 1 - self.clean.interval.mean if relative else 0.0
        return sum(1 - point.interval.mean - least for point in self.points)

    def plot(self, target: Path | str | Axes, *, label: str | None = None) -> None:
        """Draw the means and their intervals onto axes of matplotlib, or to a file of that name.

        Raises
        ------
        UsageError
            Where matplotlib is not installed, or the file could not be written.
        """
        from augkit.evaluate.plots import draw_curve, drawn

        with drawn(target) as axes:
            draw_curve(self, axes, label=label)


def mean_corruption_error(
    curves: Mapping[str, Curve] | Iterable[Curve],
    baselines: Mapping[str, Curve] | Iterable[Curve],
    *,
    relative: bool = False,
) -> float:
    """Return the mean of the corruption errors of several noises: mCE, where 1 is as good as the baseline.

    Parameters
    ----------
    curves, baselines : mapping or iterable of Curve
        One of each noise, of the model and of its baseline; mappings are matched by their keys, others by their noise.
    relative : bool
        The relative mCE, of the errors beyond those on clean data.

    Raises
    ------
    UsageError
        Where the two are not of the same noises; and as `Curve.corruption_error`.
    """
    own, other = _by_noise(curves), _by_noise(baselines)
    if not own or own.keys() != other.keys():
        raise UsageError(f"baselines: expected one for each of {sorted(own)}, got {sorted(other)}")
    errors = [curve.corruption_error(other[noise], relative=relative) for noise, curve in own.items()]
    return sum(errors) / len(errors)


def _by_noise(curves: Mapping[str, Curve] | Iterable[Curve]) -> dict[str, Curve]:
    return dict(curves) if isinstance(curves, Mapping) else {curve.noise: curve for curve in curves}
