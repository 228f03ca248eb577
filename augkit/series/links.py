"""From what was asked for to the chain that the rows of one entity go through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from math import isfinite
from typing import Any

import msgspec
import numpy as np
from msgspec import to_builtins
from msgspec.structs import asdict

from augkit.errors import InputError, UsageError, nearest
from augkit.noise.colour import Color
from augkit.noise.distributions import Distribution
from augkit.noise.elliptical import needs_radius
from augkit.noise.mixing import Channels, mixing
from augkit.series.additive import Limits
from augkit.series.chain import Chain, Link
from augkit.series.converter import Converter
from augkit.series.correlated import hearing
from augkit.series.faults.model import AnyFault, Drift, Dropout, Saturation, Spike, Stuck
from augkit.series.faults.stream import ColumnFacts, FaultStream, fitted
from augkit.series.nature import Column
from augkit.series.sensors.files import sensor_of_columns
from augkit.series.sensors.noise import SensorNoise
from augkit.series.sensors.sheet import ColumnSensor, Errors
from augkit.series.sensors.timeline import Pace
from augkit.series.sources import Entity
from augkit.series.tape import AHEAD, Tape
from augkit.series.vector import Strand, Vector
from augkit.unit_noise import noise_dtype

Hearing = Mapping[int, tuple[tuple[Tape | Strand, float], ...]]

SizeOf = Callable[[Column, str], float]
"""Returns how large one sd, mad, range or diff of a column is; 0 where it has no spread."""


class Extras(msgspec.Struct, frozen=True, eq=False):
    """What happens to the columns of a table besides noise of a law, by their positions.

    Attributes
    ----------
    multiplicative : bool
        Whether that noise is a share of each value.
    sensors : mapping of int to Errors
    faults : mapping of int to a sequence of AnyFault
    converters : mapping of int to Converter
    samplerate : float or None
        Rows per second; where it is not given, times tell the intervals.
    """

    multiplicative: bool = False
    sensors: Mapping[int, Errors] = msgspec.field(default_factory=dict)
    faults: Mapping[int, Sequence[AnyFault]] = msgspec.field(default_factory=dict)
    converters: Mapping[int, Converter] = msgspec.field(default_factory=dict)
    samplerate: float | None = None

    @property
    def needs_time(self) -> bool:
        """Whether the intervals between rows have to be known."""
        return bool(self.sensors) or any(fault.needs_time for faults in self.faults.values() for fault in faults)

    def told(self, position: int) -> dict[str, Any]:
        """Return what happens to a column, in plain words and numbers of its own unit."""
        told: dict[str, Any] = {}
        if position in self.sensors:
            errors = asdict(self.sensors[position])
            told["sensor"] = {name: value for name, value in errors.items() if value}
        if position in self.faults:
            told["faults"] = [to_builtins(fault) for fault in self.faults[position]]
        if position in self.converters:
            told["converter"] = to_builtins(self.converters[position])
        return told

    def touches(self, position: int) -> bool:
        """Tell whether anything but noise of a law happens to a column."""
        return any(position in among for among in (self.sensors, self.faults, self.converters))

    def units(self, position: int) -> set[str]:
        """Return the units, such as "sd", that sizes of a column's faults are given in."""
        moved = [fault for fault in self.faults.get(position, ()) if isinstance(fault, Drift | Spike)]
        return {fault.sizes.unit for fault in moved} - {""}


def assign_extras(
    columns: Sequence[Column],
    sensors: Sequence[ColumnSensor],
    faults: Sequence[AnyFault],
    converters: Mapping[int, Converter],
    *,
    multiplicative: bool,
    samplerate: float | None,
) -> Extras:
    """Return what happens to each of the columns that were chosen.

    Raises
    ------
    UsageError
        For a name or glob of a sensor or a fault that none of the columns has, and for a column with two sensors.
    """
    places = {column.name: column.position for column in columns}
    errors = {places[name]: sensor.errors() for name, sensor in sensor_of_columns(sensors, list(places)).items()}
    struck = {places[name]: found for name, found in _faults_of_columns(faults, list(places)).items()}
    fitting = {column.position: converters[column.position] for column in columns if column.position in converters}
    return Extras(multiplicative, errors, struck, fitting, samplerate)


def _faults_of_columns(faults: Sequence[AnyFault], names: Sequence[str]) -> dict[str, list[AnyFault]]:
    found: dict[str, list[AnyFault]] = {}
    for place, fault in enumerate(faults):
        for pattern in fault.columns:
            if not any(name == pattern or fnmatchcase(name, pattern) for name in names):
                raise UsageError(
                    f"faults[{place}].columns: none of the columns to be noised is {pattern!r}{nearest(pattern, names)}"
                )
        for name in names:
            if fault.strikes(name):
                found.setdefault(name, []).append(fault)
    return found


