"""The segments of JPEG: what stands beside the image, and pictures that stand behind it."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from augkit.errors import InputError
from augkit.images.formats.thumbnails import (
    without_exif_thumbnail,
    without_photoshop_thumbnail,
    without_xmp_thumbnail,
)
from augkit.images.pillow import quiet

Segments = list[tuple[str, bytes]]

LONGEST = 65533
EXIF, XMP, ICC, MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0"

_PHOTOSHOP, _JFIF, _EXTENSION = b"Photoshop 3.0\0", b"JFIF\0", b"JFXX\0"
_MPF_ENTRIES = 0xB002
_PREVIEWS = (0x010001, 0x010002)
_WITHOUT_LENGTH = (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)


def segment(name: str, body: bytes) -> bytes:
    """Return the bytes of a segment by the name that Pillow gives it: APP0 to APP15, or COM."""
    marker = 0xFE if name == "COM" else 0xE0 + int(name[3:])
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def further_pictures(segments: list[tuple[str, bytes]]) -> tuple[str, ...]:
    """Refuse further pictures behind the first, unless they are previews of it; say that these are lost."""
    if any(name == "APP1" and b"hdrgm:Version" in body for name, body in segments):
        raise InputError("JPEG with a gain map (Ultra HDR): the map would be lost; save it as a plain JPEG first")
    indices = [body[4:] for name, body in segments if name == "APP2" and body.startswith(MPF)]
    if not indices:
        return ()
    try:
        kinds = _kinds_of_further_pictures(indices[0])
    except (LookupError, SyntaxError, TypeError, ValueError, struct.error):
        return ("not kept: a broken index of further pictures",)
    if any(kind not in _PREVIEWS for kind in kinds):
        raise InputError(f"JPEG of {len(kinds) + 1} pictures (MPO): all but one would be lost; split it first")
    return ("not kept: embedded preview pictures",) if kinds else ()


def _kinds_of_further_pictures(index: bytes) -> list[int]:
    """Return what the MPF index says of each picture behind the first."""
    buffer = BytesIO(index)
    directory = ImageFileDirectory_v2(buffer.read(8))
    buffer.seek(directory.next)
    with quiet():
        directory.load(buffer)
    order = ">" if index.startswith(b"MM") else "<"
    entries = bytes(directory[_MPF_ENTRIES])
    return [struct.unpack_from(f"{order}L", entries, place)[0] & 0xFFFFFF for place in range(16, len(entries), 16)]


def without_thumbnails(segments: Segments) -> tuple[Segments, bool]:
    """Return the segments without small pictures of the clean image, and whether there were any."""
    exif, in_exif = without_exif_thumbnail(b"".join(body[len(EXIF) :] for _, body in segments if body.startswith(EXIF)))
    found = in_exif
    kept: Segments = []
    for name, body in segments:
        content, removed = body, False
        if in_exif and body.startswith(EXIF):  # a long block stands in several segments
            part, exif = exif[: LONGEST - len(EXIF)], exif[LONGEST - len(EXIF) :]
            content = EXIF + part
        elif body.startswith(_PHOTOSHOP):
            resources, removed = without_photoshop_thumbnail(body[len(_PHOTOSHOP) :])
            content = _PHOTOSHOP + resources
        elif body.startswith(XMP):
            packet, removed = without_xmp_thumbnail(body[len(XMP) :])
            content = XMP + packet
        elif name == "APP0":
            removed = body.startswith(_EXTENSION) or (body.startswith(_JFIF) and any(body[12:14]))
        found = found or removed
        if not (body.startswith(_EXTENSION) or content == EXIF):
            kept.append((name, content))
    return kept, found


def behind_the_end(data: bytes) -> int:
    """Return the number of bytes behind the image, such as the video of a motion photo; padding does not count."""
    end = data.find(b"\xff\xd9", _first_scan(data))
    return len(data[end + 2 :].rstrip(b"\0\xff\r\n")) if end >= 0 else 0


def _first_scan(data: bytes) -> int:
    """Return where the first scan begins; segments are stepped over, for they may hold whole pictures themselves."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF or data[place + 1] in _WITHOUT_LENGTH:
            place += 1
        elif data[place + 1] == 0xDA:
            return place
        else:
            place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return len(data)
