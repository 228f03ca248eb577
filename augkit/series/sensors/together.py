"""Errors of many streams at once, such as those of all devices in a table: the same as one stream after the other.

The rows of all streams are put one behind the other, and the segments of all recursions side by side. What a stream
carries on stays in its own processes, so that a stream can be read in either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.noise.distributions import Distribution, Gaussian, Uniform
from augkit.noise.keys import Key
from augkit.noise.many import Streams, fill_many
from augkit.series.sensors.decay import SEGMENT, Decays, lost, twice
from augkit.series.sensors.noise import SensorNoise
from augkit.series.sensors.processes import Flicker, GaussMarkov, Process, Quantization, Ramp, TurnOn, Walk, White
from augkit.series.sensors.timeline import Steps

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_GAUSSIAN, _UNIFORM = Gaussian(), Uniform()

_FEWEST = 4
"""Streams from which on it pays to take them together."""

_ROWS = 2**16
"""Rows of all streams that are worked on at a time."""


class Block:
    """The steps of several streams, one behind the other."""

    def __init__(self, steps: Sequence[Steps]) -> None:
        self.steps = steps
        self.starts = np.array([one.start for one in steps], np.int64)
        self.counts = np.array([one.count for one in steps], np.int64)
        self.leads = np.array([one.lead for one in steps], np.int64)
        self.firsts: Places = np.cumsum(self.counts) - self.counts
        self.rows = int(self.counts.sum())
        self.begins = self.firsts[(self.starts == 0) & (self.counts > 0)]
        self.dt = np.concatenate([np.full(s.count, s.interval) if s.dt is None else s.dt for s in steps])
        self._segments(-(-self.counts // SEGMENT))

    def _segments(self, segments: NDArray[np.int64]) -> None:
        self.segments, self.whole = segments, self.counts // SEGMENT
        self.first_segments = np.cumsum(segments) - segments
        self.of = np.repeat(np.arange(len(self.steps)), self.counts)
        within = np.arange(self.rows) - self.firsts[self.of]
        self.padded: Places = self.first_segments[self.of] * SEGMENT + within
        self.new = within >= self.leads[self.of]

    def of_rows(self, values: Sequence[float]) -> Array:
        """Return the value of each stream for all its rows."""
        return np.array(values, np.float64)[self.of]

    def pieces(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the part of each stream."""
        return np.split(values, self.firsts[1:]) if len(self.firsts) else []

    def samples(self, law: Distribution, keys: Sequence[Key], more: int = 0) -> Array:
        """Return the samples of each stream's rows, and some `more` behind them."""
        streams = Streams(keys, self.starts, self.counts + more)
        out = np.empty(streams.samples)
        fill_many(out, law, streams)
        return out


def next_errors(noises: Sequence[SensorNoise], steps: Sequence[Steps]) -> Array:
    """Return the errors of the rows that are new in the steps of each stream, one stream behind the other.

    Parameters
    ----------
    noises : sequence of SensorNoise
        Of one and the same sensor.
    steps : sequence of Steps
        Of each.
    """
    if len(noises) < _FEWEST:
        return np.concatenate([noise.next(own) for noise, own in zip(noises, steps, strict=True)])
    found, begin, rows = list[Array](), 0, 0
    for end, own in enumerate(steps, 1):
        rows += own.count
        if rows >= _ROWS or end == len(steps):
            found.append(_errors(noises[begin:end], Block(steps[begin:end])))
            begin, rows = end, 0
    return np.concatenate(found)


def _errors(noises: Sequence[SensorNoise], block: Block) -> Array:
    total = np.zeros(block.rows)
    for processes in zip(*(noise.processes for noise in noises), strict=True):
        np.add(total, _NEXT[type(processes[0])](processes, block), out=total)
    made: Array = total[block.new]
    return made


def _white(processes: Sequence[White], block: Block) -> Array:
    return block.samples(_GAUSSIAN, [one.key for one in processes]) * block.of_rows([one.sigma for one in processes])


def _walk(processes: Sequence[Walk], block: Block) -> Array:
    moved = block.samples(_GAUSSIAN, [one.key for one in processes])
    moved *= np.sqrt(block.dt) * processes[0].coefficient
    moved[block.begins] = 0
    for one, piece, whole in zip(processes, block.pieces(moved), (block.whole * SEGMENT).tolist(), strict=True):
        piece[:1] += one.carried
        np.add.accumulate(piece, out=piece)
        one.carried = float(piece[whole - 1]) if whole else one.carried
    return moved


