"""Calls of the compiled noise: here, and only here, arrays become addresses, and are looked at before.

The functions stop behind the block in which the list of escapes filled up, and are called again.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

_SEED = 24
_BLOCK = 2**16
_MOST = 2**13
"""Escapes that are settled together."""


def _address(array: NDArray[np.generic], dtype: str, *, written: bool = False) -> int:
    """Return where the samples of an array begin; raise `TypeError` for one that the library cannot walk through."""
    flags = array.flags
    if array.dtype != dtype or not flags.c_contiguous or not flags.aligned or (written and not flags.writeable):
        raise TypeError(f"expected a contiguous array of {dtype}, got {array.dtype} with\n{flags}")
    return array.ctypes.data


class _Escapes:
    """Lists that the library fills with escapes."""

    def __init__(self, samples: int) -> None:
        room = _MOST + min(_BLOCK, samples)
        self.words, self.places = np.empty(room, np.uint16), np.empty(room, np.int64)
        self.addresses = self.words.ctypes.data, self.places.ctypes.data
        self.count = ctypes.c_size_t()


class LatticeCall:
    """`augkit_add_lattice` on one pair of arrays.

    Parameters
    ----------
    kernel : CDLL
        The library.
    samples, out : uint8 ndarray, shape (n,) or (n, channels)
    table : int16 ndarray, shape (65536,)
    first_escape : int
        Slots from here on are escapes.
    """

    def __init__(
        self,
        kernel: ctypes.CDLL,
        samples: NDArray[np.uint8],
        out: NDArray[np.uint8],
        table: NDArray[np.int16],
        first_escape: int,
    ) -> None:
        if samples.shape != out.shape or table.shape != (2**16,):
            raise TypeError(f"shapes {samples.shape}, {out.shape} and {table.shape} do not go together")
        self._make = kernel.augkit_add_lattice
        self._samples, self._out = _address(samples, "u1"), _address(out, "u1", written=True)
        self._table, self._first_escape = _address(table, "i2"), first_escape
        self._rows, self._channels = len(samples), samples.size // max(1, len(samples))
        self._escapes = _Escapes(len(samples))
        self._kept = samples, out, table

    def __call__(
        self, seeds: bytes, first: int, done: int, count: int
    ) -> tuple[int, tuple[NDArray[np.uint16], NDArray[np.int64]]]:
        """Make the next rows.

        Parameters
        ----------
        seeds : bytes
            Of the blocks from that of row `done` on.
        first : int
            Number of that row within its block.
        count : int
            How many rows to make.

        Returns
        -------
        done : int
            The rows that are made now.
        escapes : tuple of uint16 ndarray and int64 ndarray
            The words of the escapes among the new ones, and where they are, until the next call.
        """
        found = self._escapes
        if done + count > self._rows or len(seeds) * _BLOCK < (first + count) * _SEED:
            raise TypeError(f"{count} rows from {done} on of {self._rows}, {len(seeds)} bytes of seeds: out of bounds")
        offset = done * self._channels
        made = self._make(
            seeds,
            first,
            count,
            self._channels,
            self._samples + offset,
            self._out + offset,
            self._table,
            self._first_escape,
            _MOST,
            *found.addresses,
            ctypes.byref(found.count),
        )
        number = found.count.value
        return done + made, (found.words[:number], found.places[:number] + done)
