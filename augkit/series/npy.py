"""NumPy's ``.npy``: the header's own bytes, dtype, byte order, memory order and version are kept."""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.series.arrays import Arrays, Stored
from augkit.series.options import SeriesOptions
from augkit.series.table import Editor
from augkit.writing import writer

INFO = FormatInfo(
    name="NPY",
    suffixes=(".npy",),
    keeps="dtype, byte order, memory order, shape and version; integers are rounded and saturate at their type",
    limits="1-D, or 2-D as (rows, columns); integers and floats of up to 64 bits",
)

_MAGIC = b"\x93NUMPY"
_HEADER_CAP = 2**16
"""Bytes of the longest header that is read; that of a plain array has about a hundred."""


class Header(msgspec.Struct, frozen=True):
    """What stands before the data of an array.

    Attributes
    ----------
    data : bytes
        As it is in the file.
    dtype : dtype
    shape : tuple of int
    fortran : bool
    """

    data: bytes
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool

    @property
    def claimed(self) -> int:
        """Bytes of data that it tells of."""
        return math.prod(self.shape) * self.dtype.itemsize


class NpyTable(Arrays):
    """One ``.npy`` file."""

    is_exact = True
    notices: Sequence[str] = ()

    def __init__(self, path: Path, header: Header) -> None:
        self._header = header
        self._array = Stored("", header.dtype, header.shape, header.fortran, lambda: _open_at(path, len(header.data)))
        super().__init__([self._array])

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows, and dtype as NumPy writes it."""
        return {"name": INFO.name, "rows": self._array.rows, "dtype": self._array.dtype.str}

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file's header and its data with new values."""
        with writer(target) as sink:
            sink.write(self._header.data)
            self.write_arrays({self._array: sink}, editor, numbers, raw)


def _open_at(path: Path, place: int) -> IO[bytes]:
    file = path.open("rb")
    file.seek(place)
    return file


def read(path: Path, options: SeriesOptions) -> NpyTable:
    """Open a ``.npy`` file, without ever unpickling.

    Raises
    ------
    InputError
        For a header that is broken or does not fit the file's size, and for a dtype or shape that is no table.
    """
    del options
    with path.open("rb") as file:
        header = read_header(file)
    size = path.stat().st_size - len(header.data)
    table = Stored("", header.dtype, header.shape, header.fortran, lambda: _open_at(path, len(header.data)))
    fault = table.why_refused()
    if fault and header.claimed:
        raise InputError(fault)
    if header.claimed != size:
        claim = f"(shape {header.shape}, {header.dtype.str})"
        raise InputError(f"the header claims {header.claimed:,} bytes of data {claim}; got {size:,}")
    if fault:
        raise InputError(fault)
    return NpyTable(path, header)


def read_header(file: IO[bytes]) -> Header:
    """Read the header of an array.

    Raises
    ------
    InputError
        For one that is broken, or no header.
    """
    prefix = file.read(12)
    if len(prefix) < 12 or not prefix.startswith(_MAGIC):
        raise InputError(f"expected a .npy file, which begins with {_MAGIC!r}; got {prefix[:6]!r}")
    start, length = _header_extent(prefix)
    data = prefix + file.read(max(start + length - len(prefix), 0))
    if len(data) < start + length:
        raise InputError("the file ends within its header")
    data = data[: start + length]
    return Header(data, *_parse(data[start:], prefix[6]))


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
