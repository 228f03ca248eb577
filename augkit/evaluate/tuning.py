"""How much noise to train with: the most robust model that is still good enough on clean data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from augkit.errors import UsageError
from augkit.evaluate.intervals import Interval, as_score, check_confidence, mean_interval
from augkit.evaluate.seeds import as_levels, repeat_seeds
from augkit.noise.rng import Rng

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Scores(msgspec.Struct, frozen=True):
    """What a trained model reaches; more is better.

    Attributes
    ----------
    train : float
        On its training data, without noise.
    validation : float
        On validation data, without noise.
    noisy : float
        On validation data with the noise that it has to stand: the same for every level of training noise.
    """

    train: float
    validation: float
    noisy: float


class Trial(msgspec.Struct, frozen=True):
    """The models trained with one level of noise, one for each repeat."""

    level: float
    scores: tuple[Scores, ...]
    confidence: float = 0.95

    def interval(self, name: str) -> Interval:
        """Return the mean of "train", "validation", "noisy" or "gap" with its confidence interval."""
        return mean_interval([_value(one, name) for one in self.scores], self.confidence)


def _value(scores: Scores, name: str) -> float:
    value: float = scores.train - scores.validation if name == "gap" else getattr(scores, name)
    return value


class Tuning(msgspec.Struct, frozen=True):
    """What training with each level of noise gives, and the level to take.

    Attributes
    ----------
    trials : tuple of Trial
        In the order of their levels; the first is without noise.
    chosen : Trial
        The best mean on noisy data among those whose mean on clean data lies at most `max_clean_drop` below that
        without noise; of equal ones the least noise.
    max_clean_drop : float
        The loss on clean validation data that is accepted.
    """

    trials: tuple[Trial, ...]
    chosen: Trial
    max_clean_drop: float

    @property
    def level(self) -> float:
        """The level to train with."""
        return self.chosen.level

    @property
    def gain(self) -> Interval:
        """What the chosen level gains on noisy data over training without noise, repeat by repeat, with its interval.

        The level was chosen on the same scores, so that the gain is somewhat too good; score the final model on data
        that had no say in it.
        """
        return self._paired(self.chosen, "noisy")

    def _paired(self, trial: Trial, name: str) -> Interval:
        pairs = zip(trial.scores, self.trials[0].scores, strict=True)
        return mean_interval([_value(one, name) - _value(other, name) for one, other in pairs], trial.confidence)

    def rows(self) -> list[dict[str, float | int | bool]]:
        """Return a row for each level and repeat, as `pandas.DataFrame` takes them."""
        return [
            {
                "level": trial.level,
                "repeat": repeat,
                "train": one.train,
                "validation": one.validation,
                "noisy": one.noisy,
                "gap": one.train - one.validation,
                "chosen": trial.level == self.level,
            }
            for trial in self.trials
            for repeat, one in enumerate(trial.scores)
        ]

    def table(self) -> str:
        """Return the means as text, a line for each level; the chosen one is marked."""
        names = ("train", "validation", "gap", "noisy")
        lines = ["     level" + "".join(f"{name:>12}" for name in names)]
        for trial in self.trials:
            means = "".join(f"{trial.interval(name).mean:12.4f}" for name in names)
            lines.append(f"{'*' if trial.level == self.level else ' '} {trial.level:8.4g}{means}")
        return "\n".join(lines)

    def plot(self, target: Path | str | Axes) -> None:
        """Draw the trade-off onto axes of matplotlib, or to a file of that name.

        Raises
        ------
        UsageError
            Where matplotlib is not installed, or the file could not be written.
        """
        from augkit.evaluate.plots import draw_tuning, drawn

        with drawn(target) as axes:
            draw_tuning(self, axes)


def tune_noise(
    train_and_score: Callable[[float, int], Scores | Mapping[str, float]],
    levels: Sequence[float],
    *,
    max_clean_drop: float = 0.01,
    repeats: int = 3,
    confidence: float = 0.95,
    rng: Rng = None,
) -> Tuning:
    """Find the level of training noise that makes a model most robust for an accepted loss on clean data.

    Parameters
    ----------
    train_and_score : callable
        Takes a level and a seed, trains a model with that much noise on its training data, and returns its `Scores`, or
        a mapping with "train", "validation" and "noisy". The seed is for all that is random in it; the levels of one
        repeat share it.
    levels : sequence of float
        Levels of the training noise, 0 or more. Zero comes in any case: it is what the others are compared with.
    max_clean_drop : float
        How far the score on clean validation data may fall, in its own unit.
    repeats : int
        Trainings at each level.
    confidence : float
        What the intervals are to cover.
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it.

    Returns
    -------
    Tuning

    Raises
    ------
    UsageError
        For levels below zero, a drop that is no number of 0 or more, or scores that are no finite numbers.

    Notes
    -----
    The gap between training and validation is shown at each level, because noise can both hide overfitting (the
    training score falls, the gap closes, and validation gains nothing) and cure it.
    """
    check_confidence(confidence)
    if not (isinstance(max_clean_drop, int | float) and math.isfinite(max_clean_drop) and max_clean_drop >= 0):
        raise UsageError(f"max_clean_drop={max_clean_drop!r}: expected a number of 0 or more")
    numbers = sorted({0.0, *as_levels(levels)})
    if numbers[0] < 0:
        raise UsageError(f"levels={levels!r}: expected levels of 0 or more")
    seeds = repeat_seeds(rng, repeats)
    trials = tuple(
        Trial(level, tuple(_as_scores(train_and_score(level, seed), level) for seed in seeds), confidence)
        for level in numbers
    )
    least = trials[0].interval("validation").mean - max_clean_drop
    accepted = [trial for trial in trials if trial.interval("validation").mean >= least]
    return Tuning(trials, max(accepted, key=lambda trial: trial.interval("noisy").mean), max_clean_drop)


def _as_scores(given: Any, level: float) -> Scores:
    names = ("train", "validation", "noisy")
    if isinstance(given, Mapping):
        missing = [name for name in names if name not in given]
        if missing:
            raise UsageError(f"train_and_score at {level:g}: expected {', '.join(names)}; {missing[0]} is missing")
        values = [given[name] for name in names]
    elif isinstance(given, Scores):
        values = [getattr(given, name) for name in names]
    else:
        raise UsageError(f"train_and_score at {level:g}: expected Scores or a mapping, got {type(given).__name__}")
    return Scores(*(as_score(value, f"{name} at {level:g}") for name, value in zip(names, values, strict=True)))
