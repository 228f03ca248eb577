"""A table looked at as the options ask: which columns get noise, whose rows they are, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.series.assigned import ALL
from augkit.series.columns import find, own_values, select
from augkit.series.entities import Entities
from augkit.series.groups import Groups
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.sizes import Member
from augkit.series.sources import Facts
from augkit.series.survey import survey
from augkit.series.table import Table
from augkit.series.timing import Times


class Study:
    """What the first pass over a table tells.

    Parameters
    ----------
    table : Table
    options : SeriesOptions
    path : Path
        Of the file, whose folders may name its group.

    Attributes
    ----------
    table : Table
    entities : Entities
    chosen : list of Column
        That get noise.
    left : dict of str to str
        Why each of the others does not, by its name.

    Raises
    ------
    InputError
        For a file that is broken, or that does not have what the options name.
    """

    def __init__(self, table: Table, options: SeriesOptions, path: Path) -> None:
        self.table = table
        levels = options.levels()
        self.entities, reserved = _entities(table.columns, options, path)
        others = bool(options.sensor or options.faults or options.step is not None)  # they need no level
        wanted = options.columns or ([] if ALL in levels or others else list(levels))
        selection = select(table.columns, wanted, options.exclude_columns, reserved)
        candidates = selection.candidates(table.columns)
        self._surveyed = survey(table, candidates, self.entities)
        idle = not others and not any(any(level.values) or level.kind == "snr_db" for level in levels.values())
        self.chosen, self.left = selection.choose(
            self._surveyed.columns, self._surveyed.profiles, may_be_none=idle and not wanted
        )
        levelled = own_values(table.columns, levels)
        unlevelled = [column for column in self.chosen if column.position not in levelled]
        if unlevelled and not others:
            raise InputError(f"column {unlevelled[0].name!r} was asked for, but no level is given for it")
        self._take_times()

    def _take_times(self) -> None:
        """Find the usual intervals, in as many passes as their medians take."""
        timing = self._surveyed.timing
        if timing is None or timing.is_even:
            return
        medians = timing.begin_medians()
        while not medians.is_done:
            timing.restart()
            self.entities.restart()
            for batch in self.table.batches((), self.entities.positions):
                seconds = self.entities.seconds(batch)
                if seconds is not None:
                    timing.add(seconds, self.entities.codes(batch))
            medians.finish_pass()

    @property
    def groups(self) -> Sequence[str]:
        """The names of the groups; one of "" where there are none."""
        if self.entities.groups is not None:
            return self.entities.groups.names
        return (self.entities.label or "",)

    def rows(self, column: Column, group: int) -> int:
        """Return how many rows a group has of a column."""
        if self.entities.groups is None:
            return self._surveyed.rows[column.part]
        return int(self._surveyed.group_rows[group])

    def facts(self, column: Column, group: int) -> Facts:
        """Return what is known of a column in one group."""
        rows, moments = self.rows(column, group), self._surveyed.moments[column.position]
        if group >= len(moments.count) or not moments.count[group]:
            return Facts(rows, 0, 0.0, 0.0, 0.0)
        low, high = float(moments.low[group]), float(moments.high[group])
        power = float(moments.power()[group])
        return Facts(rows, int(moments.count[group]), low + moments.origin, high + moments.origin, power)

    def power(self, column: Column) -> float:
        """Return the AC power of a column over all its groups."""
        moments = self._surveyed.moments[column.position]
        count = moments.count.sum()
        if not count or self._surveyed.profiles[column.position].low == self._surveyed.profiles[column.position].high:
            return 0.0
        mean = float(np.add.reduce(moments.mean * moments.count) / count)
        return float(np.add.reduce(moments.squares + moments.count * (moments.mean - mean) ** 2) / count)

    def times(self, group: int) -> Times | None:
        """Return the times of a group's rows; None where no column tells them."""
        timing = self._surveyed.timing
        return None if timing is None else timing.of(group)

    def member(self) -> Member:
        """Return the table as one of those that units are learnt from."""
        surveyed = self._surveyed
        words = {column.word: column.position for column in surveyed.columns if column.position in surveyed.moments}
        rows: NDArray[np.int64] = surveyed.group_rows
        return Member(
            open=lambda: self.table,
            words=words,
            moments=surveyed.moments,
            groups=self.entities.groups,
            rows=rows,
            label=self.groups[0] if self.entities.groups is None else "",
        )


def _entities(columns: Sequence[Column], options: SeriesOptions, path: Path) -> tuple[Entities, dict[int, str]]:
    """Return whose rows there are, and the columns that tell it with what they are for."""
    groups, clock, label = None, None, None
    reserved: dict[int, str] = {}
    if options.group_by is not None:
        label = _from_folders(path).get(options.group_by)
        if label is None:
            column = find(columns, "group_by", options.group_by)
            groups, reserved[column.position] = Groups(column.position, column.name), "names the groups"
    if options.time is not None:
        from augkit.series.clock import Clock

        column = find(columns, "time", options.time)
        clock, reserved[column.position] = Clock(column.position, column.name, options.time_unit), "time stamps"
    parts = {columns[position].part for position in reserved}
    if len(parts) > 1:
        raise InputError(f"group_by={options.group_by}, time={options.time}: expected two columns with the same rows")
    for column in columns:
        if parts and column.part not in parts and column.numeric:
            reserved[column.position] = f"has not the rows of {columns[next(iter(reserved))].name!r}"
    return Entities(groups, clock, label), reserved


def _from_folders(path: Path) -> Mapping[str, str]:
    """Return the values that folders called ``key=value`` tell of their files."""
    pairs = (part.partition("=") for part in path.parts[:-1])
    return {key: value for key, equals, value in pairs if equals}
