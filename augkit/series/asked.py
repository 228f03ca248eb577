"""What a table in memory is asked for, looked at: which columns get noise, whose rows they are, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError, UsageError, nearest
from augkit.level import Level
from augkit.noise.colour import WHITE, Color
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.mixing import Channels
from augkit.series.columns import find, select
from augkit.series.converter import Converter
from augkit.series.faults.model import AnyFault
from augkit.series.frames import Frame
from augkit.series.links import Extras, assign_extras
from augkit.series.moments import Codes, Floats, by_group
from augkit.series.nature import Column, Profile
from augkit.series.sensors.sheet import ColumnSensor
from augkit.series.spread import extremes, finite
from augkit.series.table import Batch

_TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class Treatment(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What is asked for.

    Attributes
    ----------
    law, level, color, channels, multiplicative
        Noise of a law; none where `level` is None.
    sensors, faults, converter
        What happens besides.
    columns, exclude_columns : sequence of str
        As `SeriesOptions` has them.
    group_by, times : str, array or None
        The name of a column, or what stands for one.
    time_unit : str or None
    samplerate : float or None
    threads : int
    """

    law: Distribution = msgspec.field(default_factory=lambda: as_distribution("gaussian"))
    level: Level | None = None
    color: Color = WHITE
    channels: Channels = "independent"
    multiplicative: bool = False
    sensors: Sequence[ColumnSensor] = ()
    faults: Sequence[AnyFault] = ()
    converter: Converter | None = None
    columns: Sequence[str] = ()
    exclude_columns: Sequence[str] = ()
    group_by: Any = None
    times: Any = None
    time_unit: str | None = None
    samplerate: float | None = None
    threads: int = 1


class Asked(msgspec.Struct, frozen=True, eq=False):
    """A treatment that was looked at with a table.

    Attributes
    ----------
    chosen : list of Column
    left : dict of str to str
        Why each of the others gets no noise, by its name.
    extras : Extras
    codes : ndarray of int, shape (rows,), or None
        The group of each row.
    names : list of str
        Of the groups.
    seconds : ndarray of float64, shape (rows,), or None
        The time of each row.
    """

    chosen: list[Column]
    left: dict[str, str]
    extras: Extras
    codes: Codes | None
    names: Sequence[str]
    seconds: Floats | None

    def groups(self) -> Iterator[tuple[str, Codes | slice]]:
        """Yield each group with the places of its rows."""
        if self.codes is None:
            yield "", slice(None)
            return
        order = by_group(self.codes)
        edges = np.searchsorted(self.codes[order], np.arange(len(self.names) + 1))
        for name, begin, end in zip(self.names, edges[:-1], edges[1:], strict=True):
            yield name, order[begin:end]


def look(frame: Frame, treatment: Treatment) -> Asked:
    """Look at a table as a treatment asks.

    Raises
    ------
    UsageError, InputError
        Where the table does not have what the treatment names.
    """
    columns = frame.columns
    reserved: dict[int, str] = {}
    codes, names = _groups(frame, columns, treatment.group_by, reserved)
    seconds = _seconds(frame, columns, treatment, reserved)
    chosen, left = _choose(frame, columns, treatment, reserved)
    converter = treatment.converter
    extras = assign_extras(
        chosen,
        treatment.sensors,
        treatment.faults,
        {} if converter is None else {column.position: converter for column in chosen},
        multiplicative=treatment.multiplicative,
        samplerate=treatment.samplerate,
    )
    return Asked(chosen, left, extras, codes, names, seconds)


def _choose(
    frame: Frame, columns: Sequence[Column], treatment: Treatment, reserved: dict[int, str]
) -> tuple[list[Column], dict[str, str]]:
    selection = select(columns, treatment.columns, treatment.exclude_columns, reserved)
    candidates = selection.candidates(columns)
    if not frame.picky:
        return [columns[position] for position in candidates], {}
    profiles = {}
    for position in candidates:
        if columns[position].numeric:
            profiles[position] = Profile(columns[position])
            held = finite(frame.cells(position).holds)
            if held.size:
                profiles[position].add(held, *map(float, extremes(held)))
    return selection.choose(columns, profiles)


def _groups(
    frame: Frame, columns: Sequence[Column], given: Any, reserved: dict[int, str]
) -> tuple[Codes | None, Sequence[str]]:
    if given is None:
        return None, ("",)
    import pyarrow as pa

    from augkit.series.groups import Groups

    if isinstance(given, str):
        column = find(columns, "group_by", given)
        reserved[column.position] = "names the groups"
        cells, position, title = frame.raw(column.position), column.position, column.name
    else:
        cells, position, title = pa.array(_of_rows("group_by", given, frame.rows)), 0, "group_by"
    groups = Groups(position, title)
    return groups.codes(Batch(frame.rows, {}, {position: cells})), groups.names


def _seconds(frame: Frame, columns: Sequence[Column], treatment: Treatment, reserved: dict[int, str]) -> Floats | None:
    given, unit = treatment.times, treatment.time_unit
    if unit is not None and unit not in _TIME_UNITS:
        raise UsageError(
            f"time_unit={unit!r}: expected one of {', '.join(_TIME_UNITS)}{nearest(str(unit), _TIME_UNITS)}"
        )
    if not isinstance(given, str):
        return None if given is None else _elapsed(_of_rows("times", given, frame.rows), unit or "s")
    from augkit.series.clock import Clock

    column = find(columns, "times", given)
    reserved[column.position] = "time stamps"
    clock = Clock(column.position, column.name, unit)
    return clock.seconds(Batch(frame.rows, {}, {column.position: frame.raw(column.position)}))


def _elapsed(times: NDArray[Any], unit: str) -> Floats:
    """Return the seconds since the first row; whole numbers are subtracted before they become floats."""
    if times.dtype.kind in "mM":
        missing = np.flatnonzero(np.isnat(times))
        if len(missing):
            raise InputError(f"times: row {missing[0]} (from 0) has none")
        apart: Floats = (times - times[:1]) / np.timedelta64(1, "s")
        return apart
    if times.dtype.kind not in "iuf":
        raise UsageError(f"times: expected seconds or datetime64, got {times.dtype}")
    ticks = times.astype(np.int64) if times.dtype.kind == "u" else times
    return (ticks - ticks[:1]).astype(np.float64) * _TIME_UNITS[unit]


def _of_rows(name: str, given: Any, rows: int) -> NDArray[Any]:
    """Return what stands for a column as an array; raise `UsageError` where it has not one value for each row."""
    array = np.asarray(given)
    if array.shape != (rows,):
        raise UsageError(f"{name}: one value for each of the {rows} rows was expected, got shape {array.shape}")
    return array
