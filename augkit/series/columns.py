"""Which columns of a table carry a signal, and why the others are left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

import msgspec

from augkit.errors import InputError, nearest
from augkit.series.assigned import ALL
from augkit.series.nature import Column, Profile, why_left

T = TypeVar("T")


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


class Selection(msgspec.Struct, frozen=True, eq=False, dict=True):
    """What the options say about the columns of one table, before anything is known of their values.

    Attributes
    ----------
    exact, globbed : set of int
        Positions of the columns that were asked for, by name or position and by a glob.
    barred : set of int
        Of those that are to be left alone.
    reserved : mapping of int to str
        Of those that serve another purpose, with what that is.
    everything : bool
        Whether none was asked for, so that all that carry a signal are meant.
    """

    exact: set[int]
    globbed: set[int]
    barred: set[int]
    reserved: Mapping[int, str]
    everything: bool

    def candidates(self, columns: Sequence[Column]) -> list[int]:
        """Return the positions of the columns that may get noise, if their values say so."""
        named = {column.position for column in columns} if self.everything else self.exact | self.globbed
        named = named - self.barred - self.reserved.keys()
        return [c.position for c in columns if c.position in named and (c.numeric or c.position in self.exact)]

    def choose(
        self, columns: Sequence[Column], profiles: Mapping[int, Profile], *, may_be_none: bool = False
    ) -> tuple[list[Column], dict[str, str]]:
        """Return the columns to be noised, and the reason for each of the others by name.

        Parameters
        ----------
        may_be_none : bool
            Whether no column has to be left.

        Raises
        ------
        InputError
            Where a column that was asked for holds no numbers, or nothing is left to be noised.
        """
        chosen, left = list[Column](), dict[str, str]()
        for column in columns:
            reason = self._reason(column, profiles.get(column.position))
            if reason is None:
                chosen.append(column)
            else:
                left[column.name] = reason
        if not chosen and not may_be_none:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left.items())[:8])
            raise InputError(f"no column to be noised ({reasons}); name one in columns to have it noised all the same")
        return chosen, left

    def _reason(self, column: Column, profile: Profile | None) -> str | None:
        position = column.position
        if position in self.reserved:
            return self.reserved[position]
        if position in self.barred:
            return "excluded"
        if position not in self.exact:
            return why_left(column, profile) if self.everything or position in self.globbed else "not chosen"
        if profile is None or not column.numeric:
            raise InputError(f"column {column.name!r} was asked for, but has no numbers to be noised: {column.nature}")
        return None


def select(
    columns: Sequence[Column], wanted: Sequence[str], excluded: Sequence[str], reserved: Mapping[int, str] | None = None
) -> Selection:
    """Return what the options say about the columns of a table.

    Parameters
    ----------
    columns : sequence of Column
        All columns of the table, in order.
    wanted, excluded : sequence of str
        Names, positions and globs, as `SeriesOptions` has them.
    reserved : mapping of int to str, optional
        Columns that serve another purpose, with what that is.

    Raises
    ------
    InputError
        Where a name or position is not there.
    """
    exact, globbed = _split(columns, wanted)
    return Selection(exact, globbed, _barred(columns, excluded), reserved or {}, everything=not wanted)


def find(columns: Sequence[Column], option: str, pattern: str) -> Column:
    """Return the one column that a name or a position means; raise `InputError` where there is none, or several."""
    found = _matches(columns, pattern)
    if not found:
        raise InputError(f"{option}: {_unknown(columns, pattern)}")
    if len(found) > 1:
        places = ", ".join(str(column.position) for column in found)
        raise InputError(f"{option}: {len(found)} columns are called {pattern!r}; choose by position ({places})")
    return found[0]


def own_values(columns: Sequence[Column], values: Mapping[str, T]) -> dict[int, T]:
    """Return the value of each column that has one, by its position: its own, or that of all.

    A column takes the value under its name or position before that of a glob, and of several globs the first.

    Raises
    ------
    InputError
        For a name or position that is not there.
    """
    globs = [pattern for pattern in values if pattern != ALL and _is_glob(columns, pattern)]
    others = [pattern for pattern in values if pattern != ALL and pattern not in globs]
    found = {column.position: values[ALL] for column in columns} if ALL in values else {}
    for pattern in (*reversed(globs), *others):
        matching = _matches(columns, pattern)
        if not matching and pattern in others:
            raise _unknown(columns, pattern)
        found.update({column.position: values[pattern] for column in matching})
    return found


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
