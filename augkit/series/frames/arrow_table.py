"""Tables, record batches and arrays of Arrow: schema, metadata, nulls and chunks are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from augkit.series.columns import unique_names
from augkit.series.frames.base import Cells, column_of
from augkit.series.nature import Column


def wrap(table: Any) -> ArrowFrame | None:
    """Return a table, a record batch, or an array of numbers as a table; None for anything else."""
    if isinstance(table, pa.Table | pa.RecordBatch):
        return ArrowFrame(table)
    if isinstance(table, pa.ChunkedArray | pa.Array):
        return ArrowFrame(pa.table([table], names=[""]), table)
    return None


class ArrowFrame:
    """A table or record batch, or an array as a table of a single column."""

    picky = True

    def __init__(self, table: pa.Table | pa.RecordBatch, array: pa.Array | pa.ChunkedArray | None = None) -> None:
        self._table, self._array = table, array

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self._table.num_rows)

    @cached_property
    def columns(self) -> Sequence[Column]:
        """All columns."""
        headers = self._table.schema.names
        kinds = [_kind(kind) for kind in self._table.schema.types]
        return [
            column_of(place, len(headers), name, headers[place], nature=nature, dtype=dtype)
            for place, (name, (dtype, nature)) in enumerate(zip(unique_names(headers), kinds, strict=True))
        ]

    def cells(self, position: int) -> Cells:
        """Return the numbers of a column."""
        column = self.raw(position)
        empty = pc.is_null(column).to_numpy(zero_copy_only=False)
        return Cells(_filled(column).to_numpy(zero_copy_only=False), empty)

    def raw(self, position: int) -> pa.Array:
        """Return a column as an Arrow array."""
        column = self._table.column(position)
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

    def rebuilt(self, new: Mapping[int, Cells]) -> Any:
        """Return a table of the same kind with new numbers in some columns."""
        if self._array is not None:
            return self._in_chunks(self._array, arrow_of(new[0])) if new else self._array
        made = self._table
        for position, cells in new.items():
            column = self._in_chunks(self._table.column(position), arrow_of(cells))
            made = made.set_column(position, self._table.schema.field(position), column)
        return made

    @staticmethod
    def _in_chunks(old: pa.Array | pa.ChunkedArray, new: pa.Array) -> pa.Array | pa.ChunkedArray:
        if isinstance(old, pa.Array):
            return new
        ends = np.cumsum([len(chunk) for chunk in old.chunks])
        return pa.chunked_array(
            [new.slice(end - len(chunk), len(chunk)) for chunk, end in zip(old.chunks, ends.tolist(), strict=True)],
            type=new.type,
        )

    def marks(self, bits: Mapping[int, NDArray[np.uint8]]) -> Any:
        """Return a table, or an array, of these columns."""
        made = [arrow_of(Cells(column)) for column in bits.values()]
        if self._array is not None:
            return made[0]
        kind = pa.RecordBatch if isinstance(self._table, pa.RecordBatch) else pa.Table
        return kind.from_arrays(made, names=[self._table.schema.names[place] for place in bits])


def arrow_of(cells: Cells) -> pa.Array:
    """Return numbers as an Arrow array, its empty cells null; never by ``pa.array``, which imports pandas."""
    values = np.ascontiguousarray(cells.values)
    valid = None
    if cells.empty is not None and cells.empty.any():
        valid = pa.py_buffer(np.packbits(~cells.empty, bitorder="little"))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [valid, pa.py_buffer(values)])


def _filled(column: pa.Array) -> pa.Array:
    """Return an array whose nulls are zeros."""
    return pc.fill_null(column, pa.scalar(0, column.type)) if column.null_count else column


def _kind(kind: pa.DataType) -> tuple[Any, str | None]:
    """Return the NumPy type of a column's numbers, and None; or why it holds none."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return kind.to_pandas_dtype(), None
    if pa.types.is_temporal(kind):
        return None, "time stamps"
    return None, "boolean" if pa.types.is_boolean(kind) else "decimal" if pa.types.is_decimal(kind) else "text"
