"""Samples of two files, gathered for a closer look: blocks spread evenly over the files, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.pieces import Piece

Array = NDArray[np.float64]

BLOCK = 2**15
"""Samples of a block."""

MOST = 64
"""Blocks that are kept at most."""


class Gathered(msgspec.Struct, eq=False):
    """Blocks of one column, or of a whole file.

    Attributes
    ----------
    first : Piece
        The first piece, which tells units and limits.
    blocks : list of (clean, noisy)
        Float64 arrays of one shape, (samples,) or (frames, channels), each without gaps unless samples were left out.
    step : float
        The spacing of the values that the files can hold; 0 for floats.
    limits : (low, high) or None
        Where the samples saturate; None for floats that went beyond.
    """

    first: Piece
    blocks: list[tuple[Array, Array]] = msgspec.field(default_factory=list)
    step: float = 0.0
    limits: tuple[float, float] | None = None
    _stride: int = 1
    _seen: int = 0

    def add(self, clean: NDArray[Any], noisy: NDArray[Any]) -> None:
        """Take in a block, if its number is one of those that are kept."""
        if self._seen % self._stride == 0:
            self.blocks.append((clean.copy(), noisy.copy()))  # views would keep whole files alive
            if len(self.blocks) > MOST:
                del self.blocks[1::2]
                self._stride *= 2
        self._seen += 1

    def finish(self) -> None:
        """Find what the values can be, and turn the blocks into floats."""
        self.step = _step(self.blocks)
        self.blocks = [_as_floats(clean, noisy) for clean, noisy in self.blocks]
        self.limits = self.first.limits
        if self.limits is not None and self.first.noisy.dtype.kind == "f":
            low, high = self.limits
            if any((after < low).any() or (after > high).any() for _, after in self.blocks):
                self.limits = None

    @property
    def differs(self) -> bool:
        """Whether there is any noise in what was gathered."""
        return any(not np.array_equal(before, after, equal_nan=True) for before, after in self.blocks)


def gather(pieces: Iterable[Piece]) -> dict[str, Gathered]:
    """Return what was gathered of each name."""
    found: dict[str, Gathered] = {}
    for piece in pieces:
        gathered = found.setdefault(piece.name, Gathered(piece))
        for clean, noisy in _blocks(piece):
            gathered.add(clean, noisy)
    for gathered in found.values():
        gathered.finish()
    return found


def _blocks(piece: Piece) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    clean, noisy = piece.clean, piece.noisy
    if piece.where is not None:
        clean, noisy = clean[piece.where], noisy[piece.where]
    elif clean.ndim == 3 or piece.samplerate is None:
        clean, noisy = clean.reshape(-1), noisy.reshape(-1)
    rows = BLOCK if clean.ndim == 1 else max(1, BLOCK // clean.shape[1])
    for begin in range(0, len(clean), rows):
        yield clean[begin : begin + rows], noisy[begin : begin + rows]


def _as_floats(clean: NDArray[Any], noisy: NDArray[Any]) -> tuple[Array, Array]:
    before = clean.astype(np.float64)
    if clean.dtype.kind in "iu" and clean.dtype.itemsize == 8 and noisy.dtype == clean.dtype:
        return before, before + (noisy - clean).view(np.int64)
    return before, noisy.astype(np.float64)


def _step(blocks: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> float:
    """Return the greatest step of which all values are multiples: of integers, or a power of ten for others."""
    if all(array.dtype.kind in "iu" for pair in blocks for array in pair):
        steps = [int(np.gcd.reduce(array, axis=None)) for pair in blocks for array in pair if array.size]
        return float(math.gcd(*steps)) or 1.0
    for digits in range(_MOST_DIGITS + 1):
        scale = 10.0**digits
        if all(_is_whole(array, scale) for pair in blocks for array in pair):
            return 1 / scale
    return 0.0


_MOST_DIGITS = 9


def _is_whole(values: NDArray[Any], scale: float) -> bool:
    floats = values.astype(np.float64)
    floats = floats[np.isfinite(floats)]
    scaled = floats * scale
    whole = np.rint(scaled)
    precision = float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 2.0**-52
    grid = bool(np.all(np.abs(scaled - whole) <= 2 * precision * np.abs(scaled)))
    return grid and bool(np.abs(scaled).max(initial=0.0) * precision < 0.25)
