"""The source's own bytes with other samples in them, so that everything else in the file stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, BinaryIO

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.audio.formats.cells import InPlace, frame_width, pack
from augkit.audio.formats.chunks import Around, Order
from augkit.audio.formats.coding import Samples
from augkit.audio.formats.recording import Encoding, Recording, even_frames
from augkit.errors import InputError

_PIECE = 2**20
_LITTLE = 2**12
"""Bytes around the samples that are kept in memory."""


class Peaks(msgspec.Struct, frozen=True):
    """A table of the highest sample of each channel and its position.

    Attributes
    ----------
    at : int
        Where it begins in the file.
    value, position : str
        Dtypes of its two columns.
    """

    at: int
    value: str
    position: str

    def written(self, sizes: Samples, places: Samples) -> bytes:
        """Return the table."""
        table = np.empty(len(sizes), [("value", self.value), ("position", self.position)])
        table["value"], table["position"] = sizes, places
        return table.tobytes()


class Place(msgspec.Struct, frozen=True):
    """Where the samples lie in a file.

    Attributes
    ----------
    begin, end : int
        The first byte of the samples, and the first one behind them.
    length : int
        Bytes of the whole file.
    order : str
        Byte order of the samples.
    peaks : Peaks or None
        What follows from the samples and is written anew.
    around : Around or None
        The chunks, for the same container with samples of another size.
    ends : (bytes, bytes) or None
        What comes before the samples and behind them, where that is little.
    """

    begin: int
    end: int
    length: int
    order: Order
    peaks: Peaks | None = None
    around: Around | None = None
    ends: tuple[bytes, bytes] | None = None


def located(
    path: Path, file: BinaryIO, encoding: Encoding, place: Place, *,
    valid_bits: int = 0, others: tuple[str, ...] = (), notices: tuple[str, ...] = (),
) -> Recording:  # fmt: skip
    """Return a recording whose samples are read from where they lie.

    Parameters
    ----------
    path, file : Path, binary file
        The source, and the same open for reading.
    encoding : Encoding
        How it holds its samples.
    place : Place
        Where they lie; a part of a frame at the end counts as what follows them.
    valid_bits : int
        The number of bits that the header says a sample uses, or 0.
    others : tuple of str
        The names of what only this container can hold.
    notices : tuple of str
        What is odd about the file.

    Raises
    ------
    InputError
        If they would lie outside of the file.
    """
    if not place.begin <= place.end <= place.length:
        raise InputError("the header puts the samples outside of the file; restore it from its source")
    width = frame_width(encoding)
    frames = (place.end - place.begin) // width
    end = place.begin + frames * width
    place = replace(place, end=end, ends=_ends(file, place.begin, end, place.length))
    source = InPlace(path, place.begin, frames, encoding, place.order)
    narrow = _narrowed(source, encoding, valid_bits)
    if narrow is not None:
        source = narrow
    elif encoding.coding.kind == "pcm" and 0 < valid_bits < encoding.coding.bits:
        notices += (
            f"the header says {valid_bits} bits but the samples use more; "
            f"noise is rounded to {encoding.coding.bits} bits",
        )
    return Recording(path, source.encoding, frames, source.settled(file), rest=place, others=others, notices=notices)


def _ends(file: BinaryIO, begin: int, end: int, length: int) -> tuple[bytes, bytes] | None:
    if begin + length - end > _LITTLE:
        return None
    file.seek(0)
    first = file.read(begin)
    if end == length:
        return first, b""
    file.seek(end)
    return first, file.read(length - end)


def _narrowed(source: InPlace, encoding: Encoding, bits: int) -> InPlace | None:
    """Return a pass on the grid that the header says is used, where the samples agree."""
    spare = encoding.coding.bits - bits
    if encoding.coding.kind != "pcm" or bits < 1 or spare <= 0:
        return None
    if any(np.any(block & ((1 << spare) - 1)) for block in source(even_frames(encoding))):
        return None
    return replace(source, encoding=replace(encoding, valid_bits=bits))


def byte_order(encoding: Encoding, natural: Order) -> Order:
    """Return the byte order of the samples; `natural` is the one that libsndfile does not mention."""
    if encoding.endian == "LITTLE":
        return "little"
    return "big" if encoding.endian == "BIG" else natural


def check(found: Recording, decoded: Recording, *, more: int = 1) -> None:
    """Raise `InputError` where the samples in their place are not those that libsndfile decoded.

    It may decode some frames `more`: it takes the padding of an odd chunk for a sample.
    """
    surplus = decoded.frames - found.frames
    ours, theirs = (next(recording.blocks(), None) for recording in (found, decoded))
    same = 0 <= surplus <= more
    if same and ours is not None and theirs is not None:
        wide = ours if found.encoding.valid_bits is None else ours << _spare(found.encoding)
        same = wide.tobytes() == theirs[: len(wide)].tobytes()
    if not same:
        raise InputError(
            f"header and samples disagree: {decoded.frames} frames of {decoded.encoding.subtype} were decoded, "
            f"{found.frames} are described; convert it first, for example with ffmpeg, to plain WAV"
        )


def _spare(encoding: Encoding) -> int:
    return replace(encoding, valid_bits=None).coding.bits - (encoding.valid_bits or 0)


def write(recording: Recording, blocks: Iterable[Samples], file: BinaryIO) -> None:
    """Write the source's own bytes around new samples."""
    place: Place = recording.rest
    highest = None if place.peaks is None else _Highest(recording.encoding)
    with nullcontext() if place.ends is not None else recording.path.open("rb") as source:
        _copy_end(source, file, place, 0)
        frames = 0
        for block in blocks:
            file.write(pack(block, recording.encoding, place.order))
            frames += len(block)
            if highest is not None:
                highest.add(block)
        if frames != recording.frames:
            raise ValueError(f"expected {recording.frames} frames to write, got {frames}")
        _copy_end(source, file, place, 1)
    if place.peaks is not None and highest is not None and recording.frames:
        file.seek(place.peaks.at)
        file.write(place.peaks.written(highest.sizes, highest.places))


def _copy_end(source: IO[bytes] | None, file: BinaryIO, place: Place, which: int) -> None:
    if place.ends is not None:
        file.write(place.ends[which])
    elif source is not None:
        copy(source, file, *((0, place.begin), (place.end, place.length))[which])


def copy(source: IO[bytes], file: BinaryIO, begin: int, end: int) -> None:
    """Copy the bytes of one file to another."""
    source.seek(begin)
    for done in range(begin, end, _PIECE):
        piece = source.read(min(_PIECE, end - done))
        file.write(piece)
        if len(piece) < min(_PIECE, end - done):
            raise InputError("the file became shorter while it was read; try again when nothing writes to it")


class _Highest:
    """The highest sample of each channel so far, as a share of full scale, and its frame."""

    def __init__(self, encoding: Encoding) -> None:
        self._full_scale = encoding.coding.full_scale
        self.sizes = np.full(encoding.channels, -1.0)
        self.places = np.zeros(encoding.channels, np.int64)
        self._frames = 0

    def add(self, block: Samples) -> None:
        """Take the next samples into account."""
        size = np.abs(np.where(np.isfinite(block), block, 0).astype(np.float64)) / self._full_scale
        place = np.argmax(size, axis=0)
        highest = size[place, np.arange(len(place))]
        higher = highest > self.sizes
        self.sizes[higher], self.places[higher] = highest[higher], place[higher] + self._frames
        self._frames += len(block)
