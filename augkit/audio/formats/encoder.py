"""libsndfile as an encoder: blocks of samples into a file, the same bytes however they are cut."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import lru_cache
from typing import IO, Protocol

import numpy as np
import soundfile

from augkit.audio.blocks import even
from augkit.audio.formats.coding import Coding, Samples
from augkit.audio.formats.recording import BLOCK, Encoding
from augkit.audio.formats.sndfile import Sequential, reason
from augkit.errors import AugkitError, InputError
from augkit.redirected import unheard

_ADD_PEAKS = 0x1050
"""SFC_SET_ADD_PEAK_CHUNK of sndfile.h."""


class Sink(Protocol):
    """Where libsndfile writes to. It goes back to correct its headers, and asks how long the file is."""

    def write(self, data: bytes, /) -> int:
        """Take bytes at the present position and return how many."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go elsewhere."""
        ...

    def tell(self) -> int:
        """Return the present position."""
        ...


class _Writer(Sequential):
    """A file that is written from its start to its end."""

    def write(self, data: Samples) -> None:
        """Write as soundfile does, and print nothing."""
        with self._unheard():
            super().write(data)

    def close(self) -> None:
        """Close as soundfile does, and print nothing."""
        with self._unheard():
            super().close()

    def _unheard(self) -> AbstractContextManager[None]:
        return unheard(1) if self.subtype.startswith("ALAC") else nullcontext()

    def leave_peaks_out(self) -> None:
        """Write no table of the highest samples into float files: it holds the time of writing."""
        soundfile._snd.sf_command(self._file, _ADD_PEAKS, soundfile._ffi.NULL, 0)


class _Guarded:
    """A sink that keeps what goes wrong in it: libsndfile calls it from C, where no exception passes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        if self.failure is None:
            try:
                self._sink.write(data)
                return len(data)
            except BaseException as failure:
                self.failure = failure
        return 0

    def seek(self, offset: int, whence: int = 0) -> int:
        if self.failure is None:
            try:
                return self._sink.seek(offset, whence)
            except BaseException as failure:
                self.failure = failure
        return 0

    def tell(self) -> int:
        return self._sink.tell() if self.failure is None else 0


def write(
    sink: Sink | IO[bytes],
    blocks: Iterable[Samples],
    encoding: Encoding,
    tags: Mapping[str, str] | None = None,
    *,
    compression: float | None = None,
    mode: str | None = None,
) -> None:
    """Write a file.

    Parameters
    ----------
    sink : file-like
        Empty. What is raised in it is raised here.
    blocks : iterable of ndarray, shape (frames, channels)
        On the grid of the encoding's subtype. How they are cut changes no byte of the file.
    encoding : Encoding
        What to write; the major "RAW" gives the samples alone.
    tags : mapping or None
        Text tags; those that the container does not take are left out.
    compression : float or None
        From 0 (best quality) to 1, for codecs that know it; None for libsndfile's own choice.
    mode : str or None
        How the bit rate goes, "CONSTANT", "AVERAGE" or "VARIABLE", for codecs that know it.

    Raises
    ------
    InputError
        If libsndfile cannot write this combination of container, subtype, channels and rate.
    """
    coding, guarded = encoding.coding, _Guarded(sink)
    try:
        with _Writer(
            guarded, "w", encoding.samplerate, encoding.channels, encoding.subtype, encoding.endian, encoding.major,
            compression_level=compression, bitrate_mode=mode,
        ) as file:  # fmt: skip
            file.leave_peaks_out()
            for name, text in (tags or {}).items():
                with suppress(soundfile.LibsndfileError):  # `changed_tags` tells what a container does not take
                    setattr(file, name, text)
            for block in even(blocks, BLOCK):  # one long write to OGG overflows libsndfile's stack
                samples = _encodable(block, coding) if coding.kind == "lossy" else block
                file.write(np.ascontiguousarray(coding.to_library(samples)))
    except AugkitError:
        raise
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        if guarded.failure is not None:
            raise guarded.failure from None
        raise InputError(
            f"{encoding.channels} channels of {encoding.subtype} at {encoding.samplerate} Hz cannot be written as "
            f"{encoding.major}: {reason(error)}; choose another format"
        ) from error
    if guarded.failure is not None:
        raise guarded.failure


def write_checked(file: IO[bytes], blocks: Iterable[Samples], encoding: Encoding) -> None:
    """Write a file as `write` does and, where its subtype is exact, decode it again.

    Raises
    ------
    InputError
        Where the decoded samples are others: libsndfile garbles noise in some of its rarer codecs.
    """
    written, decoded = zlib.crc32(b""), zlib.crc32(b"")
    frames = 0

    def watched() -> Iterator[Samples]:
        nonlocal written, frames
        for block in blocks:
            written, frames = zlib.crc32(np.ascontiguousarray(block).data, written), frames + len(block)
            yield block

    exact = encoding.coding.kind != "lossy"
    write(file, watched() if exact else blocks, encoding)
    if not exact:
        return
    file.seek(0)
    with Sequential(file) as again:
        for begin in range(0, frames, BLOCK):
            block = again.read(min(BLOCK, frames - begin), dtype=encoding.coding.dtype, always_2d=True)
            decoded = zlib.crc32(np.ascontiguousarray(encoding.coding.from_library(block)).data, decoded)
    if decoded != written:
        raise InputError(
            f"libsndfile does not decode what it wrote as {encoding.subtype} in {encoding.major}; "
            "choose another format for the output, such as --format flac"
        )


def _encodable(samples: Samples, coding: Coding) -> Samples:
    if not np.isfinite(samples).all():  # LAME ends the process where it meets one
        raise InputError("samples that are not finite cannot be encoded; restore the file from its source")
    return coding.clipped(samples)


def encode(
    samples: Samples, encoding: Encoding, tags: Mapping[str, str] | None = None, *, compression: float | None = None
) -> bytes:
    """Return the bytes of a short file, as `write` writes it."""
    buffer = io.BytesIO()
    write(buffer, (samples,), encoding, tags, compression=compression)
    return buffer.getvalue()


@lru_cache
def block_frames(encoding: Encoding) -> int:
    """Return how many frames a file has at least: those of a block, where a codec knows no parts of one."""
    probe = encode(np.zeros((1, encoding.channels), encoding.coding.dtype), encoding)
    with Sequential(io.BytesIO(probe)) as file:
        frames: int = file.frames
    return frames


def changed_tags(tags: Mapping[str, str], encoding: Encoding) -> list[str]:
    """Return the names of the tags that a file of this encoding does not hold, or not as they are."""
    held = _held(tuple(tags.items()), encoding)
    return [name if name not in held else f"{name} as it was" for name in tags if held.get(name) != tags[name]]


@lru_cache(maxsize=16)
def _held(tags: tuple[tuple[str, str], ...], encoding: Encoding) -> Mapping[str, str]:
    """Return what becomes of tags in a file of this encoding."""
    probe = encode(np.zeros((1, encoding.channels), encoding.coding.dtype), encoding, dict(tags))
    with Sequential(io.BytesIO(probe)) as file:
        held: dict[str, str] = file.copy_metadata()
    return held
