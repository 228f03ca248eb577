"""How a score falls as the noise on the data grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Literal, TypeAlias, TypeVar

from augkit.errors import UsageError, nearest
from augkit.evaluate.curve import Curve, Point
from augkit.evaluate.intervals import as_score, check_confidence
from augkit.evaluate.seeds import as_levels, repeat_seeds
from augkit.noise.distributions import Distribution
from augkit.noise.rng import Rng

DataT = TypeVar("DataT")
Domain: TypeAlias = Literal["images", "audio", "series"]
Noising: TypeAlias = Callable[[Any, float, int], Any]

_DOMAINS = ("images", "audio", "series")
_UNITS = ("std", "scale", "snr_db", "psnr_db")


def robustness_curve(
    score: Callable[[DataT], float],
    data: DataT,
    levels: Sequence[float],
    *,
    noise: str | Distribution | Callable[[DataT, float, int], DataT] = "gaussian",
    domain: Domain = "images",
    unit: str = "std",
    repeats: int = 5,
    confidence: float = 0.95,
    rng: Rng = None,
    **options: Any,
) -> Curve:
    """Score a model on data with more and more noise.

    The levels of one repeat share their random numbers, so that the curve is smooth; the repeats have noise of their
    own, whose spread gives the confidence intervals.

    Parameters
    ----------
    score : callable
        Takes noisy data, returns one number; more is better. A trained model and the labels are its own.
    data : arrays
        As the domain's ``add_noise`` takes them: a batch of images, of shape (N, H, W, C) or a list; samples or series,
        or a list of them.
    levels : sequence of float
        At least one, in the given unit.
    noise : str, Distribution or callable
        The law; or a function (data, level, seed) -> noisy data, for any other noise.
    domain : {"images", "audio", "series"}
        Whose ``add_noise`` adds the law.
    unit : {"std", "scale", "snr_db", "psnr_db"}
        What the levels are; with a function, a name for them.
    repeats : int
        Times that the noise is drawn anew.
    confidence : float
        What the intervals are to cover.
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it.
    **options
        Handed on to ``add_noise``, such as ``channels="shared"`` or ``relative_to="std"``.

    Returns
    -------
    Curve

    Raises
    ------
    UsageError
        For levels, units or options that ``add_noise`` refuses, and for a score that is no finite number.
    """
    check_confidence(confidence)
    numbers, seeds = as_levels(levels), repeat_seeds(rng, repeats)
    noising, name = _noising(noise, domain, unit, options)
    clean = Point(None, (as_score(score(data), "the score of the clean data"),), confidence)
    points = []
    for level in numbers:
        what = f"the score at {unit}={level:g}"
        scores = tuple(as_score(score(noising(data, level, seed)), what) for seed in seeds)
        points.append(Point(level, scores, confidence))
    return Curve(name, unit, tuple(points), clean)


def _noising(
    noise: str | Distribution | Noising, domain: str, unit: str, options: dict[str, Any]
) -> tuple[Noising, str]:
    """Return a function that adds the noise, and the noise's name."""
    if callable(noise) and not isinstance(noise, str):
        if options:
            raise UsageError(f"{min(options)}: options go to add_noise, not to a function; bind them to it")
        return noise, getattr(noise, "__name__", type(noise).__name__)
    if domain not in _DOMAINS:
        raise UsageError(f"domain={domain!r}: expected {', '.join(_DOMAINS)}{nearest(str(domain), _DOMAINS)}")
    if unit not in _UNITS:
        raise UsageError(f"unit={unit!r}: expected {', '.join(_UNITS)}{nearest(str(unit), _UNITS)}")
    add_noise = import_module(f"augkit.{domain}").add_noise

    def added(data: Any, level: float, seed: int) -> Any:
        return add_noise(data, noise, **{unit: level}, rng=seed, **options)

    return added, str(noise)
