"""AVIF: coded anew with the source's subsampling; alpha is always kept exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from PIL import features

from augkit.errors import InputError
from augkit.images.formats.avif_boxes import Layout, read_layout, with_loops
from augkit.images.formats.thumbnails import NOTICE, without_exif_thumbnail, without_xmp_thumbnail
from augkit.images.picture import Encoded, Frame, Metadata, Picture, Timing, not_kept, whole_steps
from augkit.images.pillow import check_size, load, quiet, saved, split, to_image

QUALITY = 90
"""Quality where none is asked for: AVIF does not tell that of its source."""

_LOSSLESS_FOR_GRAY = 100
_LONGEST = 2**31 - 1
_USUAL_PRIMARIES, _USUAL_TRANSFERS = (1, 2), (1, 2, 6, 13)


class Coding(msgspec.Struct, frozen=True):
    """The chroma subsampling of the source."""

    subsampling: str


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read an AVIF file; see `Format.decode`."""
    layout = read_layout(data)
    check_size(layout.size, max_pixels, max(1, len(layout.durations)))
    if layout.bits > 8:
        raise InputError(
            f"AVIF of {layout.bits} bits: {layout.bits - 8} of them would be lost; convert it to 16-bit PNG first"
        )
    _check_codec()
    from PIL import AvifImagePlugin

    image = load(AvifImagePlugin.AvifImageFile, data, max_pixels)
    frames = []
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        colour, alpha = split(image)
        if layout.gray and alpha is None and colour.ndim == 3:  # Pillow before 12.1 gives gray as RGB
            colour = np.ascontiguousarray(colour[..., 0])
        frames.append(Frame(colour, alpha))
    metadata, notices = _metadata(image.info)
    primaries, transfer = layout.colours
    if not metadata.icc and (primaries not in _USUAL_PRIMARIES or transfer not in _USUAL_TRANSFERS):
        notices += (f"not kept: colour primaries {primaries} and transfer function {transfer} (of ITU-T H.273)",)
    notices += (f"not kept: {', '.join(layout.others)}",) if layout.others else ()
    return Picture(tuple(frames), "AVIF", metadata, Coding(layout.subsampling), notices, _timing(layout, len(frames)))


def _check_codec() -> None:
    if not features.check("avif"):
        raise InputError("this build of Pillow has no AVIF; install one that has it, or convert the file first")


def _metadata(info: Mapping[Any, Any]) -> tuple[Metadata, tuple[str, ...]]:
    exif, seen = without_exif_thumbnail(info.get("exif", b"").removeprefix(b"Exif\0\0"))
    xmp, also = without_xmp_thumbnail(info.get("xmp", b""))
    metadata = Metadata(exif=exif or None, icc=info.get("icc_profile"), xmp=xmp or None)
    return metadata, (NOTICE,) if seen or also else ()


def _timing(layout: Layout, count: int) -> Timing | None:
    if count == 1:
        return None
    if len(layout.durations) != count:
        raise ValueError(f"it holds {count} frames and the durations of {len(layout.durations)}")
    return Timing(layout.durations, layout.loops)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write an AVIF file of a `quality` from 1 to 100; see `Format.encode`."""
    _check_codec()
    same = picture.format == "AVIF"
    first, *others = [to_image(frame) for frame in picture.frames]
    gray = first.mode == "L"
    parameters: dict[str, Any] = {
        "quality": quality or QUALITY,
        "subsampling": "4:0:0" if gray else picture.native.subsampling if same else "4:4:4",
        "max_threads": 1,
    }
    if picture.first.alpha is not None:
        parameters |= {"codec": "aom", "advanced": {"a:lossless": "1"}}
    metadata = picture.metadata
    for name, content in {"exif": metadata.exif, "icc_profile": metadata.icc, "xmp": metadata.xmp}.items():
        parameters |= {name: content} if content else {}
    notices = not_kept("AVIF", metadata, "exif", "icc", "xmp")
    if picture.timing:
        durations, told = whole_steps("AVIF", picture.timing.durations, 1, _LONGEST)
        parameters |= {"save_all": True, "append_images": others, "duration": durations}
        notices += told
    with quiet():  # Pillow reads the EXIF block, and warns of broken tags in it
        data = saved(first, ".avif", **parameters)
    if picture.timing:
        data = with_loops(data, picture.timing.loops)
    if same and quality is None:
        notices += (f"AVIF coded with quality {QUALITY}: the source does not tell its own; set quality",)
    return Encoded(data, gray and quality == _LOSSLESS_FOR_GRAY, notices)
