"""Ogg with Vorbis or Opus: encoded anew at the source's bit rate, under its serial number and with its comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import BinaryIO

import msgspec
import numpy as np
from msgspec.structs import replace

from augkit.audio.formats import comments, encoder, outdated, pages
from augkit.audio.formats.coding import Samples
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.outcome import FormatInfo

_HEADERS = {"VORBIS": 3, "OPUS": 2}
_MAGIC = {"VORBIS": b"\x03vorbis", "OPUS": b"OpusTags"}
_SERIAL = 1
_BODIES = 2**12
"""Pages in which the headers are looked for, pictures in their comments included."""


class _Rest(msgspec.Struct, frozen=True):
    """What an Ogg source hands on: its comments, the number of its stream, and how closely it was encoded."""

    comments: bytes
    serial: int
    compression: float | None


def _inspect(recording: Recording) -> Recording:
    encoding = recording.encoding
    with recording.path.open("rb") as file:
        headers = pages.packets(pages.walk(file, bodies=_BODIES), _HEADERS[encoding.subtype])
        size, last = 0, None
        for last in pages.walk(file, bodies=0):
            size += sum(last.lacing)
    tags = headers[1][len(_MAGIC[encoding.subtype]) :]
    if encoding.subtype == "VORBIS":
        compression = _vorbis_compression(int.from_bytes(headers[0][20:24], "little", signed=True), encoding)
    else:
        size -= sum(map(len, headers))
        compression = _opus_compression(8 * size * encoding.samplerate / max(1, recording.frames), encoding)
    notices = recording.notices + outdated.notices(outdated.named_in(tags))
    if last is not None and not last.flags & pages.LAST:
        notices += ("the stream has no end mark, so it may have been longer once",)
    rest = _Rest(comments.entries(tags), 0 if last is None else last.serial, compression)
    return replace(recording, rest=rest, others=comments.names_beyond_tags(tags), notices=notices)


@lru_cache
def _nominal_rates(encoding: Encoding) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the bit rates that Vorbis names in its header, rising, and libsndfile's compression for each."""
    compressions = [step / 10 for step in range(10, -1, -1)]
    silence = np.zeros((0, encoding.channels), np.float32)
    rates = [
        int.from_bytes(encoder.encode(silence, encoding, compression=compression)[48:52], "little")
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


def _write(recording: Recording, blocks: Iterable[Samples], file: BinaryIO) -> None:
    encoding, rest = recording.encoding, recording.rest
    count, magic = _HEADERS[encoding.subtype], _MAGIC[encoding.subtype]

    def described(headers: list[bytes]) -> list[bytes]:
        if rest is not None:
            headers[1] = magic + comments.with_entries(headers[1][len(magic) :], rest.comments)
        return headers

    sink = _Sink(file, count, _SERIAL if rest is None else rest.serial, described)
    compression = None if rest is None else rest.compression
    encoder.write(sink, blocks, encoding, recording.tags, compression=compression)


class _Sink:
    """A file that libsndfile writes pages to, which come out with other headers and numbers."""

    def __init__(
        self, file: BinaryIO, count: int, serial: int, described: Callable[[list[bytes]], list[bytes]]
    ) -> None:
        self._file = file
        self._count, self._serial, self._described = count, serial, described
        self._splitter = pages.Splitter()
        self._headers: list[pages.Page] = []
        self._ended = 0
        self._number = 0
        self._position = 0

    def write(self, data: bytes, /) -> int:
        """Take the next bytes."""
        for page in self._splitter.add(data):
            if self._ended < self._count:
                self._head(page)
            else:
                self._put(page)
        self._position += len(data)
        return len(data)

    def _head(self, page: pages.Page) -> None:
        self._headers.append(page)
        self._ended += sum(size < 255 for size in page.lacing)
        if self._ended >= self._count:
            headers = self._described(pages.packets(self._headers, self._count))
            for made in pages.paged(headers, self._serial):
                self._put(made)

    def _put(self, page: pages.Page) -> None:
        self._file.write(replace(page, serial=self._serial).written(self._number))
        self._number += 1

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Stay at the end, the only place where Ogg is written."""
        return self._position

    def tell(self) -> int:
        """Return how many bytes were taken."""
        return self._position


OGG = Container(
    majors=("OGG",),
    subtypes=("VORBIS",),
    inspect=_inspect,
    write=_write,
    info=FormatInfo(
        name="OGG",
        suffixes=(".ogg", ".oga", ".opus"),
        keeps="codec (Vorbis or Opus), all comments with pictures, the nominal bit rate",
        limits="lossy; one stream in a file",
    ),
)
