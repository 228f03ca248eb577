"""GIF: noise goes on the colours of each whole frame, for which a palette is chosen anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from augkit.errors import InputError
from augkit.images.formats import gif_blocks
from augkit.images.formats.gif_blocks import Blocks, Shown, read_blocks
from augkit.images.formats.thumbnails import NOTICE, without_xmp_thumbnail
from augkit.images.picture import Encoded, Frame, Metadata, Picture, Pixels, Timing, not_kept, whole_steps
from augkit.images.pillow import check_size, load, saved

_COLOURS = 256
_LONGEST_DELAY = 2**16 - 1
_KEEP, _CLEAR, _RESTORE = 1, 2, 3

Bytes = NDArray[np.uint8]


class Indexed(msgspec.Struct, frozen=True):
    """A frame as indices into a palette of shape (n, 3), and whether its colours are the very ones."""

    indices: Bytes
    palette: Bytes
    transparent: int | None
    exact: bool


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a GIF file; see `Format.decode`."""
    blocks = read_blocks(data)
    size = _canvas(blocks)
    check_size(size, max_pixels, len(blocks.frames))
    frames = _alike(_composed(blocks.frames, size))
    xmp, seen = without_xmp_thumbnail(blocks.xmp or b"")
    lost = ["blocks of plain text"] if blocks.plain_texts else []
    lost += [f"data behind the end of the image ({blocks.behind} bytes)"] if blocks.behind else []
    notices = ((NOTICE,) if seen else ()) + ((f"not kept: {', '.join(lost)}",) if lost else ())
    comment = b"\n".join(blocks.comments).decode("utf-8", "replace")
    timing = None
    if len(frames) > 1:
        timing = Timing(tuple(10.0 * shown.delay for shown in blocks.frames), blocks.plays)
    metadata = Metadata(icc=blocks.icc, xmp=xmp or None, comment=comment or None)
    return Picture(tuple(frames), "GIF", metadata, blocks, notices, timing)


def _canvas(blocks: Blocks) -> tuple[int, int]:
    """Return the size of the canvas, which the first image may widen; no later one may."""
    _, _, right, bottom = blocks.frames[0].box
    width, height = max(blocks.size[0], right), max(blocks.size[1], bottom)
    for shown in blocks.frames[1:]:
        if shown.box[2] > width or shown.box[3] > height:
            raise ValueError(f"a frame reaches beyond the canvas of {width} x {height}")
    return width, height


def _composed(frames: Sequence[Shown], size: tuple[int, int]) -> list[Bytes]:
    """Return all frames as they are seen, shape (H, W, 4), each put on what its forerunners left there.

    As browsers show them: the canvas is transparent at first, and so is a place that was cleared. Pillow puts the
    background colour there where a frame has no transparent index, and restores the wrong pixels behind it.
    """
    canvas = np.zeros((size[1], size[0], 4), np.uint8)
    words = canvas.view(np.uint32)[..., 0]
    seen = []
    for shown in frames:
        left, top, right, bottom = shown.box
        place = (slice(top, bottom), slice(left, right))
        indices = np.asarray(load(GifImagePlugin.GifImageFile, shown.alone(), right * bottom))
        before = words[place].copy() if shown.disposal == _RESTORE else np.uint32(0)
        drawn: Any = True
        if shown.transparent is not None:  # on an empty canvas it leaves its colour, which nobody sees
            drawn = (indices != shown.transparent) | (canvas[place][..., 3] == 0)
        np.copyto(words[place], _colours(shown).take(indices), where=drawn)
        seen.append(canvas.copy())
        if shown.disposal in (_CLEAR, _RESTORE):
            words[place] = before
    return seen


def _colours(shown: Shown) -> NDArray[np.uint32]:
    """Return the colours of a palette with their alpha, as words of four bytes; black behind its end."""
    table = np.zeros((_COLOURS, 4), np.uint8)
    stored = np.frombuffer(shown.palette, np.uint8).reshape(-1, 3)
    table[: len(stored), :3] = stored
    table[:, 3] = 255
    if shown.transparent is not None:
        table[shown.transparent, 3] = 0
    return table.view(np.uint32)[:, 0]


