"""Arrays of numbers on disk, as the columns of a table: read in blocks of rows, whatever their memory order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from io import BufferedReader
from typing import IO, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.series.nature import Column
from augkit.series.spread import Values
from augkit.series.table import Batch, Editor, Look

_BLOCK = 2**22
"""Bytes of all arrays together that are worked on at a time."""

_SPOOLED = 2**24
"""Bytes of an unpacked array that are held in memory; more lie in a file."""

REFUSED = {
    "V": "a structured array; save each field as an array of its own",
    "O": "an array of Python objects, which only pickle can read; save numbers",
    "c": "complex numbers; save real and imaginary parts as two columns",
    "b": "booleans, which carry no noise",
    "M": "time stamps, which carry no noise",
    "m": "time differences; save them as numbers",
    "S": "text",
    "U": "text",
}
"""What the kinds of NumPy's types are that hold no numbers."""


class Stored(msgspec.Struct, frozen=True, eq=False):
    """One array on disk, of shape (rows,) or (rows, columns).

    Attributes
    ----------
    name : str
        Empty for the only one of its file.
    dtype : dtype
        As it is on disk, with its byte order.
    shape : tuple of int
    fortran : bool
        Whether its columns stand one behind the other.
    open : callable
        Returns a new stream that begins with its data.
    written : dtype or None
        What it is worked on and written as, if not as it is on disk.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    open: Callable[[], IO[bytes]]
    written: np.dtype[Any] | None = None

    @property
    def out(self) -> np.dtype[Any]:
        """What it is written as."""
        return self.written or self.dtype

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.shape[1] if len(self.shape) > 1 else 1

    @property
    def by_column(self) -> bool:
        """Whether a block of rows lies in several places."""
        return self.fortran and self.width > 1

    def why_refused(self) -> str | None:
        """Say why it is no table of numbers; None where it is."""
        if self.dtype.kind not in "iuf" or self.dtype.subdtype is not None:
            what = REFUSED.get(self.dtype.kind, "no numbers")
            return f"dtype {self.dtype.str}: expected integers or floats, got {what}"
        if self.dtype.itemsize > 8:
            return f"dtype {self.dtype.str}: expected at most 64 bits; extended precision would be lost"
        if len(self.shape) not in (1, 2):
            return f"shape {self.shape}: expected (rows,) or (rows, columns)"
        if 0 in self.shape:
            return f"shape {self.shape}: the array is empty"
        return None


class _Reader:
    """Reads blocks of rows of one array, one behind the other."""

    def __init__(self, stored: Stored, stack: ExitStack) -> None:
        self._stored, self._row = stored, 0
        self._stream = stack.enter_context(stored.open())
        if stored.by_column and not isinstance(self._stream, BufferedReader):
            self._stream = _unpacked(stored, self._stream, stack)
        self._begin = self._stream.tell() if stored.by_column else 0

    def read(self, rows: int) -> NDArray[Any]:
        """Return the next rows, of shape (rows, columns), in the machine's byte order."""
        stored = self._stored
        if not stored.by_column:
            made = self._numbers(rows * stored.width).reshape(rows, stored.width)
        else:
            made = np.stack([self._piece(column, rows) for column in range(stored.width)], axis=1)
        self._row += rows
        return made.astype(stored.out.newbyteorder("="), copy=False)

    def _piece(self, column: int, rows: int) -> NDArray[Any]:
        """Return the next rows of one column."""
        self._stream.seek(self._begin + (column * self._stored.rows + self._row) * self._stored.dtype.itemsize)
        return self._numbers(rows)

    def _numbers(self, count: int) -> NDArray[Any]:
        data = read_exactly(self._stream, count * self._stored.dtype.itemsize)
        return np.frombuffer(data, self._stored.dtype)


def _unpacked(stored: Stored, stream: IO[bytes], stack: ExitStack) -> IO[bytes]:
    """Return the data of an array in a file of its own, as going back in what is packed means to unpack it anew."""
    spool = stack.enter_context(tempfile.SpooledTemporaryFile(_SPOOLED))  # noqa: SIM115
    left = stored.rows * stored.width * stored.dtype.itemsize
    while left:
        left -= spool.write(read_exactly(stream, min(left, _BLOCK)))
    spool.seek(0)
    return cast(IO[bytes], spool)


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """Read so many bytes; raise `InputError` where there are fewer."""
    data = stream.read(size)
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise InputError("the file is cut short: its data ends before its rows do")
        data += more
    return data


