"""NumPy's ``.npy``: the header's own bytes, dtype, byte order, memory order and version are kept."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.spread import Values
from augkit.series.table import Piece

INFO = FormatInfo(
    name="NPY",
    suffixes=(".npy",),
    keeps="dtype, byte order, memory order, shape and version; integers are rounded and saturate at their type",
    limits="1-D, or 2-D as (rows, columns); integers and floats of up to 64 bits",
)

_MAGIC = b"\x93NUMPY"
_HEADER_CAP = 2**16
"""Bytes of the longest header that is read; that of a plain array has about a hundred."""

_REFUSED = {
    "V": "a structured array; save each field as an array of its own",
    "O": "an array of Python objects, which only pickle can read; save numbers",
    "c": "complex numbers; save real and imaginary parts as two columns",
    "b": "booleans, which carry no noise",
    "M": "time stamps, which carry no noise",
    "m": "time differences; save them as numbers",
    "S": "text",
    "U": "text",
}


class NpyTable:
    """One ``.npy`` file."""

    def __init__(self, header: bytes, values: Values, dtype: np.dtype[Any], *, fortran: bool) -> None:
        self._header, self._values, self._dtype, self._fortran = header, values, dtype, fortran
        table = values.reshape(values.shape[0], -1)
        whole = values.dtype.kind in "iu"
        self.columns = [Column(str(i), "", i, table[:, i], whole=whole) for i in range(table.shape[1])]

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows, and dtype as NumPy writes it."""
        return {"name": INFO.name, "rows": self._values.shape[0], "dtype": self._dtype.str}

    def render(self, noised: Mapping[int, Values]) -> tuple[Iterable[Piece], dict[int, Values]]:
        """Return the file's header and its data with new values."""
        values = self._values.copy(order="F" if self._fortran else "C")
        table = values.reshape(values.shape[0], -1, order="A")
        for position, column in noised.items():
            table[:, position] = column
        data = values.astype(self._dtype, order="A", copy=False)
        return (self._header, data.tobytes(order="F" if self._fortran else "C")), dict(noised)


def read(path: Path, options: SeriesOptions) -> NpyTable:
    """Read a ``.npy`` file without ever unpickling.

    Raises
    ------
    InputError
        For a header that is broken or does not fit the file's size, and for a dtype or shape that is no table.
    """
    del options
    with path.open("rb") as file:
        prefix = file.read(12)
        if len(prefix) < 12 or not prefix.startswith(_MAGIC):
            raise InputError(f"expected a .npy file, which begins with {_MAGIC!r}; got {prefix[:6]!r}")
        start, length = _header_extent(prefix)
        header = prefix + file.read(max(start + length - len(prefix), 0))
        if len(header) < start + length:
            raise InputError("the file ends within its header")
        dtype, shape, fortran = _parse(header[start : start + length], prefix[6])
        size = path.stat().st_size - start - length
        _check(dtype, shape, size)
        file.seek(start + length)
        data = file.read(size)
    flat = np.frombuffer(data, dtype)
    values = flat.astype(dtype.newbyteorder("="), copy=False).reshape(shape, order="F" if fortran else "C")
    return NpyTable(header[: start + length], values, dtype, fortran=fortran)


def _header_extent(prefix: bytes) -> tuple[int, int]:
    version = prefix[6]
    if version not in (1, 2, 3):
        raise InputError(f".npy version {version}.{prefix[7]}: expected 1, 2 or 3")
    wide = version > 1
    length = int.from_bytes(prefix[8 : 12 if wide else 10], "little")
    if length > _HEADER_CAP:
        raise InputError(f"the header claims {length:,} bytes; that of a plain array has about a hundred")
    return (12 if wide else 10), length


def _parse(header: bytes, version: int) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    try:
        fields = ast.literal_eval(header.decode("utf-8" if version == 3 else "latin-1").strip())
        shape, fortran = fields["shape"], fields["fortran_order"]
        if set(fields) != {"descr", "shape", "fortran_order"} or not isinstance(fortran, bool):
            raise ValueError("its keys are not descr, fortran_order and shape")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"a shape of {shape!r}")
        return np.lib.format.descr_to_dtype(fields["descr"]), tuple(shape), fortran
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError, UnicodeDecodeError) as error:
        raise InputError(f"the header is broken: {error}") from None


def _check(dtype: np.dtype[Any], shape: tuple[int, ...], size: int) -> None:
    if dtype.kind not in "iuf" or dtype.subdtype is not None:
        what = _REFUSED.get(dtype.kind, "no numbers")
        raise InputError(f"dtype {dtype.str}: expected integers or floats, got {what}")
    if dtype.itemsize > 8:
        raise InputError(f"dtype {dtype.str}: expected at most 64 bits; extended precision would be lost")
    if len(shape) not in (1, 2):
        raise InputError(f"shape {shape}: expected (rows,) or (rows, columns)")
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != size:
        raise InputError(f"the header claims {claimed:,} bytes of data (shape {shape}, {dtype.str}); got {size:,}")
    if claimed == 0:
        raise InputError(f"shape {shape}: the array is empty")
