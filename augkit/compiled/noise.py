"""Calls of the compiled noise: here, and only here, arrays become addresses, and are looked at before."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augkit.compiled import library
from augkit.compiled.arrays import address, in_one_piece, place_of

_SEED = 24
_BLOCK = 2**16
_BLOCKS = 4
_MOST = 2**13
"""Escapes that are settled together: as many, and what is found among the blocks of a last step."""


class Blocks(Protocol):
    """A stream, as compiled code takes it.

    Attributes
    ----------
    start : int
        Number of its first sample.
    escapes : uint64
        The seed of further words.
    """

    start: int
    escapes: np.uint64

    def seeds(self, offset: int, count: int) -> tuple[bytes, int, int]:
        """Return seeds from that of the sample at `offset` on, its number in its block, and how many they serve."""
        ...


def _steps(stream: Blocks, samples: int, done: int = 0) -> Iterator[tuple[int, tuple[bytes, int, int]]]:
    """Yield how many samples are done, and the seeds, first and count of the next ones."""
    while done < samples:
        seeds, first, count = stream.seeds(done, samples - done)
        if not 0 <= first < _BLOCK or not 0 < count <= samples - done or len(seeds) // _SEED * _BLOCK < first + count:
            raise ValueError(f"{len(seeds)} bytes of seeds for {count} samples from {first} on")
        yield done, (seeds, first, count)
        done += count


def add_lattice(
    samples: NDArray[np.uint8],
    out: NDArray[np.uint8],
    stream: Blocks,
    table: Callable[[], NDArray[np.int16] | NDArray[np.int8]],
    ends: tuple[NDArray[np.int64], NDArray[np.uint64]],
) -> bool:
    """Add the lattice's differences to rows of bytes; return False, with nothing done, without the library.

    Parameters
    ----------
    samples, out : uint8 ndarray, shape (n,) or (n, channels)
    table : callable
        Returns an int16 or int8 ndarray, shape (65536,); called where the machine needs one.
    ends : tuple of int64 and uint64 ndarray, shape (511,)
        Where the slots of each atom end, behind which those of escapes begin, and the atoms' shares of these.
    """
    kernel = library()
    if kernel is None:
        return False
    shape, channels = samples.shape, samples.size // max(1, len(samples))
    clean, noisy = address(samples, "u1", shape), address(out, "u1", shape, written=True)
    slots, shares = ends
    constant = channels, address(slots, "i8", (511,)), address(shares, "u8", (511,))
    for done, blocks in _steps(stream, len(samples)):
        moved = clean + done * channels, noisy + done * channels
        given = *blocks, *moved, int(stream.escapes), stream.start + done, *constant
        if not kernel.augkit_add_lattice(*given, None, 0):
            found = table()
            kernel.augkit_add_lattice(*given, address(found, f"i{found.itemsize}", (2**16,)), found.itemsize)
    return True


def apply_values(
    samples: NDArray[np.uint8],
    out: NDArray[np.uint8],
    stream: Blocks,
    table: NDArray[np.int16],
    escapes: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> bool:
    """Write an output of each byte; return False, with nothing done, without the library.

    Parameters
    ----------
    samples, out : uint8 ndarray, shape (n,)
    table : int16 ndarray, shape (256 * 4096,)
        The outputs of all values and slots, -1 for escapes.
    escapes : tuple of int64 ndarray, shapes (256,) and (256 * 256,)
        The first of the slots of each value that are escapes, and the ends of the outputs' shares of them.
    """
    kernel = library()
    if kernel is None:
        return False
    clean, noisy = address(samples, "u1", samples.shape), address(out, "u1", samples.shape, written=True)
    firsts, ends = escapes
    constant = address(table, "i2", (2**20,)), address(firsts, "i8", (256,)), address(ends, "i8", (2**16,))
    for done, blocks in _steps(stream, samples.size):
        moved = clean + done, noisy + done
        kernel.augkit_apply_values(*blocks, *moved, int(stream.escapes), stream.start + done, *constant)
    return True


def fill_strips(
    out: NDArray[np.floating], stream: Blocks, slots: NDArray[np.floating], first_escape: int
) -> Iterator[NDArray[np.int64]] | None:
    """Fill an array from strips, and yield the places of escapes, which get any value; None without the library.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (n,)
    slots : ndarray of the same type, shape (8192, 2)
        Where each slot begins, and its step.
    first_escape : int
        Slots from here on are escapes. Their places are yielded some at a time, good until the next are asked for.
    """
    kernel = library()
    return None if kernel is None else _filled(kernel, out, stream, slots, first_escape)


def _filled(
    kernel: ctypes.CDLL, out: NDArray[np.floating], stream: Blocks, slots: NDArray[np.floating], first_escape: int
) -> Iterator[NDArray[np.int64]]:
    dtype, size = ("f8", 8) if out.itemsize == 8 else ("f4", 4)
    begin = address(out, dtype, (out.size,), written=True)
    places, found = np.empty(_MOST + min(_BLOCKS * _BLOCK, out.size), np.int64), ctypes.c_size_t()
    lists = _MOST, place_of(places), ctypes.byref(found)
    table = address(slots, dtype, (2**13, 2))
    done = 0
    while done < out.size:
        _, blocks = next(_steps(stream, out.size, done))
        made = kernel.augkit_fill_strips(*blocks, begin + done * size, size, table, first_escape, *lists)
        yield places[: found.value] + done
        done += made


def draw_boxes(
    addressed: tuple[NDArray[np.uint64], NDArray[np.uint64]],
    round_: int,
    boxes: NDArray[np.float64],
    shares: NDArray[np.float64],
    tail: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]] | None:
    """Draw a candidate for each of some samples from the boxes above strips; None without the library.

    Parameters
    ----------
    addressed : tuple of uint64 ndarray, shapes (n,) or (1,), and (n,)
        The seeds of their further words, and their numbers.
    round_ : int
        That of the first of two words.
    boxes, shares : float64 ndarray, shapes (boxes, 4) and (boxes + 1,)
    tail : float
        Probability beyond the last box.

    Returns
    -------
    candidates, heights : float64 ndarray, shape (n,)
        Where the tail was chosen, a probability and -1.
    negative : bool ndarray, shape (n,)
    """
    kernel = library()
    if kernel is None:
        return None
    seeds, numbers = addressed
    count = len(numbers)
    candidates, heights, negative = np.empty(count), np.empty(count), np.empty(count, np.bool_)
    made = place_of(candidates), place_of(heights), place_of(negative)
    own = len(seeds) > 1
    names = address(seeds, "u8", (count if own else 1,)), own, address(numbers, "u8", (count,))
    cut = address(boxes, "f8", (len(boxes), 4)), address(shares, "f8", (len(boxes) + 1,))
    kernel.augkit_draw_boxes(count, *names, round_, *cut, len(boxes), tail, *made)
    return candidates, heights, negative


def settle_normal(
    out: NDArray[np.floating],
    places: NDArray[np.int64],
    stream: Blocks,
    cut: tuple[NDArray[np.float64], NDArray[np.float64], float],
    ratio: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Settle escapes of the normal law, and return the places of those that are left: all, without the library.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (n,)
    places : int64 ndarray
        All below n.
    cut : tuple
        The boxes and shares of `draw_boxes`, and the tail.
    ratio : float64 ndarray, shape (8, 2, 1)
        The coefficients of the quantile function in the tail.
    """
    kernel = library()
    if kernel is None or not len(places):
        return places
    if not 0 <= places.min() <= places.max() < out.size:
        raise ValueError(f"places from {places.min()} to {places.max()} of {out.size} samples")
    boxes, shares, tail = cut
    left = np.empty_like(places)
    dtype, size = ("f8", 8) if out.itemsize == 8 else ("f4", 4)
    found = kernel.augkit_settle_normal(
        address(places, "i8", places.shape), len(places), address(out, dtype, (out.size,), written=True), size,
        int(stream.escapes), stream.start, address(boxes, "f8", (len(boxes), 4)),
        address(shares, "f8", (len(boxes) + 1,)), len(boxes), tail, address(ratio, "f8", (8, 2, 1)), place_of(left),
    )  # fmt: skip
    return left[:found]


def add_scaled(
    clean: NDArray[Any], unit: NDArray[np.floating], scale: float
) -> tuple[NDArray[np.floating], bool] | None:
    """Return ``clean + scale * unit``, rounded after each of the two, and whether all of it is finite.

    None without the library, and where `clean` is of another type than the float32 or float64 noise `unit`, or they do
    not lie in one piece.

    Parameters
    ----------
    clean, unit : ndarray, shape (n,)
    scale : float
        Is rounded to the type of the noise.
    """
    kernel = library()
    if kernel is None or clean.dtype != unit.dtype or not (in_one_piece(clean) and in_one_piece(unit)):
        return None
    dtype = "f8" if unit.itemsize == 8 else "f4"
    out = np.empty(unit.shape, unit.dtype)
    places = address(clean, dtype, unit.shape), address(unit, dtype, unit.shape), scale, place_of(out)
    return out, bool(kernel.augkit_add_scaled(*places, out.size, out.itemsize))
