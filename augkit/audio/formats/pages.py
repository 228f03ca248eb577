"""The pages of an Ogg stream: taken apart, and put together again with another serial number and other comments."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from augkit.errors import InputError

CONTINUED, FIRST, LAST = 1, 2, 4

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_NO_PACKET_ENDS = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Page:
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
        The segments.
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


def split(raw: bytes) -> list[Page]:
    """Return the pages of a file.

    Raises
    ------
    InputError
        If the last one is cut short, or there is anything but pages of one stream.
    """
    pages: list[Page] = []
    position = 0
    while position < len(raw):
        body = position + 27 + (raw[position + 26] if position + 26 < len(raw) else 0)
        lacing = raw[position + 27 : body]
        end = body + sum(lacing)
        if raw[position : position + 4] != b"OggS"[: len(raw) - position]:
            raise InputError(f"expected an Ogg page at byte {position:,}, got something else; convert it to plain Ogg")
        if end > len(raw) or position + 27 > len(raw):
            raise InputError(f"the file is cut short in the Ogg page at byte {position:,}; restore it from its source")
        granule, serial = (int.from_bytes(raw[position + a : position + b], "little") for a, b in ((6, 14), (14, 18)))
        pages.append(Page(raw[position + 5], granule, serial, lacing, raw[body:end]))
        position = end
    if len({page.serial for page in pages}) > 1 or sum(bool(page.flags & FIRST) for page in pages) > 1:
        raise InputError("the file holds several Ogg streams, of which only the first would be kept; split it first")
    return pages


def packets(pages: Sequence[Page], count: int) -> tuple[list[bytes], int]:
    """Return the first `count` packets, and how many pages they fill.

    Raises
    ------
    InputError
        If they do not end with a page, as the headers of Vorbis and Opus do.
    """
    found: list[bytes] = []
    packet = b""
    for number, page in enumerate(pages, 1):
        position = 0
        for size in page.lacing:
            packet += page.body[position : position + size]
            position += size
            if size < 255:
                found.append(packet)
                packet = b""
        if len(found) == count and not packet:
            return found, number
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


def join(headers: Sequence[bytes], audio: Sequence[Page], serial: int) -> Iterator[bytes]:
    """Yield the bytes of a stream of header packets and pages of audio, numbered anew under one serial number."""
    number = 0
    for number, page in enumerate(paged(headers, serial)):
        yield page.written(number)
    for place, page in enumerate(audio, number + 1):
        yield replace(page, serial=serial).written(place)
