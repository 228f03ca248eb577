"""What a table is, whatever its format, and how one is written with noise any number of times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from augkit.level import Level
from augkit.noise.colour import as_color
from augkit.noise.keys import Key
from augkit.outcome import Outcome
from augkit.series.columns import choose
from augkit.series.nature import Column
from augkit.series.noised import Noised, NoSpreadError, add_to_column, clipped, levels
from augkit.series.options import SeriesOptions
from augkit.series.spread import Values

Piece = bytes | memoryview


class Table(Protocol):
    """One decoded file: what a format's module offers."""

    @property
    def facts(self) -> dict[str, Any]:
        """``name`` of the format, ``rows`` and whatever else its row in the manifest holds."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, in order."""
        ...

    def render(self, noised: Mapping[int, Values]) -> tuple[Iterable[Piece], dict[int, Values]]:
        """Return the file with new values in some columns, in pieces, and these values as they were written.

        Parameters
        ----------
        noised : mapping of int to ndarray
            New values of a column by its position.
        """
        ...


class SeriesItem:
    """One table, ready to be written with noise any number of times."""

    def __init__(self, table: Table, options: SeriesOptions) -> None:
        self._table = table
        self._options = options
        self._law, self._level, self._color = options.law(), options.level(), as_color(options.color)
        self._chosen, self._left = choose(table.columns, options.columns, options.exclude_columns)

    def write(self, target: Path, key: Key, *, measure: bool) -> Outcome:
        """Write the noised file to `target` and say what was reached; tables lose nothing, so it is always measured."""
        del measure
        level = self._level.draw(key.child("level"))
        made, still = self._noise(level, key)
        pieces, written = self._table.render({position: noised.values for position, noised in made.items()})
        with target.open("wb") as file:
            file.writelines(pieces)
        columns = [column for column in self._chosen if column.position in made]
        drawn: dict[str, Any] = {level.kind: level.value} | ({"unit": level.unit} if level.unit else {})
        drawn["columns"] = {c.name: {"std": made[c.position].std, "scale": made[c.position].scale} for c in columns}
        reached = _achieved(columns, made, written)
        facts = {"columns": [column.name for column in columns], "left": {**self._left, **still}}
        return Outcome(
            noise=str(self._law),
            color=str(self._color),
            requested={level.kind: str(self._level)},
            drawn=drawn,
            achieved=reached,
            format=self._table.facts | facts,
            notices=tuple(_notice(name, reason, level) for name, reason in still.items()) + _rounded(drawn, reached),
        )

    def _noise(self, level: Level, key: Key) -> tuple[dict[int, Noised], dict[str, str]]:
        """Return the noised columns by position, and by name why some others get no noise from such a level."""
        made, still = dict[int, Noised](), dict[str, str]()
        for column in self._chosen:
            stream = key.child("shared") if self._options.channels == "shared" else key.child("column", column.word)
            try:
                made[column.position] = add_to_column(_numbers(column), self._law, level, stream, self._color)
            except NoSpreadError as error:
                still[column.name] = str(error)
        return made, still


def _numbers(column: Column) -> Values:
    assert column.values is not None, column.name  # noqa: S101  (`choose` lets only columns of numbers through)
    return column.values


def _notice(name: str, reason: str, level: Level) -> str:
    if reason == "constant":
        reason = "it is constant; a std in its own unit would move it"
    return f"column {name!r} gets no noise from {level.kind}={level}: {reason}"


def _achieved(chosen: Sequence[Column], made: Mapping[int, Noised], written: Mapping[int, Values]) -> dict[str, Any]:
    columns, moved, total = dict[str, Any](), 0, 0
    for column in chosen:
        clean = _numbers(column)
        columns[column.name] = levels(clean, written[column.position])
        geometric = made[column.position].geometric_snr_db
        if geometric is not None:
            columns[column.name]["geometric_snr_db"] = geometric
        moved, total = moved + clipped(clean, written[column.position]), total + clean.size
    only: dict[str, Any] = next(iter(columns.values())) if len(columns) == 1 else {"std": None, "snr_db": None}
    return {**only, "psnr_db": None, "clipped": moved / total if total else 0.0, "columns": columns}


def _rounded(drawn: dict[str, Any], reached: dict[str, Any]) -> tuple[str, ...]:
    """Return a notice of the columns whose decimals are too few for their noise."""
    lost = [
        name
        for name, asked in drawn["columns"].items()
        if asked["std"] and not 0.5 < (reached["columns"][name]["std"] or 0) / asked["std"] < 1.5
    ]
    if not lost:
        return ()
    return (f"rounding to the decimals of {', '.join(lost)} changes the noise much or takes all of it; see achieved",)
