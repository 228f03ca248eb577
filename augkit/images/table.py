"""The table of modes: what becomes of each kind of pixels in each format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from augkit.images.format import Format

READ_AS: Mapping[str, str | None] = MappingProxyType(
    {
        "1": "L",
        "L": "L",
        "LA": "LA",
        "La": "LA",
        "P": "RGB",
        "P+alpha": "RGBA",
        "PA": "RGBA",
        "RGB": "RGB",
        "RGBA": "RGBA",
        "RGBa": "RGBA",
        "CMYK": "CMYK",
        "YCbCr": None,
        "LAB": None,
        "I;16": "I;16",
        "LA;16": "LA;16",
        "RGB;16": "RGB;16",
        "RGBA;16": "RGBA;16",
        "CMYK;16": "CMYK;16",
        "I": "I",
        "F": "F",
        "RGB;32F": "RGB;32F",
    }
)
"""The mode that each kind of stored pixels is read as; None for those that cannot be kept by any way.

The names are Pillow's. "P+alpha" is a palette with transparency, small a stands for colours multiplied by alpha, and a
number behind a semicolon for the bits of a sample, F for floats.
"""

EXACT, LOSSY, REFUSED = "exact", "lossy", "refused"


def fate(kind: str, target: Format) -> str:
    """Return what becomes of pixels of a `kind` in a file of a format.

    Returns
    -------
    str
        "exact": level zero gives the very samples back. "lossy": the codec changes them, and the achieved level says
        how much. "as MODE": written in another mode, with a notice. "refused": an error that names the way out.
    """
    mode = READ_AS[kind]
    if mode is None or mode not in target.modes:
        return REFUSED
    written = target.modes[mode]
    if written != kind and not (target.palettes and kind.startswith("P")):
        return f"as {written}"
    return LOSSY if mode in target.lossy else EXACT


def fates(target: Format) -> dict[str, str]:
    """Return what becomes of each kind of pixels in a file of a format."""
    return {kind: fate(kind, target) for kind in READ_AS}
