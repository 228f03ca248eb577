"""JPEG 2000: the boxes and the way of coding are passed on; only the codestream is new."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from PIL import Jpeg2KImagePlugin

from augkit.errors import InputError
from augkit.images.formats.boxes import Box, box_bytes, boxes
from augkit.images.formats.jp2_codestream import Codestream, check_tiles, read_codestream
from augkit.images.formats.thumbnails import NOTICE, without_exif_thumbnail, without_xmp_thumbnail
from augkit.images.picture import Encoded, Frame, Metadata, Picture, not_kept
from augkit.images.pillow import check_size, in_exact_mode, load, saved, split, to_image

_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
_RAW = b"\xff\x4f\xff\x51"
_EXIF_ID = b"JpgTiffExif->JP2"
_XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_COLOUR_SPACES = {"L": 17, "LA": 17, "I;16": 17, "RGB": 16, "RGBA": 16, "CMYK": 12}
_KEPT_SPACES = frozenset(_COLOUR_SPACES.values())
_OPAQUE, _PREMULTIPLIED = 1, 2


class Coding(msgspec.Struct, frozen=True):
    """How the source was coded, whether it was bare, and the boxes before and behind, where they stay true."""

    codestream: Codestream
    bare: bool
    around: tuple[bytes, bytes] | None


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a JPEG 2000 file; see `Format.decode`."""
    found = None if data.startswith(_RAW) else list(boxes(data))
    stream = Box(b"jp2c", 0, len(data)) if found is None else next((box for box in found if box.kind == b"jp2c"), None)
    if stream is None:
        raise ValueError("it holds no codestream")
    if found and sum(box.kind == b"jp2c" for box in found) > 1:
        raise InputError("JPEG 2000 of several pictures: all but one would be lost; split it first")
    coded = stream.content(data)
    codestream = read_codestream(coded)
    check_size(codestream.size, max_pixels)
    codestream.refuse_what_would_be_lost()
    check_tiles(coded, codestream)
    header = b"" if found is None else next((box.content(data) for box in found if box.kind == b"jp2h"), b"")
    _refuse_colours(header)
    image, notices = in_exact_mode(load(Jpeg2KImagePlugin.Jpeg2KImageFile, data, max_pixels))
    if codestream.layers > 1:
        notices += (f"{codestream.layers} quality layers written as one",)
    metadata, around = Metadata(comment=codestream.text), None
    if found is not None:
        metadata, parts, seen = _contents(data, found, codestream.text, image.info.get("dpi"))
        around = None if any("palette" in notice for notice in notices) else parts
        notices += (NOTICE,) if seen else ()
    coding = Coding(codestream, found is None, around)
    return Picture((Frame(*split(image)),), "JPEG2000", metadata, coding, notices)


def _refuse_colours(header: bytes) -> None:
    """Refuse what the header says of the channels, where the decoder would not give them as they are stored."""
    for box in boxes(header):
        content = box.content(header)
        if box.kind == b"colr" and content[:1] == b"\1" and struct.unpack_from(">L", content, 3)[0] not in _KEPT_SPACES:
            number = struct.unpack_from(">L", content, 3)[0]
            raise InputError(f"JPEG 2000 in colour space {number} cannot be kept; convert it to RGB first")
        if box.kind == b"cdef":
            kinds = [struct.unpack_from(">H", content, place)[0] for place in range(4, len(content), 6)]
            if _PREMULTIPLIED in kinds:
                raise InputError("premultiplied alpha cannot be kept; convert it to plain alpha first")


