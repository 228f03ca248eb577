"""All that happens to a value between a sensor and a file, as one source of noise for the rows of an entity.

In the order in which a signal meets it: noise of a law, the errors of the sensor, its faults, the converter, and what
gets lost behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.series.additive import Limits, add, kept_finite, saturating_sum, within
from augkit.series.converter import Converter
from augkit.series.faults.stream import FaultStream
from augkit.series.sensors.noise import SensorNoise
from augkit.series.sensors.timeline import Pace, Steps, Timeline
from augkit.series.sources import Bits, Flags, Floats, Noisy, Rows
from augkit.series.spread import Values
from augkit.series.tape import Piece, Tape
from augkit.series.vector import Strand

_EXACT = 2**53
"""Whole numbers up to here are floats."""


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """What one column goes through.

    Attributes
    ----------
    tapes : tuple of (Tape, float)
        The sources of its noise at unit scale with their weights; columns may share some.
    scale : float
        Of that noise, in the column's unit; its share of each value where it is multiplicative.
    multiplicative : bool
        Whether the noise is a share of the value: x + x * scale * z.
    limits : (low, high) or None
        Where values saturate, as `augkit.series.additive.add` has it.
    sensor : SensorNoise or None
    faults : FaultStream or None
    converter : Converter or None
    """

    tapes: tuple[tuple[Tape | Strand, float], ...] = ()
    scale: float = 0.0
    multiplicative: bool = False
    limits: Limits | None = None
    sensor: SensorNoise | None = None
    faults: FaultStream | None = None
    converter: Converter | None = None

    @property
    def only_adds(self) -> bool:
        """Whether noise of a law is all there is."""
        return not self.multiplicative and self.sensor is None and self.faults is None and self.converter is None


class Chain:
    """A source for the columns of one entity.

    Parameters
    ----------
    links : mapping of int to Link
        By position of the column.
    pace : Pace or None
        When its rows were taken; only sensors and faults have to know.
    """

    def __init__(self, links: Mapping[int, Link], pace: Pace | None = None) -> None:
        self._links = links
        self._timeline = Timeline(pace or Pace(1.0, 0.0))

    def take(self, rows: Rows) -> Noisy:
        """Return the new values of the next rows."""
        count = len(next(iter(rows.values.values()), ()))
        steps = self._timeline.next(count, rows.seconds)
        heard: dict[Tape | Strand, Piece] = {}
        values, faulty, missing = dict[int, Values](), dict[int, Bits](), dict[int, Flags]()
        for position, clean in rows.values.items():
            link = self._links[position]
            unit = mixed(link.tapes, heard, count) if link.tapes else None
            if link.only_adds:
                values[position] = clean if unit is None else add(clean, unit, link.scale, link.limits)
                continue
            values[position], bits, lost = _through(link, clean, unit, steps)
            if link.faults is not None:
                faulty[position], missing[position] = bits, lost
        return Noisy(values, faulty, missing)


def mixed(tapes: tuple[tuple[Tape | Strand, float], ...], heard: dict[Tape | Strand, Piece], count: int) -> Piece:
    """Return the next noise of a column at unit scale, from tapes with their weights.

    Parameters
    ----------
    heard : dict of Tape to ndarray
        What was taken for these rows already: each tape goes on once for all columns.
    """
    total: Piece | None = None
    for tape, weight in tapes:
        if tape not in heard:
            heard[tape] = tape.take(count)
        part = heard[tape] if weight == 1 else heard[tape] * heard[tape].dtype.type(weight)
        total = part if total is None else total + part
    return np.zeros(count) if total is None else total


def _through(link: Link, clean: Values, unit: Piece | None, steps: Steps) -> tuple[Values, Bits, Flags]:
    """Return the new values of a column, what is wrong with them, and which of them are missing."""
    finite: Flags = np.isfinite(clean)
    faulty = np.zeros(len(clean), np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):
        error = _error(link, clean, unit, steps)
        if link.faults is not None:
            link.faults.move(error, finite, steps, faulty)
        values = _moved(link, clean, error)
        if link.faults is not None:
            link.faults.replace(values, finite, steps, faulty)
        made = _converted(link, clean, values)
    missing = np.zeros(0, np.bool_)
    if link.faults is not None:
        missing = link.faults.lose(made, finite, steps, faulty)
    return made, faulty, missing


def _error(link: Link, clean: Values, unit: Piece | None, steps: Steps) -> Floats:
    """Return what is added to each value before anything goes wrong."""
    error = np.zeros(len(clean)) if unit is None else unit * np.float64(link.scale)
    if link.multiplicative:
        error = error * clean
    if link.sensor is not None:
        error = error + link.sensor.next(steps)
        if link.sensor.scale_factor:
            error = error + clean * link.sensor.scale_factor
    return error.astype(np.float64, copy=False)


def _moved(link: Link, clean: Values, error: Floats) -> NDArray[Any]:
    """Return values with their errors in float64; of 64-bit integers, which it does not hold, as what they are."""
    if clean.dtype.kind == "f" or clean.dtype.itemsize < 8:
        return clean + error
    if link.converter is None:
        return saturating_sum(clean, np.rint(error))
    if len(clean) and max(-int(clean.min()), int(clean.max())) > _EXACT:
        raise InputError("integers beyond 2**53 cannot go through a converter of a range and a step without loss")
    return clean.astype(np.float64) + error


def _converted(link: Link, clean: Values, values: NDArray[Any]) -> Values:
    """Return values behind the converter, of the type of the clean ones: clipped, then rounded."""
    dtype = clean.dtype
    if link.converter is not None:
        values = link.converter.convert(values)
    if dtype.kind == "f":
        made = kept_finite(values.astype(dtype), clean)
    elif values.dtype.kind == "f":
        ends = np.iinfo(dtype)
        top = float(ends.max) if dtype.itemsize < 8 else np.nextafter(float(ends.max), 0)
        made = np.clip(np.rint(values), float(ends.min), top).astype(dtype)
    else:
        made = values
    return within(made, clean, link.limits)
