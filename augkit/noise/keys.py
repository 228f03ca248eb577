"""Keyed random bits: a stream has a name, is cut into blocks, and any block can be made by itself.

A stream is named by the seed and a path of words (purpose, file, copy, column...). Seed, words and block number are
hashed with BLAKE2b (RFC 7693) into the 192 bits that each block's own `SFC64` is seeded with; that takes a fifth of
the time of a `SeedSequence`. Only raw bits are used, which NumPy keeps stable between its releases, never the methods
of `Generator`.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.blake2 import blake2b

BLOCK = 2**16
"""Samples in a block, whatever their type."""

_SEED_BYTES = 24

STREAM_VERSION = 1
"""Goes up whenever the same key gives other samples; written to every manifest."""


class Key(msgspec.Struct, frozen=True):
    """The name of a random stream.

    Attributes
    ----------
    entropy : int or tuple of int
        What the run was seeded with, as `numpy.random.SeedSequence` takes it.
    spawn_key : tuple of int
        Spawn key of the `SeedSequence` that the user passed in; empty for a plain seed.
    path : tuple of str and int
        The words that name the stream below the seed.
    """

    entropy: int | tuple[int, ...]
    spawn_key: tuple[int, ...] = ()
    path: tuple[str | int, ...] = ()

    def child(self, *words: str | int) -> Key:
        """Return the key of the stream that `words` name below this one; text is taken in NFC."""
        return Key(self.entropy, self.spawn_key, self.path + words)

    def digest(self) -> blake2b:
        """Return the hash of this name, to be copied and continued with the number of a block or another purpose."""
        words = [len(self.spawn_key), *self.spawn_key, *self.path]
        entropy = (self.entropy,) if isinstance(self.entropy, int) else self.entropy
        return blake2b(b"".join(map(_encode, (len(entropy), *entropy, *words))), digest_size=_SEED_BYTES)

    def words(self, count: int) -> NDArray[np.uint64]:
        """Return the first `count` 64-bit words of this stream, for draws of a few numbers."""
        from augkit.noise.bits import block_bits

        return block_bits(self.digest(), 0).random_raw(count)

    def uniform(self) -> float:
        """Return one number in [0, 1), the same each time."""
        return int(self.words(1)[0] >> np.uint64(11)) * 2.0**-53

    def share(self) -> float:
        """Return one number in [0, 1], from the hash itself: for what changes no sample, in a third of the time."""
        return int.from_bytes(self.digest().digest()[:8], "little") / 2**64


@lru_cache(maxsize=1024, typed=True)
def _encode(word: str | int) -> bytes:
    text = unicodedata.normalize("NFC", word) if isinstance(word, str) else str(word)
    data = text.encode("utf-8", "surrogateescape")
    return (b"s" if isinstance(word, str) else b"i") + len(data).to_bytes(4, "little") + data


def block_seed(name: blake2b, block: int) -> bytes:
    """Return the 24 bytes that the bit generator of a block is seeded with."""
    seed = name.copy()
    seed.update(block.to_bytes(8, "little"))
    return seed.digest()


_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


_30, _27, _31, _ONE = (np.uint64(number) for number in (30, 27, 31, 1))


def addressed_words(
    seed: np.uint64 | NDArray[np.uint64], index: NDArray[np.uint64], round_: int | NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Return one 64-bit word for each sample index and round, in any order, without a state.

    Several rounds at a time, of shape (rounds,), give words of shape (rounds, n). Where samples are of several streams,
    each has a seed.

    SplitMix64 (Steele, Lea, Flood 2014), applied to the index and once more to the round. Serves the few samples
    that a sampler settles after its main pass, so that they do not depend on how many there were before.
    """
    z = index + _ONE
    z *= _GAMMA
    z += seed
    return _finalise(_finalise(z) + (np.asarray(round_, np.uint64)[..., np.newaxis] + _ONE) * _GAMMA)


def _finalise(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of words, in place."""
    z ^= z >> _30
    z *= _MIX_1
    z ^= z >> _27
    z *= _MIX_2
    z ^= z >> _31
    return z
