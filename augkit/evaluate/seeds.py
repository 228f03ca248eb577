"""Seeds of the repeats, and the levels to go through."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from augkit.errors import UsageError
from augkit.noise.rng import Rng, as_key


def repeat_seeds(rng: Rng, repeats: int) -> list[int]:
    """Return a seed for each repeat; all levels of one repeat share it, and with it their noise.

    It has 31 bits, so that every library takes it.

    Raises
    ------
    UsageError
        For less than one repeat.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
        raise UsageError(f"repeats={repeats!r}: expected a whole number of 1 or more")
    key = as_key(rng)
    return [int(key.child("repeat", number).words(1)[0] >> np.uint64(33)) for number in range(int(repeats))]


def as_levels(levels: Sequence[float]) -> list[float]:
    """Return levels as numbers, each once, in their order.

    Raises
    ------
    UsageError
        For none, for what is no number, and for one that is there twice.
    """
    try:
        numbers = [float(level) for level in levels]
    except (TypeError, ValueError):
        raise UsageError(f"levels={levels!r}: expected a sequence of numbers, such as [0, 0.05, 0.1]") from None
    if not numbers or not all(map(math.isfinite, numbers)) or len(set(numbers)) < len(numbers):
        raise UsageError(f"levels={levels!r}: expected finite numbers, each of them once")
    return numbers
