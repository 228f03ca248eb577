"""The strip sampler: floating-point noise of any symmetric unimodal law, one word a sample.

Each half of the area under the density is cut into upright strips, and under each strip's top stands a rectangle of
area 2**-13 exactly. The low 13 bits of a word choose a rectangle, the others the place across it:
``left[slot] + step[slot] * position`` is the sample. What the rectangles leave over, the slivers above them and the
tails, is about 0.2 % of the area for any law; the slots that no rectangle took are its share, and those samples are
*escapes*: drawn from the slivers by rejection, or from the tail by the inverse survival function. As every rectangle
has its area by construction, the sampler is exact wherever the strips begin and end, as long as no rectangle sticks
out; so the edges are rounded, and the last bits of a library's `exp` cannot move them. The main pass is a
multiplication and an addition: the same on every CPU.

This is the idea of the ziggurat (Marsaglia, Tsang 2000) turned upright: a strip needs no test of its own, so that a
sample costs two look-ups and no comparison with a density.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.compiled import noise as compiled
from augkit.errors import UsageError
from augkit.noise.blocks import Stream, Waiting, Words
from augkit.noise.distributions import Distribution, Gaussian
from augkit.noise.distributions.gaussian import NEAR
from augkit.noise.keys import BLOCK, Key, addressed_words

SLOT_BITS = 13
SLOTS = 2**SLOT_BITS
_AREA = 1.0 / SLOTS
_SLOT_MASK = SLOTS - 1

Array = NDArray[np.float64]


class Strips(msgspec.Struct, frozen=True, eq=False):
    """The right half of a density, cut up; the left half is its mirror image.

    Attributes
    ----------
    edges : float64 ndarray, shape (strips + 1,)
        Where strips begin and end, from 0 on. The rectangle in a strip is 2**-13 over its width high.
    boxes : float64 ndarray, shape (boxes, 4)
        Boxes that cover the slivers above the rectangles, a few steps of a stair for each strip: where each begins, its
        width, its floor and its top; in a row, so that looking one up touches memory once.
    shares : float64 ndarray, shape (boxes + 1,)
        Running sum of the areas that escapes are drawn from: the boxes, then the tail.
    tail : float
        Probability beyond the last edge.
    """

    edges: Array
    boxes: Array
    shares: Array
    tail: float

    @property
    def first_escape(self) -> int:
        """Slots from here on are escapes; those below are rectangles, first of the right half, then of the left."""
        return 2 * (len(self.edges) - 1)


_OCTAVES_BELOW = 18
_PER_OCTAVE = 2**11
_SLACK = 2.0**-12
_STAIR = 8
_TRIES = 128
_FINE = 2.0**40


@lru_cache(maxsize=32)
def strips(law: Distribution) -> Strips:
    """Cut up the density of `law`.

    Raises
    ------
    UsageError
        For a density that is not finite, or rises away from zero.
    """
    grid, density = _profile(law)
    edges = _edges(grid, density)
    fits = _AREA / np.diff(edges) <= law.pdf(edges[1:]) * (1 - 1e-12)
    # where the density falls by much within a strip, the integral is too coarse, and strips are cut one by one
    edges = _cut_on(law, edges[: int(np.argmin(fits)) + 1] if not fits.all() else edges)
    step = np.diff(edges) / _STAIR
    begin = (edges[:-1, np.newaxis] + step[:, np.newaxis] * np.arange(_STAIR)).ravel()
    width, floor = np.repeat(step, _STAIR), np.repeat(_AREA / np.diff(edges), _STAIR)
    top = np.maximum(law.pdf(begin), floor)
    tail = float(law.sf(edges[-1:])[0])
    shares = np.cumsum(np.append(width * (top - floor), tail))
    return Strips(edges, np.stack([begin, width, floor, top], axis=1), shares, tail)


def _cut_on(law: Distribution, edges: Array) -> Array:
    """Add strips beyond the last edge, as narrow as rectangles of the area can be, until none fits under the tail."""
    further = [float(edges[-1])]
    limit = SLOTS // 2 - len(edges) + 1
    while len(further) <= limit:
        begin = further[-1]
        low = _AREA / float(law.pdf(np.array([begin]))[0])
        tries = begin + low * np.exp2(np.arange(_TRIES) / 16)
        for _ in range(3):
            ends = _short(tries)
            fitting = np.flatnonzero((ends - begin) * law.pdf(ends) >= _AREA * (1 + 1e-9))
            if not len(fitting):
                return np.append(edges, further[1:])
            end = float(ends[fitting[0]])
            tries = np.linspace(ends[max(fitting[0] - 1, 0)], end, _TRIES)
        further.append(end)
    return np.append(edges, further[1:])


def _profile(law: Distribution) -> tuple[Array, Array]:
    """Return points from 0 to far into the tail, geometrically spaced, and the density there."""
    low = int(np.floor(np.log2(float(law.isf(np.array([0.25]))[0])))) - _OCTAVES_BELOW
    high = int(np.ceil(np.log2(float(law.isf(np.array([_AREA / 16]))[0])))) + 1
    mantissa = 1 + np.arange(_PER_OCTAVE) / _PER_OCTAVE
    grid = np.append(0.0, (mantissa * np.exp2(np.arange(low, high, dtype=np.float64))[:, np.newaxis]).ravel())
    density = np.asarray(law.pdf(grid), dtype=np.float64)
    if not np.all(np.isfinite(density)) or np.any(density[1:] > density[:-1] * (1 + 1e-9)):
        raise UsageError(
            f"noise {law}: its density is not finite, or rises away from zero; a unimodal law was expected"
        )
    return grid, density


def _edges(grid: Array, density: Array) -> Array:
    """Return edges between which rectangles of the area fit, with a little room, by integrating strips over the grid.

    A strip of width w about x takes the area, plus half of w**2 times the slope, for its outer edge is lower.
    """
    width = np.diff(grid)
    middle = (density[1:] + density[:-1]) / 2
    slope = (density[:-1] - density[1:]) / width
    with np.errstate(divide="ignore", invalid="ignore"):
        room = 1 + _SLACK + _AREA * slope / (2 * np.square(middle)) * (1 + 64 * _SLACK)
        strips_within = np.where(middle > 0, middle * width / (_AREA * room), 0.0)
    # whole numbers: their running sum is exact, so that the order of additions does not matter
    passed = np.append(0, np.cumsum(np.rint(strips_within * _FINE).astype(np.int64)))
    return _short(np.interp(np.arange(0, passed[-1] / _FINE), passed / _FINE, grid))


def _short(values: Array) -> Array:
    """Round to 28 significant bits."""
    mantissa, exponent = np.frexp(values)
    short: Array = np.ldexp(np.rint(mantissa * 2.0**28), exponent - 28)
    return short


class Addressed(Protocol):
    """What has further words for its samples, by their numbers."""

    def addressed(self, index: NDArray[np.uint64]) -> tuple[Words, Words]:
        """Return the seeds and indices of further words of samples: one seed for all, or one for each."""
        ...


class _Form(msgspec.Struct, frozen=True, eq=False):
    """How one sample type is cut out of a word: the slot in the low bits, the position across it above."""

    word: str
    signed: str
    position_bits: int


FORMS = {
    np.dtype(np.float32): _Form("<u4", "<i4", 32 - SLOT_BITS),
    np.dtype(np.float64): _Form("<u8", "<i8", 64 - SLOT_BITS),
}


@lru_cache(maxsize=64)
def slot_table(law: Distribution, dtype: np.dtype[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return where each slot begins (in the middle of its first position) and the width of one position."""
    cut = strips(law)
    count = len(cut.edges) - 1
    step, left = np.zeros(SLOTS), np.zeros(SLOTS)
    step[:count] = np.diff(cut.edges) * 2.0 ** -FORMS[dtype].position_bits
    left[:count] = cut.edges[:-1] + step[:count] / 2
    step[count : 2 * count], left[count : 2 * count] = -step[:count], -left[:count]
    return left.astype(dtype), step.astype(dtype)


