"""The output, block by block, measured as it comes out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from augkit.audio.blocks import Block, Samples, Source, even, finite_or_none
from augkit.audio.decide import Plan
from augkit.audio.loudness import GEOMETRIC, RMS, Definition, Meter, Place, decibels
from augkit.audio.loudness.rms import ChannelPower
from augkit.audio.mix import Piece, added, attenuated, beyond, clip, held, scaled, summed, total
from augkit.audio.survey import Survey
from augkit.audio.task import Task
from augkit.errors import InputError

Levels = dict[str, Any]

UNCHANGED: Levels = {"snr_db": None, "std": 0.0, "psnr_db": None, "clipped": 0.0}
"""What is reached where nothing is added."""

UNKNOWN: Levels = {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}
"""What is reached where there is nothing to measure."""


def measured_by(wished: Definition) -> Definition:
    """Return how the SNR of an output is measured: rounded noise holds exact zeros, which have no geometric mean."""
    return RMS if wished is GEOMETRIC else wished


class _Mixed(NamedTuple):
    """One block: the output, and what is measured on it."""

    noisy: Samples
    signal: Block | None = None
    unit: Block | None = None
    noise: Block | None = None
    clipped: int = 0


class Rendering:
    """A signal with its noise, as decided.

    Parameters
    ----------
    measures : bool
        Whether the blocks are measured as they come out, for `reached`.
    """

    def __init__(self, task: Task, plan: Plan, *, measures: bool) -> None:
        self._task, self._plan, self._measures = task, plan, measures
        self._definition = measured_by(task.wish.definition)

    def _reset(self) -> None:
        place, plan, wished = self._task.pair.place, self._plan, self._task.wish.definition
        self._survey = plan.survey or Survey(wished, place, peaks=False, offset=False)
        self._unit: Meter | None = wished.noise(place) if plan.survey is None or plan.survey.foreseen else None
        self._measure_anew(place)
        self._clipped = self._samples = 0

    def _measure_anew(self, place: Place) -> None:
        self._noise: Meter = self._definition.noise(place)
        self._power = self._noise if isinstance(self._noise, ChannelPower) else ChannelPower(place)

    def _add_noise(self, block: Block) -> None:
        self._noise.add(block)
        if self._power is not self._noise:
            self._power.add(block)

    def blocks(self) -> Iterator[Samples]:
        """Yield the output; each call makes the same blocks anew.

        Raises
        ------
        InputError
            At the end, where samples were clipped and that is an error.
        """
        self._reset()
        if self._is_unchanged:
            yield from self._task.pair.source.blocks(self._task.pair.step)
            return
        for mixed in self._task.pair.walk(self._mixed):
            self._take(mixed)
            yield mixed.noisy
        self._check_clipped()

    @property
    def _is_unchanged(self) -> bool:
        """Whether the output holds the samples of the source."""
        return self._plan.gains.are_zero and not self._task.is_unrounded

    @property
    def keeps_signal(self) -> bool:
        """Whether the signal in the output has the level that it had."""
        return self._plan.gains.whole == 1

    @property
    def is_wide(self) -> bool:
        """Whether what was added to floats may take twice the bits of a sample, as it does where they are clipped."""
        return not self._task.grid.is_rounded and self._plan.may_clip

    def parts(self) -> Iterator[tuple[Samples, Samples, Samples]]:
        """Yield the signal at its gain, what was added to it, and the output, block by block, on the output's grid.

        What was added to floats is the noise whose sum with the signal was rounded; where that sum is clipped, and of
        integers, it is the difference.
        """
        yield from self._task.pair.walk(self._parted)

    def _parted(self, rows: slice, clean: Samples) -> tuple[Samples, Samples, Samples]:
        grid, gains = self._task.grid, self._plan.gains
        if self._is_unchanged:
            return clean, np.zeros(clean.shape, np.int64 if grid.is_rounded else clean.dtype), clean
        noisy, signal = self._mixed(rows, clean).noisy, attenuated(clean, gains, grid)
        if grid.is_rounded:
            return signal, np.subtract(noisy, signal, dtype=np.int64), noisy
        noise = np.broadcast_to(scaled(self._task.pair.noise.rows(rows), gains), clean.shape)
        with np.errstate(invalid="ignore"):
            if self.is_wide:
                noise = np.where(signal + noise == noisy, noise, np.subtract(noisy, signal, dtype=np.float64))
        return signal, np.where(np.isfinite(clean), noise, 0), noisy

    def whole(self) -> Samples:
        """Return the output in one piece, of shape (frames, channels), for a signal in memory.

        Where it is not measured, it takes the place of the noise, which is spent then.
        """
        self._reset()
        pair, dtype = self._task.pair, self._task.grid.dtype
        shape = pair.source.frames, pair.place.channels
        out = pair.noise.keep()
        if out is None or self._measures or (out.shape, out.dtype) != (shape, dtype):
            out = np.empty(shape, dtype)

        def write(rows: slice, clean: Samples) -> _Mixed:
            piece = out[rows]
            mixed = self._mixed(rows, clean, piece)
            if mixed.noisy is not piece:
                piece[:] = mixed.noisy
            return mixed

        for mixed in pair.walk(write):
            self._take(mixed)
        self._check_clipped()
        return out

    def _mixed(self, rows: slice, clean: Samples, out: Samples | None = None) -> _Mixed:
        task, plan = self._task, self._plan
        unit = task.pair.noise.rows(rows)
        is_whole = task.grid.is_rounded and plan.gains.whole == 1 and not task.is_unrounded
        if self._measures and is_whole and not plan.may_clip:
            noisy, noise = summed(clean, unit, plan.gains, task.grid, dither=task.dither_of(rows))
            return self._measured(rows, clean, unit, noisy, noise)
        place = out if out is not None and out.dtype == unit.dtype else None
        made = total(clean, unit, plan.gains, task.grid, dither=task.dither_of(rows), out=place)
        clipped = 0
        if plan.may_clip and task.grid.limits is not None:
            if self._measures or task.wish.on_clip == "error":
                clipped = int(np.count_nonzero(beyond(made, task.grid.limits)))
            clip(made, clean, task.grid.limits)
        noisy = held(made, task.grid)
        if not self._measures:
            return _Mixed(noisy, clipped=clipped)
        noise = added(noisy, clean, plan.gains, made.dtype)
        return self._measured(rows, clean, unit, noisy, noise)._replace(clipped=clipped)

    def _measured(self, rows: slice, clean: Samples, unit: Piece, noisy: Samples, noise: Piece) -> _Mixed:
        pair = self._task.pair
        signal = pair.block(clean)
        block = pair.noise_block(rows, noise, signal.finite)
        before = None if self._unit is None else pair.noise_block(rows, unit, signal.finite)
        _ = block.squares, before and before.squares  # taken here, where there are threads
        return _Mixed(noisy, signal, before, block)

    def _take(self, mixed: _Mixed) -> None:
        self._clipped += mixed.clipped
        self._samples += mixed.noisy.size
        if mixed.noise is not None:
            self._add_noise(mixed.noise)
        if mixed.signal is not None and self._plan.survey is None:
            self._survey.add_signal(mixed.signal)
        if mixed.unit is not None and self._unit is not None:
            self._unit.add(mixed.unit)

    def _check_clipped(self) -> None:
        if self._clipped and self._task.wish.on_clip == "error":
            level = self._task.wish.level
            raise InputError(
                f"{self._clipped / self._samples:.2%} of the samples reach full scale at {level.kind}={level}; "
                "lower the level or the signal, or give on_clip='clip' or 'attenuate'"
            )

    def reached(self, decoded: Source | None = None) -> Levels:
        """Return what was reached by the blocks that came out, or by what a decoder of the output gets.

        Returns
        -------
        dict
            ``snr_db`` and ``snr_definition``, which names what it is; ``snr_db_before_clipping``, by the definition
            that was asked for; ``std``, ``psnr_db`` and ``clipped``; and, where they tell more, ``gain_db`` (of signal
            and noise together), ``rms_snr_db``, ``channel_snr_db`` and ``geometric_snr_db``. Of bursts all this is
            told where they sound; ``burst_share`` is the share of the recording in which they do, and
            ``overall_snr_db`` the SNR with what lies between them. None for what is infinite or unknown.
        """
        if decoded is not None:
            self._measure(decoded)
        elif self._is_unchanged:
            return dict(UNCHANGED)
        gains, survey, full_scale = self._plan.gains, self._survey, self._task.grid.full_scale
        power, signal = float(self._power.whole()[0]), self._survey.signal.level()
        ratios = self._definition.ratio(signal * gains.whole**2, self._noise.level())
        wished = self._task.wish.definition
        unit = (self._unit or survey.noise).level()
        before = decibels(wished.ratio(signal, unit * np.square(gains.noise)))
        levels: Levels = {
            "snr_definition": self._definition.name,
            "snr_db": decibels(ratios),
            "snr_db_before_clipping": before,
            "std": math.sqrt(power) / full_scale if math.isfinite(power) else None,
            "psnr_db": decibels(np.array([full_scale**2 / power])) if 0 < power < math.inf else None,
            "clipped": self._clipped / max(self._samples, 1),
        }
        if gains.whole < 1:
            levels["gain_db"] = 20 * math.log10(gains.whole)
        if wished is GEOMETRIC:
            levels["geometric_snr_db"] = before
        elif self._definition is not RMS:
            levels["rms_snr_db"] = decibels(RMS.ratio(survey.energy.whole() * gains.whole**2, self._power.whole()))
        heard = self._task.pair.heard
        if heard is not None:
            share = heard.heard_frames / self._task.pair.source.frames
            overall = RMS.ratio(survey.energy.whole() * gains.whole**2, self._power.whole() * share)
            levels |= {"burst_share": share, "overall_snr_db": decibels(overall)}
        if len(gains.noise) > 1:
            levels["channel_snr_db"] = [decibels(ratio[np.newaxis]) for ratio in ratios]
        return levels

    def _measure(self, decoded: Source) -> None:
        """Measure the noise anew, on the samples that a decoder gets of a lossy output."""
        place, pair = self._task.pair.place, self._task.pair
        self._measure_anew(place)
        pair_of_blocks = (even(source.blocks(pair.step), pair.step) for source in (pair.source, decoded))
        end = 0
        for clean, noisy in zip(*pair_of_blocks, strict=False):
            frames = min(len(clean), len(noisy))
            begin, end = end, end + frames
            finite = finite_or_none(clean[:frames])
            noise = added(noisy[:frames], clean[:frames], self._plan.gains, np.dtype(np.float64))
            block = pair.noise_block(slice(begin, end), noise, finite)
            self._add_noise(block)
            if self._plan.gains.are_zero and self._plan.survey is None:
                self._survey.add_signal(pair.block(clean[:frames]))
