"""The records of a run: reading those of an earlier one, and writing metadata.jsonl and failures.jsonl at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from augkit.errors import UsageError
from augkit.folder.make import Made
from augkit.folder.plan import FAILURES, JOURNAL, METADATA, Fault, Output, Plan
from augkit.folder.storage import not_written, sync_file, sync_folders, write_atomically
from augkit.noise.keys import STREAM_VERSION

_encode = msgspec.json.Encoder().encode


class Entry(msgspec.Struct):
    """One journalled row: its number in the plan, then the row as it will stand in the manifest."""

    index: int
    row: msgspec.Raw


def take_over(root: Path, plan: Plan) -> set[int]:
    """Return the numbers in `plan` of the outputs that an earlier run finished, and begin the journal with their rows.

    Rows count where their file is there with its size, its labels are those of the plan and there too, and they are of
    this stream version. A torn last line of the journal, which a kill can leave, is cut off; any other line that cannot
    be read is an error.
    """
    outputs = {output.name: output for task in plan.tasks if task.kind == "noise" for output in task.outputs}
    rows: dict[int, bytes] = {}
    for line in _lines(root / METADATA, torn=False) + _journal_rows(root / JOURNAL):
        try:
            row = msgspec.json.decode(line, type=dict[str, Any])
            name, size, version = str(row["file_name"]), int(row["bytes"]), row["stream_version"]
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            raise UsageError(f"{root / METADATA}: a row cannot be read: {line[:80]!r}; use --overwrite") from None
        output = outputs.get(name)
        if output is not None and version == STREAM_VERSION and _is_there(root, output, size, row.get("labels", [])):
            rows[output.index] = line
    entries = b"".join(_encode({"index": index, "row": msgspec.Raw(row)}) + b"\n" for index, row in rows.items())
    write_atomically(root / JOURNAL, lambda temporary: temporary.write_bytes(entries))
    sync_file(root / JOURNAL)
    return set(rows)


def _is_there(root: Path, output: Output, size: int, labels: object) -> bool:
    """Tell whether an output is there with its size, and all its labels: those of a size that is known with theirs."""
    try:
        sizes = [(root / name).stat(follow_symlinks=False).st_size for name in (output.name, *output.label_names)]
    except OSError:
        return False
    expected = [size, *(label.size for label in output.labels)]
    same = all(found == wanted or (wanted is None and found) for found, wanted in zip(sizes, expected, strict=True))
    return same and labels == output.followers


def journalled(root: Path) -> set[int]:
    """Return the numbers in the plan of the outputs that have a row."""
    decoder = msgspec.json.Decoder(Entry)
    with (root / JOURNAL).open("rb") as journal:
        return {decoder.decode(line).index for line in journal}


def _lines(path: Path, *, torn: bool) -> list[bytes]:
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1] if torn else data
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    return whole.splitlines()


def _journal_rows(path: Path) -> list[bytes]:
    decoder = msgspec.json.Decoder(Entry)
    try:
        return [bytes(decoder.decode(line).row) for line in _lines(path, torn=True)]
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: the journal is damaged ({error}); use --overwrite to begin anew") from None


def merge(root: Path) -> None:
    """Write metadata.jsonl in the plan's order from the journal, and drop the journal."""
    decoder = msgspec.json.Decoder(Entry)
    places: dict[int, tuple[int, int]] = {}
    with (root / JOURNAL).open("rb") as journal:
        begin = 0
        for line in journal:
            places[decoder.decode(line).index] = (begin, len(line))
            begin += len(line)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as out:
                for index in sorted(places):
                    start, length = places[index]
                    journal.seek(start)
                    out.write(bytes(decoder.decode(journal.read(length)).row) + b"\n")
                out.flush()
                os.fsync(out.fileno())

        try:
            write_atomically(root / METADATA, write)
            sync_folders([root], root)
        except OSError as error:
            raise not_written(root / METADATA, error, root) from None
    (root / JOURNAL).unlink()


def write_failures(root: Path, faults: Iterable[Fault], failed: Iterable[Made]) -> None:
    """Write failures.jsonl, sorted by source, or remove an old one where nothing failed."""
    rows: list[dict[str, Any]] = [{"source": fault.source, "copy": None, "reason": fault.reason} for fault in faults]
    rows += [{"source": made.source, "copy": made.copy, "reason": made.failure} for made in failed]
    path = root / FAILURES
    if not rows:
        path.unlink(missing_ok=True)
        return
    rows.sort(key=lambda row: (str(row["source"]), row["copy"] or 0))
    data = b"".join(_encode(row) + b"\n" for row in rows)
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(data))
        sync_file(path)
    except OSError as error:
        raise not_written(path, error, root) from None
