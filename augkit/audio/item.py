"""One audio file, opened once and written with noise any number of times: its outputs and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from augkit.audio.bursts.spec import parse_bursts
from augkit.audio.decide import Plan, count_beyond, decide
from augkit.audio.formats import Container, Recording, sndfile
from augkit.audio.formats.coding import Coding
from augkit.audio.formats.floats import as_float
from augkit.audio.loudness import GEOMETRIC, Definition, Place
from augkit.audio.mix import Grid
from augkit.audio.noises import NOTHING, Room
from augkit.audio.options import AudioOptions, color_at
from augkit.audio.render import UNCHANGED, UNKNOWN, Levels, Rendering, measured_by
from augkit.audio.saved import check_exact, save_clean, save_noise
from augkit.audio.task import OnClip, OnSilence, Task, Wish, task_for
from augkit.errors import InputError
from augkit.level import Level
from augkit.noise.keys import Key
from augkit.outcome import Outcome, missed
from augkit.prefetch import ready_ahead
from augkit.unit_noise import noise_dtype
from augkit.writing import copied, writer

CLOSE_DB = 0.05
"""An SNR that is further off than this is told of in the row."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the path in front of what is wrong with the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__


class _Written(NamedTuple):
    """What one output became."""

    recording: Recording
    reached: Levels
    notices: tuple[str, ...]
    drawn: Mapping[str, Any] = NOTHING


class AudioItem(msgspec.Struct, frozen=True, eq=False):
    """One source, in the encoding that its outputs will have.

    Attributes
    ----------
    converted : bool
        Whether that is of another container than its own.
    source_crc32 : str or None
        The checksum of the source, where all of it was read.
    """

    recording: Recording
    container: Container
    options: AudioOptions
    notices: tuple[str, ...]
    converted: bool = False
    source_crc32: str | None = None

    def write(self, target: Path, key: Key, *, measure: bool, saved: Mapping[str, Path] = NOTHING) -> Outcome:
        """Write the noisy file to `target`; a lossy one is measured only where `measure` is True.

        Parameters
        ----------
        saved : mapping
            Where else to write what: "noise", what was added; "clean", the signal that it was added to.

        Raises
        ------
        InputError
            Where silence or clipping is an error, or for samples that the container cannot hold.
        """
        asked = self.options.asked
        drawn, definition = asked.draw(key.child("level")), self.options.definition(asked)
        with naming(self.recording.path):
            if saved:
                check_exact(self.recording.encoding)
            if self.recording.frames:
                written = self._written(target, drawn, definition, key, measure=measure, saved=saved)
            else:
                copied(self.recording.path, target)
                self._save(saved, self.recording, None)
                written = _Written(self.recording, dict(UNKNOWN), ())
        recorded = self.options.backgrounds is not None
        return Outcome(
            noise="background" if recorded else str(self.options.law()),
            requested=self._requested(asked, definition),
            drawn={drawn.kind: drawn.value, **written.drawn},
            color=None if recorded else str(color_at(self.options.color, None)),
            achieved={"snr_definition": measured_by(definition).name, **written.reached},
            format=_format(written.recording),
            notices=(*self.notices, *written.notices),
        )

    def _requested(self, asked: Level, definition: Definition) -> dict[str, Any]:
        requested: dict[str, Any] = {asked.kind: str(asked)}
        if asked.kind == "snr_db":
            requested["snr_definition"] = definition.name
            if self.options.snr_ignore_dc:
                requested["snr_ignore_dc"] = True
        if self.options.backgrounds is not None and self.options.bursts is None:
            requested["backgrounds_at_once"] = str(self.options.backgrounds_at_once)
        if self.options.bursts is not None:
            requested["bursts"] = str(parse_bursts(self.options.bursts))
        return requested

    def save_unchanged(self, saved: Mapping[str, Path]) -> None:
        """Write what is saved beside an output that is the unchanged source: no noise, and that source."""
        with naming(self.recording.path):
            check_exact(self.recording.encoding)
            self._save(saved, self.recording, None)

    def _save(self, saved: Mapping[str, Path], recording: Recording, rendering: Rendering | None) -> tuple[str, ...]:
        if "clean" in saved:
            same = rendering is None or (rendering.keeps_signal and recording is self.recording and not self.converted)
            save_clean(recording, self.container, None if same else rendering, saved["clean"])
        return save_noise(recording, rendering, saved["noise"]) if "noise" in saved else ()

    def _written(
        self,
        target: Path,
        drawn: Level,
        definition: Definition,
        key: Key,
        *,
        measure: bool,
        saved: Mapping[str, Path],
    ) -> _Written:
        recording = self.recording
        notices: tuple[str, ...] = ()
        task, plan, chosen = self._decided(recording, drawn, definition, key)
        if task.wish.on_clip == "float" and task.grid.limits is not None:
            beyond = count_beyond(task, plan)
            if beyond:
                recording = as_float(recording, self.container)
                notices += recording.notices[len(self.recording.notices) :]
                notices += (f"{beyond} samples would be clipped; written as {recording.encoding.subtype}",)
                task, plan, chosen = self._decided(recording, drawn, definition, key)
        notices += plan.notices
        if plan.gains.are_zero and task.wish.is_relative and not self.converted:
            copied(recording.path, target)
            self._save(saved, recording, None)
            return _Written(recording, dict(UNCHANGED), notices, chosen)
        rendering = Rendering(task, plan, measures=True)
        blocks = rendering.blocks()
        if recording.frames > task.pair.step:  # a codec takes longer than the noise, and lets others work
            blocks = ready_ahead(blocks)
        with writer(target) as file:
            self.container.write(recording, blocks, file)
        reached = _reached(rendering, recording.encoding.coding, target if measure else None)
        notices += tuple(self._losses(recording, task, plan, reached))
        if saved:
            notices += self._save(saved, recording, Rendering(task, plan, measures=False))
        return _Written(recording, reached, notices, chosen)

    def _decided(
        self, recording: Recording, drawn: Level, definition: Definition, key: Key
    ) -> tuple[Task, Plan, Mapping[str, Any]]:
        options, encoding = self.options, recording.encoding
        grid = _grid(encoding.coding, options.on_clip)
        place = Place(encoding.channels, encoding.samplerate, grid.full_scale)
        room = Room(place, recording.frames, noise_dtype(grid.dtype), recording.path)
        made = options.kind(place.samplerate).made(key, room)
        wish = Wish(
            drawn,
            definition,
            options.snr_ignore_dc,
            cast(OnClip | None, options.on_clip),
            cast(OnSilence, options.on_silence),
            options.dither,
        )
        task = task_for(
            recording, made.noise, place, grid, wish,
            key=key, heard=made.heard, is_unrounded=recording.is_unrounded,
        )  # fmt: skip
        return task, decide(task, offset=True), made.drawn

    def _losses(self, recording: Recording, task: Task, plan: Plan, reached: Levels) -> Iterator[str]:
        encoding, snr_db, drawn = recording.encoding, reached["snr_db"], task.wish.level
        if self.options.dither is not None and encoding.coding.kind != "pcm":
            yield f"{encoding.subtype} samples are not rounded, so there is no dither"
        if plan.gains.whole < 1:
            yield f"signal and noise are attenuated by {-reached['gain_db']:.2f} dB, so that nothing is clipped"
        if encoding.coding.kind == "lossy":
            level = "not measured" if reached["std"] is None else "unknown" if snr_db is None else f"{snr_db:.2f} dB"
            yield f"{encoding.subtype} is lossy; SNR of what a decoder gets: {level}"
        elif plan.gains.are_zero:
            return
        elif drawn.kind == "snr_db" and task.wish.definition is not GEOMETRIC:
            yield from _missed(drawn.value, reached)
        else:
            yield from missed({drawn.kind: drawn.value}, reached)


