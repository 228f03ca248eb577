"""Tables in memory, whatever library they are of: their columns as arrays, and tables of the same kind with new values.

pandas, polars and Arrow are spoken to in their own words, and imported where one of theirs is met: what has to be kept
(an index, masks of nullable types, fields with metadata, columns of one name) is what layers upon them leave out.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from augkit.errors import UsageError
from augkit.series.frames.base import Frame
from augkit.series.frames.numpy_array import ArrayFrame

__all__ = ["Frame", "as_frame"]

_MODULES = {"pandas": "pandas_frame", "polars": "polars_frame", "pyarrow": "arrow_table"}


def as_frame(table: Any) -> Frame:
    """Return a table, or a column, with what is asked of any.

    Parameters
    ----------
    table : ndarray, or a DataFrame or Series of pandas or polars, or a Table, RecordBatch or (chunked) array of Arrow
        Never changed.

    Raises
    ------
    UsageError
        For anything else.
    """
    if isinstance(table, np.ndarray):
        return ArrayFrame(table)
    library = type(table).__module__.partition(".")[0]
    if library in _MODULES:
        wrap: Callable[[Any], Frame | None] = import_module(f"augkit.series.frames.{_MODULES[library]}").wrap
        frame = wrap(table)
        if frame is not None:
            return frame
    raise UsageError(
        f"expected a NumPy array, a DataFrame or Series of pandas or polars, or an Arrow table (or a list of these), "
        f"got {type(table).__qualname__}; convert it first"
    )
