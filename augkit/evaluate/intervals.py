"""Means with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from augkit.errors import UsageError


class Interval(NamedTuple):
    """A mean, and the ends of its confidence interval; None where one score alone says nothing of it."""

    mean: float
    low: float | None
    high: float | None


def mean_interval(scores: Sequence[float], confidence: float) -> Interval:
    """Return the mean of independent scores with Student's interval, mean +- t s / sqrt(n).

    Parameters
    ----------
    scores : sequence of float
        At least one.
    confidence : float
        The interval covers the expected score with this probability, where the scores are about normal.
    """
    count = len(scores)
    mean = math.fsum(scores) / count
    if count < 2:
        return Interval(mean, None, None)
    from scipy.special import stdtrit

    spread = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (count - 1))
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * spread / math.sqrt(count)
    return Interval(mean, mean - half, mean + half)


def check_confidence(confidence: float) -> None:
    """Raise `UsageError` for what is no probability between 0 and 1."""
    if not 0 < confidence < 1:
        raise UsageError(f"confidence={confidence!r}: expected a number between 0 and 1, such as 0.95")


def as_score(given: object, what: str) -> float:
    """Return a score as a finite number; `UsageError` for what is none."""
    try:
        score = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(f"{what}: expected a number, got {type(given).__name__}; return one score") from None
    if not math.isfinite(score):
        raise UsageError(f"{what}: expected a finite number, got {score}; mend what returns it")
    return score
