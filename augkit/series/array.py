"""Noise on arrays of sensor values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError, nearest
from augkit.level import Level, LevelLike, check_level, one_level
from augkit.noise.colour import Color, ColorLike, as_color
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.keys import Key, Rng, as_key
from augkit.series.noised import NoSpreadError, add_to_column, clipped, levels

Array: TypeAlias = NDArray[Any]

_UNITS = {"std": "sd", "mad": "mad", "range": "range", "diff": "diff"}


@overload
def add_noise(
    values: Array,
    noise: str | Distribution = ...,
    *,
    std: LevelLike | None = ...,
    scale: LevelLike | None = ...,
    snr_db: LevelLike | None = ...,
    relative_to: str | None = ...,
    color: ColorLike = ...,
    rng: Rng = ...,
) -> Array: ...


@overload
def add_noise(
    values: Sequence[Array],
    noise: str | Distribution = ...,
    *,
    std: LevelLike | None = ...,
    scale: LevelLike | None = ...,
    snr_db: LevelLike | None = ...,
    relative_to: str | None = ...,
    color: ColorLike = ...,
    rng: Rng = ...,
) -> list[Array]: ...


def add_noise(
    values: Array | Sequence[Array],
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    relative_to: str | None = None,
    color: ColorLike = "white",
    rng: Rng = None,
) -> Array | list[Array]:
    """Add noise to each column of a series.

    Parameters
    ----------
    values : ndarray of shape (rows,) or (rows, columns), or a list of such
        Floats of 16, 32 or 64 bits, or integers. What is not finite stays as it is and is left out of all statistics.
        A list is a batch: each item has noise of its own.
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
    rng : None, int, SeedSequence or Generator
        As SPEC 7 has it. The noise of a column depends on its position only, not on the other columns.

    Returns
    -------
    ndarray, or a list of such
        Of the same shape and dtype; integers are rounded and saturate at the ends of their type.

    Raises
    ------
    UsageError
        For levels, laws, types or shapes that cannot mean anything.

    Warns
    -----
    UserWarning
        For a column that a relative level has no meaning for, as it is constant; it gets no noise.
    """
    noisy: Array | list[Array]
    noisy, _ = add_noise_with_info(
        values, noise, std=std, scale=scale, snr_db=snr_db, relative_to=relative_to, color=color, rng=rng
    )
    return noisy


def add_noise_with_info(
    values: Array | Sequence[Array],
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    relative_to: str | None = None,
    color: ColorLike = "white",
    rng: Rng = None,
) -> tuple[Any, Any]:
    """Add noise as `add_noise` does, and say what was reached.

    Returns
    -------
    noisy : ndarray, or a list of such
    info : dict, or a list of such
        ``columns``: for each column its ``std`` (in its own unit), ``snr_db`` (on its AC power), ``scale`` of the law
        and, for laws of infinite variance, ``geometric_snr_db``; ``std`` and ``snr_db`` where there is one column;
        ``clipped``: share of the values that the noise moved onto an end of their integer type.
    """
    law = as_distribution(noise)
    level = _level(one_level(std=std, scale=scale, snr_db=snr_db), relative_to)
    check_level(law, level)
    spectrum = as_color(color)
    key = as_key(rng)
    if not isinstance(values, list | tuple):
        return _add(_checked(values), law, level, key, spectrum)
    items = [_checked(item) for item in values]
    made = [_add(item, law, level, key.child("item", index), spectrum) for index, item in enumerate(items)]
    return [noisy for noisy, _ in made], [info for _, info in made]


def _level(level: Level, relative_to: str | None) -> Level:
    if relative_to is None:
        return level
    if relative_to not in _UNITS:
        known = ", ".join(map(repr, _UNITS))
        raise UsageError(f"relative_to={relative_to!r}: expected None, {known}{nearest(relative_to, _UNITS)}")
    if level.unit or level.kind == "snr_db":
        raise UsageError(f"relative_to={relative_to!r} together with {level.kind}={level}: give one of the two")
    return Level(level.kind, level.values, level.choice, _UNITS[relative_to])


def _checked(values: Any) -> Array:
    if not isinstance(values, np.ndarray):
        raise UsageError(f"expected a NumPy array (or a list of arrays), got {type(values).__name__}; convert it first")
    if values.dtype.kind not in "iuf" or values.dtype.itemsize > 8:
        raise UsageError(f"dtype {values.dtype}: expected integers, or floats of 16, 32 or 64 bits")
    if values.ndim not in (1, 2):
        raise UsageError(f"shape {values.shape}: expected (rows,) or (rows, columns); a batch is a list of arrays")
    return values


def _add(values: Array, law: Distribution, level: Level, key: Key, color: Color) -> tuple[Array, dict[str, Any]]:
    level = level.draw(key.child("level"))
    noisy = np.array(values, subok=False)
    clean_table = values.reshape(values.shape[0], -1) if values.size else values.reshape(0, 0)
    columns, moved = dict[int, dict[str, float | None]](), 0
    for position in range(clean_table.shape[1]):
        clean = clean_table[:, position]
        try:
            made = add_to_column(clean, law, level, key.child("column", position), color)
        except NoSpreadError as error:
            warnings.warn(f"column {position} gets no noise from {level.kind}={level}: {error}", stacklevel=4)
            continue
        noisy[(slice(None), position) if noisy.ndim > 1 else slice(None)] = made.values
        columns[position] = levels(clean, made.values) | {"scale": made.scale}
        if made.geometric_snr_db is not None:
            columns[position]["geometric_snr_db"] = made.geometric_snr_db
        moved += clipped(clean, made.values)
    only = columns[0] if clean_table.shape[1] == 1 and columns else {}
    info = {"std": only.get("std"), "snr_db": only.get("snr_db"), "columns": columns}
    return noisy, {**info, "clipped": moved / max(values.size, 1)}
