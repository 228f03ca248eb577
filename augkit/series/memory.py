"""Noise on a table in memory, whatever library it is of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.level import Level
from augkit.noise.keys import BLOCK, Key
from augkit.series.additive import geometric_snr_db, resolve
from augkit.series.asked import Asked, Treatment, look
from augkit.series.chain import mixed
from augkit.series.frames import Frame
from augkit.series.frames.base import Cells
from augkit.series.links import Hearing, check_fits, hear, make_chain
from augkit.series.moments import Codes, Floats
from augkit.series.nature import Column
from augkit.series.noised import NoSpreadError
from augkit.series.sensors.timeline import check_times
from augkit.series.sizes import Sizes
from augkit.series.sources import Entity, Facts, Noisy, Rows
from augkit.series.spread import Values, ac_power, extremes, spread
from augkit.series.tape import Power, Tape
from augkit.series.timing import Times
from augkit.series.vector import Strand
from augkit.unit_noise import in_threads

_EXACT = 2**53

Places = Codes | slice


class Treated(msgspec.Struct, eq=False):
    """What became of a table.

    Attributes
    ----------
    cells : dict of int to Cells
        New numbers by position of the column.
    faulty : dict of int to ndarray of uint8, shape (rows,)
        What is wrong with them, for all columns that were chosen.
    scales, geometric : dict of int to float
        Of the noise, where there are no groups.
    left : dict of str to str
        Why the other columns are as they were.
    notices : list of str
        What a relative level or size has no meaning for.
    measured : set of int
        The columns whose noise there is something to say about: all but those that a level has no meaning for.
    """

    cells: dict[int, Cells] = msgspec.field(default_factory=dict)
    faulty: dict[int, NDArray[np.uint8]] = msgspec.field(default_factory=dict)
    scales: dict[int, float] = msgspec.field(default_factory=dict)
    geometric: dict[int, float] = msgspec.field(default_factory=dict)
    left: dict[str, str] = msgspec.field(default_factory=dict)
    notices: list[str] = msgspec.field(default_factory=list)
    measured: set[int] = msgspec.field(default_factory=set)


def treat(frame: Frame, treatment: Treatment, key: Key) -> Treated:
    """Return what becomes of a table.

    Raises
    ------
    UsageError, InputError
        As `look` does, for faults that do not fit a column, and for times that fall.
    """
    if not frame.rows or not len(frame.columns):
        return Treated()
    return _Run(frame, treatment, key).made()


class _Run:
    def __init__(self, frame: Frame, treatment: Treatment, key: Key) -> None:
        self._frame, self._treatment, self._key = frame, treatment, key
        self._asked: Asked = look(frame, treatment)
        self._level = treatment.level and treatment.level.draw(key.child("level"))
        self._cells = {column.position: frame.cells(column.position) for column in self._asked.chosen}
        self._clean = {position: _worked(cells) for position, cells in self._cells.items()}
        self._noisy = {position: np.empty(frame.rows, clean.dtype) for position, clean in self._clean.items()}
        self._missing = {position: np.zeros(frame.rows, np.bool_) for position in self._asked.extras.faults}
        self._treated = Treated(left=self._asked.left)

    def made(self) -> Treated:
        """Go through all groups."""
        asked, rows = self._asked, self._frame.rows
        for position, cells in self._cells.items():
            check_fits(asked.extras.faults.get(position, ()), cells.values.dtype, nullable=cells.empty is not None)
        if asked.extras.faults:
            self._treated.faulty = {position: np.zeros(rows, np.uint8) for position in self._clean}
        for name, places in asked.groups():
            self._group(name, places)
        for position, cells in self._cells.items():
            self._treated.cells[position] = _as_before(cells, self._noisy[position], self._missing.get(position))
        return self._treated

    def _group(self, name: str, places: Places) -> None:
        clean = {position: values[places] for position, values in self._clean.items()}
        seconds = None if self._asked.seconds is None else self._asked.seconds[places]
        entity = self._entity(name, clean, seconds)
        scales = self._scales(entity, clean)

        def work(part: slice) -> dict[int, str]:
            chain, left_out = make_chain(
                entity,
                self._hearing(entity, part.start) if scales else {},
                scales,
                {},
                extras=self._asked.extras,
                size_of=lambda column, unit: spread(clean[column.position], unit),
            )
            for begin in range(part.start, part.stop, BLOCK):
                rows = slice(begin, min(begin + BLOCK, part.stop))
                made = chain.take(Rows({at: values[rows] for at, values in clean.items()}, _cut(seconds, rows)))
                self._put(made, rows if isinstance(places, slice) else places[rows])
            return left_out

        left_out, *_ = in_threads(work, self._parts(entity), self._treatment.threads)
        for position, reason in left_out.items():
            self._note(entity, self._frame.columns[position], f"not all of its faults: {reason}")

    def _parts(self, entity: Entity) -> list[slice]:
        """Return the rows that each thread works on; what carries a state from row to row is for one thread."""
        threads, extras = self._treatment.threads, self._asked.extras
        if self._treatment.color.filter(entity.rows) is not None or extras.sensors or extras.faults:
            threads = 1
        step = -(-entity.rows // (BLOCK * threads)) * BLOCK
        return [slice(begin, min(begin + step, entity.rows)) for begin in range(0, entity.rows, step)] or [slice(0, 0)]

    def _put(self, made: Noisy, at: Places) -> None:
        for position, values in made.values.items():
            self._noisy[position][at] = values
        for position, bits in made.faulty.items():
            self._treated.faulty[position][at], self._missing[position][at] = bits, made.missing[position]

    def _entity(self, name: str, clean: Mapping[int, Values], seconds: Floats | None) -> Entity:
        key = self._key.child("group", name) if name else self._key
        rows = len(next(iter(clean.values()), ()))
        facts = {position: self._facts(values) for position, values in clean.items()}
        return Entity(self._asked.chosen, rows, key, facts, name or None, None if seconds is None else _times(seconds))

    def _facts(self, values: Values) -> Facts:
        low, high = extremes(values)
        power = ac_power(values) if self._needs_power() else 0.0
        return Facts(len(values), len(values), float(low), float(high), power)

    def _needs_power(self) -> bool:
        """Tell whether the AC power of the columns matters."""
        level = self._level
        return level is not None and (
            level.kind == "snr_db" or level.unit == "sd" or math.isinf(self._treatment.law.std)
        )

    def _hearing(self, entity: Entity, start: int = 0) -> Hearing:
        """Return the noise of each column from row number `start` on."""
        treatment = self._treatment
        dtypes = {position: values.dtype for position, values in self._clean.items()}
        return hear(entity, treatment.law, treatment.color, treatment.channels, dtypes, start=start)

    def _scales(self, entity: Entity, clean: Mapping[int, Values]) -> dict[int, float]:
        """Return how strong the noise of each column is, in its unit; it gets none where it is not there."""
        level, law, scales = self._level, self._treatment.law, dict[int, float]()
        if level is None:
            self._treated.measured.update(clean)
            return scales
        powers = dict[int, float]()
        if level.kind == "snr_db" or math.isinf(law.std):
            powers = self._powers(self._hearing(entity), clean)
        for column in entity.columns:
            at, facts = column.position, entity.facts[column.position]
            relative = bool(level.unit) or level.kind == "snr_db"
            sizes = self._sizes(clean[at], facts, level) if relative else None
            try:
                scales[at] = resolve(level, law, facts, sizes, powers.get(at, 0.0))
            except NoSpreadError as error:
                self._note(entity, column, f"no noise from {level.kind}={level}: {error}")
                continue
            self._treated.measured.add(at)
            if entity.group is None:
                self._treated.scales[at] = scales[at]
                geometric = geometric_snr_db(law, scales[at], facts.power, powers.get(at, 0.0))
                if geometric is not None:
                    self._treated.geometric[at] = geometric
        return scales

    @staticmethod
    def _sizes(values: Values, facts: Facts, level: Level) -> Sizes:
        robust = {level.unit: spread(values, level.unit)} if level.unit in ("mad", "diff") else {}
        low, high = extremes(values)
        return Sizes(facts.power, 0.0, float(high - low), robust)  # as integers: floats may not tell the two apart

    def _powers(self, heard: Hearing, clean: Mapping[int, Values]) -> dict[int, float]:
        """Return the power of the noise at unit scale that reaches a finite value, of each column."""
        meters = {position: Power(geometric=math.isinf(self._treatment.law.std)) for position in heard}
        rows = len(next(iter(clean.values())))
        for begin in range(0, rows, BLOCK):
            taken = dict[Tape | Strand, Any]()
            for position, tapes in heard.items():
                values = clean[position][begin : begin + BLOCK]
                meters[position].add(mixed(tapes, taken, len(values))[np.isfinite(values)])
        return {position: meter.value() for position, meter in meters.items()}

    def _note(self, entity: Entity, column: Column, what: str) -> None:
        of_group = f" of group {entity.group!r}" if entity.group else ""
        self._treated.notices.append(f"column {column.name}{of_group} gets {what}")


def _worked(cells: Cells) -> Values:
    """Return the numbers of a column as they are worked on: where some cells are empty, as floats with NaN there."""
    values = np.ascontiguousarray(cells.values, cells.values.dtype.newbyteorder("="))
    if cells.empty is None or not cells.empty.any():
        return values
    if values.dtype.kind != "f":
        held = cells.holds
        if held.size and max(-int(held.min()), int(held.max())) > _EXACT:
            raise InputError("a column with empty cells holds integers beyond 2**53, which floats would round")
        values = values.astype(np.float64)
    return np.where(cells.empty, np.nan, values)


def _as_before(cells: Cells, noisy: Values, missing: NDArray[np.bool_] | None) -> Cells:
    """Return new numbers in the type of the old ones, with their empty cells and those that dropped out."""
    dtype = cells.values.dtype
    empty = cells.empty
    if empty is not None and missing is not None:
        empty = empty | missing
    if noisy.dtype.kind == "f" and dtype.kind in "iu":
        ends = np.iinfo(dtype)
        top = float(ends.max) if dtype.itemsize < 8 else np.nextafter(float(ends.max), 0)
        noisy = np.clip(np.rint(np.where(np.isnan(noisy), 0, noisy)), float(ends.min), top)
    return Cells(noisy.astype(dtype, copy=False), empty)


def _times(seconds: Floats) -> Times:
    """Return the intervals of one group."""
    check_times(seconds, None, 0)
    steps = np.diff(seconds)
    above = steps[steps > 0]
    if not len(above):
        return Times(0.0, 0.0, 0.0, 0.0)
    usual, duration = float(np.median(above)), float(seconds[-1] - seconds[0])
    return Times(usual, float(steps.min()), float(steps.max()), duration)


def _cut(seconds: Floats | None, rows: slice) -> Floats | None:
    return None if seconds is None else seconds[rows]
