"""New pages for one column of a row group of a Parquet file, made by pyarrow, in pieces of any number of rows."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from augkit.series import parquet_footer as footer_
from augkit.series.thrift import Items, Struct, decode

_ENCODINGS = {9: "BYTE_STREAM_SPLIT", 5: "DELTA_BINARY_PACKED"}
"""Encodings that new pages have too where the old ones did, by their numbers."""

_PAGE_V2 = 3


class Way(msgspec.Struct, frozen=True):
    """How numbers of a type are stored as the schema wants them.

    Attributes
    ----------
    type : Arrow type
        That they are handed over as.
    as_integers : bool
        Whether decimals are stored as integers.
    """

    type: pa.DataType
    as_integers: bool = False

    def options(self) -> dict[str, Any]:
        """Return what pyarrow is to be told."""
        return {"store_decimal_as_integer": True} if self.as_integers else {}


@lru_cache(maxsize=256)
def way_of(kind: pa.DataType, physical: str, length: int, *, nullable: bool) -> Way | None:
    """Return the way in which numbers of a type come to be stored in a physical type; None where there is none."""
    ways = [Way(kind)]
    if pa.types.is_decimal(kind):
        ways.append(Way(kind, as_integers=True))
    if pa.types.is_uint32(kind):
        ways.append(Way(pa.int64()))
    for way in ways:
        schema = pa.schema([pa.field("x", way.type, nullable)])
        out = BytesIO()
        empty = pa.Table.from_arrays([pa.nulls(0, way.type)], schema=schema)  # schema.empty_table() imports pandas
        pq.write_table(empty, out, store_schema=False, **way.options())
        leaf = pq.ParquetFile(BytesIO(out.getvalue())).schema.column(0)
        if (leaf.physical_type, leaf.length) == (physical, length):
            return way
    return None


class Pages:
    """The new pages of one column of a row group.

    Parameters
    ----------
    field : Arrow field
    way : Way
    chunk : dict
        What the file tells of the old pages.
    spool : file
        Where pages wait, those of all columns, for their place in the file.
    """

    def __init__(self, field: pa.Field, way: Way, chunk: Struct, spool: IO[bytes]) -> None:
        self._schema, self._way = pa.schema([pa.field("x", way.type, field.nullable)]), way
        self._options = way.options() | _options(footer_.meta(chunk), way.type)
        self._spool, self._pieces = spool, list[tuple[int, int]]()
        self._told: list[Struct] = []

    def add(self, array: pa.Array) -> None:
        """Make pages of the next rows."""
        made = pa.BufferOutputStream()
        array = array if array.type == self._way.type else array.cast(self._way.type)
        table = pa.Table.from_arrays([array], schema=self._schema)
        pq.write_table(table, made, row_group_size=max(len(array), 1), store_schema=False, **self._options)
        data = memoryview(made.getvalue())
        footer, _ = decode(bytes(data[-8 - int.from_bytes(data[-8:-4], "little") : -8]))
        (chunk,) = footer_.chunks(footer_.groups(footer)[0])
        begin, length = footer_.extent(chunk)
        self._told.append(footer_.meta(chunk))
        self._pieces.append((self._spool.tell(), length))
        self._spool.write(data[begin : begin + length])

    def put(self, out: IO[bytes], chunk: Struct) -> None:
        """Write the pages, and tell of them."""
        begin = out.tell()
        for place, length in self._pieces:
            footer_.copy_range(out, self._spool, place, length)
        footer_.put_new(chunk, footer_.merged(self._told), begin)


def _options(told: Struct, kind: pa.DataType) -> dict[str, Any]:
    """Return what pyarrow is to be told, so that new pages are of the kind of the old ones."""
    encodings = told[footer_.ENCODINGS].value.values if footer_.ENCODINGS in told else []
    stats = told.get(footer_.ENCODING_STATS)
    pages = stats.value.values if stats is not None and isinstance(stats.value, Items) else []
    options: dict[str, Any] = {
        "compression": footer_.CODECS[footer_.number(told, footer_.CODEC)],
        "use_dictionary": False,
        "data_page_version": "2.0" if any(footer_.number(page, 1) == _PAGE_V2 for page in pages) else "1.0",
    }
    for number, name in _ENCODINGS.items():
        if number in encodings and (pa.types.is_floating(kind) if number == 9 else pa.types.is_integer(kind)):
            options["column_encoding"] = name
    return options
