"""What is asked of a table in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.series.nature import Column
from augkit.series.spread import Values

if TYPE_CHECKING:
    import pyarrow as pa

Flags = NDArray[np.bool_]


class Cells(msgspec.Struct, frozen=True, eq=False):
    """The numbers of one column.

    Attributes
    ----------
    values : ndarray, shape (rows,)
        Not to be changed.
    empty : ndarray of bool, shape (rows,), or None
        Cells that hold nothing; their values mean nothing. None where the column can have no empty cell.
    """

    values: Values
    empty: Flags | None = None

    @property
    def holds(self) -> Values:
        """The values of the cells that hold something."""
        return self.values if self.empty is None else self.values[~self.empty]


class Frame(Protocol):
    """One table: the same words for every library."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, in order; only those of integers and of floats up to 64 bits are numeric."""
        ...

    @property
    def picky(self) -> bool:
        """Whether times, ids and labels among its columns are left alone; a plain array has no names to tell them."""
        ...

    def cells(self, position: int) -> Cells:
        """Return the numbers of a numeric column."""
        ...

    def raw(self, position: int) -> pa.Array:
        """Return any column as an Arrow array."""
        ...

    def rebuilt(self, new: Mapping[int, Cells]) -> Any:
        """Return a table of the same kind with new numbers in some columns, each of its old type."""
        ...

    def marks(self, bits: Mapping[int, NDArray[np.uint8]]) -> Any:
        """Return a table of the same kind, of uint8, that has these columns only; plain arrays have them all."""
        ...


def column_of(place: int, width: int, name: str, header: str, *, nature: str | None, dtype: Any) -> Column:
    """Return the description of a column; `nature` says why it is no number, and is None for numbers."""
    whole = nature is None and np.dtype(dtype).kind in "iu"
    return Column(
        name=name,
        header=header,
        position=place,
        numeric=nature is None,
        whole=whole,
        nature=nature,
        place=place,
        width=width,
        dtype=np.dtype(dtype) if nature is None else np.dtype(np.float64),
    )
