"""The bridge to Pillow: its images to colour and alpha arrays and back, and the errors of its decoders."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from augkit.errors import InputError
from augkit.images.picture import Frame, Pixels
from augkit.unwarned import Shared, unwarned

BROKEN: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    SyntaxError,
    NotImplementedError,
    Image.DecompressionBombError,
    EOFError,
    struct.error,
    zlib.error,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
)
"""What Pillow's decoders raise on files that are broken."""

EXACT = ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")
"""The modes whose samples are taken as they are."""

MAX_FRAMES = 2**15
"""Frames or pages of the longest file that is read: each takes memory and time, however few pixels it has."""

ImageT = TypeVar("ImageT", bound=ImageFile.ImageFile)

_BIG_ENDIAN = ">u2"


@contextmanager
def _quiet() -> Iterator[None]:
    bound, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with unwarned():
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = bound


quiet = Shared(_quiet)
"""Silences Pillow's warnings and its bound on pixels: what they speak of is checked on the file itself."""


def check_size(size: tuple[int, int], max_pixels: int, frames: int = 1) -> None:
    """Raise `InputError` for an image of no pixels, or of more than `max_pixels` in all, before it is decoded."""
    width, height = size
    if width < 1 or height < 1:
        raise InputError(f"expected pixels, got an image of {width} x {height}; replace the file")
    check_frames(frames)
    times = f"{frames} frames of " if frames > 1 else ""
    check_pixels(width * height * frames, max_pixels, f"{times}{width} x {height}")


def check_frames(count: int) -> None:
    """Raise `InputError` for more frames or pages than are read."""
    if count > MAX_FRAMES:
        raise InputError(f"expected at most {MAX_FRAMES:,} frames or pages, got {count:,}; split the file first")


def check_pixels(count: int, max_pixels: int, what: str) -> None:
    """Raise `InputError` for more than `max_pixels` in all; `what` says of what they are."""
    if count > max_pixels:
        raise InputError(
            f"expected at most {max_pixels:,} pixels, got {what} = {count:,}; "
            "crop it or scale it down first, or raise max_pixels"
        )


def load(plugin: type[ImageT], data: bytes, max_pixels: int) -> ImageT:
    """Decode `data` with one of Pillow's plugins, after a look at the size.

    The plugin is called directly: what a header says has chosen it, and no other decoder may run.
    """
    image = opened(plugin, data, max_pixels)
    with quiet():
        image.load()
    return image


def opened(plugin: type[ImageT], data: bytes, max_pixels: int) -> ImageT:
    """Read what `data` says before its pixels, and look at the size."""
    with quiet():
        image = plugin(BytesIO(data))
        check_size(image.size, max_pixels)
    return image


def split(image: Image.Image) -> tuple[Pixels, NDArray[np.uint8] | None]:
    """Return the colour samples, C-contiguous, and the alpha channel of an image of one of the `EXACT` modes."""
    pixels = np.asarray(image)
    if image.mode in ("LA", "RGBA"):
        colour = pixels[..., 0] if image.mode == "LA" else pixels[..., :3]
        return np.ascontiguousarray(colour), pixels[..., -1]
    if image.mode.startswith("I;16"):
        return pixels.astype(np.uint16, copy=False), None
    return pixels, None


def join(colour: Pixels, alpha: NDArray[np.uint8] | None, mode: str) -> Image.Image:
    """Return the Pillow image of `mode` with these samples; the reverse of `split`."""
    height, width = colour.shape[:2]
    if alpha is not None:
        channels = 1 if colour.ndim == 2 else colour.shape[2]
        pixels: Pixels = np.empty((height, width, channels + 1), np.uint8)
        pixels[..., :channels] = colour.reshape(height, width, channels)
        pixels[..., channels] = alpha
    elif mode.startswith("I;16"):
        pixels = colour.astype(_BIG_ENDIAN if mode == "I;16B" else "<u2", copy=False)
    else:
        pixels = colour
    return Image.frombuffer(mode, (width, height), np.ascontiguousarray(pixels), "raw", mode, 0, 1)


def to_image(frame: Frame) -> Image.Image:
    """Return the Pillow image of a frame."""
    return join(frame.colour, frame.alpha, frame.mode)


class _Named(BytesIO):
    """A file in memory with a name: by its suffix Pillow loads one plugin, by the name of a format the first five."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def saved(image: Image.Image, suffix: str, **parameters: Any) -> bytes:
    """Return the bytes of a file of the format that has this suffix."""
    buffer = _Named(f"image{suffix}")
    image.save(buffer, **parameters)
    return buffer.getvalue()


def in_exact_mode(image: Image.Image, bits: int = 8) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the image in one of the `EXACT` modes, with a notice where it was converted.

    Parameters
    ----------
    bits : int
        Bits of a sample, or of an index, in the file.

    Raises
    ------
    InputError
        For modes that cannot be converted without a loss.
    """
    mode = image.mode
    if mode in ("P", "PA"):
        to = "RGBA" if image.has_transparency_data else "RGB"
        return image.convert(to), (f"palette image written as {to}: noise belongs on colours, not on indices",)
    if mode == "1":
        return image.convert("L"), ("1-bit image written as 8-bit gray",)
    if mode not in EXACT and not mode.startswith("I;16"):
        raise InputError(f"expected one of the modes {', '.join(EXACT)}, got {mode}; convert it to one of them first")
    return image, (f"{bits}-bit gray written as 8-bit gray",) if bits < 8 else ()