@lru_cache(maxsize=64)
def _paired(law: Distribution, dtype: np.dtype[np.floating]) -> NDArray[np.floating]:
    """Return the slot table with where a slot begins and its step side by side, shape (SLOTS, 2)."""
    return np.stack(slot_table(law, dtype), axis=1)


def fill(out: NDArray[np.floating], law: Distribution, key: Key, *, start: int = 0) -> None:
    """Fill `out` with samples of `law` at unit scale, from sample number `start` of the stream on.

    Parameters
    ----------
    out : float32 or float64 ndarray, shape (n,), C-contiguous
        float32 takes a 32-bit word for a sample and float64 a 64-bit word: two streams, not one rounded.
    """
    stream = Stream(key, start)
    found = compiled.fill_strips(out, stream, _paired(law, out.dtype), strips(law).first_escape)
    if found is None:
        _fill_plain(out, law, stream)
        return
    for places in found:
        left = places
        if isinstance(law, Gaussian):
            cut = strips(law)
            left = compiled.settle_normal(out, places, stream, (cut.boxes, cut.shares, cut.tail), NEAR)
        if len(left):
            out[left] = settle(law, stream.index(left), stream)


def _fill_plain(out: NDArray[np.floating], law: Distribution, stream: Stream) -> None:
    form, (left, step) = FORMS[out.dtype], slot_table(law, out.dtype)
    first_escape, waiting = strips(law).first_escape, Waiting()
    size = min(BLOCK, len(out))
    slot, looked_up = np.empty(size, np.intp), np.empty(size, out.dtype)
    low = looked_up.view(form.word)  # needed before anything is looked up: little memory stays in cache
    for block, first, last, offset in stream.spans(len(out)):
        count = last - first
        words = stream.words(block, first, last, form.word)
        piece, slots, found = out[offset : offset + count], slot[:count], looked_up[:count]
        np.bitwise_and(words, _SLOT_MASK, out=low[:count])
        np.copyto(slots, low[:count], casting="unsafe")
        waiting.add(words, np.flatnonzero(low[:count] >= first_escape), offset)
        np.right_shift(words, SLOT_BITS, out=words)
        # mode="wrap": the only one that neither checks the indices nor buffers the output
        np.take(step, slots, mode="wrap", out=found)
        np.copyto(piece, words.view(form.signed), casting="unsafe")
        np.multiply(piece, found, out=piece)
        np.take(left, slots, mode="wrap", out=found)
        np.add(piece, found, out=piece)
        if waiting.full:
            _settle_waiting(out, law, stream, waiting)
    _settle_waiting(out, law, stream, waiting)


