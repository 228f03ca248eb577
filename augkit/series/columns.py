"""Which columns of a table carry a signal, and why the others are left alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from augkit.errors import InputError, nearest
from augkit.series.nature import Column, why_left


def unique_names(headers: Sequence[str]) -> list[str]:
    """Return one name for each header: its position where it is empty, ``x.1`` for a second ``x``, as pandas does."""
    names, taken, turns = list[str](), set(headers), dict[str, int]()
    given = set[str]()
    for position, header in enumerate(headers):
        name = header or str(position)
        while name in given or (name != header and name in taken):
            turns[header] = turns.get(header, 0) + 1
            name = f"{header}.{turns[header]}"
        names.append(name)
        given.add(name)
    return names


def choose(
    columns: Sequence[Column], wanted: Sequence[str], excluded: Sequence[str]
) -> tuple[list[Column], dict[str, str]]:
    """Return the columns to be noised, and the reason for each of the others by name.

    Parameters
    ----------
    columns : sequence of Column
        All columns of the table, in order.
    wanted, excluded : sequence of str
        Names, positions and globs, as `SeriesOptions` has them.

    Raises
    ------
    InputError
        Where a name or position is not there, a wanted column holds no numbers, or nothing is left to be noised.
    """
    exact, globbed = _split(columns, wanted)
    barred = _barred(columns, excluded)
    chosen, left = list[Column](), dict[str, str]()
    for column in columns:
        picked = column.position in exact
        reason = "excluded" if column.position in barred else None
        if reason is None and not picked:
            reason = "not chosen" if wanted and column.position not in globbed else why_left(column, len(columns))
        if reason is None and column.values is None:
            raise InputError(f"column {column.name!r} was asked for, but has no numbers to be noised: {column.nature}")
        if reason is None:
            chosen.append(column)
        else:
            left[column.name] = reason
    if not chosen:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left.items())[:8])
        raise InputError(f"no column to be noised ({reasons}); name one in columns to have it noised all the same")
    return chosen, left


def _split(columns: Sequence[Column], wanted: Sequence[str]) -> tuple[set[int], set[int]]:
    exact, globbed = set[int](), set[int]()
    for pattern in wanted:
        found = _matches(columns, pattern)
        if _is_glob(columns, pattern):
            globbed.update(column.position for column in found)
        elif len(found) > 1:
            places = ", ".join(str(column.position) for column in found)
            raise InputError(f"{len(found)} columns are called {pattern!r}; choose by position ({places})")
        elif not found:
            raise _unknown(columns, pattern)
        else:
            exact.add(found[0].position)
    if wanted and not exact and not globbed:
        raise InputError(f"no column matches {', '.join(wanted)}")
    return exact, globbed


def _barred(columns: Sequence[Column], excluded: Sequence[str]) -> set[int]:
    barred = set[int]()
    for pattern in excluded:
        found = _matches(columns, pattern)
        if not found and not _is_glob(columns, pattern):
            raise _unknown(columns, pattern)
        barred.update(column.position for column in found)
    return barred


def _unknown(columns: Sequence[Column], pattern: str) -> InputError:
    names = [column.name for column in columns]
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return InputError(f"no column {pattern!r}{nearest(pattern, names)}; there are {len(names)}: {shown}")


def _is_glob(columns: Sequence[Column], pattern: str) -> bool:
    return any(mark in pattern for mark in "*?[") and not any(
        pattern in (column.name, column.header) for column in columns
    )


def _matches(columns: Sequence[Column], pattern: str) -> list[Column]:
    """Return what a pattern means: a header, a name given by us, a glob, or a position, in this order."""
    if found := [column for column in columns if column.header == pattern and pattern]:
        return found
    if found := [column for column in columns if column.name == pattern]:
        return found
    if _is_glob(columns, pattern):
        return [column for column in columns if fnmatchcase(column.name, pattern)]
    if re.fullmatch(r"-?\d+", pattern) and -len(columns) <= int(pattern) < len(columns):
        return [columns[int(pattern)]]
    return []
