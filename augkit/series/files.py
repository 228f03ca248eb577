"""Files of sensor series: the table of formats, and the series' side of a folder run."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from augkit.errors import InputError, nearest
from augkit.outcome import FormatInfo
from augkit.series.options import SeriesOptions

if TYPE_CHECKING:  # a run looks into this table before it loads anything
    from augkit.pieces import Piece
    from augkit.series.item import SeriesItem
    from augkit.series.table import Table

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        **{suffix + packed: "augkit.series.csv_file" for suffix in (".csv", ".tsv") for packed in ("", ".gz", ".zst")},
        **{
            suffix + packed: "augkit.series.json_file"
            for suffix in (".jsonl", ".ndjson")
            for packed in ("", ".gz", ".zst")
        },
        ".parquet": "augkit.series.parquet",
        ".pq": "augkit.series.parquet",
        ".arrow": "augkit.series.arrow_file",
        ".feather": "augkit.series.arrow_file",
        ".ipc": "augkit.series.arrow_file",
        ".arrows": "augkit.series.arrow_file",
        ".npy": "augkit.series.npy",
        ".npz": "augkit.series.npz",
        ".mat": "augkit.series.mat",
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


def further_outputs(output: str, options: SeriesOptions) -> Mapping[str, str]:
    """Return the names in DST of what is saved beside an output: the mask of its faults."""
    return {"mask": f"{output}.mask.parquet"} if options.save_mask else {}


def open_item(path: Path, options: SeriesOptions) -> SeriesItem:
    """Open and check a file of series.

    Raises
    ------
    InputError
        With the path and, where there is one, the row, for a file that is broken or cannot be noised faithfully.
    """
    from augkit.series.item import SeriesItem
    from augkit.series.learning import LearntOptions

    if options.scale_from is not None and not isinstance(options, LearntOptions):
        options = prepared(options, ())
    learnt = options.learnt if isinstance(options, LearntOptions) else None
    with _named(path):
        return SeriesItem(open_table(path, options), options, path, learnt)


def prepared(options: SeriesOptions, paths: Iterable[Path]) -> SeriesOptions:
    """Return options with what relative levels refer to, where that is not learnt from each file by itself.

    Files that cannot be read are passed over: they fail when they are to be written.

    Raises
    ------
    InputError
        For a `scale_from` that cannot be read.
    """
    if options.scale_from is None and options.scale_over == "file":
        return options
    from augkit.series.learning import with_learnt

    if options.scale_from is None:
        return with_learnt(options, paths, open_table, passing_over=True)
    path = Path(options.scale_from)
    with _named(path):
        return with_learnt(options, [path], open_table)


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
    from augkit.series.comparing import compare_tables

    found = compare_tables(*_opened(clean, noisy), (str(clean), str(noisy)))
    changed = found["columns"]
    only: dict[str, Any] = next(iter(changed.values())) if len(changed) == 1 else {"std": None, "snr_db": None}
    if not changed:
        only = {"std": 0.0, "snr_db": None}
    return {**only, "psnr_db": None, "clipped": 0.0, **found}


def side_by_side(clean: Path, noisy: Path) -> Iterator[Piece]:
    """Yield batches of the columns of numbers of two files, by name; errors are those of `compare`."""
    from augkit.series.comparing import pieces_of

    yield from pieces_of(*_opened(clean, noisy), (str(clean), str(noisy)))


def _opened(clean: Path, noisy: Path) -> tuple[Table, Table]:
    with _named(clean):
        first = open_table(clean, SeriesOptions())
    with _named(noisy):
        return first, open_table(noisy, SeriesOptions())


def formats() -> Sequence[FormatInfo]:
    """Return what is read and written, a row for each format."""
    return [import_module(name).INFO for name in dict.fromkeys(FORMATS.values())]


def _module_of(name: str) -> str:
    fitting = [suffix for suffix in FORMATS if name.lower().endswith(suffix)]
    if not fitting:
        suffix, known = Path(name).suffix or name, ", ".join(FORMATS)
        raise InputError(f"{suffix or 'no suffix'}: no format of series{nearest(suffix, FORMATS)}; known are {known}")
    return FORMATS[max(fitting, key=len)]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the path in front of what is wrong with the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def open_table(path: Path, options: SeriesOptions) -> Table:
    """Open a file as the table that its suffix tells of."""
    reader: Callable[[Path, SeriesOptions], Table] = import_module(_module_of(path.name)).read
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  (never opened: a named pipe would block)
        raise InputError("not a regular file")
    return reader(path, options)
