"""Ogg with Vorbis or Opus: encoded anew at the source's bit rate, under its serial number and with its comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from augkit.audio.formats import comments, pages, sndfile
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.outcome import FormatInfo

_HEADERS = {"VORBIS": 3, "OPUS": 2}
_MAGIC = {"VORBIS": b"\x03vorbis", "OPUS": b"OpusTags"}
_SERIAL = 1


@dataclass(frozen=True, slots=True)
class _Rest:
    """What an Ogg source hands on: its comments, the number of its stream, and how closely it was encoded."""

    comments: bytes
    serial: int
    compression: float | None


def _inspect(recording: Recording) -> Recording:
    encoding = recording.encoding
    found = pages.split(recording.path.read_bytes())
    headers, used = pages.packets(found, _HEADERS[encoding.subtype])
    tags = headers[1][len(_MAGIC[encoding.subtype]) :]
    if encoding.subtype == "VORBIS":
        compression = _vorbis_compression(int.from_bytes(headers[0][20:24], "little", signed=True), encoding)
    else:
        size = sum(len(page.body) for page in found[used:])
        compression = _opus_compression(8 * size * encoding.samplerate / max(1, len(recording.samples)), encoding)
    notices = recording.notices
    if not found[-1].flags & pages.LAST:
        notices += ("the stream has no end mark, so it may have been longer once",)
    rest = _Rest(comments.entries(tags), found[0].serial, compression)
    return replace(recording, rest=rest, others=comments.names_beyond_tags(tags), notices=notices)


@lru_cache
def _nominal_rates(encoding: Encoding) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the bit rates that Vorbis names in its header, rising, and libsndfile's compression for each."""
    compressions = [step / 10 for step in range(10, -1, -1)]
    silence = np.zeros((0, encoding.channels), np.float32)
    rates = [
        int.from_bytes(sndfile.encode(silence, encoding, compression=compression)[48:52], "little")
        for compression in compressions
    ]
    return tuple(map(float, rates)), tuple(compressions)


def _vorbis_compression(rate: int, encoding: Encoding) -> float | None:
    if rate <= 0:
        return None
    rates, compressions = _nominal_rates(encoding)
    return float(np.interp(rate, rates, compressions))


def _opus_compression(rate: float, encoding: Encoding) -> float:
    """Return the compression at which libsndfile asks Opus for this bit rate: 6 to 256 kbit/s a channel, linear."""
    return float(np.clip(1 - (rate / encoding.channels - 6_000) / 250_000, 0, 1))


def _encode(recording: Recording) -> Iterator[bytes]:
    encoding, rest = recording.encoding, recording.rest
    compression = None if rest is None else rest.compression
    new = pages.split(sndfile.encode(recording.samples, encoding, recording.tags, compression=compression))
    headers, used = pages.packets(new, _HEADERS[encoding.subtype])
    if rest is not None:
        magic = _MAGIC[encoding.subtype]
        headers[1] = magic + comments.with_entries(headers[1][len(magic) :], rest.comments)
    return pages.join(headers, new[used:], _SERIAL if rest is None else rest.serial)


OGG = Container(
    majors=("OGG",),
    subtypes=("VORBIS",),
    inspect=_inspect,
    encode=_encode,
    info=FormatInfo(
        name="OGG",
        suffixes=(".ogg", ".oga", ".opus"),
        keeps="codec (Vorbis or Opus), all comments with pictures, the nominal bit rate",
        limits="lossy; one stream in a file",
    ),
)
