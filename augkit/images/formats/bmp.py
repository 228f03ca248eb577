"""BMP: new pixels are put into the old file, so that its header and all else stay as they are."""

from __future__ import annotations

import struct
from io import BytesIO

import msgspec
import numpy as np
from msgspec.structs import replace
from PIL import BmpImagePlugin, Image

from augkit.images.picture import Encoded, Frame, Metadata, Picture, not_kept
from augkit.images.pillow import check_size, in_exact_mode, quiet, saved, split, to_image

_IN_PLACE = {"L": "L", "BGR": "RGB", "BGRX": "RGB", "BGRA": "RGBA", "ABGR": "RGBA", "RGBA": "RGBA"}
_V4_HEADER, _V5_HEADER = 108, 124
_HIGHEST_DPI = 2**31 * 0.0254 - 1
_BITFIELDS = 3
_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)


class Layout(msgspec.Struct, frozen=True):
    """Where and how the pixels stand in the source, and the bytes before and behind them."""

    raw_mode: str
    stride: int
    direction: int
    before: bytes
    behind: bytes


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a BMP file; see `Format.decode`."""
    with quiet():
        opened = BmpImagePlugin.BmpImageFile(BytesIO(data))
    check_size(opened.size, max_pixels)
    layout = _layout(opened, data)
    depth = struct.unpack_from("<H", data, 24 if struct.unpack_from("<L", data, 14)[0] == 12 else 28)[0]
    metadata = Metadata(dpi=_dpi(data), icc=_profile(data))
    if layout and layout.raw_mode == "BGRX":
        spare = _with_fourth_byte(opened.size, layout, data)
        if spare is not None:
            colour, alpha = split(spare)
            return Picture((Frame(colour, alpha),), "BMP", metadata, replace(layout, raw_mode="BGRA"))
    with quiet():
        opened.load()
    image, notices = in_exact_mode(opened)
    colour, alpha = split(image)
    if not layout and not notices:
        notices = (f"{depth}-bit pixels of an unusual layout written as plain {8 * len(image.getbands())}-bit pixels",)
    return Picture((Frame(colour, alpha),), "BMP", metadata, layout, notices)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a BMP file; see `Format.encode`. BMP has no `quality`."""
    del quality
    image = to_image(picture.first)
    layout: Layout | None = picture.native if picture.format == "BMP" else None
    if layout:
        pixels = image.tobytes("raw", layout.raw_mode, layout.stride, layout.direction)
        return Encoded(layout.before + pixels + layout.behind)
    dpi = picture.metadata.dpi or (0.0, 0.0)
    kept = ["dpi"] if max(dpi) <= _HIGHEST_DPI else []
    dpi = dpi if kept else (0.0, 0.0)
    across_down = struct.pack("<LL", *(round(dots / 0.0254) for dots in dpi))
    data = _with_alpha(image) if picture.first.mode == "RGBA" else saved(image, ".bmp")
    data = data[:38] + across_down + data[46:]  # Pillow would round them another way
    return Encoded(data, True, not_kept("BMP", picture.metadata, *kept))


def _layout(opened: BmpImagePlugin.BmpImageFile, data: bytes) -> Layout | None:
    """Return how to put new pixels into the file, or None where its layout cannot hold any colour."""
    decoder, _, offset, arguments = opened.tile[0]
    if decoder != "raw" or not isinstance(arguments, tuple):
        return None
    raw_mode, stride, direction = arguments
    end = offset + stride * opened.size[1]
    if raw_mode not in _IN_PLACE or end > len(data) or (raw_mode == "L" and not _has_all_grays(data)):
        return None
    return Layout(raw_mode, stride, direction, data[:offset], data[end:])


def _has_all_grays(data: bytes) -> bool:
    size = struct.unpack_from("<L", data, 14)[0]
    return size == 12 or struct.unpack_from("<L", data, 46)[0] in (0, 256)


def _with_fourth_byte(size: tuple[int, int], layout: Layout, data: bytes) -> Image.Image | None:
    """Return 32-bit pixels with the unnamed fourth byte as alpha, as many programs mean it; None where it is unused."""
    stored = memoryview(data)[len(layout.before) : len(data) - len(layout.behind)]
    image = Image.frombuffer("RGBA", size, bytes(stored), "raw", "BGRA", layout.stride, layout.direction)
    return image if np.asarray(image)[..., 3].any() else None


def _dpi(data: bytes) -> tuple[float, float] | None:
    if struct.unpack_from("<L", data, 14)[0] < 40:
        return None
    across, down = struct.unpack_from("<LL", data, 38)
    return (across * 0.0254, down * 0.0254) if across and down else None


def _profile(data: bytes) -> bytes | None:
    """Return the profile that a header of version 5 embeds."""
    if struct.unpack_from("<L", data, 14)[0] < _V5_HEADER or data[70:74] != b"DEBM":
        return None
    place, length = struct.unpack_from("<LL", data, 14 + 112)
    return data[14 + place : 14 + place + length] or None


def _with_alpha(image: Image.Image) -> bytes:
    """Return a BMP file of version 4, which names the alpha channel; Pillow writes one whose alpha no reader sees."""
    width, height = image.size
    pixels = image.tobytes("raw", "BGRA", 4 * width, -1)
    offset = 14 + _V4_HEADER
    start = struct.pack("<2sLLL", b"BM", offset + len(pixels), 0, offset)
    header = struct.pack("<LllHHL", _V4_HEADER, width, height, 1, 32, _BITFIELDS)
    header += struct.pack("<LLLLL4L4s48x", len(pixels), 0, 0, 0, 0, *_MASKS, b"BGRs")
    return start + header + pixels