def _settle_waiting(out: NDArray[np.floating], law: Distribution, stream: Stream, waiting: Waiting) -> None:
    _, places = waiting.take()
    if len(places):
        out[places] = settle(law, stream.index(places), stream)


def settle(law: Distribution, index: NDArray[np.uint64], stream: Addressed) -> Array:
    """Draw from what the rectangles leave over; every sample depends on its own index alone."""
    cut, (seeds, numbers) = strips(law), stream.addressed(index)
    result, taken = _tried(law, cut, seeds, numbers, 0)
    left, turn = np.flatnonzero(~taken), 1
    while len(left):
        found, taken = _tried(law, cut, seeds if len(seeds) == 1 else seeds[left], numbers[left], turn)
        result[left] = found
        left, turn = left[~taken], turn + 1
    return result


def _tried(law: Distribution, cut: Strips, seeds: Words, numbers: Words, turn: int) -> tuple[Array, NDArray[np.bool_]]:
    """Return a sample for each number, and which of them lie under the density."""
    drawn = compiled.draw_boxes((seeds, numbers), 2 * turn, cut.boxes, cut.shares, cut.tail)
    x, height, negative = drawn or _drawn(cut, addressed_words(seeds, numbers, _ROUNDS + np.uint64(2 * turn)))
    in_tail = np.flatnonzero(height < 0)
    probability, x[in_tail] = x[in_tail], 0
    taken = height < law.pdf(x)
    if len(in_tail):  # to 28 significant bits, so that the last bits of a library's inverse do not show
        x[in_tail] = _short(law.isf(probability))
    return np.where(negative, -x, x), taken


_ROUNDS = np.array([0, 1], np.uint64)


def _drawn(cut: Strips, words: Words) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return candidates, how high they stand and their signs, from pairs of words, shape (2, n).

    Where the tail was chosen, the candidate is a probability and its height -1.
    """
    one, two = words
    box = cut.shares.searchsorted(_unit(one) * cut.shares[-1], side="right")
    in_tail = np.flatnonzero(box >= len(cut.boxes))
    box[in_tail] = 0
    # the two halves of a further word: how far across the box, and how far up
    up, across = (two.astype("<u8", copy=False).view("<u4") * 2.0**-32).reshape(-1, 2).T
    begin, width, floor, top = np.take(cut.boxes, box, axis=0).T
    x, height = begin + across * width, floor + up * (top - floor)
    x[in_tail], height[in_tail] = cut.tail * (1 - _unit(two[in_tail])), -1
    return x, height, (one & _SIGN).astype(np.bool_)


_SIGN, _11 = np.uint64(1), np.uint64(11)


def _unit(words: NDArray[np.uint64]) -> Array:
    """Return numbers in [0, 1) from the upper 53 bits."""
    unit: Array = (words >> _11).astype(np.float64) * 2.0**-53
    return unit
