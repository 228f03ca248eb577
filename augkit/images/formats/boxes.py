"""The boxes of the ISO base media format, which JPEG 2000 and AVIF files are made of."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Mapping

import msgspec

_LARGEST_COUNT = 100_000


class Box(msgspec.Struct, frozen=True):
    """One box: its kind, and where its content stands in the file."""

    kind: bytes
    begin: int
    end: int

    def content(self, data: bytes) -> bytes:
        """Return the bytes in the box."""
        return data[self.begin : self.end]


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes between two places, one after the other; raise ValueError where one does not fit."""
    end = len(data) if end is None else end
    for _ in range(_LARGEST_COUNT):
        if begin + 8 > end:
            return
        length, kind = struct.unpack_from(">L4s", data, begin)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, begin + 8)
            head = 16
        stop = end if length == 0 else begin + length
        if (length and length < head) or stop > end:
            raise ValueError(f"box {kind!r} does not fit into the file")
        yield Box(kind, begin + head, stop)
        begin = stop
    raise ValueError("too many boxes")


def walk(data: bytes, inside: Mapping[bytes, int], begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield all boxes, at any depth, each before those inside it.

    Parameters
    ----------
    inside : mapping
        The kinds that hold boxes, and the number of bytes that stand before these.
    """
    for box in boxes(data, begin, end):
        yield box
        if box.kind in inside and box.begin + inside[box.kind] <= box.end:
            yield from walk(data, inside, box.begin + inside[box.kind], box.end)


def box_bytes(kind: bytes, content: bytes) -> bytes:
    """Return the bytes of a box."""
    return struct.pack(">L4s", len(content) + 8, kind) + content


def without(data: bytes, kinds: Container[bytes]) -> bytes:
    """Return the boxes of `data` but those of some kinds."""
    return b"".join(box_bytes(box.kind, box.content(data)) for box in boxes(data) if box.kind not in kinds)
