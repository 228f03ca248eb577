"""The chunks of WebP: read without a copy of the pixels, and written."""

from __future__ import annotations

import struct

import msgspec

Chunks = list[tuple[bytes, bytes]]


class Animation(msgspec.Struct, frozen=True):
    """What an animation says of itself: milliseconds and coding of each frame, plays (0 for ever), background."""

    durations: tuple[float, ...]
    lossless: tuple[bool, ...]
    loops: int
    background: bytes


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return the bytes of a chunk."""
    return struct.pack("<4sL", kind, len(content)) + content + bytes(len(content) % 2)


def read_chunks(data: bytes) -> tuple[Chunks, int]:
    """Return kind and content of each chunk of a file, and the number of bytes behind the last."""
    end = 8 + struct.unpack_from("<L", data, 4)[0]
    if end > len(data):
        raise ValueError("the file ends early")
    return _chunks(data, 12, end), len(data) - end


def _chunks(data: bytes, place: int, end: int) -> Chunks:
    found = []
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sL", data, place)
        if place + 8 + length > end:
            raise ValueError(f"chunk {kind!r} ends early")
        found.append((kind, data[place + 8 : place + 8 + length]))
        place += 8 + length + length % 2
    return found


def animation(chunks: Chunks) -> Animation | None:
    """Return how the file moves, or None for a still picture."""
    head = next((content for kind, content in chunks if kind == b"ANIM"), None)
    frames = [content for kind, content in chunks if kind == b"ANMF"]
    if head is None and not frames:
        return None
    if head is None or not frames:
        raise ValueError("an animation without a header or without frames")
    return Animation(
        durations=tuple(float(int.from_bytes(frame[12:15], "little")) for frame in frames),
        lossless=tuple(any(kind == b"VP8L" for kind, _ in _chunks(frame, 16, len(frame))) for frame in frames),
        loops=struct.unpack_from("<H", head, 4)[0],
        background=head[:4],
    )


def size_of(chunks: Chunks) -> tuple[int, int]:
    """Return width and height by the headers, before the decoder reserves memory for them."""
    found = dict(reversed(chunks))
    if b"VP8X" in found:
        sides = found[b"VP8X"][4:10]
        return int.from_bytes(sides[:3], "little") + 1, int.from_bytes(sides[3:], "little") + 1
    if b"VP8L" in found:
        (word,) = struct.unpack_from("<L", found[b"VP8L"], 1)
        return (word & 0x3FFF) + 1, ((word >> 14) & 0x3FFF) + 1
    if b"VP8 " in found:
        width, height = struct.unpack_from("<HH", found[b"VP8 "], 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("it holds no image")
