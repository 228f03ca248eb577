"""Exact Poisson counts of any mean, one for each sample, from keyed bits: the same on every machine.

Means below 65536 are put together from three digits to the base of 256 and a rest below 1/256. Each digit looks up a
deviation in a table (see `poisson_tables`); of the rest, one draw in some hundred can be a count at all, and those few
are settled by inversion. Larger means are drawn by the rejection of Hörmann (1993). All of it takes nothing but the
operations that IEEE 754 rounds correctly, in a fixed order.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

from augkit.noise.blocks import Stream
from augkit.noise.keys import Key
from augkit.noise.poisson_tables import DIGITS, ESCAPE, GROUP_BITS, count_table
from augkit.noise.powers import log, polynomial

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Places = NDArray[np.intp]

LARGEST = 1e12
"""Means beyond it lose their law to rounding."""

_PIECE = 2**14
"""Samples that are worked off at a time, so that all buffers stay in cache."""

_MIDDLE, _LOW, _HIGH = 12, 10, 12
"""Bits of a word that choose a slot for each digit, that of the ones first, then the 256ths, then the 256s."""

_REST_BITS = 16
_MIDDLE_AT = np.uint64(64 - _MIDDLE)
_LOW_AT = np.uint64(64 - _MIDDLE - _LOW)
_GROUP_AT = np.uint64(64 - _MIDDLE - _LOW - GROUP_BITS)
_HIGH_AT = np.uint64(64 - _MIDDLE - _LOW - GROUP_BITS - _HIGH)
"""Where in a word the bits of a slot end; the last bits of it are for the rest."""

_LAST = np.uint64(2**_REST_BITS - 1)
_DIGIT = DIGITS - 1
_TABLED = float(DIGITS * DIGITS)
_REST_TERMS = 7
_FARTHEST = 0.1


def fill_poisson(out: Array, mean: Array, key: Key, *, start: int = 0) -> None:
    """Fill `out` with Poisson counts of the given means.

    Parameters
    ----------
    out, mean : float64 ndarray, shape (n,)
        A mean is 0 or more; up to `LARGEST` the counts follow the law, to a probability of 2**-48.
    start : int
        Number of the first sample within the stream. Every sample depends on its own number and mean alone.
    """
    stream = Stream(key, start)
    for block, first, last, offset in stream.spans(len(out)):
        words = stream.words(block, first, last, "<u8").astype(np.uint64, copy=False)
        part = slice(offset, offset + last - first)
        _fill(out[part], mean[part], words, stream, offset)


def _fill(out: Array, mean: Array, words: Words, stream: Stream, offset: int) -> None:
    """Fill the part of `out` that lies in one block and begins at `offset`."""
    large = mean >= _TABLED
    places = np.flatnonzero(large)
    if len(places) < len(out):
        _tabled(out, np.where(large, 0.0, mean) if len(places) else mean, words, stream, offset)
    for piece in _pieces(len(places)):
        some = places[piece]
        out[some] = _rejected(mean[some], words[some], stream.index(some + offset), stream)


def _tabled(out: Array, mean: Array, words: Words, stream: Stream, offset: int) -> None:
    """Fill `out` with counts of means below 65536."""
    waiting = [_looked_up(out[piece], mean[piece], words[piece], piece.start) for piece in _pieces(len(out))]
    escapes, rests = (np.concatenate(places) for places in zip(*waiting, strict=True))
    index = stream.index(escapes + offset)
    out[escapes] = _settled(mean[escapes], words[escapes], index, stream)
    fine = stream.escape_words(stream.index(rests + offset), 3)
    out[rests] += _rest(mean[rests], words[rests], fine)


def _pieces(count: int) -> list[slice]:
    return [slice(begin, min(begin + _PIECE, count)) for begin in range(0, count, _PIECE)]


def _looked_up(out: Array, mean: Array, words: Words, begin: int) -> tuple[Places, Places]:
    """Fill `out` with what the tables say, and return the places, from `begin` on, of escapes and of rests."""
    digits = _digits(mean)
    # mode="wrap": the only one that does not check the indices
    deviation = np.take(count_table(1.0, _MIDDLE).slots, _ones(digits, words), mode="wrap")
    deviation += np.take(count_table(1 / DIGITS, _LOW).slots, _parts(digits, words), mode="wrap")
    rows = digits >> 24
    if rows.max():
        table = count_table(float(DIGITS), _HIGH)
        deviation += np.take(table.slots, _high_places(rows, words), mode="wrap")
        deviation += (_grouped(words) & np.take(table.group, rows, mode="wrap")).astype(np.int16)
    np.add(digits >> _REST_BITS, deviation, out=out)
    rests = (words & _LAST).view(np.int64) <= (digits & _DIGIT)
    return np.flatnonzero(deviation < ESCAPE // 2) + begin, np.flatnonzero(rests) + begin


def _digits(mean: Array) -> Ints:
    """Return the means in units of 2**-16: three digits, and what the rest may be at most."""
    return (mean * 2.0**_REST_BITS).astype(np.int64)


def _ones(digits: Ints, words: Words) -> Ints:
    """Return the places of row and slot of the middle digit."""
    places: Ints = (words >> _MIDDLE_AT).view(np.int64) | ((digits >> (_REST_BITS - _MIDDLE)) & (_DIGIT << _MIDDLE))
    return places


def _parts(digits: Ints, words: Words) -> Ints:
    """Return the places of row and slot of the low digit."""
    slots = (words >> _LOW_AT).view(np.int64) & (2**_LOW - 1)
    places: Ints = slots | ((digits << (_LOW - 8)) & (_DIGIT << _LOW))
    return places


def _high_places(rows: Ints, words: Words) -> Ints:
    """Return the places of row and slot of the high digit."""
    places: Ints = (words >> _HIGH_AT).view(np.int64) & (2**_HIGH - 1) | (rows << _HIGH)
    return places


def _grouped(words: Words) -> Ints:
    """Return the bits that choose a count of its group."""
    return (words >> _GROUP_AT).view(np.int64)


def _settled(mean: Array, words: Words, index: Words, stream: Stream) -> Array:
    """Return the counts of samples of which at least one digit fell on an escape."""
    digits = _digits(mean)
    total = digits >> _REST_BITS
    draws = [(count_table(1.0, _MIDDLE), _ones(digits, words)), (count_table(1 / DIGITS, _LOW), _parts(digits, words))]
    if digits.size and digits.max() >> 24:
        draws.append((count_table(float(DIGITS), _HIGH), _high_places(digits >> 24, words)))
    for round_, (table, place) in enumerate(draws):
        rows, slots = place >> table.slot_bits, place & (2**table.slot_bits - 1)
        found = table.slots[place].astype(np.int64) + (_grouped(words) & table.group[rows])
        open_ = np.flatnonzero(slots >= table.first_escape[rows])
        fine = stream.escape_words(index[open_], round_)
        found[open_] = table.settle(rows[open_], slots[open_], fine)
        total += found
    return total.astype(np.float64)


def _rest(mean: Array, words: Words, fine: Words) -> Array:
    """Return counts of what the digits leave of the mean, below 1/256, from the last bits of a word and a further one.

    The number of counts is that of the probabilities P(count >= 1), P(count >= 2)... that lie above the draw.
    """
    rest = (mean * DIGITS - np.floor(mean * DIGITS)) / DIGITS
    draw = (words & _LAST).astype(np.float64) + (fine >> np.uint64(11)).astype(np.float64) * 2.0**-53
    draw *= 2.0**-_REST_BITS
    none = polynomial(tuple((-1) ** n / factorial(n) for n in range(_REST_TERMS, -1, -1)), rest)
    counts = np.zeros(len(rest))
    for least in range(1, _REST_TERMS):
        terms = tuple(1 / factorial(n) for n in range(_REST_TERMS, least - 1, -1)) + (0.0,) * least
        counts += draw < none * polynomial(terms, rest)
    return counts


def _rejected(mean: Array, words: Words, index: Words, stream: Stream) -> Array:
    """Draw by transformed rejection with squeeze, algorithm PTRS (Hörmann 1993), for large means."""
    counts = np.empty(len(mean))
    left = np.arange(len(mean))
    turn = 0
    while len(left):
        mu = mean[left]
        spread, slope = _hat(mu)
        # the two halves of a word, in the middle of their cells: never 0
        u = ((words >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32 - 0.5
        v = ((words & np.uint64(2**32 - 1)).astype(np.float64) + 0.5) * 2.0**-32
        edge = 0.5 - np.abs(u)
        count = np.floor((2 * slope / edge + spread) * u + mu + 0.43)
        taken = (edge >= 0.07) & (v <= 0.9277 - 3.6224 / (spread - 2))
        doubtful = np.flatnonzero(~taken & ((edge >= 0.013) | (v <= edge)))
        taken[doubtful] = _under_the_curve(mu[doubtful], edge[doubtful], v[doubtful], count[doubtful])
        counts[left[taken]] = count[taken]
        left = left[~taken]
        words = stream.escape_words(index[left], turn)
        turn += 1
    return counts


def _hat(mu: Array) -> tuple[Array, Array]:
    """Return the two parameters of the curve that candidates are drawn under."""
    spread = 0.931 + 2.53 * np.sqrt(mu)
    return spread, -0.059 + 0.02483 * spread


_STIRLING = 0.9189385332046727  # ln(2 pi) / 2
_ENTROPY_TERMS = (*((-1) ** n / (n * (n - 1)) for n in range(18, 1, -1)), 0.0, 0.0)


def _under_the_curve(mu: Array, edge: Array, v: Array, count: Array) -> NDArray[np.bool_]:
    """Tell which candidates lie under the probability, for means so large that it ends within a tenth of them.

    With e the relative distance from the mean, ln P(count) = -mean ((1 + e) ln(1 + e) - e) - ln(2 pi count) / 2 minus
    the end of Stirling's series, which is 1 / (12 count) (Loader 2000, Fast and Accurate Computation of Binomial
    Probabilities): nothing cancels, even at the largest means.
    """
    apart = (count - mu) / mu
    near = np.abs(apart) < _FARTHEST
    apart, count = np.where(near, apart, 0.0), np.where(near, count, mu)
    spread, slope = _hat(mu)
    height = log(v * (1.1239 + 1.1328 / (spread - 3.4)) / (slope / np.square(edge) + spread))
    chance = -mu * polynomial(_ENTROPY_TERMS, apart) - _STIRLING - 0.5 * log(count) - 1 / (12 * count)
    under: NDArray[np.bool_] = near & (height <= chance)
    return under
