"""Coloured noise: white noise of a law through a filter, in pieces of any size, the same to the last bit.

A decay ``s[n] = p * s[n-1] + x[n]`` is worked off as ``s[n] = p**n * sum of x[i] / p**i``, a running sum over a
segment between two tables, which carries its sum from piece to piece. Running sums are taken in order by their nature;
besides them there are only products and sums of two arrays, so the samples are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.noise.distributions import Distribution
from augkit.noise.filters import Filter
from augkit.noise.keys import BLOCK, Key
from augkit.noise.strips import fill

_AT_ONCE = 4 * BLOCK
_CHUNK = 2**14
"""Samples of one channel that are filtered at a time, so that all buffers stay in cache."""

_LITTLE = 1 / 16
_SUMMED = 256

Array = NDArray[np.float64]


class _Tables(msgspec.Struct, frozen=True, eq=False):
    """The powers of the poles over a segment; two poles interleaved in a row, since two running sums cost as one.

    Attributes
    ----------
    inward, outward : float64 ndarray, shape (pairs, 2 * segment)
        ``pole ** -n``, and ``residue * pole ** n``.
    jump : float64 ndarray, shape (pairs, 2)
        ``pole ** segment``.
    """

    inward: Array
    outward: Array
    jump: Array


@lru_cache(maxsize=8)
def _tables(filter_: Filter) -> _Tables:
    odd = len(filter_.poles) % 2
    poles = np.array(filter_.poles + filter_.poles[-1:] * odd).reshape(-1, 2)
    residues = np.array(filter_.residues + (0.0,) * odd).reshape(-1, 2)
    steps = np.repeat(poles[:, np.newaxis], filter_.segment + 1, axis=1)
    steps[:, 0] = 1
    powers = np.multiply.accumulate(steps, axis=1)
    jump, powers = powers[:, -1].copy(), powers[:, :-1]
    rows = len(poles), 2 * filter_.segment
    return _Tables((1 / powers).reshape(rows), (powers * residues[:, np.newaxis]).reshape(rows), jump)


class _State(msgspec.Struct, eq=False):
    """What one channel carries on: its last innovations, its running sums and its last sum before the difference."""

    recent: Array
    sums: Array
    last: float

    def copy(self) -> _State:
        return _State(self.recent.copy(), self.sums.copy(), self.last)


class Coloured:
    """The coloured noise of one key, read in pieces from the start on, in constant memory.

    Channels are filtered by themselves. The filter is run in over innovations that come before sample 0, with a key of
    their own, so the noise starts as it goes on. The innovations from sample 0 on are the white noise of the key.

    Parameters
    ----------
    dtype : dtype
        float32 or float64, of innovations and noise; the filter itself works in float64.
    """

    def __init__(
        self, filter_: Filter, law: Distribution, key: Key, *, channels: int, dtype: np.dtype[np.floating]
    ) -> None:
        self._filter, self._law, self._key = filter_, law, key
        self._channels, self._dtype = channels, dtype
        self._frames_at_once = max(1, _AT_ONCE // channels // filter_.segment) * filter_.segment
        self._runner = _Runner(filter_)
        self._begin: list[_State] = []
        self._states: list[_State] = []
        self._position = 0

    def fill(self, out: NDArray[np.floating], start: int) -> None:
        """Fill `out`, of shape (frames, channels) and C-contiguous, with the noise from frame number `start` on.

        Pieces that follow each other cost nothing more; to go back or to leave some out takes all from the start anew.
        """
        if not self._begin:
            self._begin = self._run_in()
        if start < self._position or not self._states:
            self._states, self._position = [state.copy() for state in self._begin], 0
        while self._position < start:
            frames = min(start - self._position, self._frames_at_once)
            self._next(np.empty((frames, self._channels), self._dtype))
        self._next(out)

    def _next(self, out: NDArray[np.floating]) -> None:
        fill(out.reshape(-1), self._law, self._key, start=self._position * self._channels)
        for channel, state in enumerate(self._states):
            self._runner.run(out[:, channel], state, self._position)
        self._position += len(out)

    def _run_in(self) -> list[_State]:
        """Return the states before frame 0, after a whole number of segments."""
        states = [self._runner.at_rest() for _ in range(self._channels)]
        segment = self._filter.segment
        before = -(-max((*self._filter.reaches, len(self._filter.taps) + 1)) // segment) * segment
        for begin in range(0, before, self._frames_at_once):
            frames = min(self._frames_at_once, before - begin)
            innovations = np.empty((frames, self._channels), np.float32)
            fill(innovations.reshape(-1), self._law, self._key.child("before"), start=begin * self._channels)
            for channel, state in enumerate(states):
                for first in range(0, frames, segment):
                    piece = innovations[first : first + segment, channel]
                    if begin + first + segment < before:
                        self._runner.run_in(piece, state, before - begin - first)
                    else:
                        self._runner.run(piece, state, 0)
        return states


class _Runner:
    """A filter at work, with its buffers; what lasts is in the states."""

    def __init__(self, filter_: Filter) -> None:
        self._taps, self._difference, self._segment = filter_.taps, filter_.difference, filter_.segment
        self._reaches = filter_.reaches[0::2]
        self._lags = max(len(filter_.taps) - 1, 0)
        self._innovations = np.empty(self._lags + _CHUNK)
        self._sum = np.empty(1 + _CHUNK)
        self._scratch = np.empty(_CHUNK)
        self._pairs = -(-len(filter_.poles) // 2)
        if self._pairs:
            self._tables = _tables(filter_)
            self._twice = np.empty(2 * self._segment)
            self._running = np.empty((self._pairs, 2 * self._segment))
            # whether the slowest two forget so little over a segment that they may take its sum, at its middle
            self._level = bool(np.all(np.abs(self._tables.inward[0] - 1) < _LITTLE))

    def at_rest(self) -> _State:
        """Return the state before anything came in."""
        return _State(np.zeros(self._lags), np.zeros((self._pairs, 2)), 0.0)

    def run(self, samples: NDArray[np.floating], state: _State, position: int) -> None:
        """Replace innovations, of shape (n,), by coloured noise; `position` is the number of the first."""
        for begin in range(0, len(samples), _CHUNK):
            piece = samples[begin : begin + _CHUNK]
            with np.errstate(over="ignore"):
                piece[:] = self._filtered(piece, state, position + begin)

    def _filtered(self, piece: NDArray[np.floating], state: _State, position: int) -> Array:
        count, lags = len(piece), self._lags
        innovations, made, scratch = self._innovations[: lags + count], self._sum[1 : count + 1], self._scratch[:count]
        innovations[:lags], innovations[lags:] = state.recent, piece
        state.recent[:] = innovations[count:]
        made[:] = 0
        for lag, tap in enumerate(self._taps):
            np.multiply(innovations[lags - lag : lags - lag + count], tap, out=scratch)
            np.add(made, scratch, out=made)
        if self._pairs:
            self._add_decays(innovations[lags:], made, state, position)
        if not self._difference:
            return made
        self._sum[0], state.last = state.last, float(made[-1])
        return np.subtract(made, self._sum[:count], out=scratch)

    def _add_decays(self, innovations: Array, made: Array, state: _State, position: int) -> None:
        for first, last, place in _spans(len(innovations), position, self._segment):
            running = self._running_sums(innovations[first:last], state, place, self._pairs)
            np.multiply(running, self._tables.outward[:, 2 * place : 2 * (place + last - first)], out=running)
            for row in running[1:]:
                np.add(running[0], row, out=running[0])
            part = made[first:last]
            np.add(part, running[0, 0::2], out=part)
            np.add(part, running[0, 1::2], out=part)

    def run_in(self, segment: NDArray[np.floating], state: _State, distance: int) -> None:
        """Take in a whole segment that begins `distance` samples before the noise, by the poles that reach so far."""
        pairs = max(1, sum(reach >= distance for reach in self._reaches))
        if pairs > 1 or not self._level:
            self._running_sums(segment, state, 0, pairs)
            return
        left, middle = self._segment, self._tables.inward[0, self._segment : self._segment + 2]
        self._scratch[:left] = segment
        while left > _SUMMED:
            left //= 2
            np.add(self._scratch[:left], self._scratch[left : 2 * left], out=self._scratch[:left])
        state.sums[0] += middle * np.add.accumulate(self._scratch[:left])[-1]
        state.sums[0] *= self._tables.jump[0]

    def _running_sums(self, innovations: NDArray[np.floating], state: _State, place: int, pairs: int) -> Array:
        """Return the running sums of the first `pairs` over innovations that begin at `place` of a segment."""
        count = len(innovations)
        twice, running = self._twice[: 2 * count], self._running[:pairs, : 2 * count]
        twice[0::2] = innovations
        twice[1::2] = innovations
        np.multiply(twice, self._tables.inward[:pairs, 2 * place : 2 * (place + count)], out=running)
        running[:, :2] += state.sums[:pairs]
        both = running.view(np.complex128)
        np.add.accumulate(both, axis=1, out=both)
        state.sums[:pairs] = running[:, -2:]
        if place + count == self._segment:
            state.sums[:pairs] *= self._tables.jump[:pairs]
        return running


def _spans(count: int, position: int, segment: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first, last, place): the pieces of the next `count` samples that lie in one segment, and where in it."""
    first = 0
    while first < count:
        place = (position + first) % segment
        last = min(count, first + segment - place)
        yield first, last, place
        first = last
