"""Walking a stream block by block, from any sample to any other, with its rare samples set aside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from augkit.noise.keys import BLOCK, Key, addressed_words, block_seed

_AT_A_TIME = 32

_GROUP = 2**13
"""Rare samples that are settled together: enough to amortise the calls, few enough to stay in cache."""

Words = NDArray[np.unsignedinteger]
Places = NDArray[np.intp]


class Stream:
    """The bits of one key from sample number `start` on, with its address hashed once.

    Attributes
    ----------
    start : int
        Number of the first sample.
    escapes : uint64
        What `addressed_words` takes as the seed of its samples.
    """

    def __init__(self, key: Key, start: int) -> None:
        self._name = key.digest()
        self.start = start
        escapes = self._name.copy()
        escapes.update(b"escapes")
        self.escapes = np.uint64(int.from_bytes(escapes.digest()[:8], "little"))

    def spans(self, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (block, first, last, offset): which samples of which block stand at `offset` of the next `count`."""
        offset = 0
        while offset < count:
            block, first = divmod(self.start + offset, BLOCK)
            last = min(BLOCK, first + count - offset)
            yield block, first, last, offset
            offset += last - first

    def seeds(self, offset: int, count: int) -> tuple[bytes, int, int]:
        """Return the seeds of the next blocks, as compiled code takes them.

        Returns
        -------
        seeds : bytes
            Of a few blocks, from that of the sample at `offset` on, one behind the other.
        first : int
            Number of that sample within its block.
        count : int
            How many samples these blocks have from there on, at most the given number.
        """
        block, first = divmod(self.start + offset, BLOCK)
        blocks = min(_AT_A_TIME, -(-(first + count) // BLOCK))
        seeds = b"".join([block_seed(self._name, block + ahead) for ahead in range(blocks)])
        return seeds, first, min(count, blocks * BLOCK - first)

    def words(self, block: int, first: int, last: int, dtype: str) -> Words:
        """Return words number `first` to `last` of a block, each of `dtype`, a little-endian unsigned integer."""
        from augkit.noise.bits import block_bits

        per_raw = 8 // np.dtype(dtype).itemsize
        raw = block_bits(self._name, block).random_raw(-(-last // per_raw))
        words: Words = raw.astype("<u8", copy=False).view(dtype)
        return words[first:last]

    def index(self, places: Places) -> NDArray[np.uint64]:
        """Return the numbers within the whole stream of the samples at `places` of this piece."""
        return (places + self.start).astype(np.uint64)

    def addressed(self, index: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the seed, shape (1,), and the indices of further words of the samples numbered `index`."""
        return self.escapes.reshape(1), index

    def escape_words(self, index: NDArray[np.uint64], round_: int | NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return further 64-bit words for the samples numbered `index`, whatever else was settled."""
        return addressed_words(self.escapes, index, round_)


class Waiting:
    """Samples that the main pass could not settle: their words and their places."""

    def __init__(self) -> None:
        self._words: list[Words] = []
        self._places: list[Places] = []
        self._count = 0

    def add(self, words: Words, places: Places, offset: int) -> None:
        """Set aside the samples at `places` of a block that stands at `offset`."""
        if len(places):
            self._words.append(words[places])
            self._places.append(places + offset)
            self._count += len(places)

    @property
    def full(self) -> bool:
        """Whether it is time to settle."""
        return self._count >= _GROUP

    def take(self) -> tuple[Words, Places]:
        """Return all words and places, and begin anew."""
        words = np.concatenate(self._words) if self._words else np.empty(0, np.uint16)
        places = np.concatenate(self._places) if self._places else np.empty(0, np.intp)
        self._words, self._places, self._count = [], [], 0
        return words, places
