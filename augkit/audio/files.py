"""Audio files as folder runs see them: opened once, written with noise any number of times."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from augkit.audio.blocks import finite_or_none
from augkit.audio.difference import difference, recoded
from augkit.audio.formats import CONTAINERS, Container, Encoding, Recording, by_suffix, load, opened
from augkit.audio.formats.coding import CODINGS, TOP, Coding
from augkit.audio.formats.convert import convert
from augkit.audio.item import AudioItem, naming
from augkit.audio.options import AudioOptions
from augkit.audio.saved import check_exact_container, saved_name
from augkit.checksum import checksum
from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.pieces import Piece

_WHOLE = 2**20
"""Bytes of a file that is read at once, rather than looked into and read again for its checksum."""

_ABSURD = 1e12
"""Floats far above any recording, even one scaled as 32-bit integers; their powers would overflow."""


@cache
def suffixes() -> Sequence[str]:
    """Return the suffixes of audio that can be read and written back."""
    return tuple(suffix for container in CONTAINERS for suffix in container.info.suffixes)


def formats() -> Sequence[FormatInfo]:
    """Return what each container keeps."""
    return [container.info for container in CONTAINERS]


def output_suffix(suffix: str, options: AudioOptions) -> str:
    """Return the suffix of the output: the source's own, unless another format was asked for."""
    source, target = by_suffix(suffix), _chosen(options)
    return suffix if target is None or target is source else f".{_word(options)}"


def further_outputs(output: str, options: AudioOptions) -> Mapping[str, str]:
    """Return the names in DST of what is saved beside an output: what was added ("noise"), and to what ("clean").

    Raises
    ------
    InputError
        For an output in a container whose samples are all lossy.
    """
    folders = options.saved()
    if folders:
        check_exact_container(by_suffix(PurePosixPath(output).suffix))
    return {what: saved_name(what, folder, output) for what, folder in folders.items()}


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
    with naming(path):
        content = _content(path) if _size_of(path) <= _WHOLE else None
        named = by_suffix(path.suffix)
        loaded, found = load(path, content)
        target = _chosen(options) or found
        notices: tuple[str, ...] = ()
        if found is not named:
            notices += (f"the content is {found.info.name} although the name says {named.info.name}",)
        recording, saturates = loaded, options.on_clip in (None, "clip")
        if target is found:
            target.check_writable(recording.encoding)
        else:
            recording = convert(recording, target, saturates=saturates)
        notices += recording.notices + tuple(_oddities(loaded, recording.encoding, saturates=saturates))
    told = checksum(content) if content is not None else None
    return AudioItem(recording, target, options, notices, converted=target is not found, source_crc32=told)


def _content(path: Path) -> bytes:
    with opened(path, buffering=0) as file:
        try:
            return file.read()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}") from error


def _size_of(path: Path) -> int:
    """Return the size of a file; raise `InputError` for what holds no audio: to open a pipe waits for a writer."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise InputError(f"cannot be reached: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError("expected a regular file, got a folder, pipe or device")
    if not status.st_size:
        raise InputError("expected an audio file, got one of 0 bytes; restore it from its source")
    return status.st_size


def _oddities(recording: Recording, encoding: Encoding, *, saturates: bool) -> Iterator[str]:
    """Say what noise cannot treat as it treats the rest; raise `InputError` where a codec would spread it.

    Parameters
    ----------
    recording : Recording
        As it was loaded.
    encoding : Encoding
        Of the output.
    saturates : bool
        Whether samples beyond full scale are clipped, whatever noise comes.
    """
    if not recording.frames:
        yield "the file holds no frames; written unchanged"
    if recording.encoding.coding.kind == "pcm":
        return
    broken = beyond = 0
    largest, top = 0.0, TOP if encoding.coding.kind == "lossy" else 1.0
    for samples in recording.blocks():
        finite = finite_or_none(samples)
        known = samples if finite is None else samples[finite]
        broken += samples.size - known.size
        largest = max(largest, float(np.abs(known).max(initial=0)))
        beyond += int(np.count_nonzero((known < -1) | (known > top)))
    if broken and encoding.coding.kind == "lossy":
        raise InputError(f"{broken} decoded samples are not finite; restore the file from its source")
    if largest > _ABSURD:
        raise InputError(f"samples as large as {largest:.1e} (full scale is 1) are no audio; restore the file")
    if broken:
        yield f"{broken} samples are not finite; left out of all levels and written as they were"
    if beyond and encoding.coding.limits is not None:
        clipped = f"; clipped, since {encoding.subtype} is" if saturates else ""
        yield f"{beyond} samples of the source lie beyond full scale{clipped}"


def compare(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between two files, on the integers where both hold them in the same subtype.

    Raises
    ------
    InputError
        If one cannot be decoded, or they differ in sample rate, channels or length.
    """
    pair, common = _alike(clean, noisy)
    return difference(pair, common)


def side_by_side(clean: Path, noisy: Path) -> Iterator[Piece]:
    """Yield blocks of two recordings in the unit of a subtype that holds both; errors are those of `compare`."""
    pair, common = _alike(clean, noisy)
    limits = common.limits if common.kind == "pcm" else (-1.0, 1.0)
    rate = float(pair[0].encoding.samplerate)
    for before, after in zip(*(recoded(recording, common) for recording in pair), strict=True):
        yield Piece("", before, after, common.full_scale, limits, samplerate=rate)


def _alike(clean: Path, noisy: Path) -> tuple[list[Recording], Coding]:
    pair = [_decoded(path) for path in (clean, noisy)]
    first, second = (recording.encoding for recording in pair)
    for name, values in (
        ("sample rate", (first.samplerate, second.samplerate)),
        ("channels", (first.channels, second.channels)),
        ("frames", tuple(recording.frames for recording in pair)),
    ):
        if values[0] != values[1]:
            raise InputError(f"{noisy}: expected the {name} of {clean}, {values[0]}, got {values[1]}; compare a pair")
    return pair, first.coding if first.coding == second.coding else CODINGS["DOUBLE"]


def _decoded(path: Path) -> Recording:
    with naming(path):
        _size_of(path)
        return load(path)[0]
