"""What is known of one decoded audio file, and what a container has to know to write it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.audio.formats.coding import CODINGS, Coding, Samples
from augkit.errors import InputError
from augkit.outcome import FormatInfo

BLOCK = 2**16
"""Frames of a block, unless another number is asked for."""

KEPT = 2**25
"""Bytes of decoded samples up to which a recording is decoded once and kept in memory."""

_LARGEST = 2**22
"""Samples in a block at most, however many channels there are."""


def kept(encoding: Encoding, frames: int) -> bool:
    """Tell whether so many frames are few enough to be kept in memory."""
    return frames * encoding.channels * np.dtype(encoding.coding.dtype).itemsize <= KEPT


def even_frames(encoding: Encoding, frames: int = BLOCK) -> int:
    """Return how many frames a block has: `frames`, or fewer where there are more than 64 channels."""
    return max(1, min(frames, _LARGEST // encoding.channels))


class Pass(Protocol):
    """What gives the samples of a recording, as often as it is called."""

    def __call__(self, frames: int, /) -> Iterator[Samples]:
        """Yield blocks of this many frames, from the first frame to the last."""
        ...

    def part(self, begin: int, frames: int, /) -> Pass:
        """Return a pass over so many frames from frame number `begin` on, all of which are there."""
        ...


class Encoding(msgspec.Struct, frozen=True):
    """How a file holds its samples, in the words of libsndfile.

    Attributes
    ----------
    major, subtype, endian : str
        "WAV", "PCM_16", "FILE" and their like.
    samplerate : int
        Frames per second.
    channels : int
        Samples in a frame.
    valid_bits : int or None
        Where the header says that fewer bits than the subtype has are used: 20 of PCM_24, 12 of PCM_16.
    """

    major: str
    subtype: str
    endian: str
    samplerate: int
    channels: int
    valid_bits: int | None = None

    @property
    def coding(self) -> Coding:
        """What the subtype does to samples."""
        coding = CODINGS[self.subtype]
        return coding if self.valid_bits is None else replace(coding, bits=self.valid_bits)


class Recording(msgspec.Struct, frozen=True, eq=False):
    """One decoded audio file.

    Attributes
    ----------
    path : Path
        Where it came from.
    encoding : Encoding
        How the file holds its samples.
    frames : int
        Its length.
    decoded : callable
        Gives its samples, as often as it is called.
    tags : mapping
        The text tags that libsndfile knows.
    rest : object
        Everything else of the file, as its own container keeps it; no other container looks into it.
    others : tuple of str
        The names of what only this container can hold.
    notices : tuple of str
        What cannot be kept, or was found to be odd.
    is_unrounded : bool
        Whether the samples are float64 between the steps of the subtype, as those of a conversion to a coarser one:
        they are rounded once, together with the noise.
    """

    path: Path
    encoding: Encoding
    frames: int
    decoded: Pass
    tags: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    rest: Any = None
    others: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    is_unrounded: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the samples are in memory, so that another pass costs nothing."""
        return isinstance(self.decoded, Kept)

    def blocks(self, frames: int = BLOCK) -> Iterator[Samples]:
        """Yield the samples in one pass over the file.

        Parameters
        ----------
        frames : int
            Frames of each block but the last; fewer where many channels would make it larger than 4 million samples.

        Yields
        ------
        ndarray, shape (frames, channels)
            Not to be changed. On the grid of the subtype: PCM_24 within +-2**23 although the dtype is int32; lossy
            subtypes as float32. None is empty, and together they have as many frames as `frames` says.

        Raises
        ------
        InputError
            If the file ends early or turns out to be broken on the way.
        """
        return self.decoded(even_frames(self.encoding, frames))

    def cut(self, frames: int | None) -> Recording:
        """Return the recording with at most so many frames; None leaves it as it is."""
        if frames is None or frames >= self.frames:
            return self
        return replace(self, frames=frames, decoded=self.decoded.part(0, frames))

    def samples(self) -> Samples:
        """Return all samples, shape (frames, channels), in memory."""
        if isinstance(self.decoded, Kept):
            return self.decoded.samples
        made = list(self.blocks())
        return np.concatenate(made) if made else np.empty((0, self.encoding.channels), self.encoding.coding.dtype)


class Kept(msgspec.Struct, frozen=True, eq=False):
    """A pass over samples in memory."""

    samples: Samples

    def __call__(self, frames: int) -> Iterator[Samples]:
        """Yield blocks of this many frames."""
        for begin in range(0, len(self.samples), frames):
            yield self.samples[begin : begin + frames]

    def part(self, begin: int, frames: int) -> Kept:
        """Return a pass over some of the frames."""
        return Kept(self.samples[begin : begin + frames])


class Container(msgspec.Struct, frozen=True):
    """One file format: what it is called, and how it keeps what libsndfile does not.

    Attributes
    ----------
    majors : tuple of str
        The names under which libsndfile knows it; the first is written when another container is converted.
    subtypes : tuple of str
        What converted samples become: the first one that holds all their bits, or else the last.
    inspect : callable
        (recording as decoded) -> recording with `rest` and notices; raises `InputError` for a broken file.
    write : callable
        (recording, blocks, file): writes the recording with other samples, given as blocks of any number of frames that
        together have as many frames as it, to an empty binary file open for writing. The recording may come from
        another container; then its `rest` is None.
    info : FormatInfo
        The row of ``augkit formats``.
    read_only : tuple of str
        Subtypes that can be decoded, but not written back faithfully.
    largest : int or None
        Bytes of samples that its size fields can tell; None for no limit worth a word.
    """

    majors: tuple[str, ...]
    subtypes: tuple[str, ...]
    inspect: Callable[[Recording], Recording]
    write: Callable[[Recording, Iterable[Samples], BinaryIO], None]
    info: FormatInfo
    read_only: tuple[str, ...] = ()
    largest: int | None = None

    def check_writable(self, encoding: Encoding) -> None:
        """Raise `InputError` where samples of this encoding cannot be written back into this container."""
        if encoding.subtype in self.read_only:
            raise InputError(
                f"{self.info.name} with {encoding.subtype} samples is only read here; "
                "choose another format for the output, such as --format flac"
            )
