"""What is known of a signal and of the noise to come, from one pass over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import Block, Powers, Samples, Source, column_sums, even, finite_or_none
from augkit.audio.loudness import Definition, Place
from augkit.audio.loudness.rms import ChannelPower
from augkit.audio.mix import Heard, Noise
from augkit.compiled import samples as compiled
from augkit.unit_noise import PIECE, in_threads

T = TypeVar("T")

Part = tuple[slice, Samples]
Finite = NDArray[np.bool_] | None


class Pair(msgspec.Struct, frozen=True, eq=False):
    """A signal and the noise for it, to be walked through side by side, as often as need be.

    Attributes
    ----------
    means : ndarray, shape (channels,), or None
        The mean of each channel, where the signal is measured without it.
    threads : int
        For a signal in memory.
    heard : Heard or None
        Where the noise is measured; None for everywhere.
    """

    source: Source
    noise: Noise
    place: Place
    means: Powers | None = None
    threads: int = 1
    heard: Heard | None = None

    @property
    def step(self) -> int:
        """The frames of a block; a fixed number, so that all sums are the same however the source is read."""
        return max(1, PIECE // self.place.channels)

    def walk(self, work: Callable[[slice, Samples], T], *, threads: int | None = None) -> Iterator[T]:
        """Yield the results of `work` on the rows and the samples of each block, in order."""
        self.noise.keep()
        workers = 1 if self.noise.in_order else self.threads if threads is None else threads

        def worked(part: Part) -> T:
            with np.errstate(invalid="ignore"):  # samples that are not finite stay so
                return work(*part)

        return in_threads(worked, self._parts(), workers)

    def _parts(self) -> Iterator[Part]:
        begin = 0
        for block in even(self.source.blocks(self.step), self.step):
            yield slice(begin, begin + len(block)), block
            begin += len(block)

    def block(self, clean: Samples) -> Block:
        """Return a block of the signal as it is measured."""
        block = Block(clean if self.means is None else clean.astype(np.float64) - self.means)
        if clean.dtype.kind == "f":
            _ = block.squares  # finds out what is not finite
        return block

    def noise_block(self, rows: slice, samples: Samples, finite: Finite) -> Block:
        """Return a block of the noise as it is measured; `finite` tells which samples of the signal are."""
        if self.heard is not None:
            heard = np.broadcast_to(self.heard.heard(rows), (len(samples), self.place.channels))
            finite = heard if finite is None else heard & finite
        return Block(samples, finite)


class Peaks(msgspec.Struct, eq=False):
    """The lowest and the highest samples of signal and noise; what is not finite is left out of the signal's."""

    signal: tuple[float, float] = (0.0, 0.0)
    noise: tuple[float, float] = (0.0, 0.0)


class Survey:
    """The levels of a signal and of its noise at unit gain.

    Attributes
    ----------
    signal, noise : Meter
        As the definition of the SNR has them.
    energy, power : ChannelPower
        Of the signal, and of the noise.
    peaks : Peaks or None
        Where limits ask for them.
    foreseen : bool
        Whether the noise was not looked at, as its law tells enough of so much of it.
    """

    def __init__(self, definition: Definition, place: Place, *, peaks: bool, offset: bool) -> None:
        self.signal, self.noise = definition.signal(place), definition.noise(place)
        self.energy = self.signal if isinstance(self.signal, ChannelPower) else ChannelPower(place)
        self.power = self.noise if isinstance(self.noise, ChannelPower) else ChannelPower(place)
        self.peaks = Peaks() if peaks else None
        self.foreseen = False
        self._known_power: Powers | None = None
        self._offset = np.zeros(place.channels) if offset else None

    def run(self, pair: Pair) -> Survey:
        """Walk once through the signal, and through the noise where that is needed."""
        known = pair.noise.foreseen() if self.power is self.noise else None
        if known is not None:
            self.foreseen, self._known_power = True, np.array([known[0]])
            if self.peaks is not None:
                self.peaks.noise = -known[1], known[1]

        def look(rows: slice, clean: Samples) -> tuple[Block, Block | None]:
            signal = pair.block(clean)
            noise = None if self.foreseen else pair.noise_block(rows, pair.noise.rows(rows), signal.finite)
            _ = signal.squares, noise and noise.squares  # taken here, where there are threads
            return signal, noise

        for signal, noise in pair.walk(look):
            self.add_signal(signal)
            if noise is not None:
                self.add_noise(noise)
        return self

    def add_signal(self, block: Block) -> None:
        """Take in the next frames of the signal."""
        self.signal.add(block)
        if self.energy is not self.signal:
            self.energy.add(block)
        if self.peaks is not None or self._offset is not None:
            self._outline(block.samples if block.finite is None else block.filled)

    def _outline(self, samples: Samples) -> None:
        alone = samples.shape[1] == 1 and samples.dtype == np.int16
        found = compiled.outline(samples) if alone else None
        if self.peaks is not None:
            ends = self.peaks.signal
            self.peaks.signal = _extended(ends, samples) if found is None else _reaching(ends, *found[:2])
        if self._offset is not None:
            self._offset = self._offset + (column_sums(samples) if found is None else found[2])

    def add_noise(self, block: Block) -> None:
        """Take in the next frames of the noise."""
        self.noise.add(block)
        if self.power is not self.noise:
            self.power.add(block)
        if self.peaks is not None and not self.foreseen:
            self.peaks.noise = _extended(self.peaks.noise, block.samples)

    def noise_power(self, gains: int) -> Powers:
        """Return the power of the noise for each of so many gains: one for all channels, or one for each."""
        if self._known_power is not None:
            return np.broadcast_to(self._known_power, (gains,))
        return self.power.whole() if gains == 1 else np.broadcast_to(self.power.each(), (gains,))

    def noise_level(self) -> Powers:
        """Return the level of the noise as the definition has it, foreseen or measured."""
        return self.noise.level() if self._known_power is None else self._known_power

    @property
    def offset_share(self) -> float:
        """The share of the signal's power that the DC offsets of its channels make up."""
        power = self.energy.each()
        if self._offset is None or not power.any():
            return 0.0
        means = self._offset / np.maximum(self.energy.counts, 1)
        return float(np.square(means).sum() / power.sum())


def _extended(ends: tuple[float, float], samples: Samples) -> tuple[float, float]:
    return _reaching(ends, samples.min(), samples.max())


def _reaching(ends: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    return min(ends[0], float(low)), max(ends[1], float(high))


def channel_means(source: Source, place: Place) -> Powers:
    """Return the mean of the finite samples of each channel, from one pass."""
    sums, counts = np.zeros(place.channels), np.zeros(place.channels, np.int64)
    for samples in even(source.blocks(max(1, PIECE // place.channels)), max(1, PIECE // place.channels)):
        block = Block(samples, finite_or_none(samples))
        sums = sums + column_sums(block.filled)
        counts = counts + block.counts
    return sums / np.maximum(counts, 1)
