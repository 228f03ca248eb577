"""Noise on series in memory: arrays, and tables of pandas, polars and Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from augkit.errors import UsageError, nearest
from augkit.level import Level, LevelLike, check_level, one_level
from augkit.noise.colour import ColorLike, as_color
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.mixing import ChannelsLike, as_channels
from augkit.noise.rng import Rng
from augkit.series.asked import Treatment
from augkit.series.calls import names, noisy, noisy_with_info, over, pairs
from augkit.series.converter import as_converter
from augkit.unit_noise import checked_threads

SeriesT = TypeVar("SeriesT")

_UNITS = {"std": "sd", "mad": "mad", "range": "range", "diff": "diff"}


def add_noise(
    values: SeriesT,
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    relative_to: str | None = None,
    color: ColorLike = "white",
    channels: ChannelsLike = "independent",
    multiplicative: bool = False,
    range: str | Sequence[float] | None = None,  # noqa: A002
    step: float | None = None,
    columns: str | Sequence[str] = (),
    exclude_columns: str | Sequence[str] = (),
    group_by: Any = None,
    threads: int = 1,
    rng: Rng = None,
) -> SeriesT:
    """Add noise to each column of a series.

    Parameters
    ----------
    values : ndarray, DataFrame, Series or Arrow table, or a list of such
        An array has the shape (rows,) or (rows, columns), and holds integers, or floats of 16, 32 or 64 bits. Of a
        table of pandas, polars or Arrow the columns of numbers get noise, but for those that are times, ids, labels or
        booleans by their names and values. What is not finite, or empty, stays as it is and is left out of all
        statistics. A list is a batch: each item has noise of its own.
    noise : str or Distribution
        The law, such as ``"student-t:df=3"``.
    std, scale, snr_db : number, text or list
        The level; exactly one is given. `std` and `scale` are in the unit of the values, or in that of `relative_to`;
        a unit may also be written with the number (``"0.1sd"``). `snr_db` is about the AC power of each column (its
        mean removed), and about the geometric SNR for laws of infinite variance. A range (``"0.05..0.2"``) or a list is
        drawn from once for each item.
    relative_to : None, "std", "mad", "range" or "diff"
        What a level of 1 means: 1 in the unit of the values, the column's standard deviation, its MAD (scaled to the
        standard deviation of a Gaussian), its range, or the MAD of its first differences over sqrt 2.
    color : str or number
        The spectrum of the noise: "white", "pink", "brown", "blue", "violet", the exponent of a density
        ``f ** -exponent`` from -2 to 2 (1 is pink), with its slope from one period in the length up; or ``"ar:0.9"``
        for AR(1). The law is that of the innovations.
    channels : {"independent", "shared"}, float or matrix
        How the columns of a row share their noise: a number is the correlation of every two of them, a matrix of shape
        (columns, columns) that of each two. With their levels it gives the covariance that is asked for; for infinite
        variance it is the scatter matrix, of vectors whose every column has the law itself.
    multiplicative : bool
        Whether noise is a share of each value, ``x + x * std * z``; `std` or `scale` is then that share.
    range, step : text or two numbers, number
        The converter behind the sensor: noisy values are clipped to the range (``"-2..2"``), then rounded to the step,
        counted from the lower end, or from 0 without a range.
    columns, exclude_columns : str or list of str
        Columns to get noise, or none: names, positions or globs. A name or a position also picks a column that would be
        left alone by itself.
    group_by : str or array of shape (rows,)
        A column, or labels of the rows: each of their values has a scale and a noise of its own.
    threads : int
        Threads for white noise on a large series, or for the items of a batch; the noise is the same for any number.
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it. The noise of a column depends on its name (in an array, its position) only, not on the other
        columns; but for correlations that are negative, a matrix, or of a law without variance.

    Returns
    -------
    The same kind of object, of the same shape, index, column order and types
        Integers are rounded and saturate at the ends of their type.

    Raises
    ------
    UsageError
        For levels, laws, types or shapes that cannot mean anything.
    InputError
        For columns that are not there, or hold no numbers.

    Warns
    -----
    UserWarning
        For a column that a relative level has no meaning for, as it is constant; it gets no noise.
    """
    treatment = _treatment(
        noise,
        std=std,
        scale=scale,
        snr_db=snr_db,
        relative_to=relative_to,
        color=color,
        channels=channels,
        multiplicative=multiplicative,
        range_=range,
        step=step,
        columns=columns,
        exclude_columns=exclude_columns,
        group_by=group_by,
        threads=threads,
    )
    return cast(SeriesT, over(values, treatment, rng, noisy))


def add_noise_with_info(
    values: SeriesT,
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    relative_to: str | None = None,
    color: ColorLike = "white",
    channels: ChannelsLike = "independent",
    multiplicative: bool = False,
    range: str | Sequence[float] | None = None,  # noqa: A002
    step: float | None = None,
    columns: str | Sequence[str] = (),
    exclude_columns: str | Sequence[str] = (),
    group_by: Any = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[SeriesT, Any]:
    """Add noise as `add_noise` does, and say what was reached.

    Returns
    -------
    noisy : the same kind of object
    info : dict, or a list of such
        ``columns``: for each column its ``std`` (in its own unit), ``snr_db`` (on its AC power), ``scale`` of the law
        and, for laws of infinite variance, ``geometric_snr_db``; ``std`` and ``snr_db`` where there is one column;
        ``clipped``: share of the values that the noise moved onto an end of their integer type; ``left``: why the other
        columns of a table are as they were.
    """
    treatment = _treatment(
        noise,
        std=std,
        scale=scale,
        snr_db=snr_db,
        relative_to=relative_to,
        color=color,
        channels=channels,
        multiplicative=multiplicative,
        range_=range,
        step=step,
        columns=columns,
        exclude_columns=exclude_columns,
        group_by=group_by,
        threads=threads,
    )
    return pairs(over(values, treatment, rng, noisy_with_info))


def _treatment(
    noise: str | Distribution,
    *,
    std: LevelLike | None,
    scale: LevelLike | None,
    snr_db: LevelLike | None,
    relative_to: str | None,
    color: ColorLike,
    channels: ChannelsLike,
    multiplicative: bool,
    range_: str | Sequence[float] | None,
    step: float | None,
    columns: str | Sequence[str],
    exclude_columns: str | Sequence[str],
    group_by: Any,
    threads: int,
) -> Treatment:
    law = as_distribution(noise)
    level = _level(one_level(std=std, scale=scale, snr_db=snr_db), relative_to)
    check_level(law, level)
    if multiplicative and (level.unit or level.kind == "snr_db"):
        raise UsageError(f"multiplicative noise with {level.kind}={level}: give std or scale, a share of each value")
    return Treatment(
        law=law,
        level=level,
        color=as_color(color),
        channels=as_channels(channels),
        multiplicative=multiplicative,
        converter=as_converter(range_, step),
        columns=names(columns),
        exclude_columns=names(exclude_columns),
        group_by=group_by,
        threads=checked_threads(threads),
    )


def _level(level: Level, relative_to: str | None) -> Level:
    if relative_to is None:
        return level
    if relative_to not in _UNITS:
        known = ", ".join(map(repr, _UNITS))
        raise UsageError(f"relative_to={relative_to!r}: expected None, {known}{nearest(relative_to, _UNITS)}")
    if level.unit or level.kind == "snr_db":
        raise UsageError(f"relative_to={relative_to!r} together with {level.kind}={level}: give one of the two")
    return Level(level.kind, level.values, level.choice, _UNITS[relative_to])
