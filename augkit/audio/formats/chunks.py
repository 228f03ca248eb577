"""The chunks of a RIFF or AIFF file, so that all of them but the samples can be kept byte for byte."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from augkit.errors import InputError

Order = Literal["little", "big"]

PEAK = b"PEAK"
"""The highest samples, which noise changes, and the time of writing, which must not go into an output."""

_STREAMED = 0x7FFFF000
"""From here on a size means "not known when the header was written"; writers to pipes differ in what they put."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its name, where its payload begins, and the payload's size as declared."""

    name: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Chunks:
    """The bytes of a file and where its chunks lie.

    Attributes
    ----------
    raw : bytes
        The whole file.
    order : str
        Byte order of the numbers.
    chunks : tuple of Chunk
        In the order of the file.
    data : Chunk
        The one of them that holds the samples.
    """

    raw: bytes
    order: Order
    chunks: tuple[Chunk, ...]
    data: Chunk

    def named(self, name: bytes) -> Chunk | None:
        """Return the first chunk called `name`, if there is one."""
        return next((chunk for chunk in self.chunks if chunk.name == name), None)

    @property
    def cut_short(self) -> bool:
        """Whether the last chunk says that it is longer than the file."""
        return self._end > len(self.raw)

    @property
    def loose(self) -> int:
        """How many bytes at the end of the file belong to no chunk."""
        return max(0, len(self.raw) - self._end - self.chunks[-1].size % 2)

    @property
    def _end(self) -> int:
        return self.chunks[-1].start + self.chunks[-1].size

    def payload(self, chunk: Chunk) -> bytes:
        """Return what a chunk holds."""
        return self.raw[chunk.start : chunk.start + chunk.size]


def walk(raw: bytes, samples: bytes) -> Chunks:
    """Find the chunks of a RIFF, RIFX, RF64 or FORM file.

    Parameters
    ----------
    raw : bytes
        The whole file.
    samples : bytes
        Name of the chunk that holds the samples. A size that was not known when its header was written becomes what
        is there.

    Raises
    ------
    InputError
        If the samples are missing or cut short.
    """
    order: Order = "big" if raw[:4] in (b"RIFX", b"FORM") else "little"
    chunks: list[Chunk] = []
    position = 12
    while position + 8 <= len(raw):
        name, size = raw[position : position + 4], int.from_bytes(raw[position + 4 : position + 8], order)
        if not _is_name(name):
            break
        chunk = Chunk(name, position + 8, size)
        if name == samples and not any(other.name == samples for other in chunks):
            chunk = Chunk(name, position + 8, _size_of_samples(raw, chunk, chunks, order))
        chunks.append(chunk)
        position = chunk.start + chunk.size + chunk.size % 2
    data = [chunk for chunk in chunks if chunk.name == samples]
    if len(data) != 1:
        raise InputError(f"expected one {samples.decode()!r} chunk, got {len(data)}; restore the file from its source")
    return Chunks(raw, order, tuple(chunks), data[0])


def _size_of_samples(raw: bytes, chunk: Chunk, before: Iterable[Chunk], order: Order) -> int:
    size, there = chunk.size, len(raw) - chunk.start
    large = next((other for other in before if other.name == b"ds64"), None)
    if large is not None and raw[:4] == b"RF64" and size == 0xFFFFFFFF:
        size = int.from_bytes(raw[large.start + 8 : large.start + 16], "little")
    elif (size >= _STREAMED and size > there) or (size == 0 and not _is_chunk(raw, chunk.start, order)):
        return there
    if size > there:
        raise InputError(
            f"the file is cut short: {size:,} bytes of samples were expected, {there:,} are there; restore it"
        )
    return size


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()


def _is_chunk(raw: bytes, position: int, order: Order) -> bool:
    """Tell whether another chunk, or the end, is at `position`: a size of 0 is then meant."""
    name = raw[position : position + 4]
    size = int.from_bytes(raw[position + 4 : position + 8], order)
    return not name or (_is_name(name) and position + 8 + size <= len(raw))


def graft(new: Chunks, kept: Chunks, own: Collection[bytes]) -> bytes:
    """Return the samples of `new`, and its chunks of the `own` kind, amid all the other chunks of `kept`."""
    described = [chunk for chunk in new.chunks if chunk.name in own]
    foreign = [chunk for chunk in kept.chunks if chunk.name not in (*own, PEAK, kept.data.name)]
    parts = [(new, chunk) for chunk in described]
    parts += [(kept, chunk) for chunk in foreign if chunk.start < kept.data.start]
    parts += [(new, new.data)]
    parts += [(kept, chunk) for chunk in foreign if chunk.start > kept.data.start]
    body = b"".join(_written(chunk.name, source.payload(chunk), new.order) for source, chunk in parts)
    return new.raw[:4] + (len(body) + 4).to_bytes(4, new.order) + new.raw[8:12] + body


def _written(name: bytes, payload: bytes, order: Order) -> bytes:
    return name + len(payload).to_bytes(4, order) + payload + bytes(len(payload) % 2)
