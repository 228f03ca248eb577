"""WebP: lossless stays lossless and lossy stays lossy, frame by frame; alpha is always kept exactly."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import msgspec
from PIL import WebPImagePlugin

from augkit.images.formats.riff import animation, chunk, read_chunks, size_of
from augkit.images.formats.thumbnails import NOTICE, without_exif_thumbnail, without_xmp_thumbnail
from augkit.images.picture import Encoded, Frame, Metadata, Picture, Timing, not_kept, whole_steps
from augkit.images.pillow import check_size, quiet, saved, split, to_image

LOSSY_QUALITY = 90
"""Quality of lossy files where none is asked for: WebP does not tell that of its source."""

_KNOWN = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"EXIF", b"XMP ", b"ANIM", b"ANMF")
_OF_A_FRAME = (b"ALPH", b"VP8 ", b"VP8L")
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02
_LONGEST, _MOST_LOOPS = 2**24 - 1, 2**16 - 1


class Coding(msgspec.Struct, frozen=True):
    """Whether each frame of the source was lossless, and the background of an animation as stored."""

    lossless: tuple[bool, ...]
    background: bytes = b"\xff\xff\xff\xff"


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a WebP file; see `Format.decode`."""
    chunks, rest = read_chunks(data)
    moving = animation(chunks)
    size = size_of(chunks)
    count = len(moving.durations) if moving else 1
    check_size(size, max_pixels, count)
    with quiet():
        image = WebPImagePlugin.WebPImageFile(BytesIO(data))
        frames = []
        for number in range(count):
            image.seek(number)
            image.load()
            frames.append(Frame(*split(image)))
    metadata, notices = _metadata(chunks)
    lost = sorted({f"chunk {kind.decode('latin-1')!r}" for kind, _ in chunks if kind not in _KNOWN})
    lost += [f"data behind the end of the image ({rest} bytes)"] if rest else []
    notices += (f"not kept: {', '.join(lost)}",) if lost else ()
    coding = Coding((any(kind == b"VP8L" for kind, _ in chunks),))
    timing = None
    if moving:
        coding, timing = Coding(moving.lossless, moving.background), Timing(moving.durations, moving.loops)
    return Picture(tuple(frames), "WEBP", metadata, coding, notices, timing)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a WebP file, lossless or lossy as it was; others are lossless unless a `quality` is given."""
    same = picture.format == "WEBP"
    coding: Coding = picture.native if same else Coding((quality is None,) * len(picture.frames))
    coded = [_coded(frame, lossless, quality) for frame, lossless in zip(picture.frames, coding.lossless, strict=True)]
    notices = not_kept("WEBP", picture.metadata, "exif", "icc", "xmp")
    body = coded[0]
    if picture.timing:
        durations, told = whole_steps("WEBP", picture.timing.durations, 1, _LONGEST)
        notices += told
        loops = picture.timing.loops if picture.timing.loops <= _MOST_LOOPS else 0
        body = chunk(b"ANIM", coding.background + struct.pack("<H", loops))
        body += b"".join(
            chunk(b"ANMF", bytes(6) + _sides(frame.size) + length.to_bytes(3, "little") + b"\2" + one)
            for frame, length, one in zip(picture.frames, durations, coded, strict=True)
        )
    data = _container(picture, body)
    if same and not all(coding.lossless) and quality is None:
        notices += (f"lossy WebP coded with quality {LOSSY_QUALITY}: the source does not tell its own; set quality",)
    return Encoded(data, all(coding.lossless), notices)


def _coded(frame: Frame, lossless: bool, quality: int | None) -> bytes:
    """Return the chunks of one frame."""
    # Measured: method 1 is three times faster than the default on noisy pixels, at 1 % in size.
    parameters: dict[str, Any] = {"method": 1, "quality": 50} if lossless else {"quality": quality or LOSSY_QUALITY}
    still = saved(to_image(frame), ".webp", exact=True, lossless=lossless, **parameters)
    return b"".join(chunk(kind, content) for kind, content in read_chunks(still)[0] if kind in _OF_A_FRAME)


def _sides(size: tuple[int, int]) -> bytes:
    return b"".join((side - 1).to_bytes(3, "little") for side in size)


def _container(picture: Picture, body: bytes) -> bytes:
    """Return the file of coded frames and metadata; the simple layout where that is enough."""
    metadata = picture.metadata
    flags = (
        (_ICC if metadata.icc else 0)
        | (_ALPHA if any(frame.alpha is not None for frame in picture.frames) else 0)
        | (_EXIF if metadata.exif else 0)
        | (_XMP if metadata.xmp else 0)
        | (_ANIMATED if picture.timing else 0)
    )
    if flags:
        head = chunk(b"VP8X", struct.pack("<L", flags) + _sides(picture.first.size))
        head += chunk(b"ICCP", metadata.icc) if metadata.icc else b""
        tail = chunk(b"EXIF", metadata.exif) if metadata.exif else b""
        tail += chunk(b"XMP ", metadata.xmp) if metadata.xmp else b""
        body = head + body + tail
    return b"RIFF" + struct.pack("<L", len(body) + 4) + b"WEBP" + body


def _metadata(chunks: list[tuple[bytes, bytes]]) -> tuple[Metadata, tuple[str, ...]]:
    """Return the metadata, without thumbnails, and the notice of these."""
    found = dict(reversed(chunks))
    exif, seen = without_exif_thumbnail(found.get(b"EXIF", b"").removeprefix(b"Exif\0\0"))
    xmp, also = without_xmp_thumbnail(found.get(b"XMP ", b""))
    metadata = Metadata(exif=exif or None, icc=found.get(b"ICCP") or None, xmp=xmp or None)
    return metadata, (NOTICE,) if seen or also else ()
