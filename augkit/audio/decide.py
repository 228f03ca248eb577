"""How much noise: the gains at which a signal and its noise stand as was asked for, in as few passes as that takes."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from augkit.audio.blocks import Block, Powers, Samples, finite_or_none, short
from augkit.audio.loudness import GEOMETRIC, Meter
from augkit.audio.mix import Gains, Grid, added, beyond, clip, held, total
from augkit.audio.solve import Measured, solve
from augkit.audio.survey import Survey
from augkit.audio.task import Task, Wish
from augkit.errors import InputError

REFERENCE_DB = -26.0
"""The level below full scale that a silent signal is taken to have: the nominal level of speech (ITU-T P.56, G.191)."""

LARGE_OFFSET = 0.1
"""The share of the signal's power from which a DC offset is told of: it raises the SNR by half a dB."""

_COARSE = 16.0**2
"""Noise power, in squared steps, from which what rounding adds is known to less than 0.01 dB."""

_ROUNDED, _DITHERED = 1 / 12, 1 / 4
"""What rounding adds, in squared steps, without dither and with."""


class Plan(msgspec.Struct, frozen=True, eq=False):
    """What was decided.

    Attributes
    ----------
    gains : Gains
        Of the noise, and of the whole.
    may_clip : bool
        Whether samples may lie beyond the limits.
    survey : Survey or None
        What was measured for it; None where nothing had to be.
    notices : tuple of str
        What was found on the way.
    """

    gains: Gains
    may_clip: bool
    survey: Survey | None = None
    notices: tuple[str, ...] = ()


def decide(task: Task, *, offset: bool = False) -> Plan:
    """Decide on the gains.

    Parameters
    ----------
    offset : bool
        Whether to look for a large DC offset.

    Raises
    ------
    InputError
        For silence where it is an error, noise without power, and samples whose power is no number.
    """
    survey, notices = None, []
    heard = task.pair.heard
    if heard is not None and not heard.heard_frames:
        return Plan(
            Gains(np.zeros(1)), task.is_unrounded, None, ("no burst falls into the recording, so it gets no noise",)
        )
    if task.wish.is_relative or (task.wish.level.kind == "std" and task.pair.noise.std is None):
        limited = task.grid.limits is not None
        survey = Survey(task.wish.definition, task.pair.place, peaks=limited, offset=offset).run(task.pair)
        if offset and task.wish.counts_offset:
            notices += _offset(survey)
    gains = Gains(short(_first_gains(task, survey, notices)))
    if gains.are_zero and not task.is_unrounded:
        return Plan(gains, False, survey, tuple(notices))
    may_clip = _reaches_limits(task.grid, gains, survey)
    if may_clip and task.wish.on_clip == "attenuate":
        gains = _attenuated(task, gains)
        may_clip = gains.whole < 1
    if survey is not None and task.wish.is_relative and task.wish.definition is not GEOMETRIC and not gains.are_zero:
        gains = _solved(task, gains, survey, may_clip=may_clip)
        may_clip = may_clip and _reaches_limits(task.grid, gains, survey)
    return Plan(gains, may_clip, survey, tuple(notices))


def count_beyond(task: Task, plan: Plan) -> int:
    """Return how many samples lie beyond the limits, without writing any."""
    if not plan.may_clip or task.grid.limits is None:
        return 0
    return int(_effects(task, plan.gains, may_clip=True)[2].sum())


def _offset(survey: Survey) -> list[str]:
    share = survey.offset_share
    if share < LARGE_OFFSET:
        return []
    return [f"a DC offset makes up {share:.0%} of the signal's power and counts; snr_ignore_dc leaves it out"]


def _first_gains(task: Task, survey: Survey | None, notices: list[str]) -> Powers:
    """Return the gains before limits and rounding are thought of."""
    level, full_scale, std = task.wish.level, task.grid.full_scale, task.pair.noise.std
    if survey is None:
        unit = 1.0 if level.kind == "scale" or std is None else std
        return np.array([level.value * full_scale / unit])
    if not any(survey.energy.counts.tolist()):
        notices.append("no sample is a finite number, so there is nothing to add noise to")
        return np.zeros(1)
    if not any(survey.noise_power(1).tolist()):
        raise InputError("the noise is silent, so it cannot have a level; choose another")
    if level.kind == "std":
        return level.value * full_scale / np.sqrt(survey.noise_power(1))
    ratio = 10 ** (level.value / 10)
    if level.kind == "psnr_db":
        return full_scale / np.sqrt(ratio * survey.noise_power(1))
    return _gains_for_snr(task, survey, ratio, notices)


def _gains_for_snr(task: Task, survey: Survey, ratio: float, notices: list[str]) -> Powers:
    definition, signal = task.wish.definition, survey.signal.level()
    if not all(map(math.isfinite, signal.tolist())):
        raise InputError("samples so large that their power is no number are no audio; restore the file")
    gains = definition.gain(signal, survey.noise_level(), ratio)
    silent = np.isnan(definition.ratio(signal, np.ones_like(signal)))
    if not any(silent.tolist()) and all(gains.tolist()):
        return gains
    mute = ~silent & (gains == 0)
    if mute.any():
        notices.append(f"the noise is silent in {_named(mute)}, so that stays clean")
    if not silent.any():
        return gains
    which = "the signal" if silent.all() else _named(silent)
    wanted = f"snr_db={task.wish.level}"
    if task.wish.on_silence == "error":
        raise InputError(f"{which} is silent, so {wanted} cannot be met; give std or scale, or another on_silence")
    if task.wish.on_silence == "skip":
        notices.append(f"{which} is silent, so {wanted} cannot be met; left without noise")
        return np.where(silent, 0.0, gains)
    notices.append(f"{which} is silent; noise as if it stood at {REFERENCE_DB:g} dB of full scale")
    reference = 10 ** (REFERENCE_DB / 10) * task.grid.full_scale**2
    power = survey.noise.level() if definition is GEOMETRIC else survey.noise_power(len(gains))
    return np.where(silent, np.sqrt(reference / ratio / power), gains)


