"""Whose rows a table holds, and when they were taken: groups and times, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from augkit.series.groups import Groups
from augkit.series.moments import Codes, Floats, by_group
from augkit.series.sources import Rows
from augkit.series.table import Batch

if TYPE_CHECKING:
    from augkit.series.clock import Clock


class Entities:
    """The columns of a table that name groups and tell times.

    Attributes
    ----------
    groups : Groups or None
    clock : Clock or None
    label : str or None
        The name of the one group that a whole table is.
    """

    def __init__(self, groups: Groups | None, clock: Clock | None, label: str | None) -> None:
        self.groups, self.clock, self.label = groups, clock, label

    @property
    def positions(self) -> list[int]:
        """The columns that have to be read as they are."""
        return [column.position for column in (self.groups, self.clock) if column is not None]

    def restart(self) -> None:
        """Begin again at the first row."""
        if self.clock is not None:
            self.clock.restart()

    def codes(self, batch: Batch) -> Codes | None:
        """Return the group of each row; None where there is one."""
        return None if self.groups is None else self.groups.codes(batch)

    def seconds(self, batch: Batch) -> Floats | None:
        """Return the time of each row."""
        return None if self.clock is None else self.clock.seconds(batch)

    def sort(self, batch: Batch) -> tuple[Codes, Codes, Codes, Rows] | None:
        """Return the groups of a batch, how many rows each has, their places, and the rows group by group; or None.

        None is for a table without groups.
        """
        codes, seconds = self.codes(batch), self.seconds(batch)
        if codes is None:
            return None
        order = by_group(codes)
        edges = np.flatnonzero(np.diff(codes[order], prepend=-1, append=-1))
        values = {position: column[order] for position, column in batch.values.items()}
        rows = Rows(values, None if seconds is None else seconds[order])
        return codes[order[edges[:-1]]], np.diff(edges), order, rows

    def split(self, batch: Batch) -> Iterator[tuple[int, Codes | None, Rows]]:
        """Yield each group of a batch: its number, the places of its rows (None for all), and the rows."""
        codes, seconds = self.codes(batch), self.seconds(batch)
        if codes is None:
            yield 0, None, Rows(batch.values, seconds)
            return
        order = by_group(codes)
        edges = np.flatnonzero(np.diff(codes[order], prepend=-1, append=-1))
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            places = order[begin:end]
            values = {position: column[places] for position, column in batch.values.items()}
            yield int(codes[places[0]]), places, Rows(values, None if seconds is None else seconds[places])
