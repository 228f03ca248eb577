"""The segments of JPEG: what stands beside the image, and pictures that stand behind it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from io import BytesIO
from itertools import islice

from augkit.compiled import pixels as compiled
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

JFIF, ADOBE = b"JFIF\0", b"Adobe"

SCAN = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of frames, of which decoders know the usual ones."""
USUAL_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)

_PHOTOSHOP, _EXTENSION = b"Photoshop 3.0\0", b"JFXX\0"
_MPF_ENTRIES = 0xB002
_PREVIEWS = (0x010001, 0x010002)
_MOST_SCANS = 256
"""Scans of the picture that is read: progressive ones have about ten, and each takes a pass over all pixels."""

_END = b"\xff\xd9"
_WITHOUT_LENGTH = (0x00, 0x01, *range(0xD0, 0xDA), 0xFF)
_WORD = struct.Struct(">H")


def segments_of(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield marker, place and body of each segment up to the first scan, whose body is empty.

    Raises
    ------
    ValueError
        For a segment that is cut off.
    """
    place, kind = 2, 0
    while place + 4 <= len(data) and kind != SCAN:
        kind = data[place + 1]
        if data[place] != 0xFF or kind in _WITHOUT_LENGTH:
            place, kind = place + 1, 0
            continue
        length = max(2, *_WORD.unpack_from(data, place + 2))  # fewer would not count themselves; decoders go on
        if place + 2 + length > len(data):
            raise ValueError(f"its segment at byte {place} is cut off")
        yield kind, place, b"" if kind == SCAN else data[place + 4 : place + 2 + length]
        place += 2 + length


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
    from PIL.TiffImagePlugin import ImageFileDirectory_v2  # loaded where it is needed: it takes as long as a file

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
            removed = body.startswith(_EXTENSION) or (body.startswith(JFIF) and any(body[12:14]))
        found = found or removed
        if not (body.startswith(_EXTENSION) or content == EXIF):
            kept.append((name, content))
    return kept, found


def behind_the_end(data: bytes, scan: int) -> int:
    """Return the number of bytes behind the image, such as the video of a motion photo; padding does not count.

    Parameters
    ----------
    scan : int
        Where the first scan begins: what stands before it may hold whole pictures.
    """
    _, end = _found(data, _END, scan)
    return len(data[end + 2 :].rstrip(b"\0\xff\r\n")) if end >= 0 else 0


def check_scans(data: bytes, scan: int) -> None:
    """Raise ValueError for more scans than any picture needs, from the first one at `scan` on."""
    count, _ = _found(data, bytes((0xFF, SCAN)))
    if count > _MOST_SCANS and sum(1 for _ in islice(_scans(data, scan), _MOST_SCANS + 1)) > _MOST_SCANS:
        raise ValueError(f"it has more than {_MOST_SCANS} scans")


def _found(data: bytes, marker: bytes, begin: int = 0) -> tuple[int, int]:
    """Return how often a marker stands in `data`, and where it first does from `begin` on; -1 for nowhere."""
    found = compiled.find_marks(data, marker[1], begin)
    return (data.count(marker), data.find(marker, begin)) if found is None else found


def _scans(data: bytes, place: int) -> Iterator[int]:
    """Yield where each scan begins; what looks like one may stand in segments, or behind the end."""
    marker = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
    while (found := marker.search(data, place)) and found[0] != _END and found.end() + 2 <= len(data):
        if found[0][1] == SCAN:
            yield found.start()
        place = found.end() + _WORD.unpack_from(data, found.end())[0]


def unusual(data: bytes) -> str:
    """Return why a whole file cannot be read, being of a kind that decoders seldom know; "" for any other."""
    try:
        kind, body = next((kind, body) for kind, _, body in segments_of(data) if kind in FRAMES)
    except (ValueError, StopIteration):
        return ""
    if kind not in USUAL_FRAMES:
        return "a lossless or hierarchical JPEG cannot be kept; convert it to PNG first"
    if not body or body[0] == 8:
        return ""
    return f"JPEG of {body[0]} bits cannot be kept; convert it to 16-bit PNG or TIFF first"
