"""The noise between two tables: their rows side by side, however each of them is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from augkit.errors import InputError
from augkit.pieces import Piece
from augkit.series.entities import Entities
from augkit.series.moments import Moments
from augkit.series.reached import Reached
from augkit.series.spread import Values
from augkit.series.survey import Surveyed, survey
from augkit.series.table import Batch, Table


def compare_tables(clean: Table, noisy: Table, titles: tuple[str, str]) -> dict[str, Any]:
    """Measure the noise between two tables, which messages call by their `titles`.

    Returns
    -------
    dict
        ``columns``: ``std`` (in the column's unit) and ``snr_db`` (on its AC power) of each column of numbers that
        differs; ``unchanged``: the others by name.

    Raises
    ------
    InputError
        Where the two do not have the same columns and rows.
    """
    first, shared = _shared(clean, noisy, titles)
    reached = Reached({})
    for before, after in _side_by_side(clean.batches(shared), noisy.batches(shared)):
        reached.add(before, after.values)
    found = reached.columns({position: _power(first.moments[position]) for position in shared})
    changed = {position: levels for position, levels in found.items() if levels["std"]}
    columns = {first.columns[position].name: levels for position, levels in changed.items()}
    unchanged = [column.name for column in first.columns if column.position not in changed]
    return {"columns": columns, "unchanged": unchanged}


def pieces_of(clean: Table, noisy: Table, titles: tuple[str, str]) -> Iterator[Piece]:
    """Yield the values of both tables, batch by batch and column by column; errors are those of `compare_tables`."""
    first, shared = _shared(clean, noisy, titles)
    names = {position: first.columns[position].name for position in shared}
    for before, after in _side_by_side(clean.batches(shared), noisy.batches(shared)):
        for position, values in before.values.items():
            yield Piece(names[position], values, after.values[position])


def _shared(clean: Table, noisy: Table, titles: tuple[str, str]) -> tuple[Surveyed, list[int]]:
    """Return what a table is, and the positions of the columns of numbers that another one has too."""
    first, second = _surveyed(clean), _surveyed(noisy)
    if first.rows != second.rows or len(first.columns) != len(second.columns):
        shapes = [f"{sum(s.rows.values())} rows and {len(s.columns)} columns" for s in (first, second)]
        raise InputError(f"{titles[0]} has {shapes[0]}, {titles[1]} has {shapes[1]}; expected the same")
    pairs = zip(first.columns, second.columns, strict=True)
    return first, [old.position for old, new in pairs if old.numeric and new.numeric]


def _surveyed(table: Table) -> Surveyed:
    return survey(table, [column.position for column in table.columns if column.numeric], Entities(None, None, None))


def _power(moments: Moments) -> float:
    power = moments.power()
    return float(power[0]) if power.size else 0.0


def _side_by_side(clean: Iterator[Batch], noisy: Iterator[Batch]) -> Iterator[tuple[Batch, Batch]]:
    """Yield the same rows of both, in batches as large as both have them."""
    one, two = next(clean, None), next(noisy, None)
    while one is not None and two is not None:
        rows = min(one.rows, two.rows)
        yield _rows(one, two, 0, rows), _rows(two, one, 0, rows)
        one = _rows(one, one, rows, one.rows) if rows < one.rows else next(clean, None)
        two = _rows(two, two, rows, two.rows) if rows < two.rows else next(noisy, None)


def _rows(batch: Batch, other: Batch, begin: int, end: int) -> Batch:
    """Return some rows of a batch, of types that can be subtracted from those of another."""
    values: dict[int, Values] = {}
    for position, column in batch.values.items():
        mixed = column.dtype != other.values[position].dtype
        values[position] = column[begin:end].astype(np.float64) if mixed else column[begin:end]
    return Batch(end - begin, values, part=batch.part)
