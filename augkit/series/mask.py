"""The truth about faults as a file: a Parquet table of what is wrong with each cell, written in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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


class MaskFile:
    """Writes a column of uint8 for each column that can have faults: the bits of `FaultKind`, 0 for a healthy cell.

    Parameters
    ----------
    path : Path
    columns : sequence of Column
    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._positions = [column.position for column in columns]
        bits = {f"augkit.bit.{int(kind)}": str(kind.name).lower() for kind in FaultKind}
        fields = [pa.field(column.name, pa.uint8(), nullable=False) for column in columns]
        self._schema = pa.schema(fields, metadata=bits)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._even = Even(self._write, _ROWS)

    def add(self, faulty: Mapping[int, Bits], rows: int) -> None:
        """Write the next rows; a column that is not there has no fault in them."""
        healthy = np.zeros(rows, np.uint8)
        self._even.add({position: faulty.get(position, healthy) for position in self._positions}, rows)

    def _write(self, block: Mapping[int, Any]) -> None:
        arrays = [arrow_of(Cells(block[position])) for position in self._positions]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema), row_group_size=_ROWS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._even.finish()
        finally:
            self._writer.close()
