"""The chunks of PNG: read with their checksums checked, and written."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

MAGIC = b"\x89PNG\r\n\x1a\n"

_DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_LONGEST_TEXT = 2**24


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk besides the header and the image data, and whether it stood behind the image data."""

    kind: bytes
    data: bytes
    trailing: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """What IHDR says."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool


def read_chunks(data: bytes) -> tuple[Header, list[Chunk], bytes, int]:
    """Return the header, the chunks besides image data, a file of the pixels alone, and the bytes behind the end.

    Pillow gets the pixels alone: no text or profile can then disturb the decoder, or fill the memory.
    """
    chunks: list[Chunk] = []
    needed = [data[: len(MAGIC)]]
    header, place, behind = None, len(MAGIC), False
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        begin, end = place, place + 12 + length
        if end > len(data):
            break
        content = memoryview(data)[begin + 8 : end - 4]
        if zlib.crc32(content, zlib.crc32(kind)) != struct.unpack_from(">I", data, end - 4)[0]:
            raise ValueError(f"the checksum of chunk {kind!r} is wrong")
        place = end
        if header is None:
            header = _header(kind, bytes(content))
        elif kind not in (b"IDAT", b"IEND"):
            chunks.append(Chunk(kind, bytes(content), behind))
        if kind in _DECODED:
            needed.append(data[begin:end])
            behind = behind or kind == b"IDAT"
        if kind == b"IEND":
            return header, chunks, b"".join(needed), len(data) - place
    raise ValueError("the file ends early")


def _header(kind: bytes, content: bytes) -> Header:
    if kind != b"IHDR":
        raise ValueError(f"expected the header first, got chunk {kind!r}")
    width, height, bits, colour, _, _, interlace = struct.unpack(">IIBBBBB", content)
    return Header(width, height, bits, colour, bool(interlace))


def framed(chunk: Chunk) -> bytes:
    """Return the bytes of a chunk, with length and checksum."""
    body = chunk.kind + chunk.data
    return struct.pack(">I", len(chunk.data)) + body + struct.pack(">I", zlib.crc32(body))


def inflated(data: bytes) -> bytes | None:
    """Return the decompressed `data`, or None where it is broken or expands beyond all measure."""
    try:
        decoder = zlib.decompressobj()
        content = decoder.decompress(data, _LONGEST_TEXT)
    except zlib.error:
        return None
    return None if decoder.unconsumed_tail else content
