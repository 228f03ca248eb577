"""The modes of Pillow images in memory: which take noise, and how their samples come out and go back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image

from augkit.errors import UsageError
from augkit.images.picture import Pixels
from augkit.images.pillow import join, split
from augkit.images.pixels import NoiseSpec

TAKEN = ("1", "L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16L", "I;16B", "I", "F")

_REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "P": ("noise belongs on colours, not on indices", "RGB"),
        "PA": ("noise belongs on colours, not on indices", "RGBA"),
        "La": ("colours that are multiplied by alpha already cannot exceed it", "LA"),
        "RGBa": ("colours that are multiplied by alpha already cannot exceed it", "RGBA"),
        "HSV": ("a hue is an angle, which does not saturate", "RGB"),
        "1": ("single bits cannot hold noise of a level", "L"),
        "CMYK": ("inks are no amounts of light", "RGB"),
        "YCbCr": ("differences of colours are no amounts of light", "RGB"),
    }
)
"""Why a mode cannot take noise faithfully, or not every noise, and the mode that can."""


def take_apart(image: Image.Image, recipe: NoiseSpec) -> tuple[Pixels, Pixels | None]:
    """Return the samples that take noise, shape (H, W) or (H, W, C), and the channel that does not, or None.

    Raises
    ------
    UsageError
        For a mode that cannot take this noise faithfully, or a transparent colour, with the way out.
    """
    mode = image.mode
    if mode not in TAKEN or not recipe.takes(mode):
        if mode not in _REFUSED:
            raise UsageError(f"image: expected one of the modes {', '.join(TAKEN)}, got {mode}; convert it first")
        reason, way_out = _REFUSED[mode]
        if mode == "P" and image.has_transparency_data:
            way_out = "RGBA"
        raise UsageError(f"image: got {mode}; use image.convert({way_out!r}), for {reason}")
    if "transparency" in image.info:
        way_out = "LA" if mode in ("1", "L") else "RGBA"
        raise UsageError(
            f"image: one colour of this {mode} image is transparent, and noise would change which pixels have it; "
            f"use image.convert({way_out!r})"
        )
    if mode == "1":
        return np.asarray(image).astype(np.uint8) * np.uint8(255), None
    if mode == "RGBX":
        pixels = np.asarray(image)
        return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3]
    return split(image)


def put_together(colour: Pixels, rest: Pixels | None, image: Image.Image) -> Image.Image:
    """Return an image of the mode, and with the info, of another, made of what `take_apart` returned."""
    made = Image.fromarray(colour > 127) if image.mode == "1" else join(colour, rest, image.mode)
    made.info = dict(image.info)
    return made
