"""When bursts begin, how long they last and how loud they are: any part of it known without the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

import msgspec
import numpy as np

from augkit.audio.bursts.spec import LONGEST, Bursts
from augkit.noise.keys import Key
from augkit.noise.poisson import fill_poisson

SEGMENT = 4.0
"""Seconds of a segment: the bursts that begin in it have keys of their own."""

_BEFORE = math.ceil(LONGEST / SEGMENT)
"""Segments before the recording, in which bursts may begin that still sound when it does."""


class Burst(msgspec.Struct, frozen=True, eq=False):
    """One burst.

    Attributes
    ----------
    begin, frames : int
        Its first frame in the recording, which may lie before it, and its length.
    level_db : float
        How far it stands above or below the others.
    key : Key
        Of its noise.
    """

    begin: int
    frames: int
    level_db: float
    key: Key

    @property
    def end(self) -> int:
        """The frame behind its last one."""
        return self.begin + self.frames


class Schedule(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The bursts of one recording.

    Arrivals are a Poisson process: each segment has a Poisson number of them, at uniform places.

    Attributes
    ----------
    bursts : Bursts
        With a fixed rate.
    key : Key
    samplerate : float
        In Hz.
    length : int
        Frames of the recording.
    """

    bursts: Bursts
    key: Key
    samplerate: float
    length: int

    @property
    def _segment(self) -> int:
        return max(1, round(SEGMENT * self.samplerate))

    @cached_property
    def all(self) -> tuple[Burst, ...]:
        """All that sound in the recording, in the order in which they begin."""
        return tuple(self.within(0, self.length))

    def within(self, begin: int, end: int) -> Iterator[Burst]:
        """Yield the bursts that sound between two frames, in the order in which they begin."""
        reach = math.ceil(max(self.bursts.duration.values) * self.samplerate)
        first = max((begin - reach) // self._segment, -_BEFORE)
        last = -(-end // self._segment)
        counts = np.empty(max(0, last - first))
        mean = self.bursts.rate.value / 60 * self._segment / self.samplerate
        fill_poisson(counts, np.full(len(counts), mean), self.key.child("arrivals"), start=first + _BEFORE)
        for segment, count in enumerate(counts.tolist(), first):
            found = (self._burst(segment, number) for number in range(int(count)))
            for burst in sorted(found, key=lambda burst: burst.begin):
                if burst.begin < end and burst.end > begin:
                    yield burst

    def _burst(self, segment: int, number: int) -> Burst:
        key = self.key.child("burst", segment + _BEFORE, number)
        begin = segment * self._segment + int(key.child("begin").uniform() * self._segment)
        duration = self.bursts.duration.draw(key.child("duration")).value
        level = self.bursts.level.draw(key.child("level")).value
        return Burst(begin, max(1, round(duration * self.samplerate)), level, key)
