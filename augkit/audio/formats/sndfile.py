"""libsndfile as a decoder: samples out of a file, all at once or block by block."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile
from msgspec.structs import replace

from augkit.audio.formats import mpeg
from augkit.audio.formats.coding import CODINGS, Coding, Samples
from augkit.audio.formats.recording import KEPT, Encoding, Kept, Recording, kept
from augkit.errors import InputError
from augkit.redirected import unheard
from augkit.unit_noise import in_threads

_LONG, _AT_ONCE = 2**21, 2**18
"""Samples of a file that is worth two threads, and frames that are decoded at a time."""

_OVERLAP, _PIECE = 2**16, 256
"""Frames on which both ways have to agree, more than a frame of FLAC has, and how many of them come only once there."""

_UNKNOWN = 2**62
"""FLAC of unknown length says 2**63 - 1 frames."""

_SOUGHT = frozenset(
    "PCM_S8 PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM ALAC_16 ALAC_24 OPUS "  # noqa: SIM905
    "MPEG_LAYER_III".split()
)
"""Subtypes in which libsndfile finds a frame without decoding those before it; in Vorbis it finds others."""


_SILENT = (b"fLaC", b"OggS", b"FORM", b"riff", b"caff")
"""How files begin whose decoders print nothing; that of MP3 does about what is broken."""


class Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is never sought in; soundfile seeks after each block, which fails at the end of some streams."""

    def seekable(self) -> bool:
        """Tell soundfile to leave the position alone."""
        return False

    def read(self, *given: Any, **named: Any) -> Any:
        """Read as soundfile does, and print nothing."""
        with unheard(2) if self.subtype.startswith("MPEG") else nullcontext():
            return super().read(*given, **named)


