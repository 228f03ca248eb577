"""Audio containers: one small file and one row of `CONTAINERS` each."""

from __future__ import annotations

from pathlib import Path

from augkit.audio.formats import sndfile
from augkit.audio.formats.aiff import AIFF
from augkit.audio.formats.flac import FLAC
from augkit.audio.formats.ogg import OGG
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.audio.formats.wav import WAV
from augkit.errors import InputError

__all__ = ["CONTAINERS", "Container", "Encoding", "Recording", "by_major", "by_suffix", "load"]

CONTAINERS: tuple[Container, ...] = (WAV, FLAC, OGG, AIFF)

_CONVERTIBLE = frozenset(
    (
        ".mp3",
        ".m4a",
        ".aac",
        ".mp4",
        ".m4b",
        ".wma",
        ".amr",
        ".ac3",
        ".mka",
        ".webm",
        ".ape",
        ".wv",
        ".caf",
        ".au",
        ".w64",
    )
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


def load(path: Path) -> tuple[Recording, Container]:
    """Decode a file with everything that its container keeps; the content decides which one that is.

    Raises
    ------
    InputError
        If it is broken, cut short, or cannot be written back without losing samples.
    """
    recording = sndfile.decode(path)
    container = by_major(recording.encoding.major)
    return container.inspect(recording), container
