"""Parquet: the pages of noised columns are made anew; those of all others, and what the file tells, are copied."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.series import parquet_footer as footer_
from augkit.series.arrow_columns import check_exact, columns_of, numbers, replaced
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.parquet_pages import Pages, way_of
from augkit.series.spread import Values
from augkit.series.table import Batch, Editor, Look
from augkit.series.thrift import Struct
from augkit.writing import writer

INFO = FormatInfo(
    name="Parquet",
    suffixes=(".parquet", ".pq"),
    keeps="schema, metadata of file and fields, row groups, nulls, codecs; the bytes of all columns without noise",
    limits="flat columns of integers, floats and decimals of up to 15 digits; indices of noised columns are dropped",
)

_ROWS, _FEWEST = 2**16, 2**10
"""Rows that are worked on at a time, and those of a file with very many columns."""

_CELLS = 2**21
"""Cells of all columns that are looked at together."""

_IN_MEMORY = 2**25
"""Bytes of the pages of all columns that wait in memory for their place in the file."""

_PIECE = 2**23
"""Bytes of all noised columns that become pages at a time."""

_KEPT = 2**25
"""Bytes of columns that are kept between passes."""

_BUFFERED = 2**25
"""Bytes of a row group from which on it is not read at once."""


class ParquetTable:
    """One Parquet file."""

    is_exact = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = path.stat().st_mtime_ns
        self._footer = footer_.read_footer(path)
        with _faults():
            self._file = self._open()
        self._schema = self._file.schema_arrow
        self.columns: Sequence[Column] = [self._checked(column) for column in columns_of(self._schema)]
        self.notices: Sequence[str] = ()
        self._kept: list[pa.Table] | None = None

    def _open(self) -> pq.ParquetFile:
        sizes = [footer_.number(group, 2) for group in footer_.groups(self._footer)]
        return pq.ParquetFile(self._path, buffer_size=2**20 if max(sizes, default=0) > _BUFFERED else 0)

    def _checked(self, column: Column) -> Column:
        """Return a column with what speaks against new pages for it."""
        if column.nature is None:
            twice = Counter(self._schema.names)[column.header] > 1
            reason = "its name is there twice" if twice else self._why_not(column)
            return column if reason is None else replace(column, numeric=False, nature=reason)
        return column

    def _why_not(self, column: Column) -> str | None:
        """Say why pages that are written today would not fit the schema."""
        leaf = next((leaf for leaf in _leaves(self._file) if leaf.path == column.header), None)
        field = self._schema.field(column.position)
        if leaf is None or leaf.max_repetition_level or leaf.max_definition_level != int(field.nullable):
            return "nested"
        way = way_of(field.type, leaf.physical_type, leaf.length, nullable=field.nullable)
        return f"{field.type} stored as {leaf.physical_type}" if way is None else None

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows and row groups."""
        told = self._file.metadata
        return {"name": INFO.name, "rows": told.num_rows, "row_groups": told.num_row_groups}

    def survey(self, look: Look, numbers: Collection[int], raw: Collection[int]) -> Sequence[Column]:
        """Go over the whole file once, and return what its columns are."""
        kept: list[pa.Table] | None = []
        size, rows = 0, self._rows(len(numbers) + len(raw))
        for group in range(self._file.metadata.num_row_groups):
            group_kept = []
            for made in self._record_batches(group, [*numbers, *raw], rows):
                look(self._batch(made, numbers, raw))
                size += made.nbytes
                kept = None if size > _KEPT else kept
                if kept is not None:
                    group_kept.append(made)
            if kept is not None:
                kept.append(pa.Table.from_batches(group_kept).combine_chunks() if group_kept else pa.table({}))
        self._kept = kept
        return self.columns

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the file once more, batch by batch."""
        for group in range(self._file.metadata.num_row_groups):
            for made in self._record_batches(group, [*numbers, *raw], self._rows(len(numbers) + len(raw))):
                yield self._batch(made, numbers, raw)

    def _record_batches(self, group: int, positions: Sequence[int], rows: int) -> Iterator[pa.RecordBatch]:
        if self._path.stat().st_mtime_ns != self._state:
            raise InputError("the file changed while it was read; run again when nothing writes to it")
        names = [self.columns[position].header for position in dict.fromkeys(positions)]
        if self._kept is not None:
            kept = self._kept[group]
            for begin in range(0, kept.num_rows, rows):
                yield from kept.slice(begin, rows).select(names).to_batches()
            return
        with _faults():
            made = self._file.iter_batches(rows, row_groups=[group], columns=names, use_threads=False)
            yield from (batch for batch in made if batch.num_rows)

    @staticmethod
    def _rows(columns: int) -> int:
        return min(_ROWS, max(_CELLS // max(columns, 1), _FEWEST))

    def _batch(self, made: pa.RecordBatch, positions: Collection[int], raw: Collection[int]) -> Batch:
        values = {p: numbers(made.column(self.columns[p].header), self.columns[p]) for p in positions}
        return Batch(made.num_rows, values, {p: made.column(self.columns[p].header) for p in raw})

    def forget(self) -> None:
        """Let go of the columns that are kept."""
        self._kept = None

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file with new pages of some columns."""
        footer = footer_.read_footer(self._path)  # anew, as it is changed below
        names = {self.columns[position].header.encode(): position for position in numbers}
        behind: list[tuple[footer_.Moved, int]] = []
        dropped = unsorted = False
        with writer(target) as out, self._path.open("rb") as source:
            out.write(footer_.MAGIC)
            for index, group in enumerate(footer_.groups(footer)):
                begin, noised = out.tell(), set[int]()
                with ExitStack() as stack:
                    pages = (
                        self._pages(index, editor, numbers, raw, stack) if footer_.number(group, footer_.ROWS) else {}
                    )
                    for place, chunk in enumerate(footer_.chunks(group)):
                        position = names.get(b"\0".join(footer_.path_of(chunk)))
                        if position in pages:
                            dropped = dropped or footer_.has_index(chunk)
                            pages[position].put(out, chunk)
                            noised.add(place)
                        else:
                            behind += _copy(out, source, chunk)
                unsorted = footer_.finish_group(group, begin, noised) or unsorted
            footer_.write_behind(out, source, behind)
            footer_.write_footer(out, footer)
        self.notices = _notices(dropped=dropped, unsorted=unsorted)

    def _pages(
        self, group: int, editor: Editor, numbers: Collection[int], raw: Collection[int], stack: ExitStack
    ) -> dict[int, Pages]:
        """Return the new pages of each noised column of a row group."""
        spool = cast(IO[bytes], stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY)))  # noqa: SIM115
        pages = {position: self._new_pages(group, position, spool) for position in numbers}
        rows = max(self._rows(len(numbers)), _PIECE // (8 * max(len(numbers), 1)) // _ROWS * _ROWS)
        for made in self._record_batches(group, [*numbers, *raw], rows):
            batch = self._batch(made, numbers, raw)
            noisy, written = editor.edit(batch), dict[int, Values]()
            for position, new in noisy.values.items():
                column = self.columns[position]
                array, old = made.column(column.header), batch.values[position]
                check_exact(old, array, column)
                array, written[position] = replaced(array, old, new, noisy.missing.get(position))
                pages[position].add(array)
            editor.wrote(batch, written)
        return pages

    def _new_pages(self, group: int, position: int, spool: IO[bytes]) -> Pages:
        field, header = self._schema.field(position), self.columns[position].header.encode()
        (chunk,) = (c for c in footer_.chunks(footer_.groups(self._footer)[group]) if footer_.path_of(c) == [header])
        leaf = next(leaf for leaf in _leaves(self._file) if leaf.path == field.name)
        way = way_of(field.type, leaf.physical_type, leaf.length, nullable=field.nullable)
        assert way is not None, field.name  # noqa: S101  (columns for which there is none are left alone)
        return Pages(field, way, chunk, spool)


def _leaves(file: pq.ParquetFile) -> Iterator[Any]:
    return map(file.schema.column, range(len(file.schema)))


def _copy(out: IO[bytes], source: IO[bytes], chunk: Struct) -> list[tuple[footer_.Moved, int]]:
    """Copy the pages of a column, and return what of it is to be copied behind all pages."""
    behind = list(footer_.parts_behind(chunk))
    begin, length = footer_.extent(chunk)
    shift = out.tell() - begin
    footer_.copy_range(out, source, begin, length)
    footer_.move(chunk, shift)
    return [(part, shift) for part in behind]


def _notices(*, dropped: bool, unsorted: bool) -> list[str]:
    notices = []
    if dropped:
        notices.append("page indices and filters of noised columns are dropped, as they told of the old values")
    if unsorted:
        notices.append("rows are no longer told to be sorted by a column that has noise now")
    return notices


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what Arrow raises about broken files into errors of ours."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"the Parquet file is broken: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise InputError(f"the Parquet file is broken: {error}") from None


def read(path: Path, options: SeriesOptions) -> ParquetTable:
    """Open a Parquet file.

    Raises
    ------
    InputError
        For a file that is none, broken or encrypted.
    """
    del options
    return ParquetTable(path)