class Streamed(msgspec.Struct, frozen=True, eq=False):
    """A pass over a file, or a part of it, that decodes anew each time."""

    path: Path
    subtype: str
    frames: int
    begin: int = 0

    @property
    def coding(self) -> Coding:
        """What the subtype does to samples."""
        return CODINGS[self.subtype]

    def __call__(self, frames: int) -> Iterator[Samples]:
        """Yield blocks of this many frames."""
        with _opened(self.path) as file:
            self._skip(file)
            done = 0
            while done < self.frames:
                wanted = min(frames, self.frames - done)
                is_last = self.begin + done + wanted == file.frames
                block = file.read(wanted + is_last, dtype=self.coding.dtype, always_2d=True)  # fails where FLAC goes on
                done += len(block)
                if len(block) < wanted:
                    raise _cut_short(self.frames, done)
                yield self.coding.from_library(block)

    def _skip(self, file: Sequential) -> None:
        """Go to the first frame."""
        if self.begin and self.subtype in _SOUGHT:
            file.seek(self.begin)
            return
        step = max(1, 2**20 // file.channels)
        for done in range(0, self.begin, step):
            file.read(min(step, self.begin - done), dtype=self.coding.dtype)

    def part(self, begin: int, frames: int) -> Streamed:
        """Return a pass over some of the frames."""
        return replace(self, begin=self.begin + begin, frames=frames)


def decode(path: Path, head: bytes = b"") -> Recording:
    """Open a file; a short one is decoded at once, a long one when its blocks are asked for.

    Parameters
    ----------
    path : Path
        A regular file.
    head : bytes
        How it begins, where that is known.

    Raises
    ------
    InputError
        If libsndfile cannot decode it, in a subtype that it cannot write, or in fewer frames than it declares.
    """
    with _opened(path, head) as file:
        encoding = Encoding(file.format, file.subtype, file.endian, file.samplerate, file.channels)
        coding = CODINGS.get(encoding.subtype)
        if coding is None:
            raise InputError(
                f"{encoding.major} with {encoding.subtype} samples cannot be written back; "
                "convert it first, for example with ffmpeg, to WAV or FLAC"
            )
        frames, tags = file.frames, _tags(file)
        known = frames < _UNKNOWN and (encoding.major != "MP3" or _tells_length(path))
        if known and not kept(encoding, frames):
            return Recording(path, encoding, frames, Streamed(path, encoding.subtype, frames), tags)
        samples = _in_halves(path, encoding, frames) if known else None
        there = frames
        if samples is None:
            samples, there = _whole(file, coding)
    if known and there < frames:
        raise _cut_short(frames, there)
    decoded = Streamed(path, encoding.subtype, there) if samples is None else Kept(coding.from_library(samples))
    return Recording(path, encoding, there, decoded, tags)


def _tells_length(path: Path) -> bool:
    """Tell whether an MP3 file has a header with its length, without which libsndfile guesses."""
    with path.open("rb") as file:
        found = mpeg.stream(file)
    return found is not None and found.declared is not None


def _in_halves(path: Path, encoding: Encoding, frames: int) -> Samples | None:
    """Return all samples of a long FLAC file, decoded from its begin and from its middle on; None for others.

    None as well unless both ways agree on what lies behind the middle, whose begin comes only once there: where frames
    are lost or doubled they do not, and what is wrong is told where the file is read from begin to end. Two threads do
    that, but for worker processes, where the other cores have files of their own.
    """
    if encoding.major != "FLAC" or frames * encoding.channels < _LONG:
        return None
    source, middle = Streamed(path, encoding.subtype, frames), frames // 2
    samples = np.empty((frames, encoding.channels), source.coding.dtype)
    rest = samples[middle:]
    beyond = np.empty_like(rest[:_OVERLAP])
    ways = (
        (source.part(middle, frames - middle), [rest]),
        (source.part(0, middle + len(beyond)), [samples[:middle], beyond]),
    )
    try:
        for _ in in_threads(lambda way: _fill(*way), ways, 1 if parent_process() else 2):
            pass
    except InputError:
        return None
    known = beyond.tobytes().find(beyond[:_PIECE].tobytes(), 1) < 0
    return samples if known and np.array_equal(beyond, rest[: len(beyond)]) else None


def _fill(source: Streamed, parts: Sequence[Samples]) -> None:
    """Put the samples into arrays, one behind the other."""
    blocks, left = source(_AT_ONCE), parts[0][:0]
    for part in parts:
        done = 0
        while done < len(part):
            left = left if len(left) else source.coding.to_library(next(blocks))
            taken, left = left[: len(part) - done], left[len(part) - done :]
            part[done : done + len(taken)] = taken
            done += len(taken)


def _whole(file: Sequential, coding: Coding) -> tuple[Samples | None, int]:
    """Return all samples, or None where they are too many to be kept, and the number of frames."""
    wanted = min(max(1, 2**20 // file.channels), max(1, file.frames + 1))
    blocks: list[Samples] = []
    frames = size = 0
    while True:
        block = file.read(wanted, dtype=coding.dtype, always_2d=True)
        frames, size = frames + len(block), size + block.nbytes
        if size <= KEPT:
            blocks.append(block)
        else:
            blocks.clear()
        if len(block) < wanted:
            break
    if size > KEPT:
        return None, frames
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks), frames


def _cut_short(expected: int, there: int) -> InputError:
    return InputError(
        f"the file is cut short or damaged: {expected} frames were expected, {there} can be decoded; restore it from "
        "its source"
    )


@contextmanager
def _opened(path: Path, head: bytes = b"") -> Iterator[Sequential]:
    try:
        with nullcontext() if head[:4] in _SILENT else unheard(2):
            opened = Sequential(os.fsencode(path) if os.name == "posix" else str(path))
        with opened as file:
            yield file
    except (RuntimeError, AssertionError, OSError, ValueError, TypeError) as error:
        raise InputError(
            f"expected an audio file that libsndfile can decode, got: {reason(error)}; "
            "restore it from its source, or convert it, for example with ffmpeg, to WAV or FLAC"
        ) from error


def reason(error: Exception) -> str:
    """Return what libsndfile says, without the name of the file."""
    said = str(error).rpartition(": ")[2].strip(" .") or type(error).__name__
    return "nothing that its MP3 decoder knows" if said.startswith("File does not exist") else said


def decode_raw(codes: bytes, subtype: str) -> Samples:
    """Return the samples of headerless data of one channel, shape (frames, 1)."""
    with Sequential(io.BytesIO(codes), "r", 8000, 1, subtype, "FILE", "RAW") as file:
        samples: Samples = file.read(len(codes), dtype=CODINGS[subtype].dtype, always_2d=True)
    return samples


def _tags(file: Sequential) -> dict[str, str]:
    """Return the text tags; empty ones, which some readers of ID3 report, cannot be written."""
    return {name: text for name, text in file.copy_metadata().items() if text}


def text_tags(path: Path) -> Mapping[str, str]:
    """Return the text tags of a file; none where libsndfile cannot open it."""
    try:
        with _opened(path) as file:
            return _tags(file)
    except InputError:
        return {}