def _missed(wanted: float, reached: Levels) -> Iterator[str]:
    got = reached["snr_db"]
    if not reached["std"]:
        yield f"all noise was rounded away: an SNR of {wanted:.4g} dB is beyond what these samples can hold"
    elif got is not None and abs(got - wanted) > CLOSE_DB:
        yield (
            f"SNR {got:.5g} dB was reached, not {wanted:.5g} dB, after saturation and rounding; "
            f"{reached['clipped']:.1%} of the samples are clipped"
        )


def _grid(coding: Coding, on_clip: str | None) -> Grid:
    """Return what a subtype can hold; floats have limits only where something is to happen there."""
    limits = coding.limits
    if coding.kind == "float" and on_clip not in (None, "float"):
        limits = (-1.0, 1.0)
    return Grid(np.dtype(coding.dtype), coding.full_scale, limits)


def _reached(rendering: Rendering, coding: Coding, written: Path | None) -> Levels:
    """Return what was reached: on the samples themselves where they are exact, or on those that a decoder gets."""
    if coding.kind != "lossy":
        return rendering.reached()
    if written is not None:
        return rendering.reached(sndfile.decode(written))
    told = rendering.reached()
    return {
        name: None if name in ("std", "psnr_db", "snr_db", "rms_snr_db", "channel_snr_db") else value
        for name, value in told.items()
    }


def _format(recording: Recording) -> dict[str, Any]:
    encoding = recording.encoding
    return {
        "name": encoding.major,
        "subtype": encoding.subtype,
        "endian": encoding.endian,
        "samplerate": encoding.samplerate,
        "channels": encoding.channels,
        "frames": recording.frames,
    } | ({} if encoding.valid_bits is None else {"valid_bits": encoding.valid_bits})
