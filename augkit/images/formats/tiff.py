"""TIFF: samples of any type, any number of pages; compression, layout and tags of each page are kept."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np
from PIL import TiffImagePlugin

from augkit.errors import InputError
from augkit.images.formats import tiff_tags
from augkit.images.formats.thumbnails import NOTICE, without_photoshop_thumbnail, without_xmp_thumbnail
from augkit.images.formats.tiff_decoder import load_tiff
from augkit.images.formats.tiff_page import (
    Colours,
    bytes_behind,
    colours_of,
    refuse_a_stack_in_one_page,
    refuse_what_would_be_lost,
)
from augkit.images.formats.tiff_samples import (
    BITS,
    CODECS,
    COMPRESSION,
    DEFLATE,
    HEIGHT,
    PHOTOMETRIC,
    SAMPLES,
    STRIP_PLACES,
    TILE_LENGTHS,
    TILE_PLACES,
    WIDTH,
    Layout,
    layout_of,
    read_samples,
    sample_type,
    write_samples,
)
from augkit.images.formats.tiff_tags import LONG, SHORT, Directory, Entry, numbers
from augkit.images.picture import Encoded, Frame, Metadata, Picture, Pixels, not_kept
from augkit.images.pillow import check_frames, check_pixels, check_size, in_exact_mode, split

_EXTRA, _LAYERS, _PHOTOSHOP = 338, 37724, 34377
_OF_THE_PIXELS = frozenset(
    {273, 277, 278, 279, 284, 317, 320, 330, _EXTRA, 339, 340, 341, 347, 559}.union(
        *(range(255, 260), range(262, 267), range(288, 294), range(322, 329), range(512, 533))
    )
)
_IN_FILE_ORDER = (50838, 50839)
_DESCRIPTIVE = (270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432, *(34665, 34853))
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
_ALPHA = 2
_LARGEST = 2**32 - 1
_USUAL_BITS = 64


class Page(msgspec.Struct, frozen=True):
    """How a page was laid out, whether 0 was white in it, and the tags that are carried over."""

    layout: Layout
    white_is_zero: bool
    tags: Directory


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a TIFF file; see `Format.decode`."""
    directories = list(tiff_tags.pages(data))
    check_frames(len(directories))
    _check_sizes(directories, max_pixels)
    refuse_a_stack_in_one_page(directories, len(data))
    for number, directory in enumerate(directories, 1):
        refuse_what_would_be_lost(directory, f"page {number}: " if len(directories) > 1 else "")
    frames, notices = [], []
    for directory in directories:
        frame, told = _page(data, directory, max_pixels)
        frames.append(frame)
        notices += [notice for notice in told if notice not in notices]
    if rest := bytes_behind(directories, len(data)):
        notices.append(f"not kept: data behind the end of the image ({rest} bytes)")
    return Picture(tuple(frames), "TIFF", _metadata(frames[0].native.tags), None, tuple(notices))


