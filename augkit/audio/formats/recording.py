"""What is known of one decoded audio file, and what a container has to know to write it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from augkit.audio.formats.coding import CODINGS, Coding, Samples
from augkit.outcome import FormatInfo


@dataclass(frozen=True, slots=True)
class Encoding:
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


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """One decoded audio file.

    Attributes
    ----------
    path : Path
        Where it came from.
    encoding : Encoding
        How the file holds its samples.
    samples : ndarray, shape (frames, channels)
        On the grid of the subtype: PCM_24 within +-2**23 although the dtype is int32; lossy subtypes as float32.
    tags : mapping
        The text tags that libsndfile knows.
    rest : object
        Everything else of the file, as its own container keeps it; no other container looks into it.
    others : tuple of str
        The names of what only this container can hold.
    notices : tuple of str
        What cannot be kept, or was found to be odd.
    """

    path: Path
    encoding: Encoding
    samples: Samples
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rest: Any = None
    others: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def with_samples(self, samples: Samples) -> Recording:
        """Return the recording with other samples of the same shape and dtype."""
        return replace(self, samples=samples)


@dataclass(frozen=True, slots=True)
class Container:
    """One file format: what it is called, and how it keeps what libsndfile does not.

    Attributes
    ----------
    majors : tuple of str
        The names under which libsndfile knows it; the first is written when another container is converted.
    subtypes : tuple of str
        What converted samples become: the first one that holds all their bits, or else the last.
    inspect : callable
        (recording as decoded) -> recording with `rest` and notices; raises `InputError` for a broken file.
    encode : callable
        (recording) -> the bytes of the whole file, piece by piece. The recording may come from another container; then
        its `rest` is None.
    info : FormatInfo
        The row of ``augkit formats``.
    """

    majors: tuple[str, ...]
    subtypes: tuple[str, ...]
    inspect: Callable[[Recording], Recording]
    encode: Callable[[Recording], Iterable[bytes]]
    info: FormatInfo
