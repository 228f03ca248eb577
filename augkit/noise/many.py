"""Short pieces of many streams at once: the same samples as of one stream after the other, in a tenth of the time.

The words of all pieces are put one behind the other, and made into samples together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from augkit.noise.blocks import Stream, Words
from augkit.noise.distributions import Distribution
from augkit.noise.keys import BLOCK, Key
from augkit.noise.strips import FORMS, SLOT_BITS, SLOTS, settle, slot_table, strips

Counts = NDArray[np.int64]


class Streams:
    """Pieces of several streams, one behind the other.

    Parameters
    ----------
    keys : sequence of Key
        Of the streams.
    starts, counts : ndarray of int64, shape (streams,)
        Number of the first sample of each piece within its stream, and how many there are.
    """

    def __init__(self, keys: Sequence[Key], starts: Counts, counts: Counts) -> None:
        self._streams = [_named(key) for key in keys]
        self._starts, self._counts = starts, counts
        self._firsts = np.cumsum(counts) - counts

    @property
    def samples(self) -> int:
        """How many samples there are in all."""
        return int(self._counts.sum())

    def words(self, dtype: str) -> Words:
        """Return the words of all samples, as `Stream.words` has them."""
        made: Words = np.empty(self.samples, dtype)
        pieces = zip(self._streams, self._starts.tolist(), self._counts.tolist(), self._firsts.tolist(), strict=True)
        for stream, start, count, place in pieces:
            done = 0
            while done < count:
                block, first = divmod(start + done, BLOCK)
                last = min(BLOCK, first + count - done)
                made[place + done : place + done + last - first] = stream.words(block, first, last, dtype)
                done += last - first
        return made

    def addressed(self, places: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the seeds and the indices of further words of the samples at some places."""
        at = places.astype(np.int64)
        piece = np.searchsorted(self._firsts, at, side="right") - 1
        seeds = np.array([stream.escapes for stream in self._streams], np.uint64)
        return seeds[piece], (at - self._firsts[piece] + self._starts[piece]).astype(np.uint64)


def fill_many(out: NDArray[np.floating], law: Distribution, streams: Streams) -> None:
    """Fill `out` with the samples of `law` at unit scale that `augkit.noise.strips.fill` makes of each stream.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (samples,), C-contiguous
    """
    form, (left, step) = FORMS[out.dtype], slot_table(law, out.dtype)
    first_escape = strips(law).first_escape
    words = streams.words(form.word)
    escapes = []
    for begin in range(0, len(out), BLOCK):
        word, piece = words[begin : begin + BLOCK], out[begin : begin + BLOCK]
        slots = (word & (SLOTS - 1)).astype(np.intp)
        escapes.append(np.flatnonzero(slots >= first_escape) + begin)
        np.copyto(piece, (word >> SLOT_BITS).view(form.signed), casting="unsafe")
        np.multiply(piece, np.take(step, slots, mode="wrap"), out=piece)
        np.add(piece, np.take(left, slots, mode="wrap"), out=piece)
    places = np.concatenate(escapes) if escapes else np.zeros(0, np.intp)
    if len(places):
        out[places] = settle(law, places.astype(np.uint64), streams)


@lru_cache(maxsize=2**15)
def _named(key: Key) -> Stream:
    """Return the stream of a key, whose name takes longer to hash than a few samples take to make."""
    return Stream(key, 0)
