"""Previews that show the picture without its noise: taken out of EXIF blocks, Photoshop resources and XMP packets.

All else stays where it stands, byte for byte: offsets into a block, such as those of maker notes, stay true.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect
from collections.abc import Iterator

NOTICE = "not kept: an embedded thumbnail, which shows the picture without noise"

_JPEG_PLACE, _JPEG_LENGTH, _STRIP_PLACES, _STRIP_LENGTHS = 513, 514, 273, 279
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_PHOTOSHOP = b"8BIM"
_PREVIEWS = (0x0409, 0x040C)
_IN_XMP = re.compile(rb"<(/?)(\w+:Thumbnails)\b[^<>]*>")


def without_exif_thumbnail(block: bytes) -> tuple[bytes, bool]:
    """Return an EXIF block (a TIFF structure) without its second directory, the thumbnail's, and whether it had one.

    A broken block is returned as it is: no reader finds a thumbnail in it.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return block, False
    try:
        first = struct.unpack_from(f"{order}L", block, 4)[0]
        link = first + 2 + 12 * struct.unpack_from(f"{order}H", block, first)[0]
        second = struct.unpack_from(f"{order}L", block, link)[0]
    except struct.error:
        return block, False
    if not second:
        return block, False
    cleared = bytearray(block)
    cleared[link : link + 4] = bytes(4)
    end = len(cleared)
    try:
        spans = sorted(_spans(block, order, second), reverse=True)
    except struct.error:
        spans = []
    for begin, length in spans:
        if link + 4 <= begin and begin + length <= len(block):
            cleared[begin : begin + length] = bytes(length)
            end = begin if begin + length >= end else end
    return bytes(cleared[:end]), True


def _spans(block: bytes, order: str, place: int) -> Iterator[tuple[int, int]]:
    """Yield place and length of all that belongs to the directory at `place`: itself, its values and its picture."""
    (count,) = struct.unpack_from(f"{order}H", block, place)
    yield place, 2 + 12 * count + 4
    numbers: dict[int, int] = {}
    for at in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{order}HHL", block, at)
        size = _SIZES.get(kind, 0) * values
        if size > 4:
            yield struct.unpack_from(f"{order}L", block, at + 8)[0], size
        elif values == 1 and kind in (3, 4):
            numbers[tag] = struct.unpack_from(order + ("H" if kind == 3 else "L"), block, at + 8)[0]
    for where, length in ((_JPEG_PLACE, _JPEG_LENGTH), (_STRIP_PLACES, _STRIP_LENGTHS)):
        if where in numbers and length in numbers:
            yield numbers[where], numbers[length]


def without_photoshop_thumbnail(resources: bytes) -> tuple[bytes, bool]:
    """Return Photoshop's image resources without the previews among them, and whether there were any."""
    place, kept, found = 0, [], False
    while resources[place : place + 4] == _PHOTOSHOP and place + 12 <= len(resources):
        (number,) = struct.unpack_from(">H", resources, place + 4)
        name = (resources[place + 6] + 2) // 2 * 2
        if place + 10 + name > len(resources):
            break
        (length,) = struct.unpack_from(">L", resources, place + 6 + name)
        end = place + 10 + name + length + length % 2
        if number in _PREVIEWS:
            found = True
        else:
            kept.append(resources[place:end])
        place = end
    return (b"".join(kept) + resources[place:], True) if found else (resources, False)


def without_xmp_thumbnail(packet: bytes) -> tuple[bytes, bool]:
    """Return an XMP packet without its thumbnails, and whether there were any."""
    begins: list[re.Match[bytes]] = []
    ends: dict[bytes, list[int]] = {}
    for tag in _IN_XMP.finditer(packet):
        if tag[1]:
            ends.setdefault(tag[2], []).append(tag.end())
        else:
            begins.append(tag)
    kept, place = [], 0
    for tag in begins:
        behind = ends.get(tag[2], [])
        number = bisect(behind, tag.end())
        if tag.start() >= place and number < len(behind):
            kept.append(packet[place : tag.start()])
            place = behind[number]
    return (b"".join((*kept, packet[place:])), True) if kept else (packet, False)
