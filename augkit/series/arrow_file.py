"""Arrow's own files and streams (Feather), record batch by record batch."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pyarrow as pa
from pyarrow import ipc

from augkit.errors import InputError
from augkit.outcome import FormatInfo
from augkit.series.arrow_columns import check_exact, columns_of, numbers, replaced
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.spread import Values
from augkit.series.table import Batch, Editor, Look

INFO = FormatInfo(
    name="Arrow",
    suffixes=(".arrow", ".feather", ".ipc", ".arrows"),
    keeps="schema, metadata of file, fields and batches, record batches, dictionaries, nulls, compression",
    limits="flat columns of integers, floats and decimals of up to 15 digits; no Feather of version 1",
)

Codec: TypeAlias = Literal["lz4", "zstd"]

_MAGIC, _OLD = b"ARROW1", b"FEA1"


class ArrowTable:
    """One Arrow file or stream."""

    is_exact = False
    notices: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = path.stat().st_mtime_ns
        with path.open("rb") as file:
            magic = file.read(8)
        if magic.startswith(_OLD):
            raise InputError("a Feather file of version 1, which is no Arrow file; write it again as version 2")
        self._is_file = magic.startswith(_MAGIC)
        with _faults():
            self._codec = _codec(path, 8 if self._is_file else 0)
            with self._reading() as reader:
                self._schema = reader.schema
            self.columns: Sequence[Column] = columns_of(self._schema)
        self._rows = self._batches = 0

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        if self._path.stat().st_mtime_ns != self._state:
            raise InputError("the file changed while it was read; run again when nothing writes to it")
        opened = ipc.open_file if self._is_file else ipc.open_stream
        with pa.OSFile(str(self._path)) as file, opened(file) as reader:
            yield reader

    def _record_batches(self) -> Iterator[tuple[pa.RecordBatch, Any]]:
        """Yield all record batches, each with its own metadata."""
        with _faults(), self._reading() as reader:
            for batch, told in self._read_batches(reader):
                batch.validate()
                yield batch, told

    def _read_batches(self, reader: Any) -> Iterator[tuple[pa.RecordBatch, Any]]:
        if self._is_file:
            yield from map(reader.get_batch_with_custom_metadata, range(reader.num_record_batches))
            return
        while True:
            try:
                yield reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                return

    @property
    def facts(self) -> dict[str, Any]:
        """Format, rows, record batches and codec."""
        told = {"name": INFO.name, "rows": self._rows, "record_batches": self._batches}
        return told | ({"compression": self._codec} if self._codec else {})

    def survey(self, look: Look, numbers: Collection[int], raw: Collection[int]) -> Sequence[Column]:
        """Go over the whole file once, and return what its columns are."""
        self._rows = self._batches = 0
        for made, _ in self._record_batches():
            self._rows, self._batches = self._rows + made.num_rows, self._batches + 1
            if made.num_rows:
                look(self._batch(made, numbers, raw))
        return self.columns

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the file once more, batch by batch."""
        for made, _ in self._record_batches():
            if made.num_rows:
                yield self._batch(made, numbers, raw)

    def _batch(self, made: pa.RecordBatch, positions: Collection[int], raw: Collection[int]) -> Batch:
        values = {p: numbers(made.column(p), self.columns[p]) for p in positions}
        with _faults():
            for position in raw:
                made.column(position).validate(full=True)  # places of texts that lie beyond the data would be read
        return Batch(made.num_rows, values, {p: made.column(p) for p in raw})

    def forget(self) -> None:
        """Let go of nothing: each pass reads the file anew."""

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file with new values in some columns."""
        options = ipc.IpcWriteOptions(compression=self._codec, emit_dictionary_deltas=not self._is_file)
        with pa.OSFile(str(target), "wb") as out, self._writer(out, options) as writer:
            for made, told in self._record_batches():
                edited = self._edited(made, editor, numbers, raw) if made.num_rows else made
                writer.write_batch(edited, custom_metadata=told)

    def _writer(self, out: Any, options: ipc.IpcWriteOptions) -> Any:
        if not self._is_file:
            return ipc.new_stream(out, self._schema, options=options)
        with self._reading() as reader:
            return ipc.new_file(out, self._schema, options=options, metadata=reader.metadata)

    def _edited(
        self, made: pa.RecordBatch, editor: Editor, numbers: Collection[int], raw: Collection[int]
    ) -> pa.RecordBatch:
        batch = self._batch(made, numbers, raw)
        noisy, written = editor.edit(batch), dict[int, Values]()
        arrays = made.columns
        for position, new in noisy.values.items():
            column, old = self.columns[position], batch.values[position]
            check_exact(old, arrays[position], column)
            arrays[position], written[position] = replaced(arrays[position], old, new, noisy.missing.get(position))
        editor.wrote(batch, written)
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _codec(path: Path, begin: int) -> Codec | None:
    """Return how the buffers of the first record batch are compressed."""
    with pa.OSFile(str(path)) as file:
        file.seek(begin)
        while True:
            try:
                message = ipc.read_message(file)
            except EOFError:
                return None
            if message.type == "record batch":
                return _codec_of(bytes(message.metadata))


def _codec_of(message: bytes) -> Codec | None:
    """Return the codec that the metadata of a record batch names, in the flatbuffers of Arrow's ``Message.fbs``."""
    try:
        batch = _table_at(message, _Table(message, struct.unpack_from("<I", message)[0]), 2)
        compression = batch and _table_at(message, batch, 3)
        if not compression:
            return None
        place = compression.field(0)
    except struct.error:
        raise InputError("the metadata of a record batch is broken") from None
    return "zstd" if place and message[place] == 1 else "lz4"


class _Table:
    """One table of a flatbuffer."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place
        self._fields = place - struct.unpack_from("<i", data, place)[0]

    def field(self, number: int) -> int:
        """Return where a field stands; 0 where it is not there."""
        size = struct.unpack_from("<H", self._data, self._fields)[0]
        at = 4 + 2 * number
        offset: int = struct.unpack_from("<H", self._data, self._fields + at)[0] if at < size else 0
        return self._place + offset if offset else 0


def _table_at(data: bytes, table: _Table, number: int) -> _Table | None:
    place = table.field(number)
    return _Table(data, place + struct.unpack_from("<I", data, place)[0]) if place else None


@contextmanager
def _faults() -> Iterator[None]:
    """Turn what Arrow raises about broken files into errors of ours."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"the Arrow data is broken or cut short: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise InputError(f"the Arrow data is broken or cut short: {error}") from None


def read(path: Path, options: SeriesOptions) -> ArrowTable:
    """Open an Arrow file or stream.

    Raises
    ------
    InputError
        For a file that is none, or broken.
    """
    del options
    return ArrowTable(path)
