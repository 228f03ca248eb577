"""What the chunks of PNG say beside the pixels: which stay true for noisy ones, and what other formats can hold."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from msgspec.structs import replace

from augkit.errors import InputError
from augkit.images.formats.png_chunks import GRAY, PALETTE, RGB, RGB_ALPHA, Chunk, Contents, inflated
from augkit.images.formats.png_texts import XMP_KEYWORD, exif_of, is_profile, without_preview, xmp_of
from augkit.images.formats.thumbnails import NOTICE
from augkit.images.picture import Metadata

_KNOWN = (
    *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"PLTE"),
    *(b"pHYs", b"sPLT", b"eXIf", b"tIME", b"tEXt", b"zTXt", b"iTXt"),
)
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_IMPLIED = b"sRGB"  # other formats mean it where they say nothing
_METRE = bytes([1])
_MOST_PROFILES = 32


def carried(contents: Contents, *, alpha_added: bool) -> tuple[tuple[Chunk, ...], list[str], tuple[str, ...]]:
    """Return the chunks that stay true beside noisy pixels, the names of the others, and further notices.

    Parameters
    ----------
    alpha_added : bool
        Whether the image is written with an alpha channel that its file does not have.
    """
    kept, lost, previews = [], [], False
    profiles = sum(map(is_profile, contents.carried))
    if profiles > _MOST_PROFILES:  # each may inflate to many megabytes
        raise InputError(f"expected at most {_MOST_PROFILES} profiles among its texts, got {profiles}; remove them")
    for chunk in contents.carried:
        if chunk.kind in _CONVERTED:
            content = _CONVERTED[chunk.kind](chunk.data, contents, alpha_added)
        elif chunk.kind in _KNOWN or chunk.kind[3:].islower():
            content = chunk.data
        else:
            lost.append(f"{chunk} (speaks of the old pixels)")
            continue
        if content is None:
            lost.append(str(chunk))
        elif content is not _IN_THE_PIXELS:
            true, found = without_preview(replace(chunk, data=content))
            kept.append(true)
            previews = previews or found
    return tuple(kept), lost, (NOTICE,) if previews else ()


_IN_THE_PIXELS = b"in the pixels"


def _palette(data: bytes, contents: Contents, _: bool) -> bytes | None:
    colour = contents.header.colour
    return _IN_THE_PIXELS if colour == PALETTE else data if colour in (RGB, RGB_ALPHA) else None


def _transparency(_: bytes, contents: Contents, __: bool) -> bytes | None:
    return _IN_THE_PIXELS if contents.header.colour in (GRAY, RGB, PALETTE) else None


def _histogram(data: bytes, contents: Contents, _: bool) -> bytes | None:
    return data if contents.header.colour in (RGB, RGB_ALPHA) else None


def _background(data: bytes, contents: Contents, _: bool) -> bytes | None:
    """Return the background in the samples that are written."""
    header = contents.header
    if header.colour == PALETTE:
        colour = (contents.palette or b"")[3 * data[0] :][:3] if len(data) == 1 else b""
        return struct.pack(">HHH", *colour) if len(colour) == 3 else None
    if header.bits >= 8:
        return data
    most = 2**header.bits - 1
    return struct.pack(">H", (data[1] & most) * (255 // most)) if len(data) == 2 else None


def _significant_bits(data: bytes, contents: Contents, alpha_added: bool) -> bytes | None:
    """Return the significant bits, with those of an alpha channel that is added."""
    return data + bytes([max(8, contents.header.bits)]) if alpha_added else data


_CONVERTED = {
    b"PLTE": _palette,
    b"tRNS": _transparency,
    b"hIST": _histogram,
    b"bKGD": _background,
    b"sBIT": _significant_bits,
}


def metadata_of(chunks: tuple[Chunk, ...]) -> Metadata:
    """Return what other formats can hold of the chunks, and the names of the others."""
    found: dict[str, Any] = {}
    others = []
    for chunk in chunks:
        field, content = _understood(chunk)
        if content and field not in found:
            found[field] = content
        elif chunk.kind in _TEXTS:
            others.append(f"text {chunk.data.partition(bytes(1))[0].decode('latin-1')!r}")
        elif chunk.kind != _IMPLIED:
            others.append(str(chunk))
    return Metadata(**found, others=tuple(others))


def _understood(chunk: Chunk) -> tuple[str, Any]:
    """Return the field of `Metadata` that a chunk fills, and with what, if anything."""
    if chunk.kind == b"iCCP":
        return "icc", inflated(chunk.data.partition(bytes(1))[2][1:])
    if chunk.kind == b"pHYs" and len(chunk.data) == 9 and chunk.data[8:] == _METRE:
        return "dpi", tuple(dots * 0.0254 for dots in struct.unpack_from(">II", chunk.data))
    if xmp := xmp_of(chunk):
        return "xmp", xmp
    return "exif", exif_of(chunk)


def chunks_of(metadata: Metadata) -> tuple[Chunk, ...]:
    """Return chunks for what a file of another format held."""
    chunks = []
    if metadata.icc:
        chunks.append(Chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi:
        per_metre = [round(dots / 0.0254) for dots in metadata.dpi]
        chunks.append(Chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if metadata.exif:
        chunks.append(Chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(Chunk(b"iTXt", XMP_KEYWORD + bytes(5) + metadata.xmp))
    if metadata.comment:
        chunks.append(Chunk(b"iTXt", b"Comment" + bytes(5) + metadata.comment.encode()))
    return tuple(chunks)