def _contents(
    data: bytes, found: list[Box], comment: str | None, dpi: tuple[float, float] | None
) -> tuple[Metadata, tuple[bytes, bytes], bool]:
    """Return the metadata, the boxes around the codestream without thumbnails, and whether there were any."""
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    behind, seen = 0, False
    exif = xmp = icc = None
    others = []
    for box in found:
        content = box.content(data)
        removed = False
        if box.kind == b"jp2c":
            behind = 1
            continue
        if box.kind == b"uuid" and content.startswith(_EXIF_ID):
            exif, removed = without_exif_thumbnail(content[len(_EXIF_ID) :])
            content = _EXIF_ID + exif
        elif box.kind == b"uuid" and content.startswith(_XMP_ID):
            xmp, removed = without_xmp_thumbnail(content[len(_XMP_ID) :])
            content = _XMP_ID + xmp
        elif box.kind == b"jp2h":
            icc = _profile(content)
        elif box.kind not in (b"jP  ", b"ftyp", b"free"):
            others.append(f"box {box.kind.decode('latin-1')!r}")
        seen = seen or removed
        parts[behind].append(box_bytes(box.kind, content))
    metadata = Metadata(exif=exif, icc=icc, xmp=xmp, dpi=dpi, comment=comment, others=tuple(others))
    return metadata, (b"".join(parts[0]), b"".join(parts[1])), seen


def _profile(header: bytes) -> bytes | None:
    colours = (box.content(header) for box in boxes(header) if box.kind == b"colr")
    return next((content[3:] for content in colours if content[:1] in (b"\2", b"\3")), None)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a JPEG 2000 file, reversible or not as it was; a `quality` is the PSNR in dB of an irreversible one."""
    frame, metadata = picture.first, picture.metadata
    coding: Coding | None = picture.native if picture.format == "JPEG2000" else None
    parameters: dict[str, Any] = {"no_jp2": True, "mct": int(frame.mode in ("RGB", "RGBA"))}
    lossless = quality is None
    notices: tuple[str, ...] = ()
    if coding:
        lossless = lossless and coding.codestream.reversible
        same, notices = coding.codestream.parameters(untiled=frame.mode == "I;16")  # Pillow 13 writes these wrongly
        parameters |= same
    if quality is not None:
        parameters |= {"quality_mode": "dB", "quality_layers": [quality]}
    if metadata.comment and len(metadata.comment.encode()) < 2**16 - 8:
        parameters["comment"] = metadata.comment
    stream = saved(to_image(frame), ".jp2", irreversible=not lossless, **parameters)
    if coding and coding.bare:
        return Encoded(stream, lossless, notices)
    if coding and coding.around:
        before, behind = coding.around
    else:
        (before, behind), told = _foreign(frame, metadata)
        notices += told
    return Encoded(before + box_bytes(b"jp2c", stream) + behind, lossless, notices)


def _foreign(frame: Frame, metadata: Metadata) -> tuple[tuple[bytes, bytes], tuple[str, ...]]:
    """Return the boxes around a codestream, and notices, for what a file of another format held."""
    channels = (1 if frame.colour.ndim == 2 else frame.colour.shape[2]) + (frame.alpha is not None)
    width, height = frame.size
    header = box_bytes(b"ihdr", struct.pack(">LLHBBBB", height, width, channels, frame.bits - 1, 7, 0, 0))
    if metadata.icc:
        header += box_bytes(b"colr", b"\2\0\0" + metadata.icc)
    else:
        header += box_bytes(b"colr", struct.pack(">BBBL", 1, 0, 0, _COLOUR_SPACES[frame.mode]))
    if frame.alpha is not None:
        rows = [(number, 0, number + 1) for number in range(channels - 1)] + [(channels - 1, _OPAQUE, 0)]
        header += box_bytes(b"cdef", struct.pack(">H", channels) + b"".join(struct.pack(">HHH", *row) for row in rows))
    kept = ["icc", "exif", "xmp", "comment"]
    per_metre = [round(dots / 0.0254) for dots in metadata.dpi or ()]
    if per_metre and max(per_metre) < 2**16:
        resolution = struct.pack(">HHHHBB", per_metre[1], 1, per_metre[0], 1, 0, 0)
        header += box_bytes(b"res ", box_bytes(b"resc", resolution))
        kept.append("dpi")
    before = _SIGNATURE + box_bytes(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box_bytes(b"jp2h", header)
    behind = box_bytes(b"uuid", _EXIF_ID + metadata.exif) if metadata.exif else b""
    behind += box_bytes(b"uuid", _XMP_ID + metadata.xmp) if metadata.xmp else b""
    return (before, behind), not_kept("JPEG 2000", metadata, *kept)
