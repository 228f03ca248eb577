"""Errors of sensors and faults on series in memory: arrays, and tables of pandas, polars and Arrow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack, cast

import msgspec

from augkit.errors import UsageError
from augkit.noise.rng import Rng
from augkit.series.asked import Treatment
from augkit.series.calls import names, noisy, noisy_with_info, noisy_with_mask, over, pairs
from augkit.series.converter import as_converter
from augkit.series.faults.model import FaultLike, as_faults
from augkit.series.sensors.files import decode, load_sensors
from augkit.series.sensors.sheet import ColumnSensor, Convention, Quantity, Quoted, Sensor

SeriesT = TypeVar("SeriesT")

SensorLike = str | os.PathLike[str] | Sensor | Sequence[Sensor]


class SensorTerms(TypedDict, total=False):
    """The parameters of `augkit.series.sensors.sheet.Sensor`."""

    unit: str
    white_noise: Quantity
    convention: Convention
    random_walk: Quantity
    bias_instability: Quantity
    bias_instability_as: Quoted
    gauss_markov: Sequence[Mapping[str, Quantity]]
    quantization: Quantity
    ramp: Quantity
    turn_on_bias: Quantity
    scale_factor: Quantity


class Circumstances(SensorTerms, total=False):
    """What the functions on sensor errors take besides."""

    samplerate: float | None
    times: Any
    time_unit: str | None
    range: str | Sequence[float] | None
    step: float | None
    columns: str | Sequence[str]
    exclude_columns: str | Sequence[str]
    group_by: Any


def add_sensor_errors(
    values: SeriesT, sensor: SensorLike | None = None, *, rng: Rng = None, **given: Unpack[Circumstances]
) -> SeriesT:
    """Add the errors that a sensor has, from the intervals between rows.

    Parameters
    ----------
    values, columns, exclude_columns, group_by, rng
        As for `augkit.series.add_noise`.
    sensor : path, Sensor or list of ColumnSensor, optional
        A data sheet, such as a TOML file of ``[[sensor]]`` tables; or its single terms by name, which are:
    unit : str
        Of the values, such as ``"deg/s"``; needed where a term has a unit of its own.
    white_noise : number or text
        Density N in unit/sqrt(Hz), such as ``"0.3 deg/sqrt(h)"``: a standard deviation of N sqrt(samplerate).
    convention : "two-sided" or "one-sided"
        How the density is given; a one-sided one makes N sqrt(samplerate / 2).
    random_walk : number or text
        K in unit/sqrt(s): steps of K sqrt(dt), from 0 in the first row.
    bias_instability : number or text
        B in the unit of the values: flicker noise whose Allan deviation has its floor at 0.664 B.
    bias_instability_as : "coefficient" or "floor"
        Whether B is given, or that floor.
    gauss_markov : list of mappings
        Processes with a standard deviation ``sigma`` and a time constant ``tau`` in seconds.
    quantization, ramp : number or text
        Q in unit*s, and R in unit/s, as IEEE Std 952 has them.
    turn_on_bias, scale_factor : number or text
        Standard deviations of a bias, and of a relative error of the scale, drawn once for each column and group.
    samplerate : float, optional
        Rows per second. It is needed where no `times` are given; where they are, it tells the bandwidth of white noise
        in the place of the median interval.
    times : str or array of shape (rows,), optional
        A column, or the time of each row: seconds or datetime64, never falling within a group. Intervals may be
        irregular: random walks and Gauss-Markov processes are exact at any, and flicker noise is a sum of the latter.
    time_unit : "s", "ms", "us" or "ns", optional
        Of times that are numbers; found out where they are a column, seconds where they are an array.
    range, step
        The converter behind the sensor, as for `augkit.series.add_noise`.

    Returns
    -------
    The same kind of object, of the same shape, index, column order and types

    Raises
    ------
    UsageError
        For quantities that cannot mean anything or be converted, naming file and key; and as
        `augkit.series.add_noise` does.
    InputError
        For a time that is missing or falls, with its row.
    """
    return cast(SeriesT, over(values, _sensed(sensor, given), rng, noisy))


def add_sensor_errors_with_info(
    values: SeriesT, sensor: SensorLike | None = None, *, rng: Rng = None, **given: Unpack[Circumstances]
) -> tuple[SeriesT, Any]:
    """Add errors as `add_sensor_errors` does, and say what was reached, as `augkit.series.add_noise_with_info` does."""
    return pairs(over(values, _sensed(sensor, given), rng, noisy_with_info))


def add_faults(
    values: SeriesT,
    faults: FaultLike | Sequence[FaultLike],
    *,
    samplerate: float | None = None,
    times: Any = None,
    time_unit: str | None = None,
    range: str | Sequence[float] | None = None,  # noqa: A002
    step: float | None = None,
    columns: str | Sequence[str] = (),
    exclude_columns: str | Sequence[str] = (),
    group_by: Any = None,
    rng: Rng = None,
) -> tuple[SeriesT, Any]:
    """Let faults of sensors happen, and tell the truth about them.

    Parameters
    ----------
    values, columns, exclude_columns, group_by, rng
        As for `augkit.series.add_noise`.
    faults : str, mapping or Fault, or a list of such
        ``"dropout:rate=2/min,duration=exp:3s,fill=hold"`` (or ``fill=nan``, or a number), ``"spike:rate=1e-3/sample,
        size=3sd..8sd"``, ``"stuck:rate=1/h,duration=1s..5s"``, ``"drift:rate=1/h,duration=10min,size=2"``,
        ``"saturation:rate=1/h,duration=2s,at=high"``; see `augkit.series.faults.model`.
    samplerate, times, time_unit
        As for `augkit.series.add_sensor_errors`; not needed where rates and durations are in samples.
    range, step
        The converter: what drifts, jumps, saturates or sticks goes through it, and what drops out drops out behind it.

    Returns
    -------
    values : the same kind of object
    mask : an object of that kind, of uint8
        What is wrong with each cell: the bits of `augkit.series.faults.model.FaultKind`, 0 for nothing. Of a table it
        has the columns that were looked at.

    Raises
    ------
    UsageError
        For faults that mean nothing or do not fit a column, such as NaN among integers; and as
        `augkit.series.add_noise` does.
    """
    treatment = Treatment(
        faults=as_faults(faults),
        converter=as_converter(range, step),
        samplerate=samplerate,
        times=times,
        time_unit=time_unit,
        columns=names(columns),
        exclude_columns=names(exclude_columns),
        group_by=group_by,
    )
    return pairs(over(values, treatment, rng, noisy_with_mask))


def _sensed(sensor: SensorLike | None, given: Circumstances) -> Treatment:
    table: dict[str, Any] = dict(given)
    terms = {name: table.pop(name) for name in list(table) if name in Sensor.__struct_fields__}
    unknown = table.keys() - Circumstances.__annotations__.keys()
    if unknown:
        raise TypeError(f"unexpected keyword arguments: {', '.join(sorted(unknown))}")
    converter = as_converter(table.pop("range", None), table.pop("step", None))
    for several in ("columns", "exclude_columns"):
        table[several] = names(table.get(several, ()))
    return Treatment(sensors=_sheet(sensor, terms), converter=converter, **table)


def _sheet(sensor: SensorLike | None, terms: Mapping[str, Any]) -> Sequence[ColumnSensor]:
    """Return the sensors of a data sheet, or the one of single terms."""
    if sensor is None:
        if not terms:
            raise UsageError("a data sheet or one of its terms was expected, such as white_noise=0.01")
        plain = {name: list(term) if name == "gauss_markov" else term for name, term in terms.items()}
        return [decode(plain, ColumnSensor)]
    if terms:
        raise UsageError(f"sensor and {', '.join(terms)}: give a data sheet or its terms, not both")
    if isinstance(sensor, str | os.PathLike):
        return load_sensors(Path(sensor))
    sensors = [sensor] if isinstance(sensor, Sensor) else list(sensor)
    return [one if isinstance(one, ColumnSensor) else ColumnSensor(**msgspec.structs.asdict(one)) for one in sensors]