def _named(channels: NDArray[np.bool_]) -> str:
    return f"channel {', '.join(map(str, np.flatnonzero(channels) + 1))}"


def _reaches_limits(grid: Grid, gains: Gains, survey: Survey | None) -> bool:
    """Return whether a sample may come to lie beyond the limits, judged by the peaks alone."""
    if grid.limits is None:
        return False
    if survey is None or survey.peaks is None:
        return True
    signal, noise = survey.peaks.signal, survey.peaks.noise
    largest, slack = max(gains.noise.tolist()), 2.0 if grid.is_rounded else 0.0
    within = (
        gains.whole * (signal[0] + largest * noise[0]) >= grid.limits[0] + slack
        and gains.whole * (signal[1] + largest * noise[1]) <= grid.limits[1] - slack
    )
    return not within


def _attenuated(task: Task, gains: Gains) -> Gains:
    """Return the gains with the whole so small that no sample lies beyond the limits."""
    unrounded = replace(task.grid, dtype=np.dtype(np.float64))

    def extremes(rows: slice, clean: Samples) -> tuple[float, float]:
        made = total(clean, task.pair.noise.rows(rows), gains, unrounded)
        made = made[np.isfinite(made)]
        return float(made.min(initial=0)), float(made.max(initial=0))

    found = list(task.pair.walk(extremes))
    low, high = min(one for one, _ in found), max(other for _, other in found)
    limits = task.grid.limits or (-math.inf, math.inf)
    whole = min(1.0, limits[0] / low if low < 0 else 1.0, limits[1] / high if high > 0 else 1.0)
    return replace(gains, whole=math.floor(whole * 2**24) / 2**24)


def _solved(task: Task, gains: Gains, survey: Survey, *, may_clip: bool) -> Gains:
    """Return the gains at which the noise has its level after clipping and rounding, by the definition of the SNR."""
    clips = may_clip and task.wish.on_clip == "clip"
    if not clips and task.grid.dtype.kind == "f" and task.grid.dtype != np.float16:
        return gains
    floor = 0.0 if not task.grid.is_rounded else _ROUNDED if task.dither is None else _DITHERED
    powers = survey.noise_power(len(gains.noise)).tolist()  # there are few: numbers are quicker than arrays
    scaled = (gains.noise * gains.whole).tolist()
    wished = [gain * gain * power for gain, power in zip(scaled, powers, strict=True)]
    begun = [
        math.sqrt(max(one - floor, one / 16) / power) / gains.whole if one > 0 else 0.0
        for one, power in zip(wished, powers, strict=True)
    ]
    begin, wanted = np.array(begun), np.array(wished)
    coarse = task.grid.dtype == np.float16 or (task.grid.is_rounded and any(0 < one < _COARSE for one in wished))
    if not clips and not coarse:
        return replace(gains, noise=short(begin))

    level = survey.signal.level() * gains.whole**2
    by_power = survey.noise is survey.power or task.wish.level.kind != "snr_db" or not level.any()

    def measure(tried: Powers) -> Measured:
        meter = None if by_power else task.wish.definition.noise(task.pair.place)
        at = replace(gains, noise=short(tried))
        power, moving, clipped, count = _effects(task, at, may_clip=may_clip, meter=meter)
        count = np.maximum(count, 1)
        found = Measured(power / count, moving / count, clipped / count)
        return found if meter is None else _of_definition(found, wanted, task.wish, level, meter.level())

    return replace(gains, noise=short(solve(measure, wanted, begin, gains.noise)))


def _of_definition(found: Measured, wanted: Powers, wish: Wish, signal: Powers, noise: Powers) -> Measured:
    """Return what was measured with the power that stands to the one wanted as the definition's noise levels do."""
    power = wanted * (10 ** (wish.level.value / 10) / wish.definition.ratio(signal, noise))
    power = np.where(np.isfinite(power), power, 0.0)
    moving = power * np.divide(found.moving, found.power, out=np.zeros_like(power), where=found.power > 0)
    return Measured(power, moving, found.clipped)


def _effects(task: Task, gains: Gains, *, may_clip: bool, meter: Meter | None = None) -> NDArray[np.float64]:
    """Walk through both, to see what gains lead to; `meter` takes in what was added.

    Returns
    -------
    ndarray, shape (4, 1) or (4, channels)
        Of what was added the sum of squares, the part of it that moves with the gain, the number of clipped samples
        and the number of all.
    """
    sums: Any = 0.0

    def effect(rows: slice, clean: Samples) -> tuple[NDArray[np.float64], Block]:
        made = total(clean, task.pair.noise.rows(rows), gains, task.grid, dither=task.dither_of(rows))
        finite, over = finite_or_none(clean), None
        if may_clip and task.grid.limits is not None:
            over = beyond(made, task.grid.limits)
            clip(made, clean, task.grid.limits)
        noise = task.pair.noise_block(rows, added(held(made, task.grid), clean, gains, made.dtype), finite)
        if over is None or not over.any():
            return np.stack([noise.squares, noise.squares, np.zeros(len(noise.counts)), noise.counts]), noise
        moving = Block(np.where(over, 0, noise.samples), noise.finite)
        return np.stack([noise.squares, moving.squares, np.add.reduce(over, axis=0), noise.counts]), noise

    for found, noise in task.pair.walk(effect):
        sums = sums + found
        if meter is not None:
            meter.add(noise)
    return sums if len(gains.noise) > 1 else np.add.reduce(sums, axis=1, keepdims=True)
