"""Data sheets in TOML files, and which sensor stands behind which column.

A file of data sheets looks like this::

    [[sensor]]
    columns = ["gyr_*"]
    unit = "deg/s"
    white_noise = "0.3 deg/sqrt(h)"
    bias_instability = "8 deg/h"
    bias_instability_as = "floor"

    [[sensor]]
    columns = ["acc_*"]
    unit = "m/s^2"
    white_noise = "120 ug/sqrt(Hz)"
    convention = "one-sided"
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from augkit.errors import UsageError, nearest
from augkit.series.sensors.sheet import ColumnSensor

_SIZE_CAP = 1_000_000

T = TypeVar("T", bound=msgspec.Struct)


def load_sensors(path: Path) -> list[ColumnSensor]:
    """Read a data sheet: one ``[[sensor]]`` table or several.

    Raises
    ------
    UsageError
        With the file and the key, for a file that is no data sheet, an unknown key, or a quantity that means nothing.
    """
    return [decode(table, ColumnSensor, where) for where, table in load_tables(path, "sensor", "a data sheet")]


def sensor_tables(path: Path) -> list[dict[str, Any]]:
    """Return the tables of a data sheet as they are, once they are checked as `load_sensors` does."""
    load_sensors(path)
    return [table for _, table in load_tables(path, "sensor", "a data sheet")]


def load_tables(path: Path, name: str, what: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables ``[[name]]`` of a TOML file that holds nothing else, each with where it stands."""
    for key in (data := _load(path, what)):
        if key != name:
            raise UsageError(f"{path}: {key}: only [[{name}]] tables were expected")
    tables = data.get(name)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables) or not tables:
        raise UsageError(f"{path}: at least one [[{name}]] table was expected")
    return [(f"{path}: {name}[{place}].", table) for place, table in enumerate(tables)]


def _load(path: Path, what: str) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if not path.is_file() or size > _SIZE_CAP:
            raise UsageError(f"{path}: {what} was expected, a file of at most {_SIZE_CAP:,} bytes")
        return tomllib.loads(path.read_text("utf-8"))
    except UsageError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: {what} in TOML was expected: {reason}") from None


def decode(table: object, kind: type[T], where: str = "") -> T:
    """Decode a table strictly; raise `UsageError`, which begins with `where` and names the key."""
    if isinstance(table, dict):
        known = kind.__struct_fields__
        for key in table:
            if key not in known and key != kind.__struct_config__.tag_field:
                raise UsageError(f"{where}{key}: no such key{nearest(str(key), known)}; known are {', '.join(known)}")
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        place = place.rstrip("`").lstrip(".")
        raise UsageError(f"{where}{place}: {text}" if place else f"{where}{text}") from None


def sensor_of_columns(sensors: Sequence[ColumnSensor], names: Sequence[str]) -> dict[str, ColumnSensor]:
    """Return the sensor behind each column that has one.

    Parameters
    ----------
    names : sequence of str
        The columns that are noised.

    Raises
    ------
    UsageError
        For a name or glob that no column has, and for a column with two sensors.
    """
    found = dict[str, ColumnSensor]()
    for place, sensor in enumerate(sensors):
        for pattern in sensor.columns or ["*"]:
            matching = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
            if not matching:
                raise UsageError(
                    f"sensor[{place}].columns: none of the columns to be noised is {pattern!r}{nearest(pattern, names)}"
                )
            for name in matching:
                if found.setdefault(name, sensor) is not sensor:
                    raise UsageError(f"sensor[{place}].columns: {name!r} has a sensor already; give each column one")
    return found
