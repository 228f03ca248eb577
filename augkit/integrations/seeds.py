"""Seeds for the noise of a sample that is being read, for whatever transform asks within."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TypeAlias

from augkit.noise.keys import Key

Seed: TypeAlias = tuple[int, ...]

_SEEDS: ContextVar[Iterator[Seed] | None] = ContextVar("augkit_sample_seeds", default=None)


def seed_of(key: Key) -> Seed:
    """Return a seed of 128 bits, as the array functions take it, that names the key."""
    return tuple(key.words(2).tolist())


def sample_seed() -> Seed | None:
    """Return the seed of the next noise of the sample that is being read; None where nobody gives seeds."""
    seeds = _SEEDS.get()
    return None if seeds is None else next(seeds)


@contextmanager
def sample_seeds(key: Key) -> Iterator[None]:
    """Give all noise that is added within the block seeds that follow from `key`, in the order in which it asks."""
    token = _SEEDS.set(seed_of(key.child("noise", number)) for number in count())
    try:
        yield
    finally:
        _SEEDS.reset(token)
