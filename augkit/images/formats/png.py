"""PNG: all chunks of the source are carried over byte for byte; only the image data is new."""

from __future__ import annotations

import msgspec

from augkit.images.formats.png_animation import animated, read_animation
from augkit.images.formats.png_carried import carried, chunks_of, metadata_of
from augkit.images.formats.png_chunks import (
    GRAY,
    GRAY_ALPHA,
    MAGIC,
    PALETTE,
    RGB,
    RGB_ALPHA,
    Chunk,
    Contents,
    Header,
    Parts,
    framed,
    read_chunks,
    sort_chunks,
)
from augkit.images.formats.png_pack import packed
from augkit.images.formats.png_unpack import unpacked
from augkit.images.picture import Encoded, Frame, Picture, Timing, not_kept
from augkit.images.pillow import check_size

_COLOURS = {(1, False): GRAY, (1, True): GRAY_ALPHA, (3, False): RGB, (3, True): RGB_ALPHA}


class Stored(msgspec.Struct, frozen=True):
    """What of a PNG file only another can hold."""

    chunks: tuple[Chunk, ...] = ()
    interlaced: bool = False


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a PNG file; see `Format.decode`."""
    found, rest = read_chunks(data)
    contents = sort_chunks(found)
    header = contents.header
    check_size((header.width, header.height), max_pixels)
    frames, timing, notices, surplus = _frames(contents, max_pixels)
    added = frames[0].alpha is not None and header.colour not in (GRAY_ALPHA, RGB_ALPHA)
    kept, lost, previews = carried(contents, alpha_added=added)
    lost += [f"data behind the end of the image ({rest} bytes)"] if rest else []
    lost += ["image data behind the last row"] if surplus else []
    notices += _converted(contents, frames[0], alpha_added=added) + previews
    notices += (f"not kept: {', '.join(lost)}",) if lost else ()
    return Picture(frames, "PNG", metadata_of(kept), Stored(kept, header.interlaced), notices, timing)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a PNG file; see `Format.encode`. PNG has no `quality`."""
    del quality
    if picture.format == "PNG":
        stored: Stored = picture.native
        notices: tuple[str, ...] = ()
    else:
        stored = Stored(chunks_of(picture.metadata))
        notices = not_kept("PNG", picture.metadata, "exif", "icc", "xmp", "dpi", "comment")
    first = picture.first
    announced: Parts = []
    colour = _COLOURS[first.colour.shape[2] if first.colour.ndim == 3 else 1, first.alpha is not None]
    header = Header(*first.size, first.bits, colour, stored.interlaced)
    if picture.timing and (len(picture.frames) > 1 or picture.format == "PNG"):
        announced, pixels, more = animated(picture, picture.timing, interlaced=stored.interlaced)
        notices += more
    else:
        pixels = [part for piece in packed(first, interlaced=stored.interlaced) for part in framed(b"IDAT", piece)]
    leading, trailing = (
        [part for chunk in stored.chunks if chunk.trailing == behind for part in framed(chunk.kind, chunk.data)]
        for behind in (False, True)
    )
    parts = (MAGIC, *framed(b"IHDR", header.packed()), *leading, *announced, *pixels, *trailing, *framed(b"IEND"))
    return Encoded(b"".join(parts), True, notices)


def _frames(contents: Contents, max_pixels: int) -> tuple[tuple[Frame, ...], Timing | None, tuple[str, ...], bool]:
    if contents.animation is not None:
        return read_animation(contents, max_pixels)
    pieces = contents.streams[0].pieces
    colour, alpha, surplus = unpacked(contents.header, pieces, contents.palette, contents.transparency)
    return (Frame(colour, alpha),), None, (), surplus


def _converted(contents: Contents, frame: Frame, *, alpha_added: bool) -> tuple[str, ...]:
    """Return the notices of what is written in another layout than it was."""
    header = contents.header
    if header.colour == PALETTE:
        return (f"palette image written as {frame.mode}: noise belongs on colours, not on indices",)
    depth = "1-bit image" if header.bits == 1 else f"{header.bits}-bit gray"
    notices: tuple[str, ...] = (f"{depth} written as 8-bit gray",) if header.bits < 8 else ()
    if alpha_added:
        what = "canvas" if contents.transparency is None else "colour"
        notices += (f"transparent {what} written as an alpha channel",)
    return notices
