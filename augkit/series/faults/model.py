"""The kinds of faults that a sensor has, as data: what they do, how often they begin and how long they last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntFlag
from fnmatch import fnmatchcase
from functools import cached_property
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec

from augkit.errors import UsageError, nearest
from augkit.level import Level, parse_level
from augkit.series.faults.amounts import Duration, Rate, as_duration, as_rate

Sign: TypeAlias = Literal["both", "up", "down"]


class FaultKind(IntFlag):
    """What is wrong with a cell: the bits of a mask, of which one cell can have several."""

    DROPOUT = 1
    SPIKE = 2
    STUCK = 4
    DRIFT = 8
    SATURATION = 16


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", dict=True):
    """What all faults have.

    Faults of one kind begin by chance, as a Poisson process, in any row that has none of this fault yet, and spoil at
    least that one row. Durations are taken to the nearest row.

    Attributes
    ----------
    rate : text or number
        How many begin in an hour, second or row of healthy data: ``"3/h"``, ``"2/min"``, ``"1e-4/sample"``.
    duration : text or number
        How long each lasts: ``"3s"``, ``"1s..5s"`` (uniform), ``"exp:3s"`` (exponential), ``"10 samples"``.
    together : bool
        Whether it strikes all its columns at once, as a lost row does; otherwise each has faults of its own.
    columns : list of str
        Names or globs of the columns that can have it; empty for all that are noised.
    """

    rate: str | float
    duration: str | float = "1 sample"
    together: bool = False
    columns: list[str] = []

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise `UsageError` for what means nothing."""
        _ = self.onsets, self.lasting

    @cached_property
    def onsets(self) -> Rate:
        """The rate, read."""
        return as_rate(self.rate)

    @cached_property
    def lasting(self) -> Duration:
        """The duration, read."""
        return as_duration(self.duration)

    def strikes(self, name: str) -> bool:
        """Tell whether a column of that name can have it."""
        return not self.columns or any(name == pattern or fnmatchcase(name, pattern) for pattern in self.columns)

    @property
    def needs_time(self) -> bool:
        """Whether the intervals between rows have to be known."""
        return not (self.onsets.per_row and self.lasting.in_rows)


class Dropout(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="dropout"):
    """Values that got lost between converter and file.

    Attributes
    ----------
    fill : "nan", "hold" or a number
        What stands in their place: nothing (NaN, null, an empty cell), the last value before, or a code such as -999.
    """

    fill: float | str = "nan"

    def check(self) -> None:
        """Raise `UsageError` for what means nothing."""
        super().check()
        if self.fill not in ("nan", "hold") and not _is_number(self.fill):
            raise UsageError(f"fill={self.fill!r}: expected 'nan', 'hold' or a number")


class _Moved(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults that move values by a size.

    Attributes
    ----------
    size : number or text
        In the unit of the values, or relative to the column: ``"5sd"``, ``"8mad"``, ``"0.5range"``. A range
        (``"3sd..8sd"``) or a list is drawn from for each fault.
    sign : "both", "up" or "down"
        Where to; "both" is drawn for each fault.
    """

    size: str | float | list[str | float]
    sign: Sign = "both"

    def check(self) -> None:
        """Raise `UsageError` for what means nothing."""
        super().check()
        _ = self.sizes

    @cached_property
    def sizes(self) -> Level:
        """The size, read: a level of kind "scale", whose unit is that of `augkit.series.spread` or none."""
        try:
            return parse_level("scale", self.size)
        except UsageError as error:
            raise UsageError(f"size{str(error).removeprefix('scale')}") from None


class Spike(_Moved, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="spike"):
    """Values that jump by a size, for one row by default."""


class Drift(_Moved, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="drift"):
    """Values that run away evenly, by a size at the end of the fault, and are right again after it."""


class Stuck(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="stuck"):
    """Values that stand still.

    Attributes
    ----------
    at : number or None
        Where; None for the value that the fault begins with.
    """

    at: float | None = None

    def check(self) -> None:
        """Raise `UsageError` for what means nothing."""
        super().check()
        if self.at is not None and not isfinite(self.at):
            raise UsageError(f"at={self.at}: a finite number was expected")


class Saturation(Fault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="saturation"):
    """Values that lie at an end of their range.

    Attributes
    ----------
    at : "both", "high", "low"
        Which end; "both" is drawn for each fault.
    low, high : float or None
        The ends; None for those of the converter or, where there is none, the column's smallest and largest value.
    """

    at: Literal["both", "high", "low"] = "both"
    low: float | None = None
    high: float | None = None

    def check(self) -> None:
        """Raise `UsageError` for what means nothing."""
        super().check()
        for name in ("low", "high"):
            if (end := getattr(self, name)) is not None and not isfinite(end):
                raise UsageError(f"{name}={end}: a finite number was expected")


AnyFault: TypeAlias = Dropout | Spike | Stuck | Drift | Saturation
FaultLike: TypeAlias = str | Mapping[str, Any] | Fault

KINDS: Mapping[str, type[AnyFault]] = MappingProxyType(
    {"dropout": Dropout, "spike": Spike, "stuck": Stuck, "drift": Drift, "saturation": Saturation}
)

BITS: Mapping[type[Fault], FaultKind] = MappingProxyType(
    {kind: FaultKind[name.upper()] for name, kind in KINDS.items()}
)


def labels(mask: int) -> str:
    """Return the names of what is wrong with a cell, such as ``"dropout"`` or ``"spike+drift"``; "" for nothing."""
    return "+".join(str(kind.name).lower() for kind in FaultKind if kind & mask)


def as_faults(given: FaultLike | Sequence[FaultLike]) -> tuple[AnyFault, ...]:
    """Read faults: texts such as ``"dropout:rate=2/min,duration=exp:3s,fill=hold"``, mappings, or faults themselves.

    Raises
    ------
    UsageError
        For an unknown kind or parameter, with the nearest known one, or a value that means nothing.
    """
    several = [given] if isinstance(given, str | Mapping | Fault) else list(given)
    return tuple(_as_fault(fault) for fault in several)


def _as_fault(given: FaultLike) -> AnyFault:
    if isinstance(given, Dropout | Spike | Stuck | Drift | Saturation):
        return given
    table = _table(given) if isinstance(given, str) else dict(given) if isinstance(given, Mapping) else None
    if table is None:
        raise UsageError(f"fault {given!r}: expected text, such as 'spike:rate=2/min,size=5sd', or a fault")
    return decode_fault(table, f"fault {given!r}: ")


def decode_fault(table: Mapping[str, Any], where: str) -> AnyFault:
    """Decode one table strictly; messages begin with `where`."""
    from augkit.series.sensors.files import decode

    kind = table.get("kind")
    chosen = KINDS.get(kind) if isinstance(kind, str) else None
    if chosen is None:
        raise UsageError(f"{where}kind: expected one of {', '.join(KINDS)}, got {kind!r}{nearest(str(kind), KINDS)}")
    return decode(dict(table), chosen, where)


def _table(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition(":")
    table: dict[str, Any] = {"kind": kind.strip().lower()}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name in table:
            raise UsageError(f"fault {text!r}: {part!r} was not expected; parameters are name=value, each once")
        table[name] = _value(value)
    return table


def _value(text: str) -> Any:
    """Return a number or a truth value where the text is one."""
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
