"""The layered sampler: a ziggurat in vector form, for the floating-point noise of any symmetric unimodal law.

The area under the right half of the density is covered by `LAYERS` boxes of equal area (Marsaglia, Tsang 2000). One
word gives layer, sign and position; ``width[layer] * position`` is the sample unless the position lies outside the
layer's core, where the box sticks out of the density. Those few are settled exactly: by the density, or in the tail by
the inverse survival function. The edges of the boxes are floats of 12 bits, rounded outwards: a box may be too wide at
no cost but a few more rejections, and the last bits of a library's `exp` then cannot move an edge. The main pass is
integer operations and one multiplication.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.noise.blocks import Stream, Waiting
from augkit.noise.distributions import Distribution
from augkit.noise.keys import BLOCK, Key

LAYERS = 1024
_EDGE_BITS = 11
_OCTAVES_BELOW = 20


@dataclass(frozen=True, eq=False, slots=True)
class Boxes:
    """The boxes that cover the right half of a density; box 0 holds the tail.

    Attributes
    ----------
    width, core : float64 ndarray, shape (LAYERS,)
        A box spans [0, width); below core it lies wholly inside the density.
    floor, ceiling : float64 ndarray, shape (LAYERS,)
        The heights that a box spans.
    tail_from, tail : float
        Where the tail begins, and its probability.
    """

    width: NDArray[np.float64]
    core: NDArray[np.float64]
    floor: NDArray[np.float64]
    ceiling: NDArray[np.float64]
    tail_from: float
    tail: float


class _Profile:
    """The right half of a density on a grid of short floats, for exact inversion to the next grid point outwards."""

    def __init__(self, law: Distribution) -> None:
        low = int(np.floor(np.log2(float(law.isf(np.array(0.25)))))) - _OCTAVES_BELOW
        high = int(np.ceil(np.log2(float(law.isf(np.array(2.0**-16)))))) + 1
        mantissa = 1 + np.arange(2**_EDGE_BITS) / 2**_EDGE_BITS
        grid = (mantissa * np.exp2(np.arange(low, high))[:, np.newaxis]).ravel()
        density = law.pdf(grid)
        if np.any(density[1:] > density[:-1] * (1 + 1e-9)):
            raise UsageError(f"noise {law}: its density rises away from zero; a unimodal law was expected")
        self.peak = float(law.pdf(np.zeros(1))[0])
        self.grid: list[float] = grid.tolist()
        self._falling: list[float] = (-np.minimum.accumulate(density)).tolist()

    def reach(self, height: float) -> int:
        """Return the index of the first grid point where the density is at or below `height`."""
        return min(bisect_left(self._falling, -height), len(self.grid) - 1)


@lru_cache(maxsize=32)
def boxes(law: Distribution) -> Boxes:
    """Return boxes that cover the density of `law`, found by bisection on the height of the lowest."""
    profile = _Profile(law)
    low, high = 0.0, profile.peak
    for _ in range(40):
        middle = (low + high) / 2
        if _stack(law, profile, middle) is None:
            low = middle
        else:
            high = middle
        if high - low <= high * 1e-5:
            break
    found = _stack(law, profile, high)
    if found is None:
        raise UsageError(f"noise {law}: its density could not be covered; a bounded unimodal law was expected")
    return found


def _stack(law: Distribution, profile: _Profile, lowest: float) -> Boxes | None:
    """Stack boxes of the area that the base of height `lowest` has; None when they do not reach the peak."""
    edge = profile.reach(lowest)
    tail_from = profile.grid[edge]
    tail = float(law.sf(np.array(tail_from)))
    area = tail_from * lowest + tail
    width, core, floor, ceiling = [float(np.float32(area / lowest))], [profile.grid[edge - 1]], [0.0], [lowest]
    height = lowest
    for _ in range(LAYERS - 1):
        reach = profile.grid[edge]
        top = height + area / reach
        edge = profile.reach(top)
        width.append(reach)
        core.append(profile.grid[edge - 1] if top < profile.peak and edge else 0.0)
        floor.append(height)
        ceiling.append(top)
        height = top
    if height < profile.peak:
        return None
    return Boxes(np.array(width), np.array(core), np.array(floor), np.array(ceiling), tail_from, tail)


@dataclass(frozen=True, eq=False, slots=True)
class _Form:
    """How one sample type is cut out of a word: position and sign above, layer in the low bits."""

    word: str
    signed: str
    position_bits: int
    shift: int


_FORMS = {
    np.dtype(np.float32): _Form("<u4", "<i4", 22, 9),
    np.dtype(np.float64): _Form("<u8", "<i8", 53, 10),
}


@lru_cache(maxsize=64)
def _steps(law: Distribution, dtype: np.dtype[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return width and core of each layer in units of one position step: what the main pass looks up."""
    steps, box = 2.0 ** _FORMS[dtype].position_bits, boxes(law)
    # a core is rounded down, by more than the rounding of the division
    core = np.floor(box.core / box.width * steps * (1 - 2.0**-50)) - 1
    return (box.width / steps).astype(dtype), core.astype(dtype)


