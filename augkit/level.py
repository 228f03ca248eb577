"""How much noise: one of std, scale, SNR or PSNR, as a number, a range to draw from or a list to choose from."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from numbers import Real
from typing import ClassVar, Literal, Self, TypeAlias, get_args

import msgspec

from augkit.errors import UsageError, nearest
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.keys import Key
from augkit.noise.mixing import Channels, as_channels

Kind: TypeAlias = Literal["std", "scale", "snr_db", "psnr_db"]
LevelLike: TypeAlias = float | int | str | Sequence[float | int | str]
Choice: TypeAlias = Literal["number", "uniform", "log", "list"]

KINDS: tuple[str, ...] = get_args(Kind)
UNITS = ("sd", "mad", "range", "diff")
"""Units relative to the data itself; only series know them."""

_MOST_DB = 300
_TERM = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?:/\s*([\d.]+))?\s*([A-Za-z]*)\s*")


class Level(msgspec.Struct, frozen=True):
    """A level of one kind.

    Attributes
    ----------
    kind : str
        "std", "scale", "snr_db" or "psnr_db", or the parameter of a model of noise.
    values : tuple of float
        One number, the two ends of a range, or the entries of a list.
    choice : str
        "number", "uniform" or "log" (how a range is drawn from), or "list".
    unit : str
        "" for the domain's own unit; "sd", "mad", "range" or "diff" for series.
    """

    kind: str
    values: tuple[float, ...]
    choice: Choice = "number"
    unit: str = ""

    @property
    def value(self) -> float:
        """The number of a level that leaves nothing to draw."""
        if self.choice != "number":
            raise UsageError(f"{self.kind}={self}: one number was expected here, not a choice")
        return self.values[0]

    def draw(self, key: Key) -> Level:
        """Return the fixed level that `key` draws, to seven significant digits."""
        if self.choice == "number":
            return self
        share = key.uniform()
        if self.choice == "list":
            drawn = self.values[int(share * len(self.values))]
        elif self.choice == "log":
            low, high = map(math.log, self.values)
            drawn = math.exp(low + share * (high - low))
        else:
            drawn = self.values[0] + share * (self.values[1] - self.values[0])
        return Level(self.kind, (float(f"{drawn:.7g}"),), "number", self.unit)

    def __str__(self) -> str:
        joint = "," if self.choice == "list" else ".."
        text = joint.join(f"{value:.10g}{self.unit}" for value in self.values)
        return text + (":log" if self.choice == "log" else "")


def parse_level(kind: str, given: LevelLike) -> Level:
    """Read a level: ``0.1``, ``"25/255"``, ``"0.1sd"``, ``"0.05..0.2"``, ``"1e-3..1e-1:log"``, ``"0,5,10"`` or a list.

    Raises
    ------
    UsageError
        Naming the parameter, for text that is no level, a negative std or scale, or mixed units.
    """
    return _read_text(kind, given) if isinstance(given, str) else _read(kind, given)


def _read(kind: str, given: LevelLike) -> Level:
    if isinstance(given, str) and ".." in given:
        text, _, spacing = given.partition(":")
        if spacing not in ("", "log"):
            raise UsageError(f"{kind}={given}: a range is LOW..HIGH or LOW..HIGH:log, not :{spacing}")
        terms, choice = text.split(".."), "log" if spacing else "uniform"
        if len(terms) != 2:
            raise UsageError(f"{kind}={given}: a range has two ends, as in 0.05..0.2")
    else:
        terms = given.split(",") if isinstance(given, str) else _sequence(kind, given)
        choice = "list" if len(terms) > 1 else "number"
    numbers, units = zip(*(_term(kind, given, term) for term in terms), strict=True)
    named = {unit for unit in units if unit}
    if len(named) > 1 or (named and choice == "list" and "" in units):
        raise UsageError(f"{kind}={given}: one unit was expected for all numbers, got {', '.join(sorted(named))}")
    _check(kind, given, numbers, choice)
    return Level(kind, numbers, choice, named.pop() if named else "")  # type: ignore[arg-type]


@lru_cache(maxsize=64)
def _read_text(kind: str, given: str) -> Level:
    return _read(kind, given)


def _sequence(kind: str, given: LevelLike) -> list[str]:
    if getattr(given, "ndim", None) == 0:
        given = given.item()  # type: ignore[union-attr]
    entries = [given] if isinstance(given, Real) else list(given) if hasattr(given, "__iter__") else []
    if not entries or any(isinstance(entry, bool) for entry in entries):
        raise UsageError(f"{kind}={given!r}: expected a number, a range such as '0.05..0.2' or a list of numbers")
    return [str(entry) for entry in entries]


def _term(kind: str, given: object, term: str) -> tuple[float, str]:
    match = _TERM.fullmatch(str(term))
    try:
        if match is None:
            raise ValueError(term)
        number = float(match[1]) / float(match[2] or 1)
    except (ValueError, ZeroDivisionError):
        expected = "a number (0.1, 25/255), a range (0.05..0.2) or a list (0.1,0.2)"
        raise UsageError(f"{kind}={given}: {str(term)!r} is no level; expected {expected}") from None
    unit = match[3].lower()
    if unit == "db" and kind.endswith("_db"):
        unit = ""
    if unit and (unit not in UNITS or kind not in ("std", "scale")):
        raise UsageError(
            f"{kind}={given}: unknown unit {unit!r}{nearest(unit, UNITS)}; expected none, or {', '.join(UNITS)}"
        )
    return number, unit


def _check(kind: str, given: object, numbers: Sequence[float], choice: str) -> None:
    if not all(map(math.isfinite, numbers)):
        raise UsageError(f"{kind}={given}: a level is a finite number")
    if kind in ("std", "scale") and min(numbers) < 0:
        raise UsageError(f"{kind}={given}: a level of noise is 0 or more, not negative")
    if kind in ("snr_db", "psnr_db") and max(map(abs, numbers)) > _MOST_DB:
        raise UsageError(f"{kind}={given}: a ratio within +-{_MOST_DB} dB was expected")
    if choice in ("uniform", "log") and numbers[0] > numbers[1]:
        raise UsageError(f"{kind}={given}: the first end of a range is its lower one")
    if choice == "log" and min(numbers) <= 0:
        raise UsageError(f"{kind}={given}: a range on a log scale needs ends above 0")


def one_level(
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    psnr_db: LevelLike | None = None,
) -> Level:
    """Return the one level that was given; raise `UsageError` where none or more than one was."""
    given: dict[Kind, LevelLike | None] = {"std": std, "scale": scale, "snr_db": snr_db, "psnr_db": psnr_db}
    named = {kind: level for kind, level in given.items() if level is not None}
    if len(named) != 1:
        got = " and ".join(named) if named else "none"
        raise UsageError(f"exactly one level is needed, of {', '.join(KINDS)}; got {got}")
    ((kind, level),) = named.items()
    return parse_level(kind, level)


class NoiseOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of noise that every domain has; a domain's own options extend them.

    Attributes
    ----------
    noise : str
        The law, as `as_distribution` reads it.
    std, scale, snr_db, psnr_db : number, text, list or None
        The level; exactly one is given.
    channels : str, number or matrix
        "independent"; "shared" for one noise in all channels; the correlation of every two; or a matrix of them.
    """

    noise: str = "gaussian"
    std: float | str | list[float | str] | None = None
    scale: float | str | list[float | str] | None = None
    snr_db: float | str | list[float | str] | None = None
    psnr_db: float | str | list[float | str] | None = None
    channels: str | float | list[list[float]] = "independent"

    PATHS: ClassVar[tuple[str, ...]] = ()
    """The options that are paths, which a recipe holds relative to itself."""

    def law(self) -> Distribution:
        """Return the law."""
        if not isinstance(self.noise, str):
            raise UsageError(f"noise={self.noise!r}: a recipe names its law as text; laws as objects are for arrays")
        return as_distribution(self.noise)

    def check(self) -> None:
        """Raise `UsageError` for options that make no noise."""
        self.level()

    def variants(self) -> dict[str, Self]:
        """Return the options of each tree of outputs, by its place below DST: "" for DST itself, which is the usual."""
        return {"": self}

    def level(self) -> Level:
        """Return the level, checked against the law."""
        level = one_level(std=self.std, scale=self.scale, snr_db=self.snr_db, psnr_db=self.psnr_db)
        check_level(self.law(), level)
        self.sharing()
        return level

    def sharing(self) -> Channels:
        """Return how channels share their noise."""
        return as_channels(self.channels)


def check_level(law: Distribution, level: Level) -> None:
    """Raise `UsageError` where `law` has no variance and the level is one of it."""
    if math.isinf(law.std) and level.kind in ("std", "psnr_db"):
        raise UsageError(
            f"{level.kind}={level}: {law} noise has no finite variance; give scale, or snr_db (then the geometric SNR)"
        )
