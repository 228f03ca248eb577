"""MATLAB files of version 5 to 7: variables with noise are written anew, all others are copied byte for byte."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from augkit.outcome import FormatInfo
from augkit.series.arrays import Arrays, Stored
from augkit.series.mat_elements import (
    COMPRESSED,
    HEADER,
    Element,
    Inflating,
    byte_order,
    elements,
    full_dtype,
    put_together,
    stored_dtype,
)
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.parquet_footer import copy_range
from augkit.series.table import Editor
from augkit.writing import writer

INFO = FormatInfo(
    name="MATLAB",
    suffixes=(".mat",),
    keeps="the bytes of all variables without noise, classes, shapes, byte order, the header, what is compressed",
    limits="version 5 to 7; real matrices of numbers, not those within structs and cells; 7.3 is HDF5 and refused",
)

_PIECE = 2**20


class MatTable(Arrays):
    """One MATLAB file."""

    is_exact = False
    notices: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        self._path, self._order = path, byte_order(path)
        self._elements = list(elements(path, self._order))
        self._stored = {e.begin: self._as_stored(e) for e in self._elements if e.fault is None}
        super().__init__(list(self._stored.values()))
        others = [(element.name, element.fault) for element in self._elements if element.fault is not None]
        first = len(self.columns)
        self.columns = [
            *self.columns,
            *(
                Column(name or f"element {i}", name, first + i, numeric=False, nature=fault, part=-1)
                for i, (name, fault) in enumerate(others)
            ),
        ]

    def _as_stored(self, element: Element) -> Stored:
        rows, columns = element.shape if element.shape[0] > 1 else element.shape[::-1]
        return Stored(
            element.name,
            stored_dtype(element, self._order),
            (rows, columns),
            fortran=True,
            open=partial(self._open, element),
            written=full_dtype(element, self._order),
        )

    def _open(self, element: Element) -> IO[bytes]:
        file = self._path.open("rb")
        if not element.is_packed:
            file.seek(element.data)
            return file
        inflating = Inflating(file, element.begin + 8, element.size - 8)
        inflating.read(element.data)
        return cast(IO[bytes], inflating)

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows and variables."""
        rows = dict.fromkeys(stored.rows for stored in self._stored.values())
        return {"name": INFO.name, "rows": sum(rows), "variables": len(self._elements)}

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file with new data of some variables."""
        chosen = set(numbers)
        noised = {b: s for b, s in self._stored.items() if not chosen.isdisjoint(self._positions(s))}
        with ExitStack() as stack:
            spools = {begin: stack.enter_context(tempfile.TemporaryFile(dir=target.parent)) for begin in noised}
            self.write_arrays({stored: spools[begin] for begin, stored in noised.items()}, editor, numbers, raw)
            source, out = stack.enter_context(self._path.open("rb")), stack.enter_context(writer(target))
            copy_range(out, source, 0, HEADER)
            places = {}
            for element in self._elements:
                places[element.begin] = out.tell()
                if element.begin in noised:
                    self._put_variable(out, element, spools[element.begin])
                else:
                    copy_range(out, source, element.begin, element.size)
            self._point_to_subsystem(out, source, places)

    def _put_variable(self, out: IO[bytes], element: Element, spool: IO[bytes]) -> None:
        size = spool.seek(0, 2)
        spool.seek(0)
        head, padding = put_together(element, self._order, size), bytes(-size % 8)
        if not element.is_packed:
            out.write(head)
            while data := spool.read(_PIECE):
                out.write(data)
            out.write(padding)
            return
        begin, deflate = out.tell(), zlib.compressobj()
        out.write(bytes(8))
        out.write(deflate.compress(head))
        while data := spool.read(_PIECE):
            out.write(deflate.compress(data))
        out.write(deflate.compress(padding) + deflate.flush())
        end = out.tell()
        out.seek(begin)
        out.write(struct.pack(self._order + "II", COMPRESSED, end - begin - 8))
        out.seek(end)

    def _point_to_subsystem(self, out: IO[bytes], source: IO[bytes], places: dict[int, int]) -> None:
        """Tell where the element of MATLAB's own objects is now, if there is one."""
        source.seek(116)
        (old,) = struct.unpack(self._order + "Q", source.read(8))
        if old in places:
            out.seek(116)
            out.write(struct.pack(self._order + "Q", places[old]))


def read(path: Path, options: SeriesOptions) -> MatTable:
    """Open a MATLAB file.

    Raises
    ------
    InputError
        For a file of another version, broken or cut short.
    """
    del options
    return MatTable(path)
