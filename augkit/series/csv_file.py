"""Comma- and otherwise separated tables: the file is edited, never rewritten."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from augkit.outcome import FormatInfo
from augkit.prefetch import ready_ahead
from augkit.series.csv_arrow import texts
from augkit.series.csv_bytes import TextFile
from augkit.series.csv_cells import BATCH, OddQuotesError
from augkit.series.csv_dialect import sniff
from augkit.series.csv_edit import Cells as CellsOf
from augkit.series.csv_edit import Change, Form, edited
from augkit.series.csv_parse import Parsed, parsed
from augkit.series.csv_read import Gatherer, columns_of
from augkit.series.csv_rows import RaggedError, notices_of, rows
from augkit.series.csv_scan import Cells, Scanner, first_bytes, look_at_top, top_lines
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.packed import notice, writing
from augkit.series.table import Batch, Editor, Look, SurveyAgainError

T = TypeVar("T")

INFO = FormatInfo(
    name="CSV",
    suffixes=(".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst"),
    keeps="every byte but those of noised cells; decimals, quotes, blanks, line ends, encoding and order stay",
    limits="one table a file, all rows with as many cells as the header; compressed files are compressed anew",
)

_TOP = 2**16
"""Bytes in which the header, and columns of text, are looked for."""

_CELLS = 2**18
"""Cells that are worked on at a time, about."""

_KEPT = 2**26
"""Bytes of text, with the places and numbers of its cells, that are kept between passes."""


class CsvTable:
    """One text table.

    Parameters
    ----------
    path : Path
    options : SeriesOptions
    batch : int, optional
        Bytes that are worked on at a time.

    Raises
    ------
    InputError
        For a file that is no text, is empty, or has no row of data.
    """

    def __init__(self, path: Path, options: SeriesOptions, *, batch: int | None = None) -> None:
        self._file = TextFile(path)
        top = first_bytes(self._file, 2 * _TOP)[0]
        self._dialect = sniff(top, options)
        if batch is None:
            batch = min(_CELLS * len(top) // max(top.count(self._dialect.delimiter.encode()), 1), BATCH)
        self._head = look_at_top(self._file, self._dialect, header=options.header, size=_TOP)
        self._scanner = Scanner(self._file, self._dialect, self._head, batch)
        self._form = Form(self._dialect.decimal, options.fixed_decimals())
        self._gap = "nan" if self._dialect.delimiter == " " else ""
        self.columns: Sequence[Column] = columns_of(self._head)
        self.is_exact = self._file.codec is None
        packed = () if self._file.codec is None else (notice(self._file.codec),)
        self._told = (*packed, *notices_of(self._head))
        self.notices: Sequence[str] = self._told
        self._rows = 0
        self._kept: list[Parsed] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows, and the dialect that was found."""
        compressed = {"compression": self._file.codec} if self._file.codec else {}
        return {
            "name": INFO.name,
            "rows": self._rows,
            "delimiter": self._dialect.delimiter,
            "decimal": self._dialect.decimal,
            **compressed,
        }

    def survey(self, look: Look, numbers: Collection[int], raw: Collection[int]) -> Sequence[Column]:
        """Go over the whole file once, and return what its columns are."""
        self._gatherer = Gatherer(self._head, self._dialect, numbers)
        self._look_at_top()
        self._rows, size = 0, 0
        kept: list[Parsed] | None = []
        try:
            for cells in self._ahead(iter(self._scanner)):
                made = self._gatherer.add(cells, raw)
                look(self._batch(made, made.values, raw))
                self._rows += cells.rows
                size += made.size
                kept = None if kept is None or size > _KEPT else kept
                if kept is not None:
                    kept.append(made)
        except OddQuotesError:
            self._scanner.by_cell = True
            raise SurveyAgainError from None
        self._kept = kept
        self.columns = [self._gatherer.column(column) for column in self.columns]
        return self.columns

    def _look_at_top(self) -> None:
        text, whole = first_bytes(self._file, self._head.place + _TOP)
        if whole:
            return
        lines = top_lines(text[self._head.place :], self._dialect, whole=False)
        try:
            starts, ends = rows(lines, self._head.width, before=0)
        except RaggedError:
            return  # the pass over all rows names it
        self._gatherer.look_at_top(Cells(lines.data, 0, 0, starts, ends))

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the file once more, batch by batch."""
        for made in self._again(numbers, raw):
            yield self._batch(made, numbers, raw)

    def _again(self, numbers: Collection[int], raw: Collection[int]) -> Iterator[Parsed]:
        if self._kept is not None:
            yield from self._kept
        else:
            yield from self._ahead(parsed(cells, numbers, raw, self._dialect) for cells in self._scanner)

    def _ahead(self, batches: Iterator[T]) -> Iterator[T]:
        """Return batches that are read ahead where there are many."""
        return ready_ahead(batches) if self._file.size > _KEPT else batches

    @staticmethod
    def _batch(made: Parsed, numbers: Collection[int], raw: Collection[int]) -> Batch:
        values = {position: made.values[position] for position in numbers}
        return Batch(made.rows, values, {p: texts(made.data, *made.edges[p]) for p in raw})

    def forget(self) -> None:
        """Let go of the batches that are kept."""
        self._kept = None

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file with new values in some columns; a cell whose value does not change keeps its bytes."""
        stray = (self._gatherer.notice(position, self.columns[position].name) for position in numbers)
        self.notices = (*self._told, *(notice for notice in stray if notice))
        with writing(target, self._file.codec, self._file.path) as out:
            out.write(self._file.mark)
            if self._head.place:
                out.write(self._file.restore(first_bytes(self._file, self._head.place)[0][: self._head.place]))
            for made in self._again(numbers, raw):
                piece = self._edited(made, editor, numbers, raw)
                out.write(self._file.restore(piece[: len(piece) - made.added]))

    def _edited(self, made: Parsed, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> memoryview:
        batch = self._batch(made, numbers, raw)
        noisy = editor.edit(batch)
        changes = dict[int, Change]()
        for position, new in sorted(noisy.values.items()):
            cells = CellsOf(*made.edges[position], made.values[position], made.scientific.get(position))
            style, gap = self._gatherer.style(position), self._gatherer.gap(position) or self._gap
            changes[position] = Change(cells, new, style, noisy.missing.get(position), gap)
        piece, written = edited(made.data, self._form, list(changes.values()))
        editor.wrote(batch, dict(zip(changes, written, strict=True)))
        return piece


def read(path: Path, options: SeriesOptions) -> CsvTable:
    """Open a text table.

    Raises
    ------
    InputError
        For a file that is no text, is empty, or has no row of data.
    """
    return CsvTable(path, options)
