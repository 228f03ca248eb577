"""JSON Lines: the file is edited, never rewritten; one object a line, its fields in any order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.series.columns import unique_names
from augkit.series.csv_arrow import Floats, of_numbers, texts
from augkit.series.csv_bytes import TextFile
from augkit.series.csv_cells import BATCH
from augkit.series.csv_edit import Cells, Change, Edit, Form
from augkit.series.csv_numbers import Numbers, parse
from augkit.series.csv_read import Gathered
from augkit.series.json_scan import Found, Objects, scan
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.packed import notice, writing
from augkit.series.spread import Values
from augkit.series.table import Batch, Editor, Look

INFO = FormatInfo(
    name="JSON Lines",
    suffixes=tuple(s + packed for s in (".jsonl", ".ndjson") for packed in ("", ".gz", ".zst")),
    keeps="every byte but those of noised numbers; order, blanks, other fields and the decimals of numbers stay",
    limits="one object a line; numbers within nested objects and lists are left alone",
)

_TOP = 2**23
"""Bytes in which the names of fields are looked for."""

_MOST_CELLS, _SMALLEST = 2**21, 2**12
"""Cells of a batch, those that are not there included, and the bytes of the smallest batch."""


class JsonTable:
    """One file of JSON Lines."""

    def __init__(self, path: Path, options: SeriesOptions, *, batch: int = BATCH) -> None:
        self._file, self._form, self._size = TextFile(path), Form(".", options.fixed_decimals()), batch
        self.is_exact = self._file.codec is None
        self._told = () if self._file.codec is None else (notice(self._file.codec),)
        self.notices: Sequence[str] = self._told
        names = self._names()
        if not names:
            raise InputError("the file holds no fields: expected one object a line")
        titles = unique_names(names)
        self._named = [
            Column(title, name, i, place=i, width=len(names))
            for i, (title, name) in enumerate(zip(titles, names, strict=True))
        ]
        self.columns: Sequence[Column] = self._named
        self._gathered: dict[int, Gathered] = {}
        self._rows = 0

    def _names(self) -> list[str]:
        """Return the names of the fields in the first rows, and let batches be small where there are many."""
        names, seen, rows = dict[str, None](), 0, 0
        for objects in scan(self._file, self._size):
            names.update(dict.fromkeys(objects.fields))
            seen, rows = seen + objects.data.size, rows + objects.rows
            if seen >= _TOP:
                break
        fitting = seen * _MOST_CELLS // max(rows * len(names), 1)
        self._size = min(self._size, max(fitting, _SMALLEST))
        return list(names)

    @property
    def facts(self) -> dict[str, Any]:
        """Format and rows."""
        compressed = {"compression": self._file.codec} if self._file.codec else {}
        return {"name": INFO.name, "rows": self._rows, **compressed}

    def survey(self, look: Look, numbers: Collection[int], raw: Collection[int]) -> Sequence[Column]:
        """Go over the whole file once, and return what its columns are."""
        numbers = dict.fromkeys(numbers)
        self._gathered = {position: Gathered() for position in numbers}
        self._rows, late = 0, dict[str, int]()
        known = {column.header for column in self._named}
        for objects in scan(self._file, self._size):
            for name in objects.fields.keys() - known:
                late.setdefault(name, objects.first_row + int(objects.fields[name].rows[0]) + 1)
            parsed = {position: self._parsed(objects, position) for position in numbers}
            for position, (_, found) in parsed.items():
                if found is not None:
                    self._gathered[position].add(found)
            values = {position: _spread(objects, *found) for position, found in parsed.items()}
            look(Batch(objects.rows, values, self._raw(objects, raw)))
            self._rows += objects.rows
        looked = [
            self._gathered[c.position].column(c, _nature(self._gathered[c.position], c.name))
            if c.position in numbers
            else c
            for c in self._named
        ]
        self.columns = [*looked, *_late(late, len(looked))]
        return self.columns

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the file once more, batch by batch."""
        for objects in scan(self._file, self._size):
            yield self._batch(objects, numbers, raw)

    def _batch(self, objects: Objects, numbers: Collection[int], raw: Collection[int]) -> Batch:
        values = {position: _spread(objects, *self._parsed(objects, position)) for position in numbers}
        return Batch(objects.rows, values, self._raw(objects, raw))

    def _raw(self, objects: Objects, raw: Iterable[int]) -> dict[int, pa.Array]:
        return {position: self._texts(objects, position) for position in raw}

    def _texts(self, objects: Objects, position: int) -> pa.Array:
        """Return the values of a field as they are, without quotes; null where there is none."""
        found = objects.fields.get(self.columns[position].header)
        if found is None:
            return pa.nulls(objects.rows, pa.string())
        quoted = objects.data[found.starts] == ord('"')
        cells = texts(objects.data, found.starts + quoted, found.ends - quoted)
        places = np.full(objects.rows, len(cells), np.int64)
        places[found.rows] = np.arange(len(cells))
        return pa.concat_arrays([cells, pa.nulls(1, cells.type)]).take(of_numbers(places))

    def forget(self) -> None:
        """Let go of nothing: each pass reads the file anew."""

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file with new numbers in some fields; one that does not change keeps its bytes."""
        stray = (self._gathered[position].notice(self.columns[position].name) for position in numbers)
        self.notices = (*self._told, *(notice for notice in stray if notice))
        with writing(target, self._file.codec, self._file.path) as out:
            out.write(self._file.mark)
            for objects in scan(self._file, self._size):
                piece = self._edited(objects, editor, numbers, raw)
                out.write(self._file.restore(piece[: len(piece) - objects.added]))

    def _edited(self, objects: Objects, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> memoryview:
        parsed = {position: self._parsed(objects, position) for position in numbers}
        batch = Batch(
            objects.rows, {p: _spread(objects, *found) for p, found in parsed.items()}, self._raw(objects, raw)
        )
        noisy, edit, written = editor.edit(batch), Edit(objects.data, self._form), dict[int, Values]()
        for position, new in noisy.values.items():
            found, numbers_ = parsed[position]
            written[position] = batch.values[position].copy()
            if found is not None and numbers_ is not None:
                cells = Cells(found.starts, found.ends, numbers_.values, numbers_.scientific)
                missing = noisy.missing.get(position)
                lost = None if missing is None else missing[found.rows]
                style = self._gathered[position].style
                written[position][found.rows] = edit.put(Change(cells, new[found.rows], style, lost, "null"))
        editor.wrote(batch, written)
        return edit.spliced()

    def _parsed(self, objects: Objects, position: int) -> tuple[Found | None, Numbers | None]:
        found = objects.fields.get(self.columns[position].header)
        return found, None if found is None else parse(objects.data, found.starts, found.ends, decimal=".")


def _spread(objects: Objects, found: Found | None, numbers: Numbers | None) -> Floats:
    """Return the numbers of a field, one for each row."""
    values = np.full(objects.rows, np.nan)
    if found is not None and numbers is not None:
        values[found.rows] = numbers.values
    return values


def _nature(gathered: Gathered, name: str) -> str | None:
    """Say why a field carries no signal; None where it does."""
    nested = [word for word in gathered.words if word[:1] in ("{", "[")]
    if not nested:
        return gathered.nature()
    inner = sorted({inner for word in nested for inner in _inner(word)})
    return f"nested ({', '.join(f'{name}.{one}' for one in inner)})" if inner else "nested (a list)"


def _inner(word: str) -> list[str]:
    """Return the names within a nested object."""
    try:
        value = msgspec.json.decode(word.encode("latin-1"))
    except msgspec.DecodeError:
        return []
    return list(value) if isinstance(value, dict) else []


def _late(late: Mapping[str, int], first: int) -> list[Column]:
    """Return fields that come up behind the rows that were looked at for names."""
    return [
        Column(name, name, first + i, numeric=False, nature=f"first met in row {row}, behind those looked at for names")
        for i, (name, row) in enumerate(late.items())
    ]


def read(path: Path, options: SeriesOptions) -> JsonTable:
    """Open a file of JSON Lines.

    Raises
    ------
    InputError
        For a file that is empty, or has a line that is no object.
    """
    return JsonTable(path, options)
