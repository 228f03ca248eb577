"""Plain NumPy arrays as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.series.frames.base import Cells, column_of
from augkit.series.nature import Column
from augkit.signal import refuse_masked

if TYPE_CHECKING:
    import pyarrow as pa


class ArrayFrame:
    """An array of shape (rows,) or (rows, columns), of integers or of floats up to 64 bits."""

    picky = False

    def __init__(self, values: NDArray[Any]) -> None:
        refuse_masked("values", values)
        if values.dtype.kind not in "iuf" or values.dtype.itemsize > 8:
            raise UsageError(f"dtype {values.dtype}: expected integers, or floats of 16, 32 or 64 bits")
        if values.ndim not in (1, 2):
            raise UsageError(f"shape {values.shape}: expected (rows,) or (rows, columns); a batch is a list of arrays")
        self._values = values
        self._table = values.reshape(values.shape[0], -1) if values.size else values.reshape(values.shape[0], 0)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self._table.shape[0]

    @property
    def columns(self) -> Sequence[Column]:
        """All columns; they have numbers for names."""
        width = self._table.shape[1]
        dtype = self._values.dtype.newbyteorder("=")
        return [column_of(place, width, str(place), "", nature=None, dtype=dtype) for place in range(width)]

    def cells(self, position: int) -> Cells:
        """Return the numbers of a column."""
        return Cells(self._table[:, position])

    def raw(self, position: int) -> pa.Array:
        """Return a column as an Arrow array."""
        from augkit.series.csv_arrow import of_numbers

        return of_numbers(self._table[:, position].astype(self._values.dtype.newbyteorder("=")))

    def rebuilt(self, new: Mapping[int, Cells]) -> NDArray[Any]:
        """Return an array of the same shape and type with new numbers in some columns."""
        dtype = self._values.dtype
        if self._values.ndim == 1 and 0 in new:
            return new[0].values.astype(dtype, copy=False)
        made = np.empty_like(self._values, subok=False) if len(new) == self._table.shape[1] else np.array(self._values)
        for position, cells in new.items():
            made[:, position] = cells.values
        return made

    def marks(self, bits: Mapping[int, NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Return an array of the same shape."""
        made = np.zeros(self._values.shape, np.uint8)
        for position, column in bits.items():
            made[(slice(None), position) if made.ndim > 1 else slice(None)] = column
        return made