def hear(
    entity: Entity,
    law: Distribution,
    color: Color,
    channels: Channels,
    dtypes: Mapping[int, np.dtype[Any]],
    *,
    ahead: int = AHEAD,
    start: int = 0,
) -> Hearing:
    """Return the noise of each column of an entity at unit scale, from row number `start` on.

    Correlated columns of a law without variance are parts of one elliptical vector: each has the law itself.

    Parameters
    ----------
    dtypes : mapping of int to dtype
        Of the values of each column; noise that columns share is float64.
    ahead : int
        Samples that are made at a time.

    Raises
    ------
    UsageError
        For correlations that no noise has, or that are not known for a law without variance.
    """
    filter_, made = color.filter(entity.rows), dict[int | None, Tape]()
    lower = mixing(channels, len(entity.columns))
    if lower is not None and needs_radius(law):
        if filter_ is not None:
            raise UsageError(
                f"channels: coloured {law} noise has no variance to correlate; use 'independent' or 'shared'"
            )
        vector = Vector(law, lower, entity.key.child("correlated"), entity.rows, ahead)
        strands = [Strand(vector, place, start) for place in range(len(entity.columns))]
        return {column.position: ((own, 1.0),) for column, own in zip(entity.columns, strands, strict=True)}

    def tape(place: int | None) -> Tape:
        if place not in made:
            column = None if place is None else entity.columns[place]
            key = entity.key.child("shared") if column is None else entity.column_key(column)
            dtype: np.dtype[np.floating] = np.dtype(np.float64)
            if column is not None and channels == "independent":
                dtype = noise_dtype(dtypes[column.position])
            made[place] = Tape(law, key, filter_, dtype, entity.rows, ahead=ahead, start=start)
        return made[place]

    heard = hearing(channels, len(entity.columns))
    return {
        column.position: tuple((tape(place), weight) for place, weight in hears)
        for column, hears in zip(entity.columns, heard, strict=True)
    }


def make_chain(
    entity: Entity,
    hearing: Hearing,
    scales: Mapping[int, float],
    limits: Mapping[int, Limits],
    *,
    extras: Extras,
    size_of: SizeOf,
) -> tuple[Chain, dict[int, str]]:
    """Return what the rows of an entity go through.

    Parameters
    ----------
    entity : Entity
    hearing : mapping
        The sources of noise at unit scale that each column hears, with their weights; none for columns without a scale.
    scales : mapping of int to float
        Of the noise of each column, in its unit; a column without one gets none.
    limits : mapping of int to (low, high)
        Where columns saturate, whether or not they have a converter.
    size_of : callable
        Asked for the units of `Extras.units`.

    Returns
    -------
    chain : Chain
    left_out : dict of int to str
        The faults that a column cannot have, as it has no spread for their sizes, in words.

    Raises
    ------
    UsageError
        Where intervals are needed and neither a time nor a sample rate tells them.
    """
    pace = pace_of(entity, extras) if extras.needs_time else None
    links, left_out = dict[int, Link](), dict[int, str]()
    for column in entity.columns:
        at = column.position
        key = entity.column_key(column)
        errors, faults = extras.sensors.get(at), list(extras.faults.get(at, ()))
        units = {unit: size_of(column, unit) for unit in extras.units(at)}
        flat = [unit for unit, size in units.items() if not (size > 0 and isfinite(size))]
        if flat:
            faults = [f for f in faults if not (isinstance(f, Drift | Spike) and f.sizes.unit in flat)]
            left_out[at] = f"its {flat[0]} is 0, so that no fault has a size in it"
        links[at] = Link(
            tapes=hearing.get(at, ()) if at in scales else (),
            scale=scales.get(at, 0.0),
            multiplicative=extras.multiplicative,
            limits=limits.get(at),
            sensor=SensorNoise(errors, pace, key.child("sensor")) if errors is not None and pace is not None else None,
            faults=FaultStream(faults, _facts(entity, column, extras, units), key, entity.key) if faults else None,
            converter=extras.converters.get(at),
        )
    return Chain(links, pace), left_out


def pace_of(entity: Entity, extras: Extras) -> Pace:
    """Return when the rows of an entity were taken.

    Raises
    ------
    UsageError
        Where neither a time nor a sample rate tells it.
    InputError
        Where all times are the same.
    """
    times = entity.times
    if times is None:
        if extras.samplerate is None:
            raise UsageError(
                "errors and faults of sensors depend on the intervals between rows: give a time or samplerate"
            )
        return Pace.at_rate(extras.samplerate, entity.rows)
    interval = times.interval if extras.samplerate is None else Pace.at_rate(extras.samplerate, 1).interval
    if not interval > 0:
        of_group = f" of group {entity.group!r}" if entity.group else ""
        raise InputError(f"the times{of_group} tell no interval, as no two of them differ; give samplerate")
    return Pace(interval, times.duration, regular=times.is_even and extras.samplerate is None)


def check_fits(faults: Sequence[AnyFault], dtype: np.dtype[np.generic], *, nullable: bool) -> None:
    """Raise `UsageError` for a fault that puts something into a column which its type does not hold.

    Parameters
    ----------
    nullable : bool
        Whether cells of the column can be empty.
    """
    for fault in faults:
        if isinstance(fault, Dropout):
            if fault.fill == "nan" and dtype.kind in "iu" and not nullable:
                raise UsageError(f"dropout: {dtype} holds no NaN; give fill=hold or fill=NUMBER, or floats")
            if not isinstance(fault.fill, str):
                fitted(fault.fill, dtype)
        ends = (
            [fault.at] if isinstance(fault, Stuck) else [fault.low, fault.high] if isinstance(fault, Saturation) else []
        )
        for end in ends:
            if end is not None:
                fitted(end, dtype)


def _facts(entity: Entity, column: Column, extras: Extras, units: Mapping[str, float]) -> ColumnFacts:
    facts, converter = entity.facts[column.position], extras.converters.get(column.position)
    low, high = (None, None) if converter is None else (converter.low, converter.high)
    return ColumnFacts(units, facts.low if low is None else low, facts.high if high is None else high)
