"""The truth about faults as a file: a Parquet table of what is wrong with each cell, written in constant memory."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augkit.series.faults.model import FaultKind
from augkit.series.frames.arrow_table import arrow_of
from augkit.series.frames.base import Cells
from augkit.series.nature import Column
from augkit.series.rows import Even
from augkit.series.sources import Bits

_ROWS = 2**17
"""Of a row group, however many rows come at a time."""

_NO_ROW = 255
"""What stands behind the last row of a column that is shorter than others."""


class MaskFile:
    """Writes a column of uint8 for each column that can have faults: the bits of `FaultKind`, 0 for a healthy cell.

    Arrays with lengths of their own are columns that begin with the same row; behind the end of a shorter one stand
    nulls.

    Parameters
    ----------
    path : Path
    columns : sequence of Column
    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._parts: dict[int, list[int]] = {}
        for column in columns:
            self._parts.setdefault(column.part, []).append(column.position)
        self._positions = [column.position for column in columns]
        self._is_ragged = len(self._parts) > 1
        bits = {f"augkit.bit.{int(kind)}": str(kind.name).lower() for kind in FaultKind}
        fields = [pa.field(column.name, pa.uint8(), nullable=self._is_ragged) for column in columns]
        self._schema = pa.schema(fields, metadata=bits)
        self._even = Even(self._write, _ROWS)
        self._stack = ExitStack()
        self._spools: dict[int, IO[bytes]] = {}
        for part in self._parts if self._is_ragged else ():
            self._spools[part] = self._stack.enter_context(tempfile.TemporaryFile(dir=path.parent))  # noqa: SIM115
        self._writer = self._stack.enter_context(pq.ParquetWriter(path, self._schema, compression="zstd"))

    def add(self, faulty: Mapping[int, Bits], rows: int, part: int) -> None:
        """Write the next rows of a part; a column that is not there has no fault in them."""
        healthy = np.zeros(rows, np.uint8)
        found = {position: faulty.get(position, healthy) for position in self._parts.get(part, ())}
        if found and self._is_ragged:
            self._spools[part].write(np.stack(list(found.values()), axis=1).tobytes())
        elif found:
            self._even.add(found, rows)

    def _write(self, block: Mapping[int, Any]) -> None:
        arrays = [arrow_of(Cells(bits, bits == _NO_ROW)) for bits in (block[position] for position in self._positions)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema), row_group_size=_ROWS)

    def _finish(self) -> None:
        self._even.finish()
        widths = {part: len(self._parts[part]) for part in self._spools}
        longest = max((spool.tell() // widths[part] for part, spool in self._spools.items()), default=0)
        for spool in self._spools.values():
            spool.seek(0)
        for begin in range(0, longest, _ROWS):
            rows, block = min(_ROWS, longest - begin), dict[int, Bits]()
            for part, spool in self._spools.items():
                piece = spool.read(rows * widths[part]).ljust(rows * widths[part], bytes([_NO_ROW]))
                block.update(zip(self._parts[part], np.frombuffer(piece, np.uint8).reshape(rows, -1).T, strict=True))
            self._write(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                self._finish()