def _check_sizes(directories: Sequence[Directory], max_pixels: int) -> None:
    """Refuse more pixels than may be decoded; those of many bytes take more memory, and count for several."""
    count, most = 0, 1
    for one in directories:
        size = one.integers(WIDTH, (0,))[0], one.integers(HEIGHT, (0,))[0]
        check_size(size, max_pixels)
        weight = max(1, one.integers(SAMPLES, (1,))[0] * one.integers(BITS, (1,))[0] // _USUAL_BITS)
        count, most = count + size[0] * size[1] * weight, max(most, weight)
    pages = f"{len(directories)} pages" if len(directories) > 1 else "a page"
    deep = f" whose pixels of more than {_USUAL_BITS // 8} bytes count {most} times" if most > 1 else ""
    check_pixels(count, max_pixels, pages + deep)


def _page(data: bytes, directory: Directory, max_pixels: int) -> tuple[Frame, tuple[str, ...]]:
    notices: tuple[str, ...] = ()
    compression = directory.integers(COMPRESSION, (1,))[0]
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        raise InputError(f"compression {compression} cannot be read here; save it with deflate or LZW first")
    dtype, colours = sample_type(directory), colours_of(directory)
    if dtype is not None and colours.plain and compression in CODECS:
        pixels = read_samples(data, directory, dtype, colours.channels)
        layout = layout_of(directory)
        frame = _framed(pixels, colours)
    else:
        frame, notices = _by_pillow(data, directory, max_pixels)
        layout = Layout(compression if compression in CODECS else DEFLATE)
    notices += ("premultiplied alpha written as plain alpha",) if colours.premultiplied else ()
    if compression not in CODECS:
        notices += (f"compression {compression} written as deflate, which loses nothing",)
    dropped = _LAYERS, *(_IN_FILE_ORDER if data.startswith(b"MM") else ())
    lost = [f"tag {tag}" for tag in dropped if tag in directory.entries]
    notices += (f"not kept: {', '.join(lost)}",) if lost else ()
    tags, seen = _without_thumbnails(directory.without(_OF_THE_PIXELS | frozenset(dropped)))
    notices += (NOTICE,) if seen else ()
    native = Page(layout, colours.plain and colours.white_is_zero, tags)
    return Frame(frame.colour, frame.alpha, native), notices


def _framed(pixels: Pixels, colours: Colours) -> Frame:
    """Return the frame of samples of shape (H, W, channels and alpha)."""
    channels = colours.channels - colours.alpha
    colour, alpha = pixels[..., :channels], pixels[..., channels] if colours.alpha else None
    if alpha is not None and colours.premultiplied:
        colour = _divided(colour, alpha[..., np.newaxis])
    colour = np.ascontiguousarray(colour[..., 0] if channels == 1 else colour)
    if colours.white_is_zero:
        colour = np.iinfo(colour.dtype).max - colour
    return Frame(colour, alpha)


def _divided(colour: Pixels, alpha: Pixels) -> Pixels:
    """Return colours that were multiplied by alpha as they were before; black where alpha is 0."""
    if colour.dtype.kind == "f":
        return np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha != 0)
    full = np.iinfo(colour.dtype).max
    whole = colour.astype(np.int64) * full // np.maximum(alpha, 1)
    return np.where(alpha > 0, np.minimum(whole, full), 0).astype(colour.dtype)


def _by_pillow(data: bytes, directory: Directory, max_pixels: int) -> tuple[Frame, tuple[str, ...]]:
    """Return the frame of a page of few bits, of a palette, or of a compression for pictures alone."""
    bits = directory.integers(258, (1,))[0]
    opened = load_tiff(_alone_and_upright(data, directory), max_pixels)
    image, notices = in_exact_mode(opened, bits)
    return Frame(*split(image)), notices


def _alone_and_upright(data: bytes, directory: Directory) -> bytes:
    """Return the file with this page first and its orientation undone, for Pillow would turn the pixels."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    whole = bytearray(data)
    big = data[2:4] in (b"+\0", b"\0+")
    whole[8 if big else 4 : 16 if big else 8] = directory.place.to_bytes(8 if big else 4, order)
    entry = directory.entries.get(tiff_tags.ORIENTATION)
    if entry and entry.integers() != (1,):
        whole[entry.place : entry.place + len(entry.data)] = (1).to_bytes(len(entry.data), order)
    return bytes(whole)


def _without_thumbnails(tags: Directory) -> tuple[Directory, bool]:
    entries, found = dict(tags.entries), False
    for tag, clean in ((_PHOTOSHOP, without_photoshop_thumbnail), (tiff_tags.XMP, without_xmp_thumbnail)):
        if tag in entries:
            content, seen = clean(entries[tag].data)
            entries[tag] = Entry(entries[tag].kind, content)
            found = found or seen
    return Directory(entries, tags.below), found


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a TIFF file; see `Format.encode`. Nothing lossy is written, so there is no `quality`."""
    del quality
    notices: tuple[str, ...] = ()
    if picture.format == "TIFF":
        pages: Sequence[Page] = [frame.native for frame in picture.frames]
    else:
        tags, notices = _foreign(picture.metadata)
        pages = [Page(Layout(), False, tags if number == 0 else Directory({})) for number in range(len(picture.frames))]
    try:
        return Encoded(_file(zip(picture.frames, pages, strict=True)), True, notices)
    except ValueError as error:
        raise InputError(f"TIFF: {error}; choose another format") from error


