"""Where faults begin in the next rows of many streams, such as those of all devices in a table, looked up at once.

Most streams have no fault in a few rows, so that finding that out is most of the work.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from augkit.noise.many import Streams
from augkit.series.faults.spells import Spells
from augkit.series.faults.stream import FaultStream
from augkit.series.sensors.decay import lost
from augkit.series.sensors.timeline import Steps

Array = NDArray[np.float64]

_FEWEST = 4
"""Streams from which on it pays to look together."""


def look_ahead(streams: Sequence[tuple[FaultStream, Steps]]) -> None:
    """Tell the spells of streams where those begin in the rows that are new in the steps of each."""
    if len(streams) < _FEWEST:
        return
    by_fault = dict[int, list[tuple[Spells, Steps]]]()
    for faults, steps in streams:
        for spells in faults.spells:
            by_fault.setdefault(id(spells.fault), []).append((spells, steps))
    since: Array | None = None
    for found in by_fault.values():
        rate = found[0][0].fault.onsets
        every = len(found) == len(streams)
        counts = np.array([steps.count - steps.lead for _, steps in found], np.int64)
        chance = np.full(1, rate.value)
        if not rate.per_row:
            if every and since is None:
                since = _since_last(found)
            chance = lost(rate.value * (since if every and since is not None else _since_last(found)))
        starts = np.array([steps.start + steps.lead for _, steps in found], np.int64)
        words = Streams([spells.key for spells, _ in found], starts, counts).words("<u8") >> np.uint64(11)
        places = np.flatnonzero(words < (chance * 2.0**53).astype(np.uint64))
        ends = np.cumsum(counts)
        edges = np.searchsorted(places, ends)[:-1]
        for (spells, _), own, first in zip(found, np.split(places, edges), (ends - counts).tolist(), strict=True):
            spells.foreseen = own - first


def _since_last(found: Sequence[tuple[Spells, Steps]]) -> Array:
    return np.concatenate([steps.since_last()[steps.lead :] for _, steps in found])
