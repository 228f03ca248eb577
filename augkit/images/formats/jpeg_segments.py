"""The segments of JPEG: what stands beside the image, and pictures that stand behind it."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from augkit.errors import InputError
from augkit.images.pillow import quiet

LONGEST = 65533
EXIF, XMP, ICC, MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0"

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
