"""From the image data of PNG to samples: every depth, palettes and transparent colours, interlaced or not, exactly."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np
from isal import igzip_lib
from numpy.typing import NDArray
from PIL import Image

from augkit.compiled import pixels as compiled
from augkit.images.formats.png_chunks import BROKEN_STREAM, GRAY, GRAY_ALPHA, PALETTE, RGB, RGB_ALPHA, Header
from augkit.images.picture import Pixels

CHANNELS = MappingProxyType({GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4})

_PLAIN = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

# Pillow's decoder undoes the filters, whose unit is the size of a pixel, and then keeps eight bits of each sample: so a
# pixel of 48 or 64 bits is unpacked twice, once for the high bytes and once for the low ones.
_UNPACKED = MappingProxyType(
    {
        (GRAY, 1): ("1", "1"),
        (GRAY, 2): ("L", "L;2"),
        (GRAY, 4): ("L", "L;4"),
        (GRAY, 8): ("L", "L"),
        (GRAY, 16): ("I;16", "I;16B"),
        (RGB, 8): ("RGB", "RGB"),
        (RGB, 16): ("RGB", "RGB;16B", "RGB;16L"),
        (PALETTE, 1): ("P", "P;1"),
        (PALETTE, 2): ("P", "P;2"),
        (PALETTE, 4): ("P", "P;4"),
        (PALETTE, 8): ("P", "P"),
        (GRAY_ALPHA, 8): ("LA", "LA"),
        (GRAY_ALPHA, 16): ("RGBA", "RGBA"),
        (RGB_ALPHA, 8): ("RGBA", "RGBA"),
        (RGB_ALPHA, 16): ("RGBA", "RGBA;16B", "RGBA;16L"),
    }
)


def passes(width: int, height: int, *, interlaced: bool) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of each pass over the image; a plain one takes all at once."""
    for left, top, across, down in _ADAM7 if interlaced else _PLAIN:
        if left < width and top < height:
            yield slice(top, None, down), slice(left, None, across)


def unpacked(
    header: Header, pieces: Sequence[memoryview], palette: bytes | None, transparency: bytes | None
) -> tuple[Pixels, Pixels | None, bool]:
    """Return colour, alpha or None, and whether data were left behind the last row.

    Raises
    ------
    ValueError
        Where the data are broken or too few.
    """
    rows, surplus = _inflated(pieces, _size(header))
    found = _plain(header, rows, palette, transparency)
    if found is None:
        stored = zlib.compress(rows, 0)
        del rows
        mode, *raw_modes = _UNPACKED[header.colour, header.bits]
        size = header.width, header.height
        images = [Image.frombytes(mode, size, stored, "zip", raw, int(header.interlaced)) for raw in raw_modes]
        del stored
        found = _of_pillow(header, images, palette, transparency)
    colour, alpha = found
    if alpha is None and transparency is not None:
        alpha = _alpha_of_key(header, colour, transparency)
    return colour, alpha, surplus


def _plain(
    header: Header, data: bytes, palette: bytes | None, transparency: bytes | None
) -> tuple[Pixels, Pixels | None] | None:
    """Return colour and alpha of samples of 8 bits, row by row; None for others, and without the library."""
    if header.bits != 8 or header.interlaced:
        return None
    channels = CHANNELS[header.colour]
    width, height = header.width, header.height
    try:
        rows = compiled.unfiltered(data, height, width * channels, channels)
    except ValueError as error:
        raise ValueError(f"the image data are broken: {error}") from None
    if rows is None:
        return None
    if header.colour == PALETTE:
        return _painted(rows, palette, transparency)
    if header.colour in (GRAY, RGB):
        return rows.reshape(height, width, *(channels,) * (channels > 1)), None
    split = compiled.split_alpha(rows.reshape(-1, channels), channels - 1)
    if split is None:
        return None
    colour, alpha = split
    return colour.reshape(height, width, *(channels - 1,) * (channels > 2)), alpha.reshape(height, width)


def _of_pillow(
    header: Header, images: Sequence[Image.Image], palette: bytes | None, transparency: bytes | None
) -> tuple[Pixels, Pixels | None]:
    if header.colour == PALETTE:
        return _painted(np.asarray(images[0]), palette, transparency)
    return _deep(header, images) if header.bits == 16 else _shallow(images[0])


