"""WebP: lossless stays lossless and lossy stays lossy; alpha is always kept exactly."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from PIL import WebPImagePlugin

from augkit.errors import InputError
from augkit.images.picture import Encoded, Format, Frame, Metadata, Picture, not_kept
from augkit.images.pillow import check_size, load, saved, split, to_image

LOSSY_QUALITY = 90
"""Quality of lossy files where none is asked for: WebP does not tell that of its source."""

_KNOWN = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"EXIF", b"XMP ")


@dataclass(frozen=True, slots=True)
class Coding:
    """Whether the source was lossless."""

    lossless: bool


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a WebP file; see `Format.decode`."""
    chunks, rest = _chunks(data)
    if b"ANIM" in chunks or b"ANMF" in chunks:
        raise InputError("animated WebP: all but one frame would be lost; split it into one file for each frame first")
    check_size(_size(data, chunks), max_pixels)
    image = load(WebPImagePlugin.WebPImageFile, data, max_pixels)
    colour, alpha = split(image)
    lost = [f"chunk {kind.decode('latin-1')!r}" for kind in chunks if kind not in _KNOWN]
    lost += [f"data behind the end of the image ({rest} bytes)"] if rest else []
    exif = image.info.get("exif")
    metadata = Metadata(
        exif=exif.removeprefix(b"Exif\0\0") if exif else None,
        icc=image.info.get("icc_profile"),
        xmp=image.info.get("xmp"),
    )
    notices = (f"not kept: {', '.join(lost)}",) if lost else ()
    return Picture((Frame(colour, alpha),), "WEBP", metadata, Coding(lossless=b"VP8L" in chunks), notices)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a WebP file, lossless or lossy as it was; others are lossless unless a `quality` is given."""
    same = picture.format == "WEBP"
    lossless = picture.native.lossless if same else quality is None
    metadata = picture.metadata
    parameters: dict[str, Any] = {"exact": True, "lossless": lossless}
    # Measured: method 1 is three times faster than the default on noisy pixels, at 1 % in size.
    parameters |= {"method": 1, "quality": 50} if lossless else {"quality": quality or LOSSY_QUALITY}
    for name, content in {"exif": metadata.exif, "icc_profile": metadata.icc, "xmp": metadata.xmp}.items():
        if content:
            parameters[name] = content
    data = saved(to_image(picture.first), "WEBP", **parameters)
    notices = not_kept("WEBP", metadata, "exif", "icc", "xmp")
    if same and not lossless and quality is None:
        notices += (f"lossy WebP coded with quality {LOSSY_QUALITY}: the source does not tell its own; set quality",)
    return Encoded(data, lossless, notices)


def _chunks(data: bytes) -> tuple[dict[bytes, int], int]:
    """Return where the content of each kind of chunk begins, and the number of bytes behind the last."""
    end = 8 + struct.unpack_from("<L", data, 4)[0]
    if end > len(data):
        raise ValueError("the file ends early")
    chunks: dict[bytes, int] = {}
    place = 12
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sL", data, place)
        chunks.setdefault(kind, place + 8)
        place += 8 + length + length % 2
    return chunks, len(data) - end


def _size(data: bytes, chunks: dict[bytes, int]) -> tuple[int, int]:
    """Return width and height by the headers, before the decoder reserves memory for them."""
    if b"VP8X" in chunks:
        place = chunks[b"VP8X"] + 4
        return tuple(int.from_bytes(data[at : at + 3], "little") + 1 for at in (place, place + 3))  # type: ignore[return-value]
    if b"VP8L" in chunks:
        word = struct.unpack_from("<L", data, chunks[b"VP8L"] + 1)[0]
        return (word & 0x3FFF) + 1, ((word >> 14) & 0x3FFF) + 1
    if b"VP8 " in chunks:
        width, height = struct.unpack_from("<HH", data, chunks[b"VP8 "] + 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("it holds no image")


WEBP = Format(
    name="WEBP",
    suffixes=(".webp",),
    accepts=lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
    decode=decode,
    encode=encode,
    modes=MappingProxyType({"L": "RGB", "LA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"}),
    keeps="lossless or lossy, alpha exactly, EXIF, ICC, XMP",
    limits="lossy files are coded anew; animations, 16 bits and CMYK are refused",
    longest_side=16383,
)
