"""JPEG: the source's quantisation tables, subsampling and segments are passed on; only the coefficients are new."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
from PIL import Image
from simplejpeg import decode_jpeg

from augkit.compiled import pixels as compiled
from augkit.errors import InputError
from augkit.images.formats.jpeg_header import Header, Table, read_header
from augkit.images.formats.jpeg_segments import (
    ADOBE,
    EXIF,
    ICC,
    JFIF,
    LONGEST,
    MPF,
    XMP,
    Segments,
    behind_the_end,
    check_scans,
    further_pictures,
    segment,
    unusual,
    without_thumbnails,
)
from augkit.images.formats.thumbnails import NOTICE
from augkit.images.picture import Encoded, Frame, Metadata, Picture, Pixels, not_kept
from augkit.images.pillow import BROKEN, check_size, load, saved, split, to_image

FOREIGN_QUALITY = 95
"""Quality for pictures that were no JPEG before, where none is asked for."""

_SUBSAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}
_YCCK = 2
_DIRECT = {"RGB": "RGB", "L": "GRAY"}
"""What simplejpeg calls Pillow's modes."""


class Coding(msgspec.Struct, frozen=True):
    """How the source was coded, to code its noisy copy the same way.

    Attributes
    ----------
    tables : tuple of quantisation tables
        One for each component; equal ones at the end are left out.
    subsampling : str
        "4:4:4", "4:2:2" or "4:2:0".
    progressive, rgb : bool
        Progressive scans; RGB components instead of YCbCr.
    density : bytes or None
        Unit and numbers of the JFIF header.
    segments : bytes
        All segments that are carried over, as stored.
    """

    tables: tuple[Table, ...]
    subsampling: str
    progressive: bool
    rgb: bool
    density: bytes | None
    segments: bytes


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a JPEG file; see `Format.decode`."""
    header, pixels = _loaded(data, max_pixels)
    notices = further_pictures(header.segments)
    adobe = header.adobe_transform
    if header.mode == "CMYK" and adobe is None:
        raise InputError("CMYK JPEG without an Adobe marker: its polarity is unknown; convert it to RGB first")
    subsampling = _subsampling(header)
    if subsampling is None:
        notices += ("unusual chroma subsampling written as 4:4:4",)
    if adobe == _YCCK and header.mode == "CMYK":
        notices += ("YCCK components written as CMYK",)
    segments, seen = without_thumbnails(header.segments)
    notices += (NOTICE,) if seen else ()
    rest = behind_the_end(data, header.scan)
    notices += (f"not kept: data behind the end of the image ({rest} bytes)",) if rest else ()
    jfif = header.jfif
    coding = Coding(
        tables=_tables(header, luma_only=adobe == _YCCK),
        subsampling=subsampling or "4:4:4",
        progressive=header.progressive,
        rgb=header.is_rgb,
        density=None if jfif is None else jfif[7:12],
        segments=b"".join(segment(name, body) for name, body in segments if _is_carried(name, body)),
    )
    return Picture((Frame(pixels),), "JPEG", _metadata(header, segments), coding, notices)


def _loaded(data: bytes, max_pixels: int) -> tuple[Header, Pixels]:
    """Decode a file; one that is whole, and of a kind that cannot be decoded or written, is refused by name."""
    try:
        header = read_header(data)
        check_size(header.size, max_pixels)
        check_scans(data, header.scan)
        return header, _decoded(header, data, max_pixels)
    except BROKEN as error:
        if reason := unusual(data):
            raise InputError(reason) from error
        raise


def _decoded(header: Header, data: bytes, max_pixels: int) -> Pixels:
    """Return the samples, straight from libjpeg-turbo; what it so much as warns of goes through Pillow.

    Pillow decodes by the same library, but into pixels of four bytes, which take as long again to be copied out.
    """
    if header.mode in _DIRECT:
        try:
            pixels: Pixels = decode_jpeg(data, _DIRECT[header.mode], strict=True)
        except ValueError:
            pass
        else:
            return pixels[..., 0] if header.mode == "L" else pixels
    from PIL.JpegImagePlugin import JpegImageFile

    return split(load(JpegImageFile, data, max_pixels))[0]


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a JPEG file with the source's tables, or of a `quality` from 1 to 100; see `Format.encode`."""
    parameters: dict[str, Any] = {}
    notices: tuple[str, ...] = ()
    if picture.format == "JPEG":
        coding: Coding = picture.native
        density, segments = coding.density, coding.segments
        parameters |= {"progressive": coding.progressive, "keep_rgb": coding.rgb}
        if picture.first.mode == "RGB" and not coding.rgb:
            parameters["subsampling"] = coding.subsampling
        if quality is None:
            parameters["qtables"] = [list(table) for table in coding.tables]
    else:
        parameters |= {"quality": FOREIGN_QUALITY, "subsampling": "4:4:4"}
        density, segments, notices = _foreign(picture.metadata)
    if quality is not None:
        parameters["quality"] = quality
    if density is not None:
        parameters["dpi"] = (1, 1)  # then the header of JFIF is there, also for CMYK
    data = saved(_image(picture.first), ".jpg", extra=segments, **parameters)
    return Encoded(_with_density(data, density), False, notices)


