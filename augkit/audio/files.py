"""Audio files as folder runs see them: opened once, written with noise any number of times."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augkit.achieved import achieved
from augkit.audio.formats import CONTAINERS, Container, Recording, by_suffix, load, sndfile
from augkit.audio.formats.coding import CODINGS, Samples, recode
from augkit.audio.formats.convert import convert
from augkit.audio.options import AudioOptions, color_at
from augkit.errors import InputError
from augkit.level import Level
from augkit.noise.keys import Key
from augkit.outcome import FormatInfo, Outcome, missed
from augkit.perturb import Perturbed, perturb
from augkit.signal import Signal

Levels = dict[str, float | None]

_UNKNOWN: Levels = {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}

_ABSURD = 1e12
"""Floats far above any recording, even one scaled as 32-bit integers; their powers would overflow."""


def suffixes() -> Sequence[str]:
    """Return the suffixes of audio that can be read and written back."""
    return [suffix for container in CONTAINERS for suffix in container.info.suffixes]


def formats() -> Sequence[FormatInfo]:
    """Return what each container keeps."""
    return [container.info for container in CONTAINERS]


def output_suffix(suffix: str, options: AudioOptions) -> str:
    """Return the suffix of the output: the source's own, unless another format was asked for."""
    source, target = by_suffix(suffix), _chosen(options)
    return suffix if target is None or target is source else f".{_word(options)}"


def _chosen(options: AudioOptions) -> Container | None:
    return None if options.format is None else by_suffix(f".{_word(options)}")


def _word(options: AudioOptions) -> str:
    return (options.format or "").lower().lstrip(".")


def open_item(path: Path, options: AudioOptions) -> AudioItem:
    """Decode a file and everything in it that its container keeps.

    Raises
    ------
    InputError
        If it is no regular file, of no known format, broken, cut short, or cannot be written back faithfully.
    """
    with _named(path):
        _check_regular(path)
        named = by_suffix(path.suffix)
        recording, found = load(path)
        target = _chosen(options) or found
        notices: tuple[str, ...] = ()
        if found is not named:
            notices += (f"the content is {found.info.name} although the name says {named.info.name}",)
        if target is not found:
            recording = convert(recording, target)
        notices += recording.notices + tuple(_oddities(recording))
    return AudioItem(recording, target, options, notices)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the path in front of what is wrong with the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error.__cause__


def _check_regular(path: Path) -> None:
    """Raise `InputError` for what holds no audio, before it is opened: opening a pipe waits for a writer."""
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"cannot be reached: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError("expected a regular file, got a folder, pipe or device")
    if not status.st_size:
        raise InputError("expected an audio file, got one of 0 bytes; restore it from its source")


def _oddities(recording: Recording) -> Iterator[str]:
    """Say what noise cannot treat as it treats the rest; raise `InputError` where a codec would spread it."""
    samples, encoding = recording.samples, recording.encoding
    if not samples.size:
        yield "the file holds no frames; written unchanged"
    if encoding.coding.kind == "pcm":
        return
    broken = samples.size - int(np.count_nonzero(np.isfinite(samples)))
    if broken and encoding.coding.kind == "lossy":
        raise InputError(f"{broken} decoded samples are not finite; restore the file from its source")
    largest = float(np.abs(samples[np.isfinite(samples)] if broken else samples).max(initial=0))
    if largest > _ABSURD:
        raise InputError(f"samples as large as {largest:.1e} (full scale is 1) are no audio; restore the file")
    if broken:
        yield f"{broken} samples are not finite; left out of all levels and written as they were"
    if encoding.coding.kind == "lossy":
        beyond = int(np.count_nonzero(encoding.coding.clipped(samples) != samples))
        if beyond:
            yield f"{beyond} samples of the source lie beyond full scale; clipped, since {encoding.subtype} is"


