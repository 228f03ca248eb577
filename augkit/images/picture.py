"""A decoded picture: frames of colour samples that may take noise, alpha that may not, and what is carried along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[Any]

_MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA", (4, False): "CMYK"}


@dataclass(frozen=True, slots=True)
class Metadata:
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
    return (f"not kept in {target}: {', '.join(lost)}",) if lost else ()


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """The pixels of a picture, or of one frame of an animation, or of one page.

    Attributes
    ----------
    colour : ndarray, shape (H, W) or (H, W, 3) or (H, W, 4)
        uint8 or uint16; gray, RGB or CMYK; C-contiguous, may be read-only.
    alpha : ndarray of the same dtype, shape (H, W), or None
        Never given noise.
    native : object
        What only the same format can hold of this frame, as that format's module keeps it.
    """

    colour: Pixels
    alpha: Pixels | None = None
    native: Any = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.colour.shape[1], self.colour.shape[0]

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return 8 * self.colour.dtype.itemsize

    @property
    def mode(self) -> str:
        """Pillow's name for the layout, such as L, LA, RGB, RGBA, CMYK, I;16; and RGB;16 where Pillow has none."""
        channels = 1 if self.colour.ndim == 2 else self.colour.shape[2]
        name = _MODES[channels, self.alpha is not None]
        return name if self.bits == 8 else "I;16" if name == "L" else f"{name};16"

    def with_colour(self, colour: Pixels) -> Frame:
        """Return the same frame with other colour samples."""
        return replace(self, colour=colour)

    def as_mode(self, mode: str) -> Frame:
        """Return the frame with gray samples repeated as RGB, where `mode` asks for that."""
        if mode == self.mode:
            return self
        height, width = self.colour.shape
        spread = np.ascontiguousarray(np.broadcast_to(self.colour[..., np.newaxis], (height, width, 3)))
        return replace(self, colour=spread)


@dataclass(frozen=True, slots=True)
class Timing:
    """How an animation plays.

    Attributes
    ----------
    durations : tuple of float
        Milliseconds that each frame is shown.
    loops : int
        How often it plays; 0 for ever.
    """

    durations: tuple[float, ...]
    loops: int


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
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


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """A file's bytes, whether its decoder gives back the very samples, and what could not be kept."""

    data: bytes
    lossless: bool = True
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Format:
    """One row of the table of formats.

    Attributes
    ----------
    name : str
        As Pillow calls it.
    suffixes : tuple of str
        Lower case, with the dot; the first is the usual one.
    accepts : callable
        Tells by the first bytes whether a file has this format.
    decode : callable
        ``decode(data, max_pixels) -> Picture``. Raises `InputError` (without the path) where something would be lost,
        and whatever Pillow raises on a broken file.
    encode : callable
        ``encode(picture, quality) -> Encoded``.
    modes : mapping
        The mode that a frame of each mode is written in; modes that are not in it cannot be written.
    keeps, limits : str
        For ``augkit formats``.
    longest_side : int
        The most pixels in a row or a column.
    frames : {"one", "animation", "pages"}
        How many frames a file holds; "animation" are of one size and mode, with a timing.
    """

    name: str
    suffixes: tuple[str, ...]
    accepts: Callable[[bytes], bool]
    decode: Callable[[bytes, int], Picture]
    encode: Callable[[Picture, int | None], Encoded]
    modes: Mapping[str, str]
    keeps: str
    limits: str
    longest_side: int = 2**31 - 1
    frames: Literal["one", "animation", "pages"] = "one"
