"""The records of a run: reading those of an earlier one, and writing metadata.jsonl and failures.jsonl at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from augkit.errors import UsageError
from augkit.folder.make import Made, failures_in
from augkit.folder.plan import JOURNAL, METADATA, Fault, Output, Plan
from augkit.folder.storage import not_written, sync_file, sync_folders, write_atomically
from augkit.noise.keys import STREAM_VERSION

_AT_ONCE = 2**20
"""Bytes of a journal that are read at a time: its rows are nearly in order, so that most of them are there already."""

_encode = msgspec.json.Encoder().encode


class Entry(msgspec.Struct):
    """One journalled row: its number in the plan, then the row as it will stand in the manifest."""

    index: int
    row: msgspec.Raw


class _Numbered(msgspec.Struct):
    """The number alone, which is found without a look at the row."""

    index: int


Row = dict[str, Any]


def journal_line(index: int, row: Row | msgspec.Raw) -> bytes:
    """Return the line of a journal that holds the row of the output with this number in the plan."""
    return _encode({"index": index, "row": row}) + b"\n"


def rows_there(size_of: Callable[[str], int], plan: Plan, records: Iterable[Path]) -> dict[int, bytes]:
    """Return the rows of the outputs that earlier runs finished, by their numbers in `plan`.

    Rows count where their file is there with its size, its labels are those of the plan and there too, and they are of
    this stream version. A line that cannot be read, such as the torn last one that a kill can leave, tells of nothing:
    its output is made again.

    Parameters
    ----------
    size_of : callable
        Tells the size of a file in DST; raises `OSError` where it is not there.
    records : iterable of Path
        The manifest and journals; of one output the last row counts.
    """
    outputs = {output.name: output for task in plan.tasks if task.kind == "noise" for output in task.outputs}
    rows: dict[int, bytes] = {}
    lines = (line for path in records for line in (_lines(path) if path.name == METADATA else _journal_rows(path)))
    for line in lines:
        try:
            row = msgspec.json.decode(line, type=Row)
            name, size, version = str(row["file_name"]), int(row["bytes"]), row["stream_version"]
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            continue
        output = outputs.get(name)
        if output is not None and version == STREAM_VERSION and _is_there(size_of, output, size, row.get("labels", [])):
            rows[output.index] = line
    return rows


def told_failures(rows: Iterable[bytes]) -> list[Made]:
    """Return the parts of sources that failed in an earlier run, and of which nothing will be tried again."""
    decoded = (msgspec.json.decode(row, type=Row) for row in rows if b'"failures":[' in row)
    return [made for row in decoded for made in failures_in(row)]


def begin_journal(path: Path, rows: Mapping[int, bytes]) -> None:
    """Write a journal that holds the rows of an earlier run, and no others."""
    lines = b"".join(journal_line(index, msgspec.Raw(row)) for index, row in rows.items())
    write_atomically(path, lambda temporary: temporary.write_bytes(lines))
    sync_file(path)


def _is_there(size_of: Callable[[str], int], output: Output, size: int, labels: object) -> bool:
    """Tell whether an output is there with its size, and all its labels: those of a size that is known with theirs."""
    try:
        same = size_of(output.name) == size
        for label in output.labels:
            found = size_of(label.name)
            filled = found > 0 or label.name.endswith(".jsonl")  # a list of rows may have none
            same = same and (found == label.size or (label.size is None and filled))
    except OSError:
        return False
    return same and labels == output.followers


def journalled(root: Path) -> set[int]:
    """Return the numbers in the plan of the outputs that have a row."""
    decoder = msgspec.json.Decoder(_Numbered)
    with (root / JOURNAL).open("rb") as journal:
        return {decoder.decode(line).index for line in journal}


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def _journal_rows(path: Path) -> Iterator[bytes]:
    decoder = msgspec.json.Decoder(Entry)
    for line in _lines(path):
        with suppress(msgspec.DecodeError):
            yield bytes(decoder.decode(line).row)


def merge(root: Path) -> None:
    """Write metadata.jsonl in the plan's order from the journal, and drop the journal."""
    numbers, entries = msgspec.json.Decoder(_Numbered), msgspec.json.Decoder(Entry)
    places: dict[int, tuple[int, int]] = {}
    with (root / JOURNAL).open("rb", buffering=_AT_ONCE) as journal:
        begin = 0
        for line in journal:
            places[numbers.decode(line).index] = (begin, len(line))
            begin += len(line)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as out:
                for index in sorted(places):
                    start, length = places[index]
                    journal.seek(start)
                    out.write(bytes(entries.decode(journal.read(length)).row) + b"\n")
                out.flush()
                os.fsync(out.fileno())

        try:
            write_atomically(root / METADATA, write)
            sync_folders([root], root)
        except OSError as error:
            raise not_written(root / METADATA, error, root) from None
    (root / JOURNAL).unlink()


def failure_rows(faults: Iterable[Fault], failed: Iterable[Made]) -> list[Row]:
    """Return the rows of what failed, before and while it was made."""
    rows: list[Row] = [{"source": fault.source, "copy": None, "reason": fault.reason} for fault in faults]
    return rows + [{"source": made.source, "copy": made.copy, "reason": made.failure} for made in failed]


def read_failures(path: Path) -> list[Row]:
    """Return the rows of a list of failures; raise `UsageError` where it cannot be read."""
    try:
        return [msgspec.json.decode(line, type=Row) for line in _lines(path)]
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: a row cannot be read ({error}); remove it, and resume its shard") from None


def write_failures(path: Path, rows: Sequence[Row], *, empty: bool = False) -> None:
    """Write failures.jsonl, sorted by source; where nothing failed, an old one goes, unless `empty`."""
    if not rows and not empty:
        path.unlink(missing_ok=True)
        return
    ordered = sorted(rows, key=lambda row: (str(row["source"]), row["copy"] or 0))
    data = b"".join(_encode(row) + b"\n" for row in ordered)
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(data))
        sync_file(path)
    except OSError as error:
        raise not_written(path, error, path.parent) from None
