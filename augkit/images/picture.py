"""A decoded picture: frames of colour samples that may take noise, alpha that may not, and what is carried along."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from augkit.compiled import pixels as compiled

Pixels: TypeAlias = NDArray[Any]

_LAYOUTS = {
    (1, False): "L",
    (1, True): "LA",
    (3, False): "RGB",
    (3, True): "RGBA",
    (4, False): "CMYK",
    (4, True): "CMYKA",
}
_TYPES = {
    "u1": "",
    "u2": ";16",
    "u4": ";32",
    "i1": ";8S",
    "i2": ";16S",
    "i4": ";32S",
    "f2": ";16F",
    "f4": ";32F",
    "f8": ";64F",
}
_OF_PILLOW = {"L;16": "I;16", "L;32S": "I", "L;32F": "F"}

MODES: tuple[str, ...] = tuple(
    _OF_PILLOW.get(layout + kind, layout + kind) for kind in _TYPES.values() for layout in _LAYOUTS.values()
)
"""Every mode that a frame can have: Pillow's names where it has one, else the layout and the type of the samples."""


class Metadata(msgspec.Struct, frozen=True):
    """What of a file other formats can hold too.

    Attributes
    ----------
    exif : bytes or None
        The TIFF structure, without the ``Exif`` prefix of JPEG. Its orientation tag speaks of the stored pixels, which
        are never rotated.
    icc, xmp : bytes or None
        As stored.
    dpi : (float, float) or None
        Horizontal and vertical resolution.
    comment : str or None
        The comment of a JPEG.
    others : tuple of str
        The names of what only the source's own format can hold.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: str | None = None
    others: tuple[str, ...] = ()


_ORIENTATION, _SHORT = 274, 3
_LABELS = {"exif": "EXIF", "icc": "ICC profile", "xmp": "XMP", "dpi": "DPI", "comment": "comment"}


def not_kept(target: str, metadata: Metadata, *kept: str) -> tuple[str, ...]:
    """Return the notice for what a file of format `target` loses of another's `metadata`, if anything.

    Parameters
    ----------
    kept : str
        Fields of `Metadata` that are written.
    """
    lost = [label for field, label in _LABELS.items() if getattr(metadata, field) and field not in kept]
    lost.extend(metadata.others)
    if metadata.exif and "exif" not in kept and (turn := _orientation(metadata.exif)) != 1:
        lost.append(f"orientation {turn}, so viewers do not turn the pixels any more")
    return (f"not kept in {target}: {', '.join(lost)}",) if lost else ()


def _orientation(exif: bytes) -> int:
    """Return how viewers turn the pixels, by the first directory of an EXIF block; 1 for not at all."""
    order = ">" if exif.startswith(b"MM") else "<"
    try:
        (place,) = struct.unpack_from(f"{order}L", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, place)
        tags = (struct.unpack_from(f"{order}HHLH", exif, place + 2 + 12 * number) for number in range(count))
        return next((value for tag, kind, _, value in tags if (tag, kind) == (_ORIENTATION, _SHORT)), 1)
    except struct.error:
        return 1


def over_channels(mask: NDArray[np.bool_], pixels: Pixels) -> NDArray[np.bool_]:
    """Return a mask of shape (H, W) in the shape of `pixels`: to broadcast it would take several times as long."""
    return mask if pixels.ndim == 2 else mask.repeat(pixels.shape[2]).reshape(pixels.shape)


class Frame(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The pixels of a picture, or of one frame of an animation, or of one page.

    Attributes
    ----------
    colour : ndarray, shape (H, W) or (H, W, 3) or (H, W, 4)
        Integers of 8, 16 or 32 bits or floats; gray, RGB or CMYK; C-contiguous, may be read-only.
    alpha : ndarray of the same dtype, shape (H, W), or None
        Never given noise.
    native : object
        What only the same format can hold of this frame, as that format's module keeps it.
    white : int or None
        The value of white, where it is not the greatest of an integer type.
    """

    colour: Pixels
    alpha: Pixels | None = None
    native: Any = None
    white: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.colour.shape[1], self.colour.shape[0]

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return 8 * self.colour.dtype.itemsize

    @cached_property
    def mode(self) -> str:
        """The layout and the type of the samples, one of `MODES`: L, LA, RGB, RGBA, CMYK, I;16, I, F, RGB;16..."""
        channels = 1 if self.colour.ndim == 2 else self.colour.shape[2]
        kind = self.colour.dtype.str[1:]  # the name of a dtype takes ten times as long
        name = _LAYOUTS[channels, self.alpha is not None] + _TYPES[kind]
        return _OF_PILLOW.get(name, name)

    @cached_property
    def visible(self) -> NDArray[np.bool_] | None:
        """Where the frame is not fully transparent, of the shape of its colours; None for everywhere."""
        if self.alpha is None:
            return None
        if self.alpha.dtype == np.uint8:
            channels = self.colour.size // max(1, self.alpha.size)
            found = compiled.find_visible(np.ascontiguousarray(self.alpha).reshape(-1), channels)
            if found is not None:
                visible, hidden = found
                return visible.reshape(self.colour.shape) if hidden else None
        return None if self.alpha.all() else over_channels(self.alpha != 0, self.colour)

    def with_colour(self, colour: Pixels) -> Frame:
        """Return the same frame with other colour samples."""
        return replace(self, colour=colour)

    def as_mode(self, mode: str) -> Frame:
        """Return the frame with gray samples repeated as RGB, where `mode` asks for that."""
        if self.colour.ndim == 3 or not mode.startswith("RGB"):
            return self
        height, width = self.colour.shape
        spread = np.ascontiguousarray(np.broadcast_to(self.colour[..., np.newaxis], (height, width, 3)))
        return replace(self, colour=spread)

    def in_full_range(self) -> Frame:
        """Return the frame with its white moved to the greatest value of its type."""
        if self.white is None:
            return self
        top, white = int(np.iinfo(self.colour.dtype).max), self.white

        def scaled(samples: Pixels) -> Pixels:
            return ((samples.astype(np.uint32) * top + white // 2) // white).astype(samples.dtype)

        alpha = None if self.alpha is None else scaled(self.alpha)
        return replace(self, colour=scaled(self.colour), alpha=alpha, white=None)


class Timing(msgspec.Struct, frozen=True):
    """How an animation plays; formats that count in other units say what they rounded.

    Attributes
    ----------
    durations : tuple of float
        Milliseconds that each frame is shown.
    loops : int
        How often it plays; 0 for ever.
    hidden : bool
        Whether the first frame is no part of the animation, but what readers of still pictures show.
    """

    durations: tuple[float, ...]
    loops: int
    hidden: bool = False


def whole_steps(target: str, durations: Sequence[float], step: float, most: int) -> tuple[list[int], tuple[str, ...]]:
    """Return durations as whole numbers of steps of `step` milliseconds, and the notice where they are others now."""
    steps = [min(round(duration / step), most) for duration in durations]
    if all(count * step == duration for count, duration in zip(steps, durations, strict=True)):
        return steps, ()
    return steps, (f"durations rounded to steps of {step:g} ms, for {target} has no finer ones",)


class Picture(msgspec.Struct, frozen=True, eq=False):
    """The frames of a file and what has to be carried over to the next.

    Attributes
    ----------
    frames : tuple of Frame
        One; or all of an animation, each complete and of one size; or the pages of a document, of any sizes and modes.
    format : str
        Name of the format that it was read from.
    metadata : Metadata
        What other formats can hold too.
    native : object
        What only a file of the same format can hold, as that format's module keeps it.
    notices : tuple of str
        What the decoder converted.
    timing : Timing or None
        For animations.
    """

    frames: tuple[Frame, ...]
    format: str
    metadata: Metadata = Metadata()
    native: Any = None
    notices: tuple[str, ...] = ()
    timing: Timing | None = None

    @property
    def first(self) -> Frame:
        """The only frame, or the first."""
        return self.frames[0]

    def without_hidden(self) -> Picture:
        """Return the animation without a first frame that is no part of it."""
        if self.timing is None:
            return self
        timing = replace(self.timing, durations=self.timing.durations[1:], hidden=False)
        return replace(self, frames=self.frames[1:], timing=timing)


class Encoded(msgspec.Struct, frozen=True, eq=False):
    """A file's bytes, whether its decoder gives back the very samples, and what could not be kept."""

    data: bytes
    lossless: bool = True
    notices: tuple[str, ...] = ()
