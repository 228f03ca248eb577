"""Calls of the compiled work on recordings: only here do arrays become addresses, and are looked at before.

All return None, with nothing done, without the library.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.compiled import library
from augkit.compiled.arrays import address, in_one_piece, place_of

_WIDTHS = {np.dtype(np.int16): ("i2", 2), np.dtype(np.float32): ("f4", 4)}


def sums_of_squares(samples: NDArray[Any], count: int) -> NDArray[np.float32] | None:
    """Return the sums of the squares of rows of `count` samples, in float32, one row after the other.

    None as well for samples that do not lie in one piece.

    Parameters
    ----------
    samples : int16 or float32 ndarray, whole rows in all
    """
    kernel = library()
    if kernel is None or not in_one_piece(samples):
        return None
    dtype, width = _WIDTHS[samples.dtype]
    if count < 1 or samples.size % count:
        raise ValueError(f"{samples.size} samples in rows of {count}")
    sums = np.empty(count, np.float32)
    begin = address(samples, dtype, samples.shape)
    kernel.augkit_sum_squares(begin, width, samples.size // count, count, place_of(sums))
    return sums


def sum_of_channel(samples: NDArray[Any]) -> float | None:
    """Return the sum of the squares of all samples, as `augkit.audio.blocks` takes that of one channel.

    None as well for samples that do not lie in one piece.

    Parameters
    ----------
    samples : int16 or float32 ndarray
    """
    kernel = library()
    if kernel is None or not in_one_piece(samples):
        return None
    dtype, width = _WIDTHS[samples.dtype]
    found: float = kernel.augkit_sum_channel(address(samples, dtype, samples.shape), width, samples.size)
    return found


def outline(samples: NDArray[np.int16]) -> tuple[int, int, int] | None:
    """Return the least and the greatest sample, and the sum of all; None as well where they do not lie in one piece."""
    kernel = library()
    if kernel is None or not samples.size or not in_one_piece(samples):
        return None
    found = (ctypes.c_int64 * 3)()
    kernel.augkit_outline_shorts(address(samples, "i2", samples.shape), samples.size, ctypes.byref(found))
    return found[0], found[1], found[2]


def mixed(
    clean: NDArray[np.int16], unit: NDArray[np.float32], gain: float
) -> tuple[NDArray[np.int16], NDArray[np.float32]] | None:
    """Return samples with noise, all of which lie within the limits of 16 bits, and the noise, rounded.

    None as well for noise of another type or shape, and where one of the two does not lie in one piece.

    Parameters
    ----------
    gain : float
        Of the noise; is rounded to float32.
    """
    kernel = library()
    alike = clean.shape == unit.shape and unit.dtype == np.float32 and in_one_piece(clean) and in_one_piece(unit)
    if kernel is None or not alike:
        return None
    noise, noisy = np.empty(unit.shape, np.float32), np.empty(clean.shape, np.int16)
    both = address(clean, "i2", clean.shape), address(unit, "f4", unit.shape)
    kernel.augkit_mix_shorts(*both, gain, place_of(noise), place_of(noisy), clean.size)
    return noisy, noise
