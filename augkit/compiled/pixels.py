"""Calls of the compiled work on bytes of images: only here do arrays become addresses, and are looked at before.

All return None, with nothing done, without the library.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from augkit.compiled import library
from augkit.compiled.arrays import address, in_one_piece, place_of

Bytes = NDArray[np.uint8]

_FILTERS = frozenset((0, 2, 3))
"""Of PNG, by their numbers: none, up and average."""


def noise_on_bytes(clean: Bytes, noisy: Bytes, where: NDArray[np.bool_] | None) -> tuple[float, float, int] | None:
    """Return the sums of squares of noise and signal, and how many bytes were moved to 0 or 255.

    None as well for arrays of other shapes than one, or that do not lie in one piece.

    Parameters
    ----------
    clean, noisy : uint8 ndarray
    where : bool ndarray or None
        What is counted.
    """
    kernel = library()
    arrays = [clean, noisy] if where is None else [clean, noisy, where]
    if kernel is None or not all(one.shape == clean.shape and in_one_piece(one) for one in arrays):
        return None
    sums = np.empty(3, np.int64)
    mask = None if where is None else address(where, "?", clean.shape)
    both = address(clean, "u1", clean.shape), address(noisy, "u1", clean.shape)
    kernel.augkit_measure_bytes(*both, mask, clean.size, place_of(sums))
    noise, signal, clipped = sums.tolist()
    return float(noise), float(signal), clipped


def filtered(lines: Bytes, unit: int, kind: int) -> Bytes | None:
    """Return all lines but the first, filtered as PNG has it, with the number of the filter in front of each.

    Parameters
    ----------
    lines : uint8 ndarray, shape (rows + 1, width)
    unit : int
        Bytes of a pixel.
    kind : int
        0 for none, 2 for up, 3 for average.
    """
    kernel = library()
    if kernel is None:
        return None
    given = _lines(lines, unit, kind)
    out = np.empty((lines.shape[0] - 1, 1 + lines.shape[1]), np.uint8)
    kernel.augkit_filter_lines(*given, kind, place_of(out))
    return out


def counted(bands: Sequence[Bytes], unit: int, kinds: bytes) -> NDArray[np.int64] | None:
    """Return how often each value stands in what `filtered` makes of bands of lines, without the numbers in front.

    Returns
    -------
    int64 ndarray, shape (kinds, 256)
    """
    kernel = library()
    if kernel is None:
        return None
    counts = np.zeros((len(kinds), 256), np.int64)
    begin = place_of(counts)
    for lines in bands:
        if lines.size >= 2**32:
            raise ValueError(f"{lines.size} bytes, of which fewer than 2**32 can be counted")
        kernel.augkit_count_filtered(*_lines(lines, unit, *kinds), kinds, len(kinds), begin)
    return counts


def _lines(lines: Bytes, unit: int, *kinds: int) -> tuple[int, int, int, int]:
    rows, width = lines.shape[0] - 1, lines.shape[1]
    if not 0 < unit <= width or not _FILTERS.issuperset(kinds) or rows < 0:
        raise ValueError(f"pixels of {unit} bytes in {rows} rows of {width}, and filter {', '.join(map(str, kinds))}")
    return address(lines, "u1", lines.shape), rows, width, unit


def unfiltered(data: bytes, rows: int, width: int, unit: int) -> Bytes | None:
    """Return lines of `width` bytes, each of which stands in `data` behind the number of its filter.

    Raises
    ------
    ValueError
        For an unknown filter.
    """
    kernel = library()
    if kernel is None:
        return None
    if not 0 < unit <= width or len(data) != rows * (1 + width):
        raise ValueError(f"{len(data)} bytes for {rows} rows of {width}, with pixels of {unit}")
    out = np.empty((rows, width), np.uint8)
    done = kernel.augkit_unfilter_lines(data, rows, width, unit, bytes(width), place_of(out))
    if done < rows:
        raise ValueError(f"row {done} has filter {data[done * (1 + width)]}, which PNG does not know")
    return out


def split_alpha(pixels: Bytes, channels: int) -> tuple[Bytes, Bytes] | None:
    """Return the colours of pixels, of shape (n, channels), and their alpha; they are given as of (n, channels + 1)."""
    kernel = library()
    if kernel is None:
        return None
    count = pixels.size // (channels + 1)
    colour, alpha = np.empty((count, channels), np.uint8), np.empty(count, np.uint8)
    begin = address(pixels, "u1", (count, channels + 1))
    kernel.augkit_split_alpha(begin, count, channels, place_of(colour), place_of(alpha))
    return colour, alpha


def join_alpha(colour: Bytes, alpha: Bytes | None) -> Bytes | None:
    """Return pixels of shape (n, channels + 1) from colours of (n, channels) and their alpha; without one it is 255."""
    kernel = library()
    if kernel is None:
        return None
    count, channels = colour.shape
    pixels = np.empty((count, channels + 1), np.uint8)
    both = address(colour, "u1", colour.shape), None if alpha is None else address(alpha, "u1", (count,))
    kernel.augkit_join_alpha(*both, count, channels, place_of(pixels))
    return pixels


def find_visible(alpha: Bytes, channels: int) -> tuple[NDArray[np.bool_], int] | None:
    """Return where pixels are not fully transparent, of shape (n, channels), and the number of those that are.

    Parameters
    ----------
    alpha : uint8 ndarray, shape (n,)
    """
    kernel = library()
    if kernel is None:
        return None
    visible = np.empty((alpha.size, channels), np.bool_)
    hidden = kernel.augkit_find_visible(address(alpha, "u1", alpha.shape), alpha.size, channels, place_of(visible))
    return visible, hidden


def find_marks(data: bytes, mark: int, begin: int) -> tuple[int, int] | None:
    """Return how often the bytes 255 and `mark` follow each other, and where they first do from `begin` on, or -1."""
    kernel = library()
    if kernel is None:
        return None
    place = ctypes.c_size_t()
    count = kernel.augkit_find_marks(data, len(data), mark, begin, ctypes.byref(place))
    return count, place.value if place.value < len(data) else -1


def painted(indices: Bytes, palette: Bytes) -> tuple[Bytes, int] | None:
    """Return the colours of indices, and the greatest of these: one beyond the palette makes the colours arbitrary.

    Parameters
    ----------
    indices : uint8 ndarray, in one piece
    palette : uint8 ndarray, shape (colours, 3)
    """
    kernel = library()
    if kernel is None:
        return None
    out = np.empty((*indices.shape, 3), np.uint8)
    begin, colours = address(indices, "u1", indices.shape), address(palette, "u1", (len(palette), 3))
    most = kernel.augkit_paint(begin, indices.size, colours, len(palette), place_of(out))
    return out, most
