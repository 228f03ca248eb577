"""The texts of PNG that hold EXIF or XMP, and the previews in them, which show the picture without its noise."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from augkit.images.formats.png_chunks import Chunk, inflated
from augkit.images.formats.thumbnails import (
    without_exif_thumbnail,
    without_photoshop_thumbnail,
    without_xmp_thumbnail,
)

XMP_KEYWORD = b"XML:com.adobe.xmp"

_PROFILE = b"Raw profile type "  # ImageMagick and exiv2 write EXIF like this, in hexadecimal
_EXIF = b"Exif\0\0"
_LINE = 36


class Text(msgspec.Struct, frozen=True):
    """A text, decompressed, and what stands in front of it in the chunk."""

    keyword: bytes
    head: bytes
    content: bytes
    compressed: bool


def is_profile(chunk: Chunk) -> bool:
    """Tell whether a text holds a profile, such as EXIF or XMP, in which a preview may be."""
    return chunk.data.startswith((_PROFILE, XMP_KEYWORD + b"\0"))


def exif_of(chunk: Chunk) -> bytes | None:
    """Return the EXIF block of a chunk, without any prefix, or None."""
    if chunk.kind == b"eXIf":
        return chunk.data.removeprefix(_EXIF)
    text = _of_profile(chunk)
    payload = None if text is None else _payload(text.content)
    return payload.removeprefix(_EXIF) if payload and payload.startswith(_EXIF) else None


def xmp_of(chunk: Chunk) -> bytes | None:
    """Return the XMP packet of a chunk, or None."""
    text = _read(chunk) if chunk.data.startswith(XMP_KEYWORD + b"\0") else None
    return text.content if text else None


def without_preview(chunk: Chunk) -> tuple[Chunk, bool]:
    """Return a chunk without the preview in it, byte for byte the same where there is none, and whether there was."""
    if chunk.kind == b"eXIf":
        prefix = _EXIF if chunk.data.startswith(_EXIF) else b""
        block, found = without_exif_thumbnail(chunk.data.removeprefix(prefix))
        return (replace(chunk, data=prefix + block), True) if found else (chunk, False)
    if chunk.data.startswith(XMP_KEYWORD + b"\0"):
        text = _read(chunk)
        packet, found = without_xmp_thumbnail(text.content if text else b"")
        return (_with(chunk, text, packet), True) if text and found else (chunk, False)
    text = _of_profile(chunk)
    payload = None if text is None else _payload(text.content)
    if text is None or not payload:
        return chunk, False
    clean, prefix = _cleaner(text.keyword, payload)
    block, found = clean(payload.removeprefix(prefix))
    return (_with(chunk, text, _profile(text, prefix + block)), True) if found else (chunk, False)


def _cleaner(keyword: bytes, payload: bytes) -> tuple[Callable[[bytes], tuple[bytes, bool]], bytes]:
    """Return what takes previews out of a profile, and the prefix that it leaves alone."""
    if keyword.lower().endswith(b"8bim"):
        return without_photoshop_thumbnail, b""
    if payload.startswith(_EXIF):
        return without_exif_thumbnail, _EXIF
    return without_xmp_thumbnail, b""


def _of_profile(chunk: Chunk) -> Text | None:
    return _read(chunk) if chunk.data.startswith(_PROFILE) else None


def _read(chunk: Chunk) -> Text | None:
    """Return the text in a chunk, or None where there is none or it is broken."""
    keyword, _, rest = chunk.data.partition(b"\0")
    if chunk.kind == b"tEXt":
        return Text(keyword, keyword + b"\0", rest, compressed=False)
    if chunk.kind == b"zTXt":
        size, compressed = len(keyword) + 2, True
    elif chunk.kind == b"iTXt" and rest[2:].count(b"\0") >= 2:
        language, translated, _ = rest[2:].split(b"\0", 2)
        size, compressed = len(keyword) + 1 + 2 + len(language) + 1 + len(translated) + 1, rest[:1] == b"\1"
    else:
        return None
    stored = chunk.data[size:]
    content = inflated(stored) if compressed else stored
    return None if content is None else Text(keyword, chunk.data[:size], content, compressed)


def _with(chunk: Chunk, text: Text, content: bytes) -> Chunk:
    return replace(chunk, data=text.head + (zlib.compress(content) if text.compressed else content))


def _payload(profile: bytes) -> bytes | None:
    """Return the bytes of a profile that is written as a name, a length and hexadecimal digits."""
    parts = profile.split(None, 2)
    try:
        return binascii.unhexlify(b"".join(parts[2].split())) if len(parts) == 3 else None
    except binascii.Error:
        return None


def _profile(text: Text, payload: bytes) -> bytes:
    name = text.content.split(None, 1)[0]
    lines = [payload[place : place + _LINE].hex().encode() for place in range(0, len(payload), _LINE)]
    return b"\n" + b"\n".join((name, b"%8d" % len(payload), *lines)) + b"\n"
