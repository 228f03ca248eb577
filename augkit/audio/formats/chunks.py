"""The chunks of RIFF, AIFF, W64 and CAF files: where each lies, so that all but the samples stay byte for byte."""

from __future__ import annotations

from typing import IO, Literal

import msgspec

from augkit.errors import InputError

Order = Literal["little", "big"]

HEAD = 64
"""Bytes of each payload that are kept: a description of the samples, or the kind of a list."""

_STREAMED = 0x7FFFF000
"""From here on a size means "not known when the header was written"; writers to pipes differ in what they put."""

_MOST = 2**16
"""Chunks in a file; more are no recording but an attack."""


class Layout(msgspec.Struct, frozen=True):
    """How a family of files strings its chunks together.

    Attributes
    ----------
    order : str
        Byte order of the numbers.
    name, size : int
        Bytes of a chunk's name and of its size.
    align : int
        What the start of every chunk is a multiple of.
    inclusive : bool
        Whether a size counts its own name and size.
    first : int
        Where the first chunk begins.
    beyond : int or None
        How many bytes the size of the whole file, which stands behind its name, does not count; None where there is no
        such field.
    """

    order: Order
    name: int = 4
    size: int = 4
    align: int = 2
    inclusive: bool = False
    first: int = 12
    beyond: int | None = 8

    @property
    def header(self) -> int:
        """Bytes in front of a payload."""
        return self.name + self.size


RIFF, RIFX = Layout("little"), Layout("big")
W64 = Layout("little", name=16, size=8, align=8, inclusive=True, first=40, beyond=0)
CAF = Layout("big", size=8, align=1, first=8, beyond=None)


class Chunk(msgspec.Struct, frozen=True):
    """One chunk: its name, where its payload begins, the payload's size, and its first bytes."""

    name: bytes
    start: int
    size: int
    head: bytes = b""

    @property
    def label(self) -> str:
        """The name for people; a list's with its kind."""
        name = self.name if len(self.name) == 4 else self.name[:4]
        kind = b" " + self.head[:4] if name == b"LIST" else b""
        return (name + kind).decode("latin-1").strip()


class Chunks(msgspec.Struct, frozen=True):
    """Where the chunks of a file lie.

    Attributes
    ----------
    layout : Layout
        How they are strung together.
    kind : bytes
        How the file begins: RIFF, RF64, FORM and their like.
    length : int
        Bytes of the whole file.
    chunks : tuple of Chunk
        In the order of the file.
    data : Chunk
        The one of them that holds the samples.
    """

    layout: Layout
    kind: bytes
    length: int
    chunks: tuple[Chunk, ...]
    data: Chunk

    def named(self, name: bytes) -> Chunk | None:
        """Return the first chunk called `name`, if there is one."""
        return next((chunk for chunk in self.chunks if chunk.name == name), None)

    @property
    def cut_short(self) -> bool:
        """Whether the last chunk says that it is longer than the file."""
        return self._end > self.length

    @property
    def loose(self) -> int:
        """How many bytes at the end of the file belong to no chunk."""
        return max(0, self.length - self._end - -self._end % self.layout.align)

    @property
    def _end(self) -> int:
        return self.chunks[-1].start + self.chunks[-1].size


class Around(msgspec.Struct, frozen=True):
    """What a file hands on whose samples change their size: its chunks, and the names of those written anew."""

    chunks: Chunks
    own: tuple[bytes, ...]

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing but samples and their description."""
        return all(chunk.name in (*self.own, self.chunks.data.name) for chunk in self.chunks.chunks)


def walk(file: IO[bytes], length: int, layout: Layout, samples: bytes) -> Chunks:
    """Find the chunks of a file.

    Parameters
    ----------
    file : binary file
        Open for reading.
    length : int
        Its size in bytes.
    layout : Layout
        How its chunks are strung together.
    samples : bytes
        Name of the chunk that holds the samples. A size that was not known when its header was written becomes what
        is there.

    Raises
    ------
    InputError
        If the samples are missing or cut short.
    """
    file.seek(0)
    kind = file.read(4)
    chunks: list[Chunk] = []
    data: list[Chunk] = []
    position = layout.first
    while position + layout.header <= length:
        file.seek(position)
        header = file.read(layout.header)
        name, start = header[: layout.name], position + layout.header
        if not _is_name(name, layout):
            break
        size = int.from_bytes(header[layout.name :], layout.order)
        if layout.inclusive:
            size -= layout.header
        if size == 0xFFFFFFFF and layout == RIFF:
            size = _large(name, chunks, size)
        if name == samples:
            size = _checked(file, length, layout, start, size) if not data else size
            data.append(Chunk(name, start, size))
            chunks.append(data[-1])
        else:
            chunks.append(Chunk(name, start, size, file.read(min(HEAD, max(0, size)))))
        if size < 0 or len(chunks) > _MOST:
            raise InputError(f"the chunks at byte {position:,} make no sense; restore the file from its source")
        position = start + size + -(start + size) % layout.align
    if len(data) != 1:
        raise InputError(
            f"expected one {samples[:4].decode()!r} chunk, got {len(data)}; restore the file from its source"
        )
    return Chunks(layout, kind, length, tuple(chunks), data[0])


def _checked(file: IO[bytes], length: int, layout: Layout, start: int, size: int) -> int:
    """Return the size of the samples; raise `InputError` where they are cut short."""
    there = length - start
    if layout == CAF:
        unknown = size == 2**64 - 1
    elif layout == W64:
        unknown = size == -layout.header
    else:
        unknown = (size > there and _STREAMED <= size <= 0xFFFFFFFF) or size == 0xFFFFFFFF
        unknown = unknown or (size == 0 and not _follows(file, length, layout))
    if unknown:
        return there
    if layout.size == 4 and size <= 0xFFFFFFFF and there - size >= 2**32 - 2**20:
        raise InputError(
            f"{there:,} bytes follow where {size:,} bytes of samples were expected: their size did not fit into the "
            "header; convert the file first, for example with ffmpeg -rf64 auto"
        )
    if size > there:
        raise InputError(
            f"the file is cut short: {size:,} bytes of samples were expected, {there:,} are there; restore it"
        )
    return size


def _large(name: bytes, before: list[Chunk], size: int) -> int:
    """Return the size that the ds64 chunk of an RF64 file gives for a chunk whose own field is too small for it."""
    table = before[0].head if before and before[0].name == b"ds64" else b""
    if name == b"data" and len(table) >= 16:
        return int.from_bytes(table[8:16], "little")
    for at in range(28, len(table) - 11, 12):
        if table[at : at + 4] == name:
            return int.from_bytes(table[at + 4 : at + 12], "little")
    return size


def _is_name(name: bytes, layout: Layout) -> bool:
    return layout == W64 or (name.isascii() and name.decode("ascii").isprintable())


def _follows(file: IO[bytes], length: int, layout: Layout) -> bool:
    """Tell whether another chunk, or the end, is at the present position: a size of 0 is then meant."""
    position = file.tell()
    header = file.read(layout.header)
    if not header:
        return True
    size = int.from_bytes(header[layout.name :], layout.order)
    return _is_name(header[: layout.name], layout) and position + layout.header + size <= length
