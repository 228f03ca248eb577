"""Comma- and otherwise separated tables: the file is edited, never rewritten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augkit.outcome import FormatInfo
from augkit.series.csv_arrow import Floats
from augkit.series.csv_bytes import Text, decode
from augkit.series.csv_dialect import Dialect, sniff
from augkit.series.csv_read import Batch, CsvReading
from augkit.series.csv_splice import KEEP, splice
from augkit.series.csv_text import write
from augkit.series.options import SeriesOptions
from augkit.series.spread import Values
from augkit.series.table import Piece

INFO = FormatInfo(
    name="CSV",
    suffixes=(".csv", ".tsv"),
    keeps="every byte but those of noised cells; decimals, quotes, blanks, line ends, encoding and order stay",
    limits="one table a file, all rows with as many cells as the header",
)


class CsvTable:
    """One text table, with the places of all its numbers."""

    def __init__(self, text: Text, dialect: Dialect, reading: CsvReading) -> None:
        self._text, self._dialect, self._reading = text, dialect, reading
        self.columns = reading.columns

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows, and the dialect that was found."""
        return {
            "name": INFO.name,
            "rows": self._reading.rows,
            "delimiter": self._dialect.delimiter,
            "decimal": self._dialect.decimal,
        }

    def render(self, noised: Mapping[int, Values]) -> tuple[Iterator[Piece], dict[int, Values]]:
        """Return the file with new values in some columns; a cell whose value does not change keeps its bytes."""
        written = {position: np.empty(self._reading.rows) for position in sorted(noised)}
        pieces = [self._edit(batch, noised, written) for batch in self._reading.batches]
        added = len(self._reading.text) - len(self._text.data)
        pieces[-1] = pieces[-1][: len(pieces[-1]) - added]
        top: Piece = self._reading.text[: self._reading.head.place]
        return iter([self._text.mark, *map(self._text.restore, [top, *pieces])]), written

    def _edit(self, batch: Batch, noised: Mapping[int, Values], written: Mapping[int, Floats]) -> Piece:
        data = np.frombuffer(self._reading.text, np.uint8)[batch.place]
        if not written:
            return data.data
        choice = np.full((batch.rows.stop - batch.rows.start, len(written)), KEEP, np.int64)
        texts: list[pa.Array] = []
        base = 0
        for at, position in enumerate(written):
            parts, kept = self._cells(batch, position, noised[position][batch.rows], written[position][batch.rows])
            for rows, array in parts:
                choice[slice(None) if rows is None else rows, at] = base + np.arange(len(array))
                texts.append(array)
                base += len(array)
            choice[kept, at] = KEEP
        starts, ends = (np.stack([batch.edges[p][i] for p in written], axis=1).ravel() for i in (0, 1))
        return splice(data, starts, ends, texts, choice.ravel())

    def _cells(self, batch: Batch, position: int, new: Floats, written: Floats) -> tuple[list[Any], Any]:
        """Return the new texts of a column's cells and which cells keep their bytes; fill in what was written."""
        clean = self.columns[position].values
        assert clean is not None, position  # noqa: S101  (only columns of numbers are ever noised)
        old = clean[batch.rows]
        kept = ~((new != old) & np.isfinite(new) & np.isfinite(old))
        written[:] = old
        if kept.all():
            return [], kept
        style, decimal = self._reading.styles[position], self._dialect.decimal
        made = write(new, batch.scientific.get(position), style, decimal=decimal)
        kept |= made.values == old
        np.copyto(written, made.values, where=~kept)
        return made.parts, kept


def read(path: Path, options: SeriesOptions) -> CsvTable:
    """Read a text table.

    Raises
    ------
    InputError
        For a file that is no text, is empty, or has a row that does not fit.
    """
    text = decode(path.read_bytes())
    dialect = sniff(text.data, options)
    return CsvTable(text, dialect, CsvReading(text.data, dialect, header=options.header))
