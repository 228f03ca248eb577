"""DataFrames and Series of pandas: index, dtypes (NumPy's, nullable and Arrow's), attributes and names are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from augkit.series.columns import unique_names
from augkit.series.frames.base import Cells, column_of
from augkit.series.nature import Column


def wrap(table: Any) -> PandasFrame | None:
    """Return a DataFrame or a Series as a table; None for anything else."""
    import pandas as pd

    if isinstance(table, pd.Series):
        return PandasFrame(table.to_frame(), table)
    return PandasFrame(table) if isinstance(table, pd.DataFrame) else None


class PandasFrame:
    """A DataFrame, or a Series as one of a single column."""

    picky = True

    def __init__(self, frame: Any, series: Any = None) -> None:
        self._frame, self._series = frame, series

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self._frame)

    @cached_property
    def columns(self) -> Sequence[Column]:
        """All columns; names that are no text are written as one."""
        headers = ["" if label is None else str(label) for label in self._frame.columns]
        kinds = [_kind(dtype) for dtype in self._frame.dtypes]
        return [
            column_of(place, len(headers), name, headers[place], nature=nature, dtype=dtype)
            for place, (name, (dtype, nature)) in enumerate(zip(unique_names(headers), kinds, strict=True))
        ]

    def cells(self, position: int) -> Cells:
        """Return the numbers of a column."""
        column = self._frame.iloc[:, position]
        if isinstance(column.dtype, np.dtype):
            return Cells(column.to_numpy())
        empty = column.isna().to_numpy()
        return Cells(column.to_numpy(dtype=_kind(column.dtype)[0], na_value=0), empty)

    def raw(self, position: int) -> pa.Array:
        """Return a column as an Arrow array."""
        made = pa.Array.from_pandas(self._frame.iloc[:, position])
        return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made

    def rebuilt(self, new: Mapping[int, Cells]) -> Any:
        """Return a table of the same kind with new numbers in some columns."""
        made = self._frame.copy()
        for position, cells in new.items():
            made.isetitem(position, self._array(position, cells))
        return self._as_given(made)

    def _array(self, position: int, cells: Cells) -> Any:
        """Return new numbers in the type of a column, with its empty cells."""
        import pandas as pd

        array = self._frame.iloc[:, position].array
        if isinstance(array.dtype, np.dtype) or cells.empty is None:
            return cells.values
        made = array.copy()
        made[~cells.empty] = cells.values[~cells.empty]
        made[cells.empty] = pd.NA
        return made

    def marks(self, bits: Mapping[int, NDArray[np.uint8]]) -> Any:
        """Return a table with the same index."""
        made = self._frame.iloc[:, list(bits)].copy()
        for place, column in enumerate(bits.values()):
            made.isetitem(place, column)
        return self._as_given(made)

    def _as_given(self, frame: Any) -> Any:
        if self._series is None:
            return frame
        series = frame.iloc[:, 0]
        series.name, series.attrs = self._series.name, dict(self._series.attrs)
        return series


def _kind(dtype: Any) -> tuple[Any, str | None]:
    """Return the NumPy type of a column's numbers, and None; or why it holds none."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return None, "time stamps"
    if pd.api.types.is_bool_dtype(dtype):
        return None, "boolean"
    if isinstance(dtype, pd.SparseDtype):
        return None, "sparse"
    if not (pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_float_dtype(dtype)):
        return None, "decimal or complex" if pd.api.types.is_numeric_dtype(dtype) else "text"
    plain = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    if not isinstance(plain, np.dtype) or plain.kind not in "iuf" or plain.itemsize > 8:
        return None, f"{dtype}"
    return plain, None
