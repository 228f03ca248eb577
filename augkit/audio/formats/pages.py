"""The pages of an Ogg stream: taken apart, and put together again with another serial number and other comments."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from augkit.errors import InputError

CONTINUED, FIRST, LAST = 1, 2, 4

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_NO_PACKET_ENDS = 2**64 - 1


class Page(msgspec.Struct, frozen=True):
    """One page.

    Attributes
    ----------
    flags : int
        CONTINUED, FIRST and LAST.
    granule : int
        Position in the stream at the end of the page, in the codec's own unit.
    serial : int
        Number of the logical stream.
    lacing : bytes
        Sizes of the segments; one below 255 ends a packet.
    body : bytes
        The segments; empty where they were passed over.
    """

    flags: int
    granule: int
    serial: int
    lacing: bytes
    body: bytes

    def written(self, number: int) -> bytes:
        """Return the bytes of the page as the one with this number."""
        head = b"OggS\0" + bytes([self.flags]) + self.granule.to_bytes(8, "little")
        head += self.serial.to_bytes(4, "little") + number.to_bytes(4, "little")
        tail = bytes([len(self.lacing)]) + self.lacing + self.body
        return head + _checksum(head + bytes(4) + tail).to_bytes(4, "little") + tail


def _checksum(page: bytes) -> int:
    """Return the CRC of RFC 3533; it is zlib's with the bits of every byte the other way round and no inversion."""
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def walk(file: BinaryIO, *, bodies: int) -> Iterator[Page]:
    """Yield the pages of a file, the first `bodies` of them with their segments.

    Raises
    ------
    InputError
        If the last one is cut short, or there is anything but pages of one stream.
    """
    length = os.fstat(file.fileno()).st_size
    position, serial, number = 0, -1, 0
    while position < length:
        file.seek(position)
        head = file.read(27 + 255)
        if head[:4] != b"OggS"[: len(head)]:
            raise InputError(f"expected an Ogg page at byte {position:,}, got something else; convert it to plain Ogg")
        lacing = head[27 : 27 + head[26]] if len(head) > 26 else b""
        body = position + 27 + len(lacing)
        end = body + sum(lacing)
        if len(head) < 27 or len(lacing) < head[26] or end > length:
            raise InputError(f"the file is cut short in the Ogg page at byte {position:,}; restore it from its source")
        page = _page(head, lacing, b"")
        if number and (page.serial != serial or page.flags & FIRST):
            raise InputError(
                "the file holds several Ogg streams, of which only the first would be kept; split it first"
            )
        serial = page.serial
        if number < bodies:
            file.seek(body)
            page = replace(page, body=file.read(end - body))
        yield page
        position, number = end, number + 1


def _page(head: bytes, lacing: bytes, body: bytes) -> Page:
    granule, serial = (int.from_bytes(head[begin:end], "little") for begin, end in ((6, 14), (14, 18)))
    return Page(head[5], granule, serial, lacing, body)


def packets(pages: Iterable[Page], count: int) -> list[bytes]:
    """Return the first `count` packets, and take no more pages than they fill.

    Raises
    ------
    InputError
        If they do not end with a page, as the headers of Vorbis and Opus do.
    """
    found: list[bytes] = []
    packet = b""
    for page in pages:
        position = 0
        for size in page.lacing:
            packet += page.body[position : position + size]
            position += size
            if size < 255:
                found.append(packet)
                packet = b""
        if len(found) == count and not packet:
            return found
        if len(found) > count:
            break
    raise InputError(f"expected {count} header packets at the start of the Ogg stream; convert it to plain Ogg")


def paged(headers: Sequence[bytes], serial: int) -> Iterator[Page]:
    """Yield pages for header packets, of which the first has a page to itself."""
    yield Page(FIRST, 0, serial, _lacing(headers[0]), headers[0])
    lacing = b"".join(map(_lacing, headers[1:]))
    body = b"".join(headers[1:])
    continued = False
    while lacing:
        part, lacing = lacing[:255], lacing[255:]
        size = sum(part)
        ends = any(segment < 255 for segment in part)
        yield Page(CONTINUED if continued else 0, 0 if ends else _NO_PACKET_ENDS, serial, part, body[:size])
        body, continued = body[size:], part[-1] == 255


def _lacing(packet: bytes) -> bytes:
    return b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])


class Splitter:
    """Cuts a stream of bytes that arrives in pieces into pages."""

    def __init__(self) -> None:
        self._held = b""

    def add(self, data: bytes) -> Iterator[Page]:
        """Yield the pages that these bytes complete."""
        self._held += data
        while len(self._held) > 27:
            lacing = self._held[27 : 27 + self._held[26]]
            end = 27 + self._held[26] + sum(lacing)
            if len(self._held) < end or len(lacing) < self._held[26]:
                return
            yield _page(self._held, lacing, self._held[27 + len(lacing) : end])
            self._held = self._held[end:]