def _image(frame: Frame) -> Image.Image:
    """Return a frame for Pillow's encoder; it takes pixels of four bytes as they lie, and copies those of three."""
    if frame.mode == "RGB":
        pixels = compiled.join_alpha(np.ascontiguousarray(frame.colour).reshape(-1, 3), None)
        if pixels is not None:
            return Image.frombuffer("RGBX", frame.size, pixels, "raw", "RGBX", 0, 1)
    return to_image(frame)


def _tables(header: Header, *, luma_only: bool) -> tuple[Table, ...]:
    tables = [header.tables[component.table] for component in header.components]
    if luma_only:
        return (tables[0],)
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()
    return tuple(tables)


def _subsampling(header: Header) -> str | None:
    """Return the name of the chroma subsampling, or None for one that Pillow cannot write."""
    if len(header.components) != 3:
        return "4:4:4"
    luma, *chroma = ((one.wide, one.high) for one in header.components)
    (wide, high), other = chroma
    if (wide, high) != other or not wide or not high or luma[0] % wide or luma[1] % high:
        return None
    return _SUBSAMPLINGS.get((luma[0] // wide, luma[1] // high))


def _is_carried(name: str, body: bytes) -> bool:
    """Tell whether a segment is carried over: all are, but for what the encoder writes itself, and lost pictures."""
    written = (name == "APP0" and body.startswith(JFIF)) or (name == "APP14" and body.startswith(ADOBE))
    return not written and not (name == "APP2" and body.startswith(MPF))


def _metadata(header: Header, segments: Segments) -> Metadata:
    comment = header.comment
    known = (EXIF, XMP, ICC, MPF, JFIF, ADOBE)
    others = {name for name, body in segments if name != "COM" and not body.startswith(known)}
    exif = b"".join(body[len(EXIF) :] for _, body in segments if body.startswith(EXIF))
    return Metadata(
        exif=exif or None,
        icc=header.icc,
        xmp=next((body[len(XMP) :] for _, body in segments if body.startswith(XMP)), None),
        dpi=header.dpi,
        comment=comment.decode("utf-8", "replace") if comment else None,
        others=tuple(f"segment {name}" for name in sorted(others)),
    )


def _foreign(metadata: Metadata) -> tuple[bytes | None, bytes, tuple[str, ...]]:
    """Return density, segments and notices for what a file of another format held."""
    density = None
    if metadata.dpi and max(metadata.dpi) < 2**16:
        density = struct.pack(">BHH", 1, *(round(dots) for dots in metadata.dpi))
    segments, kept = [], ["icc"]
    if density:
        kept.append("dpi")
    comment = (metadata.comment or "").encode()
    if comment and len(comment) <= LONGEST:
        segments.append(segment("COM", comment))
        kept.append("comment")
    wanted = {"exif": (EXIF, metadata.exif), "xmp": (XMP, metadata.xmp)}
    for field, (prefix, content) in wanted.items():
        if content and len(prefix) + len(content) <= LONGEST:
            segments.append(segment("APP1", prefix + content))
            kept.append(field)
    if metadata.icc:
        room = LONGEST - len(ICC) - 2
        parts = [metadata.icc[place : place + room] for place in range(0, len(metadata.icc), room)]
        for number, part in enumerate(parts, 1):
            segments.append(segment("APP2", ICC + bytes([number, len(parts)]) + part))
    return density, b"".join(segments), not_kept("JPEG", metadata, *kept)


def _with_density(data: bytes, density: bytes | None) -> bytes:
    """Return the file with the density of its JFIF header replaced; Pillow would round it to whole dots per inch."""
    if density is None or data[6:11] != JFIF or data[13:18] == density:
        return data
    return data[:13] + density + data[18:]