class Arrays:
    """Some arrays of a file as a table; those with equally many rows are columns of one part.

    Parameters
    ----------
    arrays : sequence of Stored
        In the order of their columns.
    """

    def __init__(self, arrays: Sequence[Stored]) -> None:
        self._arrays = arrays
        lengths = list(dict.fromkeys(array.rows for array in arrays))
        self._parts = [[array for array in arrays if array.rows == rows] for rows in lengths]
        self._firsts: dict[int, int] = {}
        columns: list[Column] = []
        places = [0] * len(lengths)
        for array in arrays:
            part = lengths.index(array.rows)
            self._firsts[id(array)] = len(columns)
            for number in range(array.width):
                columns.append(self._column(array, number, len(columns), part, places[part]))
                places[part] += 1
        self.columns: Sequence[Column] = columns

    def _column(self, array: Stored, number: int, position: int, part: int, place: int) -> Column:
        header = f"{array.name}.{number}" if array.name and array.width > 1 else array.name
        return Column(
            name=header or str(position),
            header=header,
            position=position,
            whole=array.out.kind in "iu",
            part=part,
            place=place,
            width=sum(other.width for other in self._parts[part]),
            dtype=array.out.newbyteorder("="),
        )

    def _positions(self, array: Stored) -> range:
        first = self._firsts[id(array)]
        return range(first, first + array.width)

    def survey(self, look: Look, numbers: Collection[int], raw: Collection[int]) -> Sequence[Column]:
        """Go over the whole file once, and return what its columns are."""
        for batch in self.batches(numbers, raw):
            look(batch)
        return self.columns

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the arrays in blocks of rows."""
        wanted = {*numbers, *raw}
        for part, arrays in enumerate(self._parts):
            chosen = [array for array in arrays if wanted.intersection(self._positions(array))]
            for blocks in _blocks(chosen):
                yield self._batch(part, blocks, numbers, raw)

    def _batch(
        self, part: int, blocks: Mapping[Stored, NDArray[Any]], numbers: Collection[int], raw: Collection[int]
    ) -> Batch:
        from augkit.series.csv_arrow import of_numbers

        columns = {
            position: block[:, number]
            for array, block in blocks.items()
            for number, position in enumerate(self._positions(array))
        }
        values = {p: np.ascontiguousarray(columns[p]) for p in numbers if p in columns}
        rows = len(next(iter(blocks.values())))
        return Batch(rows, values, {p: of_numbers(columns[p]) for p in raw if p in columns}, part)

    def forget(self) -> None:
        """Let go of nothing: each pass reads the file anew."""

    def write_arrays(
        self, sinks: Mapping[Stored, IO[bytes]], editor: Editor, numbers: Collection[int], raw: Collection[int]
    ) -> None:
        """Write the data of all arrays in `sinks`, each from where its sink stands, with new values in some columns."""
        begins = {array: sink.tell() if array.by_column else 0 for array, sink in sinks.items()}
        for part, arrays in enumerate(self._parts):
            wanted = {*numbers, *raw}
            chosen = [a for a in arrays if a in sinks or wanted.intersection(self._positions(a))]
            row = 0
            for blocks in _blocks(chosen):
                batch = self._batch(part, blocks, numbers, raw)
                noisy = editor.edit(batch)
                self._check_missing(noisy.missing)
                editor.wrote(batch, noisy.values)
                for array, block in blocks.items():
                    if array in sinks:
                        self._put(array, block, noisy.values, sinks[array], at=(begins[array], row))
                row += batch.rows

    def _check_missing(self, missing: Mapping[int, NDArray[np.bool_]]) -> None:
        for position, flags in missing.items():
            column = self.columns[position]
            if column.whole and flags.any():
                raise InputError(f"column {column.name!r} is one of {column.dtype}, which has no missing values")

    def _put(
        self,
        array: Stored,
        block: NDArray[Any],
        values: Mapping[int, Values],
        sink: IO[bytes],
        *,
        at: tuple[int, int],
    ) -> None:
        """Write a block; `at` is where the data begins in its sink, and the block's first row."""
        table = block.astype(array.out)
        for number, position in enumerate(self._positions(array)):
            if position in values:
                table[:, number] = values[position]
        if not array.by_column:
            sink.write(table.tobytes())
            return
        begin, row = at
        for number in range(array.width):
            sink.seek(begin + (number * array.rows + row) * array.out.itemsize)
            sink.write(table[:, number].tobytes())
        sink.seek(0, 2)


def _blocks(arrays: Sequence[Stored]) -> Iterator[dict[Stored, NDArray[Any]]]:
    """Yield arrays of equally many rows side by side, in blocks of rows."""
    if not arrays:
        return
    rows = arrays[0].rows
    step = max(1, _BLOCK // sum(array.width * array.dtype.itemsize for array in arrays))
    with ExitStack() as stack:
        readers = {array: _Reader(array, stack) for array in arrays}
        for begin in range(0, rows, step):
            count = min(step, rows - begin)
            yield {array: reader.read(count) for array, reader in readers.items()}
