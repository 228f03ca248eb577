"""Bursts as the noise of one recording: silence, in which each burst sounds at its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.audio.blocks import Block, short
from augkit.audio.bursts.schedule import Burst
from augkit.audio.mix import Piece
from augkit.unit_noise import PIECE

EDGE = 0.005
"""Seconds in which a burst of noise rises and falls, or a quarter of one that is shorter than four times that."""

_KEPT = 16 * PIECE


class BurstNoise:
    """The noise of all bursts, before its gain; where bursts overlap, they are summed.

    Its level is that of the samples in which a burst sounds; those between them do not count.

    Parameters
    ----------
    bursts : sequence of Burst
        In the order in which they begin.
    noise : callable
        (burst) -> its noise, of unit power at 0 dB, shape (frames, channels) or (frames, 1).
    frames, channels : int
        Of all; one channel where they share it.
    dtype : dtype
        float32 or float64.
    """

    std = None
    in_order = True

    def __init__(
        self,
        bursts: Sequence[Burst],
        noise: Callable[[Burst], Piece],
        frames: int,
        channels: int,
        dtype: np.dtype[np.floating],
    ) -> None:
        self._bursts, self._noise = tuple(bursts), noise
        self._frames, self._channels, self._dtype = frames, channels, dtype
        self._kept: Piece | None = None
        self._begins = np.array([burst.begin for burst in self._bursts], np.int64)
        self._ends = np.array([burst.end for burst in self._bursts], np.int64)
        self._made: dict[Burst, Piece] = {}

    def foreseen(self) -> None:
        """Return None: where a burst sounds is not what a law tells."""

    def keep(self) -> Piece | None:
        """Make all of it at once, where it is little enough to be kept."""
        if self._kept is None and self._frames * self._channels <= _KEPT:
            self._kept = self._sum(0, self._frames)
        return self._kept

    def rows(self, rows: slice) -> Piece:
        """Return some frames."""
        return self._sum(rows.start, rows.stop) if self._kept is None else self._kept[rows]

    def _sum(self, begin: int, end: int) -> Piece:
        made = np.zeros((end - begin, self._channels), self._dtype)
        within = self._within(begin, end)
        self._made = {burst: self._made[burst] if burst in self._made else self._noise(burst) for burst in within}
        for burst, noise in self._made.items():
            first, last = max(burst.begin, begin), min(burst.end, end)
            gain = self._dtype.type(short(np.array([10 ** (burst.level_db / 20)]))[0])
            made[first - begin : last - begin] += gain * noise[first - burst.begin : last - burst.begin]
        return made

    def _within(self, begin: int, end: int) -> list[Burst]:
        places = np.flatnonzero((self._begins < end) & (self._ends > begin))
        return [self._bursts[place] for place in places.tolist()]

    def heard(self, rows: slice) -> NDArray[np.bool_]:
        """Return in which frames a burst sounds, shape (frames, 1)."""
        mask = np.zeros((rows.stop - rows.start, 1), np.bool_)
        for burst in self._within(rows.start, rows.stop):
            mask[max(burst.begin - rows.start, 0) : burst.end - rows.start] = True
        return mask

    @cached_property
    def heard_frames(self) -> int:
        """In how many frames a burst sounds."""
        total = reached = 0
        for burst in self._bursts:
            total += max(0, min(burst.end, self._frames) - max(burst.begin, reached))
            reached = max(reached, burst.end)
        return total

    def told(self, samplerate: float) -> list[dict[str, Any]]:
        """Return what a row says of each burst: when it begins, how long it lasts, in seconds, and its level in dB."""
        return [
            {
                "begin": round(burst.begin / samplerate, 6),
                "duration": round(burst.frames / samplerate, 6),
                "level": burst.level_db,
            }
            for burst in self._bursts
        ]


def soften(noise: Piece, samplerate: float) -> None:
    """Let a burst rise and fall, in place."""
    edge = min(round(EDGE * samplerate), len(noise) // 4)
    rising = (np.arange(edge) + 0.5)[:, np.newaxis] / max(edge, 1)
    rising = (rising * rising * (3 - 2 * rising)).astype(noise.dtype)
    noise[:edge] *= rising
    noise[len(noise) - edge :] *= rising[::-1]


def normalised(noise: Piece) -> Piece:
    """Return a noise at a mean power of 1; silence stays silence."""
    energy = float(Block(noise).squares.sum())
    if energy > 0:
        noise *= noise.dtype.type(short(np.array([(noise.size / energy) ** 0.5]))[0])
    return noise