def _gauss_markov(processes: Sequence[GaussMarkov], block: Block) -> Array:
    new = block.samples(_GAUSSIAN, [one.key for one in processes])[np.newaxis] * processes[0].sigma
    shares = lost(block.dt / processes[0].tau)[np.newaxis]
    values: Array = _decayed([one.decays for one in processes], shares, new, block)[0]
    return values


def _flicker(processes: Sequence[Flicker], block: Block) -> Array:
    """Return flicker noise; streams that last longer than others have more decays."""
    total = np.empty(block.rows)
    decays = np.array([len(one.keys) for one in processes])
    for count in np.unique(decays).tolist():
        chosen: list[int] = np.flatnonzero(decays == count).tolist()
        some = block if len(chosen) == len(processes) else Block([block.steps[place] for place in chosen])
        total[decays[block.of] == count] = _flicker_of([processes[place] for place in chosen], some)
    return total


def _flicker_of(processes: Sequence[Flicker], block: Block) -> Array:
    spreads = processes[0].spreads
    new = np.empty((len(spreads), block.rows))
    for place, spread in enumerate(spreads):
        np.multiply(block.samples(_GAUSSIAN, [one.keys[place] for one in processes]), spread, out=new[place])
    shares = np.empty_like(new)
    shares[-1] = lost(block.dt / block.of_rows([one.slowest for one in processes]))
    for faster, slower in zip(shares[-2::-1], shares[:0:-1], strict=True):
        faster[:] = twice(twice(twice(slower)))
    made = _decayed([one.decays for one in processes], shares, new, block)
    total: Array = made[0]
    for row in made[1:]:
        np.add(total, row, out=total)
    return total


def _decayed(decays: Sequence[Decays], shares: Array, new: Array, block: Block) -> Array:
    """Turn white noise into decays that lose `shares` in a step and have its standard deviation in every row."""
    first = new[:, block.begins]
    np.multiply(new, np.sqrt(twice(shares)), out=new)
    new[:, block.begins] = first
    return _run(decays, 1 - shares, new, block)


def _run(decays: Sequence[Decays], keep: Array, new: Array, block: Block) -> Array:
    """Return what `Decays.run` makes of each stream."""
    made, kept = _upright(new, block), _upright(keep, block)
    for row in range(1, SEGMENT):
        np.add(made[row], kept[row] * made[row - 1], out=made[row])
        np.multiply(kept[row], kept[row - 1], out=kept[row])
    made += kept * _join(decays, kept[-1], made[-1], block)
    flat: Array = made.transpose(1, 2, 0).reshape(len(new), -1)
    return flat[:, block.padded]


def _upright(values: Array, block: Block) -> Array:
    """Return values in the shape (SEGMENT, recursions, segments of all streams)."""
    padded = np.zeros((len(values), int(block.segments.sum()) * SEGMENT))
    padded[:, block.padded] = values
    return np.ascontiguousarray(padded.reshape(len(values), -1, SEGMENT).transpose(2, 0, 1))


def _join(decays: Sequence[Decays], kept: Array, made: Array, block: Block) -> Array:
    """Return the values before each segment, and carry on those after the whole ones of each stream."""
    begins = np.empty(made.shape)
    value = np.array([one.carried for one in decays]).T
    carried = value.copy()
    for turn in range(int(block.segments.max(initial=0))):
        active = np.flatnonzero(block.segments > turn)
        at = block.first_segments[active] + turn
        begins[:, at] = value[:, active]
        value[:, active] = kept[:, at] * value[:, active] + made[:, at]
        whole = active[block.whole[active] > turn]
        carried[:, whole] = value[:, whole]
    for one, values in zip(decays, carried.T.tolist(), strict=True):
        one.carried[:] = values
    return begins


def _quantization(processes: Sequence[Quantization], block: Block) -> Array:
    rounding = block.samples(_UNIFORM, [one.key for one in processes], more=1)
    steps = rounding[1:] - rounding[:-1]
    across = (np.cumsum(block.counts + 1) - 1)[:-1]  # from one stream to the next
    return np.delete(steps, across) * block.of_rows([one.scale for one in processes])


def _ramp(processes: Sequence[Ramp], block: Block) -> Array:
    return np.concatenate([own.since_start() for own in block.steps]) * processes[0].slope


def _turn_on(processes: Sequence[TurnOn], block: Block) -> Array:
    return block.of_rows([one.value for one in processes])


_NEXT: Mapping[type[Process], Callable[[Any, Block], Array]] = MappingProxyType(
    {
        White: _white,
        Walk: _walk,
        GaussMarkov: _gauss_markov,
        Flicker: _flicker,
        Quantization: _quantization,
        Ramp: _ramp,
        TurnOn: _turn_on,
    }
)
