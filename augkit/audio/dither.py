"""Dither: what is added before rounding so that the error it leaves does not depend on the samples."""

from __future__ import annotations

import numpy as np

from augkit.audio.mix import Piece
from augkit.noise.distributions import Uniform
from augkit.noise.keys import Key
from augkit.unit_noise import LawNoise

DITHERS = ("tpdf",)


class TriangularDither:
    """The sum of two uniform noises of one step each: triangular over two steps, independent in every channel.

    It makes mean and power of the error the same for every sample (Lipshitz, Wannamaker, Vanderkooy 1992, "Quantization
    and dither: a theoretical survey", JAES 40(5)): a quarter of a squared step together with the rounding.
    """

    std = 6**-0.5
    in_order = False

    def __init__(self, key: Key, frames: int, channels: int, dtype: np.dtype[np.floating]) -> None:
        halves = (key.child("dither", half) for half in range(2))
        self._first, self._second = (LawNoise(Uniform(), half, frames, channels, dtype) for half in halves)

    def keep(self) -> None:
        """Keep nothing: it is read once or twice."""

    def foreseen(self) -> None:
        """Tell nothing: nobody asks."""

    def rows(self, rows: slice) -> Piece:
        """Return the dither of some rows in the unit of a step, shape (frames, channels)."""
        return np.add(self._first.rows(rows), self._second.rows(rows))
