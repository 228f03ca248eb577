"""What a model of noise on values has to know, and the 8-bit grid that its table stands on."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.noise.keys import Key
from augkit.noise.poisson import LARGEST
from augkit.noise.values import VALUES

Array = NDArray[np.float64]

Rounding: TypeAlias = Literal["nearest", "down"]
"""What integers do with a noisy value between two steps; "down" is what a cast does, and shifts the mean."""

TOP = VALUES - 1
SHARES: Array = np.arange(VALUES, dtype=np.float64)[:, np.newaxis] / TOP
"""The 256 values as shares of full range, a column."""

NEAREST: Array = np.arange(0.5, TOP)
DOWN: Array = np.arange(1.0, VALUES)
"""Where an output becomes larger than j = 0 ... 254, in 8-bit steps, by each way of rounding."""

MOST_COUNTS = LARGEST
MOST_SCALE = 1e12
"""Far beyond any camera, and far from where powers overflow."""


class Model(Protocol):
    """What becomes of a value, as a share of full range."""

    def __hash__(self) -> int:
        """Hash by value: tables are cached under it."""
        ...

    def beyond(self, steps: Array = NEAREST) -> Array:
        """Return P(noisy value >= step) for each 8-bit value and each of `steps`, shape (256, 255)."""
        ...

    def noisy(self, share: Array, key: Key, start: int) -> Array:
        """Return noisy shares of full range, a new array; sample number `start` of the stream is the first."""
        ...


def check_positive(name: str, value: float, most: float = MOST_COUNTS) -> None:
    """Raise `UsageError` where `value` is not above 0 and at most `most`."""
    if not 0 < value <= most:
        raise UsageError(f"{name}={value:g}: expected a number above 0, at most {most:g}")


def check_not_negative(name: str, value: float) -> None:
    """Raise `UsageError` where `value` is negative or absurd."""
    if not 0 <= value <= MOST_SCALE:
        raise UsageError(f"{name}={value:g}: expected a number of 0 or more, at most {MOST_SCALE:g}")
