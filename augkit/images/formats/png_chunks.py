"""The chunks of PNG: read with their checksums checked, sorted by what they are for, and written."""

from __future__ import annotations

import struct
from typing import TypeAlias, cast

import msgspec
from isal import isal_zlib

from augkit.errors import InputError

MAGIC = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
MOST_CHUNKS = 2**18
"""Chunks of the longest list that is read: a gigabyte of image data in pieces of 4 kB, and no bomb of empty ones."""

BROKEN_STREAM = cast(type[Exception], isal_zlib.error)
"""What the decoder raises; the stubs of isal take the class for an instance."""

_DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
_LONGEST = 2**31 - 1
_TEXT_LIMIT = 2**24
_HEAD = struct.Struct(">I4s")
_SUM = struct.Struct(">I")

Found: TypeAlias = list[tuple[bytes, memoryview]]
Parts: TypeAlias = list[bytes]


class Chunk(msgspec.Struct, frozen=True):
    """One chunk besides the header and the image data, and whether it stood behind the image data."""

    kind: bytes
    data: bytes
    trailing: bool = False

    def __str__(self) -> str:
        return f"chunk {self.kind.decode('latin-1')}"


class Header(msgspec.Struct, frozen=True):
    """What IHDR says."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool = False

    def packed(self) -> bytes:
        """Return the content of the chunk."""
        return struct.pack(">IIBBBBB", self.width, self.height, self.bits, self.colour, 0, 0, self.interlaced)


class Stream(msgspec.Struct, frozen=True):
    """The image data of one frame, in pieces, behind the fcTL that announced it, if one did."""

    control: bytes | None
    pieces: list[memoryview]


class Contents(msgspec.Struct):
    """The chunks of a file, sorted.

    Attributes
    ----------
    header : Header
    carried : list of Chunk
        All but those of the header, the image data and the animation; palette and transparency included.
    streams : list of Stream
        The first is that of IDAT.
    animation : bytes or None
        The content of acTL.
    palette, transparency : bytes or None
        The contents of PLTE and tRNS.
    """

    header: Header
    carried: list[Chunk] = msgspec.field(default_factory=list)
    streams: list[Stream] = msgspec.field(default_factory=list)
    animation: bytes | None = None
    palette: bytes | None = None
    transparency: bytes | None = None


def read_chunks(data: bytes) -> tuple[Found, int]:
    """Return kind and content of every chunk, and the number of bytes behind the end.

    Raises
    ------
    ValueError
        For a file that ends early, or a chunk whose checksum is wrong.
    """
    view, place = memoryview(data), len(MAGIC)
    found: Found = []
    while place + 12 <= len(data):
        length, kind = _HEAD.unpack_from(data, place)
        end = place + 12 + length
        if end > len(data):
            break
        if isal_zlib.crc32(view[place + 4 : end - 4]) != _SUM.unpack_from(data, end - 4)[0]:
            raise ValueError(f"the checksum of chunk {kind!r} is wrong")
        if len(found) == MOST_CHUNKS:
            raise ValueError(f"it has more than {MOST_CHUNKS:,} chunks")
        found.append((kind, view[place + 8 : end - 4]))
        place = end
        if kind == b"IEND":
            return found, len(data) - place
    raise ValueError("the file ends early")


def sort_chunks(found: Found) -> Contents:
    """Return the chunks by what they are for.

    Raises
    ------
    ValueError
        Where the order or the number of the chunks leaves open what the pixels are.
    InputError
        For a chunk without which the pixels cannot be understood, and which is no part of PNG.
    """
    _check_kinds(found)
    contents = Contents(_header(*found[0]))
    control, count, before = None, 0, b""
    for kind, content in found[1:-1]:
        if kind == b"IDAT":
            _add_image_data(contents, content, control, before)
            control = None
        elif kind in (b"fcTL", b"fdAT"):
            if content[:4] != _SUM.pack(count):
                raise ValueError(f"the frames are out of order: expected number {count} in chunk {kind!r}")
            count += 1
            control = _add_frame_data(contents, kind, content, control)
        else:
            _add_other(contents, kind, bytes(content))
        before = kind
    if not contents.streams:
        raise ValueError("it holds no image data")
    if control is not None or not all(stream.pieces for stream in contents.streams):
        raise ValueError("a frame holds no image data")
    if contents.animation is None and count:
        raise ValueError("chunks of an animation stand in a file that says it is none")
    return contents


def _check_kinds(found: Found) -> None:
    known = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
    for kind, _ in found:
        if not kind.isalpha():
            raise ValueError(f"{kind!r} is no name of a chunk")
        if kind[:1].isupper() and kind not in known:
            raise InputError(f"chunk {kind!r} is no part of PNG and cannot be kept; save it as plain PNG first")
    if found[-1][1]:
        raise ValueError("the last chunk should be empty")


def _header(kind: bytes, content: memoryview) -> Header:
    if kind != b"IHDR" or len(content) != 13:
        raise ValueError(f"expected the header first, got chunk {kind!r} of {len(content)} bytes")
    width, height, bits, colour, compression, filters, interlace = struct.unpack(">IIBBBBB", content)
    if bits not in _DEPTHS.get(colour, ()):
        raise ValueError(f"there are no pixels of {bits} bits and colour type {colour}")
    if compression or filters or interlace > 1:
        raise ValueError(f"unknown compression {compression}, filter method {filters} or interlacing {interlace}")
    if max(width, height) > _LONGEST:
        raise ValueError(f"no image can be {width} x {height}")
    return Header(width, height, bits, colour, bool(interlace))


def _add_image_data(contents: Contents, content: memoryview, control: bytes | None, before: bytes) -> None:
    if not contents.streams:
        contents.streams.append(Stream(control, []))
    elif before != b"IDAT":
        raise ValueError(f"chunk {before!r} interrupts the image data")
    contents.streams[0].pieces.append(content)


def _add_frame_data(contents: Contents, kind: bytes, content: memoryview, control: bytes | None) -> bytes | None:
    """Add frame data, and return the frame control that still waits for its data."""
    if kind == b"fcTL":
        if control is not None:
            raise ValueError("a frame holds no image data")
        return bytes(content[4:])
    if not contents.streams:
        raise ValueError("the data of a frame stand before the image")
    if control is not None:
        contents.streams.append(Stream(control, [content[4:]]))
    elif len(contents.streams) == 1:
        raise ValueError("the data of a frame follow no frame control")
    else:
        contents.streams[-1].pieces.append(content[4:])
    return None


def _add_other(contents: Contents, kind: bytes, content: bytes) -> None:
    behind = bool(contents.streams)
    field_of = {b"PLTE": "palette", b"tRNS": "transparency", b"acTL": "animation"}.get(kind)
    if field_of:
        if behind or getattr(contents, field_of) is not None:
            raise ValueError(f"chunk {kind!r} stands behind the image data or another of its kind")
        setattr(contents, field_of, content)
    if kind == b"PLTE" and contents.transparency is not None:
        raise ValueError("the palette stands behind its transparency")
    if kind == b"IHDR":
        raise ValueError("it has two headers")
    if kind != b"acTL":
        contents.carried.append(Chunk(kind, content, behind))


def framed(kind: bytes, content: bytes = b"", number: int | None = None) -> tuple[bytes, ...]:
    """Return the bytes of a chunk, in parts: length, kind, the sequence number of a frame's data, content, checksum."""
    start = kind if number is None else kind + _SUM.pack(number)
    checksum = isal_zlib.crc32(content, isal_zlib.crc32(start))
    return _SUM.pack(len(start) - 4 + len(content)) + start, content, _SUM.pack(checksum)


def inflated(data: bytes) -> bytes | None:
    """Return the decompressed `data` of a text or a profile; None where it is broken or expands beyond all measure."""
    decoder = isal_zlib.decompressobj()
    try:
        content = decoder.decompress(data, _TEXT_LIMIT)
    except BROKEN_STREAM:
        return None
    return content if decoder.eof else None
