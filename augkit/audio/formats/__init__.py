"""Audio containers: one small file and one row of `CONTAINERS` each."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from augkit.audio.formats import sndfile, splice, wav
from augkit.audio.formats.aiff import AIFF
from augkit.audio.formats.caf import CAF
from augkit.audio.formats.cells import InPlace
from augkit.audio.formats.flac import FLAC
from augkit.audio.formats.mp3 import MP3
from augkit.audio.formats.ogg import OGG
from augkit.audio.formats.plain import PLAIN
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.audio.formats.w64 import W64
from augkit.audio.formats.wav import WAV
from augkit.errors import InputError

__all__ = ["CONTAINERS", "Container", "Encoding", "Recording", "afresh", "by_major", "by_suffix", "load"]

CONTAINERS: tuple[Container, ...] = (WAV, FLAC, OGG, MP3, AIFF, W64, CAF, *PLAIN)

_CONVERTIBLE = frozenset(
    ".m4a .aac .mp4 .m4b .wma .amr .ac3 .mka .webm .ape .wv .tta .mp2 .mpc .dsf .spx .ra .3gp .mov".split()  # noqa: SIM905
)
"""Suffixes of audio that ffmpeg reads."""


def by_suffix(suffix: str) -> Container:
    """Return the container of files with this suffix, in any case.

    Raises
    ------
    InputError
        For a suffix that is not in the table, with a way out.
    """
    for container in CONTAINERS:
        if suffix.lower() in container.info.suffixes:
            return container
    known = ", ".join(suffix for container in CONTAINERS for suffix in container.info.suffixes)
    way = "rename or convert it"
    if suffix.lower() in _CONVERTIBLE:
        way = f"convert it first, as in: ffmpeg -i name{suffix} name.flac"
    raise InputError(f"{suffix or 'no suffix'} is no audio format that can be written back (known: {known}); {way}")


def by_major(major: str) -> Container:
    """Return the container that libsndfile calls `major`; raise `InputError` where it is not in the table."""
    for container in CONTAINERS:
        if major in container.majors:
            return container
    known = ", ".join(container.info.name for container in CONTAINERS)
    raise InputError(f"the content is {major}, which is not written back here (known: {known}); convert it first")


def load(path: Path, content: bytes | None = None) -> tuple[Recording, Container]:
    """Open a file with everything that its container keeps; the content decides which one that is.

    Parameters
    ----------
    content : bytes, optional
        All that the file holds, where that was read already.

    Raises
    ------
    InputError
        If it is broken, cut short, or cannot be written back without losing samples.
    """
    with BytesIO(content) if content is not None else opened(path) as file:
        head = file.read(12)
        if head[:4] in wav.KINDS and head[8:] == b"WAVE":
            plain = wav.plain(path, file)
            if plain is not None:
                return plain, WAV
    recording = sndfile.decode(path, head)
    container = by_major(recording.encoding.major)
    return container.inspect(recording), container


def opened(path: Path, buffering: int = -1) -> BinaryIO:
    """Open a source for reading; raise `InputError` where that cannot be done."""
    try:
        return path.open("rb", buffering=buffering)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error


def afresh(recording: Recording) -> Recording:
    """Return a recording as it was loaded, but one that reads its file each time and keeps nothing in memory."""
    if not recording.is_kept:
        return recording
    place, frames = recording.rest, recording.frames
    if isinstance(place, splice.Place):
        return replace(recording, decoded=InPlace(recording.path, place.begin, frames, recording.encoding, place.order))
    return replace(recording, decoded=sndfile.Streamed(recording.path, recording.encoding.subtype, frames))
