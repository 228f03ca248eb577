"""All that happens to a value between a sensor and a file, as one source of noise for the rows of an entity.

In the order in which a signal meets it: noise of a law, the errors of the sensor, its faults, the converter, and what
gets lost behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.series.additive import Limits, add, kept_finite, saturating_sum, within
from augkit.series.converter import Converter
from augkit.series.faults.ahead import look_ahead
from augkit.series.faults.stream import FaultStream
from augkit.series.moments import Codes
from augkit.series.sensors.noise import SensorNoise
from augkit.series.sensors.timeline import Pace, Steps, Timeline
from augkit.series.sensors.together import next_errors
from augkit.series.sources import Bits, Flags, Floats, Noisy, Rows
from augkit.series.spread import Values
from augkit.series.tape import Piece, Tape
from augkit.series.vector import Strand

_EXACT = 2**53
"""Whole numbers up to here are floats."""


class Link(msgspec.Struct, frozen=True, eq=False):
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
    def needs_steps(self) -> bool:
        """Whether the intervals between rows matter."""
        return self.sensor is not None or self.faults is not None

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
        self.links = links
        self.timeline = Timeline(pace or Pace(1.0, 0.0))

    def take(self, rows: Rows) -> Noisy:
        """Return the new values of the next rows."""
        count = len(next(iter(rows.values.values()), ()))
        return take_together([self], np.array([count]), rows)


def take_together(chains: Sequence[Chain], counts: Codes, rows: Rows) -> Noisy:
    """Return the new values of the next rows of several entities with the same columns.

    Parameters
    ----------
    chains : sequence of Chain
        Of the entities; what their columns go through differs in scales, keys and states alone.
    counts : ndarray of int, shape (chains,)
        How many rows each has.
    rows : Rows
        The rows of all, one entity behind the other.
    """
    ends = np.cumsum(counts)
    spans = [slice(begin, end) for begin, end in zip((ends - counts).tolist(), ends.tolist(), strict=True)]
    steps = list[Steps]()
    if any(link.needs_steps for chain in chains for link in chain.links.values()):
        seconds = rows.seconds
        steps = [
            chain.timeline.next(span.stop - span.start, None if seconds is None else seconds[span])
            for chain, span in zip(chains, spans, strict=True)
        ]
    heard: list[dict[Tape | Strand, Piece]] = [{} for _ in chains]
    values, faulty, missing = dict[int, Values](), dict[int, Bits](), dict[int, Flags]()
    for position, clean in rows.values.items():
        links = [chain.links[position] for chain in chains]
        unit = _units(links, heard, counts)
        if links[0].only_adds:
            values[position] = clean if unit is None else _added(links, clean, unit, counts)
            continue
        values[position], bits, lost = _through(links, clean, unit, steps, spans)
        if any(link.faults is not None for link in links):
            faulty[position], missing[position] = bits, lost
    return Noisy(values, faulty, missing)


def _units(links: Sequence[Link], heard: Sequence[dict[Tape | Strand, Piece]], counts: Codes) -> Piece | None:
    """Return the next noise of a column at unit scale, zero for entities that get none; None where none does."""
    if len(links) == 1:
        return mixed(links[0].tapes, heard[0], int(counts[0])) if links[0].tapes else None
    pieces = [
        mixed(link.tapes, own, count) if link.tapes else None
        for link, own, count in zip(links, heard, counts.tolist(), strict=True)
    ]
    made = next((piece for piece in pieces if piece is not None), None)
    if made is None:
        return None
    kind = made.dtype
    return np.concatenate(
        [np.zeros(n, kind) if piece is None else piece for piece, n in zip(pieces, counts.tolist(), strict=True)]
    )


def _scales(links: Sequence[Link], counts: Codes) -> float | Floats:
    """Return the scale of a column's noise, in all rows or in each."""
    return links[0].scale if len(links) == 1 else np.repeat([link.scale for link in links], counts)


def _added(links: Sequence[Link], clean: Values, unit: Piece, counts: Codes) -> Values:
    made = add(clean, unit, _scales(links, counts), links[0].limits)
    if len(links) == 1 or all(link.scale for link in links):
        return made
    return np.where(np.repeat([not link.scale for link in links], counts), clean, made)


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


def _through(
    links: Sequence[Link], clean: Values, unit: Piece | None, steps: Sequence[Steps], spans: Sequence[slice]
) -> tuple[Values, Bits, Flags]:
    """Return the new values of a column, what is wrong with them, and which of them are missing."""
    finite: Flags = np.isfinite(clean)
    faulty, missing = np.zeros(len(clean), np.uint8), np.zeros(len(clean), np.bool_)
    struck = [
        (link.faults, span, own)
        for link, span, own in zip(links, spans, steps, strict=bool(steps))  # without faults there may be no steps
        if link.faults is not None
    ]
    look_ahead([(faults, own) for faults, _, own in struck])
    with np.errstate(over="ignore", invalid="ignore"):
        error = _error(links, clean, unit, steps, spans)
        for faults, at, own in struck:
            faults.move(error[at], finite[at], own, faulty[at])
        values = _moved(links[0], clean, error)
        for faults, at, own in struck:
            faults.replace(values[at], finite[at], own, faulty[at])
        made = _converted(links[0], clean, values)
    for faults, at, own in struck:
        missing[at] = faults.lose(made[at], finite[at], own, faulty[at])
    return made, faulty, missing


def _error(
    links: Sequence[Link], clean: Values, unit: Piece | None, steps: Sequence[Steps], spans: Sequence[slice]
) -> Floats:
    """Return what is added to each value before anything goes wrong."""
    counts = np.array([span.stop - span.start for span in spans])
    error = np.zeros(len(clean)) if unit is None else unit * np.asarray(_scales(links, counts), np.float64)
    if links[0].multiplicative:
        error = error * clean
    sensors = [link.sensor for link in links if link.sensor is not None]
    if sensors:
        error = error + next_errors(sensors, steps)
        if any(sensor.scale_factor for sensor in sensors):
            error = error + clean * np.repeat([sensor.scale_factor for sensor in sensors], counts)
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
