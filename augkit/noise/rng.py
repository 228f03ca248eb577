"""The public `rng` parameter."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.random import BitGenerator, Generator, SeedSequence

from augkit.errors import UsageError
from augkit.noise.keys import Key

Rng: TypeAlias = int | Sequence[int] | SeedSequence | BitGenerator | Generator | None


def as_key(rng: Rng) -> Key:
    """Turn the public `rng` parameter into a key, as SPEC 7 asks.

    Parameters
    ----------
    rng : None, int, sequence of int, SeedSequence, BitGenerator or Generator
        None takes fresh entropy of the system; ints or a SeedSequence name the same stream each time;
        a Generator or BitGenerator is advanced, so that two calls differ.
    """
    if rng is None:
        return Key(secrets.randbits(128))
    if isinstance(rng, SeedSequence):
        return Key(_plain(rng.entropy), tuple(int(word) for word in rng.spawn_key))
    if isinstance(rng, Generator):
        rng = rng.bit_generator
    if isinstance(rng, BitGenerator):
        words = rng.random_raw(4)
        return Key(tuple(int(word) & 0xFFFFFFFF for word in words))
    if isinstance(rng, list | tuple | np.ndarray):
        entropy = list(rng)
        if entropy and all(isinstance(word, int | np.integer) and word >= 0 for word in entropy):
            return Key(tuple(map(int, entropy)))
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        if rng < 0:
            raise UsageError(f"rng={rng}: a seed is an integer of 0 or more")
        return Key(int(rng))
    raise UsageError(f"rng={rng!r}: expected None, an integer, a SeedSequence or a Generator")


def _plain(entropy: object) -> int | tuple[int, ...]:
    if isinstance(entropy, int | np.integer):
        return int(entropy)
    return tuple(int(word) for word in np.asarray(entropy).ravel())
