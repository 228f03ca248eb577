"""Files of sensor series: the table of formats, and the series' side of a folder run."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from augkit.errors import InputError, nearest
from augkit.outcome import FormatInfo
from augkit.series.nature import Column
from augkit.series.noised import levels
from augkit.series.options import SeriesOptions
from augkit.series.table import SeriesItem, Table

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        ".csv": "augkit.series.csv_file",
        ".tsv": "augkit.series.csv_file",
        ".npy": "augkit.series.npy",
    }
)
"""The module of each suffix: it has ``INFO`` and ``read(path, options) -> Table``."""


def suffixes() -> Sequence[str]:
    """Return the suffixes, in lower case and with their dot, of files of series."""
    return tuple(FORMATS)


def output_suffix(suffix: str, options: SeriesOptions) -> str:
    """Return the suffix of the output of a file with `suffix`: the same.

    Raises
    ------
    InputError
        For a suffix that is no format of series.
    """
    del options
    _module_of(suffix)
    return suffix


def open_item(path: Path, options: SeriesOptions) -> SeriesItem:
    """Decode and check a file of series.

    Raises
    ------
    InputError
        With the path and, where there is one, the row, for a file that is broken or cannot be noised faithfully.
    """
    try:
        return SeriesItem(_read(path, options), options)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def compare(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between two files of series.

    Returns
    -------
    dict
        ``columns``: ``std`` (in the column's unit) and ``snr_db`` (on its AC power) of each column of numbers that
        differs; ``unchanged``: the others by name; ``std`` and ``snr_db`` once more where one column differs.

    Raises
    ------
    InputError
        Where the two do not have the same columns and rows.
    """
    pairs = _pairs(clean, noisy)
    columns = {old.name: _between(old, new) for old, new in pairs}
    changed = {name: found for name, found in columns.items() if found["std"]}
    only: dict[str, Any] = next(iter(changed.values())) if len(changed) == 1 else {"std": None, "snr_db": None}
    if not changed:
        only = {"std": 0.0, "snr_db": None}
    unchanged = [name for name in columns if name not in changed]
    return {**only, "psnr_db": None, "clipped": 0.0, "columns": changed, "unchanged": unchanged}


def formats() -> Sequence[FormatInfo]:
    """Return what is read and written, a row for each format."""
    return [import_module(name).INFO for name in dict.fromkeys(FORMATS.values())]


def _module_of(suffix: str) -> str:
    module = FORMATS.get(suffix.lower())
    if module is None:
        known = ", ".join(FORMATS)
        raise InputError(f"{suffix or 'no suffix'}: no format of series{nearest(suffix, FORMATS)}; known are {known}")
    return module


def _read(path: Path, options: SeriesOptions) -> Table:
    reader: Callable[[Path, SeriesOptions], Table] = import_module(_module_of(path.suffix)).read
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  (never opened: a named pipe would block)
        raise InputError("not a regular file")
    return reader(path, options)


def _pairs(clean: Path, noisy: Path) -> list[tuple[Column, Column]]:
    tables = []
    for path in (clean, noisy):
        try:
            tables.append(_read(path, SeriesOptions()))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    first, second = tables
    if first.facts["rows"] != second.facts["rows"] or len(first.columns) != len(second.columns):
        shapes = [f"{table.facts['rows']} rows and {len(table.columns)} columns" for table in tables]
        raise InputError(f"{clean} has {shapes[0]}, {noisy} has {shapes[1]}; expected the same")
    return list(zip(first.columns, second.columns, strict=True))


def _between(old: Column, new: Column) -> dict[str, float | None]:
    if old.values is None or new.values is None:
        return {"std": None, "snr_db": None}
    if old.values.dtype != new.values.dtype:
        return levels(old.values.astype(np.float64), new.values.astype(np.float64))
    return levels(old.values, new.values)