def _file(frames: Iterable[tuple[Frame, Page]]) -> bytes:
    """Return the bytes of all pages, each with its directory behind its pixels."""
    parts: list[bytes] = [struct.pack("<2sH", b"II", 42), b""]
    link, place = 1, 8
    for frame, page in frames:
        coded, tags = write_samples(_stored(frame, page), page.layout)
        tags |= _colour_tags(frame, page)
        places = np.cumsum([place, *map(len, coded)]).tolist()
        start = places[-1] + places[-1] % 2
        if start > _LARGEST:
            raise ValueError("it would be longer than 4 GB")
        tags[TILE_PLACES if TILE_LENGTHS in tags else STRIP_PLACES] = numbers(LONG, *places[:-1])
        whole = Directory({**page.tags.entries, **tags}, page.tags.below)
        table = tiff_tags.serialise(whole, start)
        end = 2 + 12 * (len(whole.entries) + len(whole.below))
        parts[link] = struct.pack("<L", start)
        parts += [*coded, bytes(places[-1] % 2), table[:end]]
        link, place = len(parts), start + len(table)
        parts += [bytes(4), table[end + 4 :]]
    return b"".join(parts)


def _stored(frame: Frame, page: Page) -> Pixels:
    """Return the samples as they are stored, shape (H, W, channels)."""
    colour = frame.colour if frame.colour.ndim == 3 else frame.colour[..., np.newaxis]
    if page.white_is_zero:
        colour = np.iinfo(colour.dtype).max - colour
    return colour if frame.alpha is None else np.dstack((colour, frame.alpha))


def _colour_tags(frame: Frame, page: Page) -> dict[int, Entry]:
    """Return the tags that say what the channels mean."""
    channels = 1 if frame.colour.ndim == 2 else frame.colour.shape[2]
    gray = _WHITE_IS_ZERO if page.white_is_zero else _BLACK_IS_ZERO
    tags = {PHOTOMETRIC: numbers(SHORT, {1: gray, 3: _RGB, 4: _CMYK}[channels])}
    return tags if frame.alpha is None else tags | {_EXTRA: numbers(SHORT, _ALPHA)}


def _metadata(tags: Directory) -> Metadata:
    found = {name: tags.entries.get(tag) for name, tag in (("icc", tiff_tags.ICC), ("xmp", tiff_tags.XMP))}
    carried = (*_DESCRIPTIVE, tiff_tags.ICC, tiff_tags.XMP, 254)
    described = tags.only(_DESCRIPTIVE)
    return Metadata(
        exif=tiff_tags.exif_block(described) if described.entries or described.below else None,
        icc=found["icc"].data if found["icc"] else None,
        xmp=found["xmp"].data if found["xmp"] else None,
        dpi=tags.dpi(),
        others=tuple(f"tag {tag}" for tag in sorted(tags.entries) if tag not in carried),
    )


def _foreign(metadata: Metadata) -> tuple[Directory, tuple[str, ...]]:
    """Return tags and notices for what a file of another format held."""
    kept = ["icc", "xmp", "exif"]
    try:
        found = tiff_tags.parse(metadata.exif).without(_OF_THE_PIXELS) if metadata.exif else Directory({})
    except (ValueError, struct.error):
        kept.remove("exif")
        found = Directory({})
    entries = dict(found.entries)
    if metadata.dpi and (resolution := tiff_tags.resolution(metadata.dpi)):
        entries |= resolution
        kept.append("dpi")
    if metadata.icc:
        entries[tiff_tags.ICC] = Entry(tiff_tags.UNDEFINED, metadata.icc)
    if metadata.xmp:
        entries[tiff_tags.XMP] = Entry(1, metadata.xmp)
    if metadata.comment and tiff_tags.DESCRIPTION not in entries:
        entries[tiff_tags.DESCRIPTION] = Entry(tiff_tags.ASCII, metadata.comment.encode() + bytes(1))
        kept.append("comment")
    return Directory(entries, found.below), not_kept("TIFF", metadata, *kept)