def _size(header: Header) -> int:
    """Return the bytes of all rows, with the filter in front of each."""
    depth = header.bits * CHANNELS[header.colour]
    size = 0
    for rows, columns in passes(header.width, header.height, interlaced=header.interlaced):
        width, height = len(range(header.width)[columns]), len(range(header.height)[rows])
        size += height * (1 + (width * depth + 7) // 8)
    return size


def _inflated(pieces: Sequence[memoryview], size: int) -> tuple[bytes, bool]:
    """Return `size` bytes of a stream, however many more it claims to hold, and whether it does."""
    decoder = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_ZLIB)
    try:
        data = decoder.decompress(pieces[0] if len(pieces) == 1 else b"".join(pieces), size)
        surplus = b"" if decoder.eof else decoder.decompress(b"", 1)
    except BROKEN_STREAM as error:
        raise ValueError(f"the image data are broken: {error}") from error
    if len(data) < size:
        raise ValueError(f"the image data end early: expected {size:,} bytes, got {len(data):,}")
    if not surplus and not decoder.eof:
        raise ValueError("the image data end early, before their checksum")
    return data, bool(surplus or decoder.unused_data)


def _shallow(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    width, height = image.size
    if image.mode == "RGBA":
        colour, alpha = (np.frombuffer(image.tobytes("raw", bands), np.uint8) for bands in ("RGB", "A"))
        return colour.reshape(height, width, 3), alpha.reshape(height, width)
    if image.mode == "LA":
        both = np.asarray(image)
        return np.ascontiguousarray(both[..., 0]), both[..., 1]
    return np.asarray(image.convert("L") if image.mode == "1" else image), None


def _deep(header: Header, images: Sequence[Image.Image]) -> tuple[Pixels, Pixels | None]:
    if header.colour == GRAY:
        return np.asarray(images[0]).astype(np.uint16, copy=False), None
    if header.colour == GRAY_ALPHA:
        both = np.asarray(images[0]).view(">u2")
        return both[..., 0].astype(np.uint16), both[..., 1].astype(np.uint16)
    high, low = (_shallow(image) for image in images)
    alpha = None if high[1] is None or low[1] is None else _wide(high[1], low[1])
    return _wide(high[0], low[0]), alpha


def _wide(high: Pixels, low: Pixels) -> NDArray[np.uint16]:
    samples = high.astype(np.uint16)
    samples <<= 8
    samples |= low
    return samples


def _painted(
    indices: NDArray[np.uint8], palette: bytes | None, transparency: bytes | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Return the colours of a palette's indices, and the alpha that tRNS gives to the first of them."""
    count = len(palette or b"") // 3
    if palette is None or len(palette) % 3 or not 1 <= count <= 256:
        raise ValueError("it needs a palette of 1 to 256 colours")
    colours = np.frombuffer(palette, np.uint8).reshape(count, 3)
    colour, most = compiled.painted(indices, colours) or (None, int(indices.max()))
    if most >= count:
        raise ValueError(f"a pixel has colour {most} of a palette of {count}")
    if colour is None:
        colour = colours.take(indices, axis=0)
    if transparency is None:
        return colour, None
    if len(transparency) > count:
        raise ValueError(f"{len(transparency)} transparencies stand beside {count} colours")
    alpha = np.full(count, 255, np.uint8)
    alpha[: len(transparency)] = np.frombuffer(transparency, np.uint8)
    return colour, alpha.take(indices)


def _alpha_of_key(header: Header, colour: Pixels, transparency: bytes) -> Pixels:
    """Return the alpha channel that a colour key means, which noise on the colours would otherwise undo."""
    channels = CHANNELS[header.colour]
    if len(transparency) != 2 * channels:
        raise ValueError(f"its transparent colour should have {2 * channels} bytes, got {len(transparency)}")
    most = 2**header.bits - 1
    full = np.iinfo(colour.dtype).max
    key = (np.frombuffer(transparency, ">u2") & most) * (full // most)
    transparent = colour == key if channels == 1 else (colour == key).all(axis=2)
    alpha = np.full(transparent.shape, full, colour.dtype)
    alpha[transparent] = 0
    return alpha
