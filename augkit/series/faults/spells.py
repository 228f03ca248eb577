"""When faults begin and end in a stream that is read in blocks of any size.

Each row has a word of its key, which says whether a fault begins there: so onsets are a Poisson process over the
intervals between rows, regular or not, and any block's can be drawn by itself. What a fault is like is drawn from
further words of the row it begins in. All that is carried on is the fault that is not over.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.noise.blocks import Stream
from augkit.noise.keys import Key
from augkit.series.faults.model import AnyFault
from augkit.series.sensors.decay import lost
from augkit.series.sensors.timeline import Steps

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_UNIT = 2.0**-53


class Spell(msgspec.Struct, frozen=True):
    """One fault.

    Attributes
    ----------
    onset : int
        Number of its first row in the stream.
    since : float
        Seconds from the first row of the stream to that row.
    length : float
        How long it lasts, in rows or seconds as its duration is given.
    size, sign : float
        Two numbers of its own, from 0 to 1, that its size and its direction are drawn with.
    """

    onset: int
    since: float
    length: float
    size: float
    sign: float


class Struck(msgspec.Struct, frozen=True):
    """The rows of a block that a fault spoils, and whether it began before them."""

    rows: slice
    spell: Spell
    begun: bool


class Spells:
    """The spells of one fault, read in order.

    Attributes
    ----------
    foreseen : ndarray of int or None
        In which of the next rows a fault would begin, where that was looked up already.
    """

    def __init__(self, fault: AnyFault, key: Key) -> None:
        self.fault, self.key = fault, key
        self._rate, self._duration = fault.onsets, fault.lasting
        self._open: Spell | None = None
        self.foreseen: Places | None = None

    def next(self, steps: Steps) -> list[Struck]:
        """Return where the rows that are new in `steps` are struck, in order; one fault ends before the next begins."""
        count = steps.count - steps.lead
        foreseen, self.foreseen = self.foreseen, None
        if self._open is None and foreseen is not None and not len(foreseen):
            return []
        times = steps.since_start()[steps.lead :]
        start = steps.start + steps.lead
        if not count:
            return []
        struck, free = list[Struck](), 0
        if self._open is not None:
            free = self._end(self._open, start, times, steps.interval)
            struck += [Struck(slice(0, free), self._open, begun=True)] if free else []
        for place, spell in self._onsets(self._places(steps, start) if foreseen is None else foreseen, start, times):
            if place >= free:
                free = max(place + 1, self._end(spell, start, times, steps.interval))
                struck.append(Struck(slice(place, free), spell, begun=False))
        self._open = struck[-1].spell if free == count else None
        return struck

    def _places(self, steps: Steps, start: int) -> Places:
        """Return the rows of the block where a fault would begin."""
        stream, count = Stream(self.key, start), steps.count - steps.lead
        chance, found = self._chance(steps), [np.zeros(0, np.intp)]
        for block, first, last, offset in stream.spans(count):
            words = stream.words(block, first, last, "<u8") >> np.uint64(11)
            limits = chance if chance.size == 1 else chance[offset : offset + last - first]
            found.append(np.flatnonzero(words < limits) + offset)
        return np.concatenate(found)

    def _onsets(self, places: Places, start: int, times: Array) -> Iterator[tuple[int, Spell]]:
        """Yield the rows where a fault would begin, each with that fault."""
        if not len(places):
            return
        stream = Stream(self.key, start)
        index = stream.index(places)
        shares = (stream.escape_words(index, turn) >> np.uint64(11) for turn in range(3))
        for place, *three in zip(places.tolist(), *((share * _UNIT).tolist() for share in shares), strict=True):
            length, size, sign = three
            yield place, Spell(start + place, float(times[place]), self._duration.draw(length), size, sign)

    def _chance(self, steps: Steps) -> NDArray[np.uint64]:
        """Return the chance that a fault begins in each row, or in every one, in units of 2**-53."""
        if self._rate.per_row:
            share = np.array([self._rate.value])
        elif steps.dt is None:
            share = lost(np.array([self._rate.value * steps.interval]))
        else:
            share = lost(self._rate.value * steps.since_last()[steps.lead :])
        return (share * 2.0**53).astype(np.uint64)

    def _end(self, spell: Spell, start: int, times: Array, interval: float) -> int:
        """Return the place in the block where a spell is over, at most the end of the block."""
        if self._duration.in_rows:
            return min(max(spell.onset + max(round(spell.length), 1) - start, 0), len(times))
        return int(np.searchsorted(times, spell.since + spell.length - interval / 2))
