"""The value lattice: noise on 8-bit data whose law depends on the value, straight to the output byte.

For each of the 256 values there is one row of the table that `augkit.noise.lattice` has for all: most of its slots
belong to one output, the last few are escapes. The rows are shorter, so that the table stays in a core's cache.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.compiled import noise as compiled
from augkit.noise.blocks import Stream, Waiting
from augkit.noise.keys import BLOCK, Key

VALUES = 256

_SLOT_BITS = 12
_SLOTS = 2**_SLOT_BITS
_FRACTION = 48 - _SLOT_BITS
_WORD_SHIFT = 16 - _SLOT_BITS
_ESCAPE = -1


class ValueLattice(msgspec.Struct, frozen=True, eq=False):
    """The outputs of every value.

    Attributes
    ----------
    table : int16 ndarray, shape (256 * 4096,)
        The output of each value and slot, or -1 for an escape.
    first_escape : int64 ndarray, shape (256,)
        Slots of a value from here on are escapes.
    cumulative : int64 ndarray, shape (256 * 256,)
        Ends of the outputs' shares of the escape spaces, in units of 2**-48, one value's space after the other's.
    """

    table: NDArray[np.int16]
    first_escape: NDArray[np.int64]
    cumulative: NDArray[np.int64]

    def settle(
        self, values: NDArray[np.uint8], words: NDArray[np.unsignedinteger], fine: NDArray[np.uint64]
    ) -> NDArray[np.uint8]:
        """Return the outputs of escapes, from their values, their words and a further 64-bit word each."""
        value = values.astype(np.int64)
        slot = (words >> _WORD_SHIFT).astype(np.int64) - self.first_escape[value]
        place = (value << 48) | (slot << _FRACTION) | (fine >> np.uint64(64 - _FRACTION)).astype(np.int64)
        row_and_output = np.searchsorted(self.cumulative, place, side="right")
        return (row_and_output & (VALUES - 1)).astype(np.uint8)


def value_lattice(beyond: NDArray[np.float64]) -> ValueLattice:
    """Return the table of a law given by its survival function.

    Parameters
    ----------
    beyond : float64 ndarray, shape (256, 255)
        P(output > j) for each value and j = 0 ... 254, not rising along j.
    """
    total = 2**48
    edges = np.rint(np.clip(beyond, 0, 1) * float(total)).astype(np.int64)
    edges = np.minimum.accumulate(edges, axis=1)
    ends = np.full((VALUES, 1), total), np.zeros((VALUES, 1), np.int64)
    shares = -np.diff(np.concatenate([ends[0], edges, ends[1]], axis=1), axis=1)
    whole, rest = shares >> _FRACTION, shares & (2**_FRACTION - 1)
    first_escape = whole.sum(axis=1)
    table = np.full((VALUES, _SLOTS), _ESCAPE, np.int16)
    outputs = np.arange(VALUES, dtype=np.int16)
    for value in range(VALUES):
        table[value, : first_escape[value]] = np.repeat(outputs, whole[value])
    # a value's space ends at most at 2**48, where the next one's begins: one sorted array serves all
    cumulative = np.cumsum(rest, axis=1) + (np.arange(VALUES, dtype=np.int64)[:, np.newaxis] << 48)
    return ValueLattice(table.ravel(), first_escape, cumulative.ravel())


def apply_values(
    samples: NDArray[np.uint8], lattice: ValueLattice, key: Key, *, out: NDArray[np.uint8], start: int = 0
) -> None:
    """Write an output of each sample to `out`.

    Parameters
    ----------
    samples, out : uint8 ndarray, shape (n,), C-contiguous
    start : int
        Number of the first sample within the stream.
    """
    stream = Stream(key, start)
    if not compiled.apply_values(samples, out, stream, lattice.table, (lattice.first_escape, lattice.cumulative)):
        _apply_plain(samples, out, lattice, stream)


def _apply_plain(samples: NDArray[np.uint8], out: NDArray[np.uint8], lattice: ValueLattice, stream: Stream) -> None:
    waiting = Waiting()
    size = min(BLOCK, len(samples))
    index, found = np.empty(size, np.intp), np.empty(size, np.int16)
    for block, first, last, offset in stream.spans(len(samples)):
        count = last - first
        words = stream.words(block, first, last, "<u2")
        places, outputs = index[:count], found[:count]
        np.left_shift(samples[offset : offset + count], _SLOT_BITS, out=places, dtype=np.intp)
        np.add(places, words >> _WORD_SHIFT, out=places)
        np.take(lattice.table, places, mode="wrap", out=outputs)
        np.copyto(out[offset : offset + count], outputs, casting="unsafe")
        waiting.add(words, np.flatnonzero(outputs < 0), offset)
        if waiting.full:
            _settle(samples, out, lattice, stream, waiting)
    _settle(samples, out, lattice, stream, waiting)


def _settle(
    samples: NDArray[np.uint8], out: NDArray[np.uint8], lattice: ValueLattice, stream: Stream, waiting: Waiting
) -> None:
    words, places = waiting.take()
    out[places] = lattice.settle(samples[places], words, stream.escape_words(stream.index(places), 0))
