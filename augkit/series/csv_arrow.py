"""Cells of a text as Arrow arrays, and NumPy arrays as Arrow's, without copies where that is possible.

Built from buffers and never with ``pyarrow.array``, which imports pandas where it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augkit.series.csv_cells import Bytes, Flags, Places

if TYPE_CHECKING:  # a table of plain numbers needs no Arrow
    import pyarrow as pa

Offsets = NDArray[Any]
Floats = NDArray[np.float64]


WIDE = 2**31
"""Bytes from which on Arrow's offsets need 64 bits."""


def is_wide(size: int) -> bool:
    """Tell whether offsets into so many bytes need 64 bits."""
    return size >= WIDE


def texts(data: Bytes, starts: Places, ends: Places) -> pa.Array:
    """Return the texts of cells, which do not overlap and are in order, as an Arrow array."""
    offsets = np.empty(2 * starts.size + 1, np.int64 if is_wide(data.size) else np.int32)
    offsets[0:-1:2], offsets[1::2] = starts, ends
    offsets[-1] = offsets[-2] if starts.size else 0
    return taken(of_texts(offsets, data), np.arange(0, 2 * starts.size, 2))


def of_texts(offsets: Offsets, data: Bytes) -> pa.Array:
    """Return texts that stand one behind the other as an Arrow array."""
    import pyarrow as pa

    kind = pa.large_string() if offsets.dtype == np.int64 else pa.string()
    return pa.Array.from_buffers(kind, offsets.size - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def taken(array: pa.Array, places: Places) -> pa.Array:
    """Return the elements of an Arrow array at some places, all of which it has."""
    try:  # pyarrow.compute, made of it, spends 30 ms on its other functions when it is imported
        from pyarrow._compute import TakeOptions, call_function
    except ImportError:
        from pyarrow.compute import TakeOptions, call_function

    return call_function("take", [array, of_numbers(places)], TakeOptions(boundscheck=False))


def of_numbers(values: NDArray[Any]) -> pa.Array:
    """Return numbers as an Arrow array without nulls."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [None, pa.py_buffer(values)])


def of_flags(values: Flags) -> pa.Array:
    """Return flags as an Arrow array without nulls."""
    import pyarrow as pa

    bits = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), values.size, [None, pa.py_buffer(bits)])


def of_strings(values: Sequence[str]) -> pa.Array:
    """Return ASCII texts as an Arrow array."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return of_texts(offsets, np.frombuffer("".join(values).encode("ascii"), np.uint8))


def to_floats(array: pa.Array) -> Floats:
    """Return the numbers of an Arrow array of float64 without nulls."""
    return np.frombuffer(array.buffers()[1], np.float64, len(array), array.offset * 8) if len(array) else np.zeros(0)


def to_flags(array: pa.Array) -> Flags:
    """Return the flags of an Arrow array without nulls that begins with its buffers."""
    bits = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    return np.unpackbits(bits, count=len(array), bitorder="little").view(np.bool_)


def as_binary(array: pa.Array) -> pa.Array:
    """Return texts as bytes, of which Arrow does not expect that they are UTF-8."""
    import pyarrow as pa

    return array.view(pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary())


def raw(array: pa.Array) -> tuple[Offsets, Bytes]:
    """Return the offsets and the bytes of an Arrow array of texts that begins with its buffers."""
    import pyarrow as pa

    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    if not len(array):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    places = np.frombuffer(offsets, np.int64 if wide else np.int32, len(array) + 1)
    return places, np.frombuffer(data, np.uint8, int(places[-1])) if data is not None else np.zeros(0, np.uint8)
