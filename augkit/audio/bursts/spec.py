"""What bursts are asked for: how often, how long, how loud."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast, get_args

import msgspec

from augkit.errors import UsageError, nearest
from augkit.level import Level, LevelLike, parse_level

Kind: TypeAlias = Literal["noise", "clicks"]

LONGEST = 30.0
"""Seconds of a burst at most."""

_OFTENEST = 6000.0
_LOUDEST_DB = 100.0

_DURATIONS = {"noise": "0.1..0.5", "clicks": "2e-5..4e-3:log"}
"""In seconds. Clicks as in Godsill, Rayner 1998, "Digital audio restoration", chapter 5: up to 4 ms."""


class Bursts(msgspec.Struct, frozen=True):
    """Short noises that begin at random: a Poisson process.

    Attributes
    ----------
    rate : Level
        How many begin in a minute, on average; drawn for each output.
    duration : Level
        In seconds, drawn for each burst.
    level : Level
        In dB, drawn for each burst: how far it stands above or below the others.
    kind : str
        "noise" begins and ends softly; "clicks" do not.
    """

    rate: Level
    duration: Level
    level: Level
    kind: Kind = "noise"

    def __str__(self) -> str:
        return f"{self.kind}:rate={self.rate},duration={self.duration},level={self.level}"


def bursts_of(
    *, rate: LevelLike, duration: LevelLike | None = None, level: LevelLike = 0.0, kind: str = "noise"
) -> Bursts:
    """Return bursts, checked.

    Raises
    ------
    UsageError
        For a value that is none, or out of range.
    """
    if kind not in get_args(Kind):
        raise UsageError(f"bursts kind={kind!r}: expected noise or clicks{nearest(str(kind), get_args(Kind))}")
    made = Bursts(
        parse_level("bursts rate", rate),
        parse_level("bursts duration", _DURATIONS[kind] if duration is None else duration),
        parse_level("bursts level", level),
        cast(Kind, kind),
    )
    for asked, most, unit in ((made.rate, _OFTENEST, "a minute"), (made.duration, LONGEST, "seconds")):
        if not 0 < min(asked.values) <= max(asked.values) <= most:
            raise UsageError(f"{asked.kind}={asked}: expected more than 0, and at most {most:g} {unit}")
    if max(map(abs, made.level.values)) > _LOUDEST_DB:
        raise UsageError(f"{made.level.kind}={made.level}: expected {-_LOUDEST_DB:g} to {_LOUDEST_DB:g} dB")
    return made


def parse_bursts(text: str) -> Bursts:
    """Read the text form: ``"rate=20,duration=0.1..0.5,level=-12..0"``, ``"clicks:rate=60"``.

    Raises
    ------
    UsageError
        For what is none.
    """
    kind, _, rest = text.partition(":")
    if "=" in kind:
        kind, rest = "noise", text
    values: dict[str, str] = {}
    known = ("rate", "duration", "level")
    for part in filter(None, (part.strip() for part in rest.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in known or name in values or not equals:
            raise UsageError(
                f"bursts={text!r}: {part!r} was not expected{nearest(name, known)}; expected {', '.join(known)}, each "
                "once, as in rate=20,duration=0.1..0.5,level=-12..0"
            )
        values[name] = value
    if "rate" not in values:
        raise UsageError(f"bursts={text!r}: a rate a minute is needed, as in rate=20")
    return bursts_of(kind=kind.strip().lower(), **values)
