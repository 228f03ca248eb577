"""Calls of the compiled noise: here, and only here, arrays become addresses, and are looked at before.

Each function walks through blocks of a stream, makes their samples and lists the escapes among them. It stops where the
list is full enough to be settled, and is called again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augkit.compiled import library
from augkit.compiled.arrays import address

_SEED = 24
_BLOCK = 2**16
_BLOCKS = 4
_MOST = 2**13
"""Escapes that are settled together: as many, and what is found among the blocks of a last step."""

Escapes = tuple[NDArray[np.uint16], NDArray[np.int64]]


class Seeds(Protocol):
    """What has the seeds of the blocks of a stream."""

    def seeds(self, offset: int, count: int) -> tuple[bytes, int, int]:
        """Return seeds from that of the sample at `offset` on, its number in its block, and how many they serve."""
        ...


class Walk:
    """One of the functions on arrays of so many samples.

    Parameters
    ----------
    function
        Of the library.
    moving : tuple of (int, int)
        Addresses that move on with the samples, and by how many bytes for each.
    constant : tuple of int
        Further arguments.
    kept
        What must stay in memory.
    """

    def __init__(
        self, function: Any, samples: int, moving: tuple[tuple[int, int], ...], constant: tuple[int, ...], kept: Any
    ) -> None:
        room = _MOST + min(_BLOCKS * _BLOCK, samples)
        self._function, self._samples, self._moving, self._constant, self._kept = (
            function,
            samples,
            moving,
            constant,
            kept,
        )
        self._words, self._places, self._found = np.empty(room, np.uint16), np.empty(room, np.int64), ctypes.c_size_t()
        self._lists = self._words.ctypes.data, self._places.ctypes.data, ctypes.byref(self._found)

    def escapes(self, stream: Seeds) -> Iterator[Escapes]:
        """Make all samples, and yield words and places of the escapes, some at a time, good until the next are asked for.

        Raises
        ------
        ValueError
            Where a stream gives fewer seeds than it says.
        """
        done = 0
        while done < self._samples:
            seeds, first, count = stream.seeds(done, self._samples - done)
            if not 0 < count <= self._samples - done or len(seeds) * _BLOCK < (first + count) * _SEED:
                raise ValueError(f"{len(seeds)} bytes of seeds for {count} samples from {first} on")
            moved = (address + done * step for address, step in self._moving)
            made = self._function(seeds, first, count, *moved, *self._constant, _MOST, *self._lists)
            found = self._found.value
            self._places[:found] += done
            yield self._words[:found], self._places[:found]
            done += made


def lattice_walk(
    samples: NDArray[np.uint8], out: NDArray[np.uint8], table: NDArray[np.int16], first_escape: int
) -> Walk | None:
    """Return what adds the lattice's differences to rows of bytes; None without the library.

    Parameters
    ----------
    samples, out : uint8 ndarray, shape (n,) or (n, channels)
    table : int16 ndarray, shape (65536,)
    first_escape : int
        Slots from here on are escapes, which get an arbitrary difference.
    """
    kernel = library()
    if kernel is None:
        return None
    if samples.shape != out.shape or table.shape != (2**16,):
        raise TypeError(f"shapes {samples.shape}, {out.shape} and {table.shape} do not go together")
    rows = len(samples)
    channels = samples.size // max(1, rows)
    moving = (address(samples, "u1"), channels), (address(out, "u1", written=True), channels)
    constant = channels, address(table, "i2"), first_escape
    return Walk(kernel.augkit_add_lattice, rows, moving, constant, (samples, out, table))


def strips_walk(out: NDArray[np.floating], slots: NDArray[np.floating], first_escape: int) -> Walk | None:
    """Return what fills an array from strips; None without the library.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (n,)
    slots : ndarray of the same type, shape (8192, 2)
        Where each slot begins, and its step.
    first_escape : int
        Slots from here on are escapes, which get any value; their words are not listed.
    """
    kernel = library()
    if kernel is None:
        return None
    dtype = "f8" if out.itemsize == 8 else "f4"
    if out.ndim != 1 or slots.shape != (2**13, 2):
        raise TypeError(f"shapes {out.shape} and {slots.shape}, not (n,) and (8192, 2)")
    moving = ((address(out, dtype, written=True), out.itemsize),)
    constant = out.itemsize, address(slots, dtype), first_escape
    return Walk(kernel.augkit_fill_strips, len(out), moving, constant, (out, slots))
