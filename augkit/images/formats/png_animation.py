"""The animations of PNG: frames read as they are shown, and written whole, with their times as stored."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction

import msgspec
from msgspec.structs import replace

from augkit.images.formats.png_canvas import OVER, RESTORED, Layer, composed, opaque
from augkit.images.formats.png_chunks import GRAY_ALPHA, RGB_ALPHA, Contents, Header, Parts, framed
from augkit.images.formats.png_pack import packed
from augkit.images.formats.png_unpack import unpacked
from augkit.images.picture import Frame, Picture, Timing
from augkit.images.pillow import check_size

_CONTROL = struct.Struct(">IIIIHHBB")
_MOST = 2**16 - 1
_USUAL_DENOMINATOR = 100


class Delay(msgspec.Struct, frozen=True):
    """How long a frame is shown, in seconds, as stored."""

    numerator: int
    denominator: int

    @property
    def milliseconds(self) -> float:
        """The same as a number; a denominator of 0 means 100."""
        return 1000 * self.numerator / (self.denominator or _USUAL_DENOMINATOR)

    @classmethod
    def of(cls, milliseconds: float) -> Delay:
        """Return the nearest that can be stored."""
        seconds = min(Fraction(milliseconds) / 1000, Fraction(_MOST))
        nearest = seconds.limit_denominator(int(_MOST / max(seconds, Fraction(1))))
        return cls(nearest.numerator, nearest.denominator)


def read_animation(contents: Contents, max_pixels: int) -> tuple[tuple[Frame, ...], Timing, tuple[str, ...], bool]:
    """Return the frames, whole and as they are shown, how they play, notices, and whether data were left over.

    An image that is no part of the animation stands first.

    Raises
    ------
    ValueError
        Where the animation contradicts itself.
    InputError
        For more than `max_pixels` in all frames together.
    """
    header = contents.header
    hidden = contents.streams[0].control is None
    count, plays = _announced(contents.animation or b"")
    if count != len(contents.streams) - hidden:
        raise ValueError(f"it says that it has {count} frames, and holds {len(contents.streams) - hidden}")
    check_size((header.width, header.height), max_pixels, len(contents.streams))
    sizes = [_layer(contents, number) for number in range(hidden, len(contents.streams))]
    left_over = []

    def decoded(part: Header, number: int) -> Frame:
        pieces = contents.streams[number].pieces
        colour, alpha, surplus = unpacked(part, pieces, contents.palette, contents.transparency)
        left_over.append(surplus)
        return Frame(colour, alpha)

    def layers() -> Iterator[tuple[Layer, Frame]]:
        for number, (part, layer, delay) in enumerate(sizes, hidden):
            yield layer, replace(decoded(part, number), native=delay)

    frames = composed(header.height, header.width, layers())
    durations = tuple(delay.milliseconds for *_, delay in sizes)
    if hidden:
        frames.insert(0, decoded(header, 0))
        durations = (0.0, *durations)
    partial = any(part != header or layer.blend == OVER for part, layer, _ in sizes)
    notices = ("frames of an animation written whole, as they are shown",) if partial else ()
    transparent = header.colour in (GRAY_ALPHA, RGB_ALPHA) or contents.transparency is not None
    return _alike(frames, transparent=transparent), Timing(durations, plays, hidden), notices, any(left_over)


def animated(picture: Picture, timing: Timing, *, interlaced: bool) -> tuple[Parts, Parts, tuple[str, ...]]:
    """Return the chunk that announces an animation, those of its frames, and notices; each frame fills the canvas."""
    same = picture.format == "PNG"
    delays = [
        frame.native if same else Delay.of(duration)
        for frame, duration in zip(picture.frames, timing.durations, strict=True)
    ]
    count = len(picture.frames) - timing.hidden
    announced = list(framed(b"acTL", struct.pack(">II", count, timing.loops)))
    parts: Parts = []
    number = 0
    for place, (frame, delay) in enumerate(zip(picture.frames, delays, strict=True)):
        if place or not timing.hidden:
            control = _CONTROL.pack(*frame.size, 0, 0, delay.numerator, delay.denominator, 0, 0)
            parts += framed(b"fcTL", control, number)
            number += 1
        for piece in packed(frame, interlaced=interlaced):
            if place:
                parts += framed(b"fdAT", piece, number)
                number += 1
            else:
                parts += framed(b"IDAT", piece)
    return announced, parts, () if same else _rounded(timing, delays)


def _announced(content: bytes) -> tuple[int, int]:
    if len(content) != 8:
        raise ValueError(f"chunk b'acTL' should have 8 bytes, got {len(content)}")
    count, plays = struct.unpack(">II", content)
    if not count:
        raise ValueError("it says that it is an animation of no frames")
    return count, plays


def _layer(contents: Contents, number: int) -> tuple[Header, Layer, Delay]:
    """Return the size of a frame, as a header of its own, where it stands, and how long."""
    header, content = contents.header, contents.streams[number].control or b""
    if len(content) != _CONTROL.size:
        raise ValueError(f"a frame control should have {_CONTROL.size + 4} bytes, got {len(content) + 4}")
    width, height, left, top, numerator, denominator, dispose, blend = _CONTROL.unpack(content)
    part = replace(header, width=width, height=height)
    inside = 0 < width <= header.width - left and 0 < height <= header.height - top
    if not inside or (number == 0 and part != header):
        canvas = f"{header.width} x {header.height}"
        raise ValueError(f"a frame of {width} x {height} at {left}, {top} does not fit the canvas of {canvas}")
    if dispose > RESTORED or blend > OVER:
        raise ValueError(f"unknown way to dispose of a frame ({dispose}) or to blend it ({blend})")
    place = (slice(top, top + height), slice(left, left + width))
    return part, Layer(place, dispose, blend), Delay(numerator, denominator)


def _alike(frames: Sequence[Frame], *, transparent: bool) -> tuple[Frame, ...]:
    """Return the frames with an alpha channel each, or none: where no more than the canvas could be transparent."""
    if not transparent and all(one.alpha is None or (one.alpha == opaque(one.colour)).all() for one in frames):
        return tuple(replace(one, alpha=None) for one in frames)
    return tuple(replace(one, alpha=opaque(one.colour)) if one.alpha is None else one for one in frames)


def _rounded(timing: Timing, delays: Sequence[Delay]) -> tuple[str, ...]:
    off = any(
        abs(delay.milliseconds - duration) > 1e-6 * max(duration, 1)
        for delay, duration in zip(delays, timing.durations, strict=True)
    )
    return ("durations rounded to what PNG can hold",) if off else ()
