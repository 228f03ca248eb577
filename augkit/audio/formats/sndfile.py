"""libsndfile, front to back: samples out of a file, and samples into the bytes of one."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from augkit.audio.formats.coding import CODINGS, Samples
from augkit.audio.formats.recording import Encoding, Recording
from augkit.errors import InputError

_READ = 2**20
"""Samples read at a time."""

_WRITE = 2**16
"""Frames written at a time: one long write to OGG overflows libsndfile's stack and ends the process."""

_UNKNOWN = 2**62
"""FLAC of unknown length says 2**63 - 1 frames."""


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is never sought in; soundfile seeks after each block, which fails at the end of some streams."""

    def seekable(self) -> bool:
        return False


def decode(path: Path) -> Recording:
    """Read a whole file.

    Parameters
    ----------
    path : Path
        A regular file.

    Raises
    ------
    InputError
        If libsndfile cannot decode it, in a subtype that it cannot write, or in fewer frames than it declares.
    """
    with _failures(), _Sequential(os.fsencode(path) if os.name == "posix" else str(path)) as file:
        encoding = Encoding(file.format, file.subtype, file.endian, file.samplerate, file.channels)
        coding = CODINGS.get(encoding.subtype)
        if coding is None:
            raise InputError(
                f"{encoding.major} with {encoding.subtype} samples cannot be written back; "
                "convert it first, for example with ffmpeg, to WAV or FLAC"
            )
        samples = _joined(list(_blocks(file, coding.dtype)))
        declared, tags = file.frames, file.copy_metadata()
    if declared < _UNKNOWN and len(samples) < declared:
        raise InputError(
            f"the file is cut short: {declared} frames were expected, {len(samples)} can be decoded; "
            "restore it from its source"
        )
    return Recording(path, encoding, coding.from_library(samples), tags)


def _blocks(file: _Sequential, dtype: str) -> Iterator[Samples]:
    frames = max(1, _READ // file.channels)
    while True:
        block = file.read(frames, dtype=dtype, always_2d=True)
        yield block
        if len(block) < frames:
            return


def _joined(blocks: list[Samples]) -> Samples:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, AssertionError, OSError, ValueError, TypeError) as error:
        raise InputError(
            f"expected an audio file that libsndfile can decode, got: {_reason(error)}; "
            "restore it from its source, or convert it, for example with ffmpeg, to WAV or FLAC"
        ) from error


def _reason(error: Exception) -> str:
    return str(error).rpartition(": ")[2].strip(" .") or type(error).__name__


def encode(
    samples: Samples, encoding: Encoding, tags: Mapping[str, str] | None = None, *, compression: float | None = None
) -> bytes:
    """Return the bytes of a file that holds `samples`.

    Parameters
    ----------
    samples : ndarray, shape (frames, channels)
        On the grid of the encoding's subtype.
    encoding : Encoding
        What to write; the major "RAW" gives the samples alone.
    tags : mapping or None
        Text tags.
    compression : float or None
        From 0 (best quality) to 1, for codecs that know it; None for libsndfile's own choice.

    Raises
    ------
    InputError
        If libsndfile cannot write this combination of container, subtype, channels and rate.
    """
    coding = encoding.coding
    samples = np.ascontiguousarray(coding.to_library(coding.clipped(samples) if coding.kind == "lossy" else samples))
    buffer = io.BytesIO()
    try:
        with _Sequential(
            buffer, "w", encoding.samplerate, encoding.channels, encoding.subtype, encoding.endian, encoding.major,
            compression_level=compression,
        ) as file:  # fmt: skip
            for name, text in (tags or {}).items():
                setattr(file, name, text)
            for begin in range(0, len(samples), _WRITE):
                file.write(samples[begin : begin + _WRITE])
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        raise InputError(
            f"{encoding.channels} channels of {encoding.subtype} at {encoding.samplerate} Hz cannot be written as "
            f"{encoding.major}: {_reason(error)}; choose another format"
        ) from error
    return buffer.getvalue()


def changed_tags(tags: Mapping[str, str], encoding: Encoding) -> list[str]:
    """Return the names of the tags that a file of this encoding does not hold, or not as they are."""
    probe = encode(np.zeros((1, encoding.channels), encoding.coding.dtype), encoding, tags)
    with _Sequential(io.BytesIO(probe)) as file:
        held = file.copy_metadata()
    return [name if name not in held else f"{name} as it was" for name in tags if held.get(name) != tags[name]]
