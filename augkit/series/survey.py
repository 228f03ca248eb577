"""The first pass over a table: what its columns look like, and how far their values spread, group by group."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.series.entities import Entities
from augkit.series.moments import Codes, Moments
from augkit.series.nature import Column, Profile
from augkit.series.rows import Even, block_rows
from augkit.series.spread import Values
from augkit.series.table import Batch, SurveyAgainError, Table
from augkit.series.timing import Timing

_CODES = -1
"""Where the codes of groups stand among the columns of a block."""


class Surveyed(msgspec.Struct, frozen=True, eq=False):
    """What the first pass found.

    Attributes
    ----------
    columns : sequence of Column
        All of the table's.
    profiles, moments : dict
        Of the columns that were looked at and hold numbers, by position.
    rows : dict of int to int
        Rows of each part.
    group_rows : ndarray of int64, shape (groups,)
        Rows of each group.
    timing : Timing or None
        The intervals between the rows, where there are times.
    """

    columns: Sequence[Column]
    profiles: dict[int, Profile]
    moments: dict[int, Moments]
    rows: dict[int, int]
    group_rows: NDArray[np.int64]
    timing: Timing | None


class _Survey:
    def __init__(self, columns: Sequence[Column], entities: Entities) -> None:
        self._columns, self._entities = columns, entities
        self.profiles, self.moments = dict[int, Profile](), dict[int, Moments]()
        self.rows, self.group_rows = dict[int, int](), np.zeros(0, np.int64)
        self.timing = Timing(entities.clock.title) if entities.clock else None
        self._even, self._part = Even(self._block, block_rows(len(columns))), 0

    def look(self, batch: Batch) -> None:
        if batch.part != self._part:
            self.finish()
            self._part = batch.part
        self.rows[batch.part] = self.rows.get(batch.part, 0) + batch.rows
        arrays, codes = dict(batch.values), None
        if set(self._entities.positions) <= batch.raw.keys():
            codes, seconds = self._entities.codes(batch), self._entities.seconds(batch)
            if codes is not None:
                arrays[_CODES] = codes
                counts = np.bincount(codes, minlength=len(self.group_rows))
                counts[: len(self.group_rows)] += self.group_rows
                self.group_rows = counts
            if self.timing is not None and seconds is not None:
                self.timing.add(seconds, codes)
        self._even.add(arrays, batch.rows)

    def finish(self) -> None:
        self._even.finish()

    def _block(self, block: dict[int, Values]) -> None:
        codes = block.pop(_CODES, None)
        for position, values in block.items():
            self._add(position, values, codes)

    def _add(self, position: int, values: Values, codes: Codes | None) -> None:
        if position not in self.profiles:
            self.profiles[position], self.moments[position] = Profile(self._columns[position]), Moments()
        if values.dtype.kind == "f":
            good = np.isfinite(values)
            if not good.all():
                values, codes = values[good], None if codes is None else codes[good]
        if values.size:
            low, high = values.min(), values.max()
            self.profiles[position].add(values, float(low), float(high))
            self.moments[position].add(values, codes)


def survey(table: Table, numbers: Collection[int], entities: Entities) -> Surveyed:
    """Go over a table once, and check it.

    Parameters
    ----------
    numbers : collection of int
        Positions of the columns to be looked at.
    entities : Entities
        Whose rows there are, and their times.

    Raises
    ------
    InputError
        For a file that is broken, or a time that falls, with the row where there is one.
    """
    while True:
        made = _Survey(table.columns, entities)
        try:
            columns = table.survey(made.look, numbers, entities.positions)
        except SurveyAgainError:
            entities.restart()
            continue
        break
    made.finish()
    rows = made.group_rows if entities.groups else np.array([made.rows.get(0, 0)])
    return Surveyed(columns, made.profiles, made.moments, made.rows, rows, made.timing)
