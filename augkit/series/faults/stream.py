"""Faults at work on a stream, and the mask that tells of them.

In the order in which a signal meets them: drifts and spikes move it, it saturates or sticks, it is converted, and it
drops out. Where two strike one cell, the mask has the bits of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from operator import itemgetter
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.level import Level
from augkit.noise.keys import Key
from augkit.series.faults.model import BITS, AnyFault, Drift, Dropout, Saturation, Sign, Spike, Stuck
from augkit.series.faults.spells import Spell, Spells, Struck
from augkit.series.sensors.timeline import Steps

Array = NDArray[np.float64]
Values = NDArray[Any]
Mask = NDArray[np.uint8]
Flags = NDArray[np.bool_]

Replacing: TypeAlias = Saturation | Stuck | Dropout

_ENDS: Mapping[str, Sign] = MappingProxyType({"both": "both", "high": "up", "low": "down"})


class ColumnFacts(msgspec.Struct, frozen=True):
    """What faults have to know of a column.

    Attributes
    ----------
    units : mapping of str to float
        What one sd, mad, range or diff of it is, as far as sizes are given in them.
    low, high : float or None
        The ends of its range, where a saturation does not name them: the converter's, or its extremes.
    """

    units: Mapping[str, float]
    low: float | None = None
    high: float | None = None


class FaultStream:
    """All faults of one column, read in order.

    Parameters
    ----------
    faults : sequence of AnyFault
        Those that this column can have.
    facts : ColumnFacts
    key, together : Key
        The key of the column, and the one that it shares with the columns that are struck together.

    Attributes
    ----------
    spells : list of Spells
        Of each of the faults.
    """

    def __init__(self, faults: Sequence[AnyFault], facts: ColumnFacts, key: Key, together: Key) -> None:
        turns, self.spells = dict[type, int](), list[Spells]()
        movers, before, behind = list[_Mover](), list[tuple[int, _Setter | _Holder]](), list[_Setter | _Holder]()
        for fault in faults:
            kind = type(fault)
            turns[kind] = turns.get(kind, -1) + 1
            own = (together if fault.together else key).child("fault", str(BITS[kind].name).lower(), turns[kind])
            spells = Spells(fault, own)
            self.spells.append(spells)
            if isinstance(fault, Drift | Spike):
                movers.append(_Mover(fault, spells, facts))
            elif isinstance(fault, Dropout):
                behind.append(_replacer(fault, spells, facts))
            else:
                before.append((isinstance(fault, Stuck), _replacer(fault, spells, facts)))
        self._moving, self._behind = movers, behind
        self._before = [replacer for _, replacer in sorted(before, key=itemgetter(0))]

    def move(self, error: Array, finite: Flags, steps: Steps, mask: Mask) -> None:
        """Add drifts and spikes to the errors of the rows that are new in `steps`, and note them in `mask`."""
        for mover in self._moving:
            mover.move(error, finite, steps, mask)

    def replace(self, values: Values, finite: Flags, steps: Steps, mask: Mask) -> None:
        """Put saturated and stuck values in their places, before the converter."""
        for replacer in self._before:
            replacer.replace(values, finite, steps, mask)

    def lose(self, values: Values, finite: Flags, steps: Steps, mask: Mask) -> Flags:
        """Drop values behind the converter, and return which are missing altogether."""
        missing = np.zeros(len(values), np.bool_)
        for replacer in self._behind:
            missing |= replacer.replace(values, finite, steps, mask)
        return missing


def _strike(struck: Struck, finite: Flags, mask: Mask, fault: AnyFault) -> Flags:
    """Note a spell in the mask, and return which of its rows hold a value."""
    rows = finite[struck.rows]
    mask[struck.rows] |= np.where(rows, np.uint8(BITS[type(fault)]), np.uint8(0))
    return rows


class _Mover:
    """A fault that moves values by a size."""

    def __init__(self, fault: Drift | Spike, spells: Spells, facts: ColumnFacts) -> None:
        self._fault, self._spells = fault, spells
        self._size = _in_unit(fault.sizes, facts.units)

    def move(self, error: Array, finite: Flags, steps: Steps, mask: Mask) -> None:
        for struck in self._spells.next(steps):
            spell = struck.spell
            size = _drawn(self._size, spell.size) * _direction(self._fault.sign, spell)
            _strike(struck, finite, mask, self._fault)
            error[struck.rows] += size * self._reached(struck, steps) if isinstance(self._fault, Drift) else size

    def _reached(self, struck: Struck, steps: Steps) -> Array:
        """Return the share of a drift that each row has: all of it in the last."""
        spell, rows = struck.spell, struck.rows
        if self._fault.lasting.in_rows:
            numbers = np.arange(rows.start, rows.stop) + (steps.start + steps.lead - spell.onset + 1)
            return numbers / max(round(spell.length), 1)
        since = steps.since_start()[steps.lead :][rows] - spell.since
        return np.minimum((since + steps.interval) / spell.length, 1.0)


class _Setter:
    """A fault that puts a number in the place of values."""

    def __init__(self, fault: Replacing, spells: Spells, facts: ColumnFacts) -> None:
        self._fault, self._spells = fault, spells
        if isinstance(fault, Saturation):
            low = facts.low if fault.low is None else fault.low
            high = facts.high if fault.high is None else fault.high
            if low is None or high is None:
                raise UsageError("saturation: give low and high, or the range of the converter")
            self._low, self._high = low, high
        else:
            self._low = self._high = float(fault.fill if isinstance(fault, Dropout) else fault.at or 0.0)
        self._sign = _ENDS[fault.at] if isinstance(fault, Saturation) else "up"

    def replace(self, values: Values, finite: Flags, steps: Steps, mask: Mask) -> Flags:
        """Replace values in place, and return which rows hold nothing any more."""
        missing = np.zeros(len(values), np.bool_)
        for struck in self._spells.next(steps):
            rows = _strike(struck, finite, mask, self._fault)
            value = self._high if _direction(self._sign, struck.spell) > 0 else self._low
            if isnan(value):
                missing[struck.rows] |= rows
            if not isnan(value) or values.dtype.kind == "f":
                values[struck.rows][rows] = fitted(value, values.dtype)
        return missing


class _Holder:
    """A fault that holds a value: that of its own first row (stuck), or the last one before it (dropout)."""

    def __init__(self, fault: Replacing, spells: Spells) -> None:
        self._fault, self._spells = fault, spells
        self._own = isinstance(fault, Stuck)
        self._last: Any = None
        self._held: Any = None

    def replace(self, values: Values, finite: Flags, steps: Steps, mask: Mask) -> Flags:
        """Replace values in place, and return which rows hold nothing any more: none."""
        free = 0
        for struck in self._spells.next(steps):
            rows = _strike(struck, finite, mask, self._fault)
            here = values[struck.rows]
            self._pass(values, finite, slice(free, struck.rows.start))
            free = struck.rows.stop
            if not struck.begun:
                self._held = here[0] if self._own and rows[0] else self._last
            if self._held is None and rows.any():
                self._held = here[rows][0]
            if self._held is not None:
                here[rows] = self._held
        self._pass(values, finite, slice(free, len(values)))
        return np.zeros(len(values), np.bool_)

    def _pass(self, values: Values, finite: Flags, rows: slice) -> None:
        """Remember the last value of some healthy rows."""
        held = np.flatnonzero(finite[rows])
        if len(held):
            self._last = values[rows][held[-1]]


def _replacer(fault: Replacing, spells: Spells, facts: ColumnFacts) -> _Setter | _Holder:
    holds = fault.at is None if isinstance(fault, Stuck) else isinstance(fault, Dropout) and fault.fill == "hold"
    return _Holder(fault, spells) if holds else _Setter(fault, spells, facts)


def fitted(value: float, dtype: np.dtype[Any]) -> Any:
    """Return a number as one of a type; raise `UsageError` where an integer type does not hold it."""
    if dtype.kind == "f":
        return value
    ends = np.iinfo(dtype)
    if value != round(value) or not ends.min <= value <= ends.max:
        raise UsageError(f"{value:g} stands for faulty values, but does not fit the integers of a column ({dtype})")
    return int(value)


def _in_unit(size: Level, units: Mapping[str, float]) -> Level:
    """Return a size in the column's own unit."""
    if not size.unit:
        return size
    return Level(size.kind, tuple(value * units[size.unit] for value in size.values), size.choice)


def _drawn(size: Level, share: float) -> float:
    """Return the size at a share from 0 to 1 of what it is drawn from, to seven significant digits."""
    if size.choice == "number":
        return size.values[0]
    if size.choice == "list":
        return size.values[int(share * len(size.values))]
    low, high = size.values
    drawn = low * (high / low) ** share if size.choice == "log" else low + share * (high - low)
    return float(f"{drawn:.7g}")


def _direction(sign: Sign, spell: Spell) -> float:
    if sign == "both":
        return 1.0 if spell.sign < 0.5 else -1.0
    return 1.0 if sign == "up" else -1.0