@dataclass(frozen=True, eq=False, slots=True)
class AudioItem:
    """One decoded source, in the encoding that its outputs will have."""

    recording: Recording
    container: Container
    options: AudioOptions
    notices: tuple[str, ...]

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noisy file to `target`; a lossy one is measured only where `measure` is True.

        Raises
        ------
        InputError
            For an SNR of silence, or samples that the container cannot hold.
        """
        asked = self.options.level()
        drawn = asked.draw(key.child("level"))
        notices = self.notices
        with _named(self.recording.path):
            if not self.recording.samples.size:
                shutil.copyfile(self.recording.path, target)
                reached = dict(_UNKNOWN)
            else:
                made = self._perturbed(drawn, key)
                with target.open("wb") as file:
                    file.writelines(self.container.encode(self.recording.with_samples(made.samples)))
                reached = self._reached(made, target if measure else None)
                notices += self._losses(reached, drawn)
        return Outcome(
            noise=str(self.options.law()),
            requested={asked.kind: str(asked)},
            drawn={drawn.kind: drawn.value},
            color=str(color_at(self.options.color, None)),
            achieved=reached,
            format=self._format(),
            notices=notices,
        )

    def _perturbed(self, drawn: Level, key: Key) -> Perturbed:
        clean, coding = self.recording.samples, self.recording.encoding.coding
        signal = Signal(clean, coding.full_scale, coding.limits)
        return perturb(
            signal,
            self.options.law(),
            drawn,
            key.child("noise"),
            channels=self.options.sharing(),
            color=color_at(self.options.color, self.recording.encoding.samplerate),
        )

    def _reached(self, made: Perturbed, decoded: Path | None) -> Levels:
        """Measure the output: on its own samples where they are exact, or on those that a decoder gets."""
        clean, coding = self.recording.samples, self.recording.encoding.coding
        reached = achieved(clean, made.samples, full_scale=coding.full_scale, limits=coding.limits)
        if made.geometric_snr_db is not None:
            reached["geometric_snr_db"] = made.geometric_snr_db
        if coding.kind != "lossy":
            return reached
        if decoded is None:
            return {**reached, "snr_db": None, "std": None, "psnr_db": None}
        noisy = sndfile.decode(decoded).samples
        frames = min(len(clean), len(noisy))
        measured = achieved(clean[:frames], noisy[:frames], full_scale=coding.full_scale, limits=None)
        return {**reached, **measured, "clipped": reached["clipped"]}

    def _losses(self, reached: Levels, drawn: Level) -> tuple[str, ...]:
        encoding, snr_db = self.recording.encoding, reached["snr_db"]
        if encoding.coding.kind != "lossy":
            return missed({drawn.kind: drawn.value}, reached)
        level = "not measured" if reached["std"] is None else "unknown" if snr_db is None else f"{snr_db:.2f} dB"
        return (f"{encoding.subtype} is lossy; SNR of what a decoder gets: {level}",)

    def _format(self) -> dict[str, Any]:
        encoding = self.recording.encoding
        return {
            "name": encoding.major,
            "subtype": encoding.subtype,
            "endian": encoding.endian,
            "samplerate": encoding.samplerate,
            "channels": encoding.channels,
            "frames": len(self.recording.samples),
        } | ({} if encoding.valid_bits is None else {"valid_bits": encoding.valid_bits})


def compare(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between two files, on the integers where both hold them in the same subtype.

    Raises
    ------
    InputError
        If one cannot be decoded, or they differ in sample rate, channels or length.
    """
    pair = [_decoded(path) for path in (clean, noisy)]
    first, second = (recording.encoding for recording in pair)
    for name, values in (
        ("sample rate", (first.samplerate, second.samplerate)),
        ("channels", (first.channels, second.channels)),
        ("frames", tuple(len(recording.samples) for recording in pair)),
    ):
        if values[0] != values[1]:
            raise InputError(f"{noisy}: expected the {name} of {clean}, {values[0]}, got {values[1]}; compare a pair")
    common = first.coding if first.coding == second.coding and first.coding.kind == "pcm" else CODINGS["DOUBLE"]
    samples: list[Samples] = [recode(one.samples, one.encoding.coding, common) for one in pair]
    return dict(achieved(*samples, full_scale=common.full_scale, limits=common.limits))


def _decoded(path: Path) -> Recording:
    with _named(path):
        _check_regular(path)
        return load(path)[0]