def _alike(seen: list[Bytes]) -> list[Frame]:
    """Return frames of one mode: gray where all colours are, with alpha where any pixel is transparent."""
    gray = all(np.array_equal(one[..., 0], one[..., channel]) for one in seen for channel in (1, 2))
    clear = not all(one[..., 3].all() for one in seen)
    colours = (np.ascontiguousarray(one[..., 0] if gray else one[..., :3]) for one in seen)
    return [Frame(colour, one[..., 3] if clear else None) for colour, one in zip(colours, seen, strict=True)]


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a GIF file; see `Format.encode`. GIF has no `quality`."""
    del quality
    notices: tuple[str, ...] = ()
    source: Blocks | None = picture.native if picture.format == "GIF" else None
    if source is None:
        extensions, notices = _foreign(picture.metadata)
    else:
        extensions = source.carried + gif_blocks.application(picture.metadata.xmp, None)
    delays, plays = [0] * len(picture.frames), 1
    if picture.timing:
        delays, told = whole_steps("GIF", picture.timing.durations, 10, _LONGEST_DELAY)
        plays = picture.timing.loops
        notices += told
    elif source:
        delays, plays = [source.frames[0].delay], source.plays
    made = [_indexed(frame) for frame in picture.frames]
    disposal = _CLEAR if any(one.transparent is not None for one in made) else _KEEP
    parts = [gif_blocks.head(picture.first.size, source.aspect if source else 0, plays), extensions]
    for number, (one, delay) in enumerate(zip(made, delays, strict=True)):
        interlaced = bool(source and source.frames[number].interlaced)
        parts += [
            gif_blocks.control(delay, one.transparent, disposal),
            gif_blocks.image(_coded(one, delay, interlaced)),
        ]
    exact = all(one.exact for one in made)
    if not exact:
        notices += (f"colours reduced to {_COLOURS} a frame, all that GIF holds; choose png or webp to keep them",)
    return Encoded(b"".join((*parts, b";")), exact, notices)


def _foreign(metadata: Metadata) -> tuple[bytes, tuple[str, ...]]:
    """Return blocks and notices for what a file of another format held."""
    blocks = gif_blocks.comment(metadata.comment.encode()) if metadata.comment else b""
    blocks += gif_blocks.application(metadata.xmp, metadata.icc)
    return blocks, not_kept("GIF", metadata, "comment", "xmp", "icc")


def _indexed(frame: Frame) -> Indexed:
    """Return the frame with a palette: of its own colours where they are few enough, else of the nearest there are."""
    if frame.alpha is None:
        visible = None
        colours = frame.colour.reshape(-1, *frame.colour.shape[2:])
    else:
        if ((frame.alpha != 0) & (frame.alpha != 255)).any():
            raise InputError("GIF knows no half-transparent pixels, so alpha would be lost; choose png or webp")
        visible = frame.alpha.reshape(-1) != 0
        colours = frame.colour.reshape(visible.size, *frame.colour.shape[2:])[visible]
    room = _COLOURS - (visible is not None)
    if not len(colours):
        indices, palette, exact = np.empty(0, np.uint8), np.zeros((1, 3), np.uint8), True
    else:
        indices, palette, exact = _own(colours, room) or _nearest(colours, room)
    transparent = None
    if visible is not None:
        transparent = len(palette)
        whole = np.full(visible.size, transparent, np.uint8)
        whole[visible] = indices
        indices = whole
    return Indexed(indices.reshape(frame.colour.shape[:2]), palette, transparent, exact)


def _own(colours: Pixels, room: int) -> tuple[Bytes, Bytes, bool] | None:
    """Return indices and palette of a list of colours or grays, or None where they are more than `room`."""
    if colours.ndim == 1:
        used = np.flatnonzero(np.bincount(colours, minlength=_COLOURS))
        if len(used) > room:
            return None
        place = np.zeros(_COLOURS, np.uint8)
        place[used] = np.arange(len(used))
        return place[colours], np.repeat(used.astype(np.uint8)[:, np.newaxis], 3, axis=1), True
    if _image_of(colours).getcolors(room) is None:
        return None
    number = colours.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    used, indices = np.unique(number, return_inverse=True)
    palette = np.stack([used >> 16, used >> 8 & 255, used & 255], axis=1).astype(np.uint8)
    return indices.astype(np.uint8), palette, True


def _nearest(colours: Pixels, room: int) -> tuple[Bytes, Bytes, bool]:
    """Return indices and palette of the colours that stand for all others, without dithering, which would be noise."""
    chosen = _image_of(colours).quantize(room, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = np.frombuffer(bytes(chosen.getpalette() or ()), np.uint8).reshape(-1, 3)
    return np.asarray(chosen).reshape(-1), palette[:room], False


def _image_of(colours: Pixels) -> Image.Image:
    mode = "L" if colours.ndim == 1 else "RGB"
    image = Image.frombuffer(mode, (len(colours), 1), np.ascontiguousarray(colours), "raw", mode, 0, 1)
    return image if mode == "RGB" else image.convert("RGB")


def _coded(indexed: Indexed, delay: int, interlaced: bool) -> Shown:
    """Return the frame with its indices compressed, by Pillow."""
    height, width = indexed.indices.shape
    image = Image.frombuffer("P", (width, height), np.ascontiguousarray(indexed.indices), "raw", "P", 0, 1)
    size = max(2, 1 << (len(indexed.palette) + (indexed.transparent is not None) - 1).bit_length())
    palette = indexed.palette.tobytes().ljust(3 * size, b"\0")
    image.putpalette(palette)
    parameters: dict[str, Any] = {"optimize": False, "interlace": int(interlaced)}
    (shown,) = read_blocks(saved(image, ".gif", **parameters)).frames
    return Shown((0, 0, width, height), delay, shown.interlaced, palette, shown.indices)