def fill(out: NDArray[np.floating], law: Distribution, key: Key, *, start: int = 0) -> None:
    """Fill `out` with samples of `law` at unit scale, from sample number `start` of the stream on.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (n,), C-contiguous
        float32 takes a 32-bit word for a sample and float64 a 64-bit word: two streams, not one rounded.
    """
    form, (width, core) = _FORMS[out.dtype], _steps(law, out.dtype)
    stream, waiting = Stream(key, start), Waiting()
    size = min(BLOCK, len(out))
    layer, signed = np.empty(size, np.intp), np.empty(size, form.signed)
    bound, magnitude, outside = np.empty(size, out.dtype), np.empty(size, out.dtype), np.empty(size, bool)
    for block, first, last, offset in stream.spans(len(out)):
        count = last - first
        words = stream.words(block, first, last, form.word)
        piece = out[offset : offset + count]
        np.bitwise_and(words, LAYERS - 1, out=layer[:count], casting="unsafe")
        np.right_shift(words.view(form.signed), form.shift, out=signed[:count])
        np.bitwise_or(signed[:count], 1, out=signed[:count])  # odd: symmetric about zero, and never zero
        np.copyto(piece, signed[:count], casting="unsafe")
        # mode="wrap": the only one that neither checks the indices nor buffers the output
        np.take(core, layer[:count], mode="wrap", out=bound[:count])
        np.greater(np.abs(piece, out=magnitude[:count]), bound[:count], out=outside[:count])
        np.take(width, layer[:count], mode="wrap", out=bound[:count])
        np.multiply(piece, bound[:count], out=piece)
        waiting.add(words, np.flatnonzero(outside[:count]), offset)
        if waiting.full:
            _settle_waiting(out, law, form, stream, waiting)
    _settle_waiting(out, law, form, stream, waiting)


class _Candidates(NamedTuple):
    """A point within a box for each sample: which box, which side, and where across and up it (0 to 1)."""

    layer: NDArray[np.intp]
    sign: NDArray[np.integer]
    across: NDArray[np.float64]
    up: NDArray[np.float64]


def _settle_waiting(
    out: NDArray[np.floating], law: Distribution, form: _Form, stream: Stream, waiting: Waiting
) -> None:
    words, places = waiting.take()
    if not len(places):
        return
    index = stream.index(places)
    signed = (words.view(form.signed) >> form.shift) | 1
    # the word names a cell of the position; half of a further one places the sample within it, half says how high
    fine = stream.escape_words(index, 0)
    within = (fine >> np.uint64(32)).astype(np.float64) * 2.0**-31
    across = (np.abs(signed).astype(np.float64) - 1 + within) * 2.0**-form.position_bits
    up = (fine & np.uint64(0xFFFFFFFF)).astype(np.float64) * 2.0**-32
    first = _Candidates((words & (LAYERS - 1)).astype(np.intp), np.sign(signed), across, up)
    out[places] = _settle(law, first, index, stream)


def _settle(
    law: Distribution, candidates: _Candidates, index: NDArray[np.uint64], stream: Stream
) -> NDArray[np.float64]:
    """Accept or redraw candidates until each has a sample; every sample depends on its own index alone."""
    box = boxes(law)
    result = np.empty(len(index))
    left = np.arange(len(index))
    turn = 1
    while True:
        layer, sign, across, up = candidates
        x = across * box.width[layer]
        floor = box.floor[layer]
        taken = floor + up * (box.ceiling[layer] - floor) < law.pdf(x)
        tail = np.flatnonzero((layer == 0) & (x >= box.tail_from))
        taken[tail] = True
        x[tail] = _tail(law, box, stream.escape_words(index[left[tail]], 3 * turn))
        result[left[taken]] = (sign * x)[taken]
        left = left[~taken]
        if not len(left):
            return result
        one, two = stream.escape_words(index[left], 3 * turn + 1), stream.escape_words(index[left], 3 * turn + 2)
        sign = np.where(one & np.uint64(LAYERS), 1, -1)
        candidates = _Candidates((one & np.uint64(LAYERS - 1)).astype(np.intp), sign, _unit(one), _unit(two))
        turn += 1


def _tail(law: Distribution, box: Boxes, words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return samples beyond the last box, down to a probability of 2**-53 of the tail's own.

    They are rounded to 24 significant bits, so that the last bits of a library's inverse do not show.
    """
    mantissa, exponent = np.frexp(law.isf(box.tail * (1 - _unit(words))))
    return np.ldexp(np.rint(mantissa * 2.0**24) * 2.0**-24, exponent)


def _unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return numbers in [0, 1) from the upper 53 bits."""
    unit: NDArray[np.float64] = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return unit
