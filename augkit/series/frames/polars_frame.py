"""DataFrames and Series of polars: types and nulls are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.series.columns import unique_names
from augkit.series.frames.arrow_table import arrow_of
from augkit.series.frames.base import Cells, column_of
from augkit.series.nature import Column


def wrap(table: Any) -> PolarsFrame | None:
    """Return a DataFrame or a Series as a table; None for anything else."""
    import polars as pl

    if isinstance(table, pl.LazyFrame):
        raise UsageError("a LazyFrame holds no values yet; collect() it first")
    if isinstance(table, pl.Series):
        return PolarsFrame(table.to_frame(), table)
    return PolarsFrame(table) if isinstance(table, pl.DataFrame) else None


class PolarsFrame:
    """A DataFrame, or a Series as one of a single column."""

    picky = True

    def __init__(self, frame: Any, series: Any = None) -> None:
        self._frame, self._series = frame, series

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self._frame.height)

    @cached_property
    def columns(self) -> Sequence[Column]:
        """All columns."""
        headers = self._frame.columns
        kinds = [_kind(dtype) for dtype in self._frame.dtypes]
        return [
            column_of(place, len(headers), name, headers[place], nature=nature, dtype=dtype)
            for place, (name, (dtype, nature)) in enumerate(zip(unique_names(headers), kinds, strict=True))
        ]

    def cells(self, position: int) -> Cells:
        """Return the numbers of a column."""
        column = self._frame.to_series(position)
        return Cells(column.fill_null(0).to_numpy(), column.is_null().to_numpy())

    def raw(self, position: int) -> pa.Array:
        """Return a column as an Arrow array."""
        made: pa.Array = self._frame.to_series(position).to_arrow()
        return made

    def rebuilt(self, new: Mapping[int, Cells]) -> Any:
        """Return a table of the same kind with new numbers in some columns."""
        import polars as pl

        made = [pl.Series(self._frame.columns[place], arrow_of(cells)) for place, cells in new.items()]
        return self._as_given(self._frame.with_columns(made))

    def marks(self, bits: Mapping[int, NDArray[np.uint8]]) -> Any:
        """Return a table of these columns."""
        import polars as pl

        names = self._frame.columns
        return self._as_given(pl.DataFrame({names[place]: pl.Series(column) for place, column in bits.items()}))

    def _as_given(self, frame: Any) -> Any:
        return frame if self._series is None else frame.to_series(0)


def _kind(dtype: Any) -> tuple[Any, str | None]:
    """Return the NumPy type of a column's numbers, and None; or why it holds none."""
    import polars as pl

    if dtype.is_integer() or dtype.is_float():
        plain = pl.Series([], dtype=dtype).to_numpy().dtype if str(dtype) not in _WIDE else np.dtype(object)
        return (plain, None) if plain.kind in "iuf" and plain.itemsize <= 8 else (None, str(dtype))
    if dtype.is_temporal():
        return None, "time stamps"
    return None, "boolean" if dtype == pl.Boolean else "decimal" if dtype.is_decimal() else "text"


_WIDE = ("Int128", "UInt128")
