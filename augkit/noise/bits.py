"""NumPy's generator of the raw bits of one block; what runs by compiled code never loads it."""

from __future__ import annotations

import numpy as np
from numpy.random import SFC64
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import DTypeLike, NDArray

from augkit.blake2 import blake2b
from augkit.noise.keys import block_seed


class _Seed(ISeedSequence):
    """Bits that seed a bit generator as they are."""

    def __init__(self, state: bytes) -> None:
        self._state = state

    def generate_state(self, n_words: int, dtype: DTypeLike = np.uint32) -> NDArray[np.unsignedinteger]:
        """Return the bits as `n_words` words; all that `SFC64` asks for is 3 of 64 bits."""
        words: NDArray[np.unsignedinteger] = np.frombuffer(self._state, "<u8", n_words).astype(dtype, copy=False)
        return words


def block_bits(name: blake2b, block: int) -> SFC64:
    """Return the bit generator of one block of the stream whose `Key.digest` is `name`."""
    return SFC64(_Seed(block_seed(name, block)))  # type: ignore[arg-type]
