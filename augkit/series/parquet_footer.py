"""What stands at the end of a Parquet file: where the pages of each column are, and how that changes with them.

The fields are those of ``parquet.thrift``; what is not named here is kept as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from augkit.errors import InputError
from augkit.series.thrift import BINARY, I32, I64, LIST, STRUCT, Field, Items, Struct, decode, encode

MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_LARGEST = 2**30

# FileMetaData
ROW_GROUPS, _ENCRYPTION = 4, 8
# RowGroup
COLUMNS, _TOTAL_SIZE, ROWS, SORTING, _FILE_OFFSET, _COMPRESSED = 1, 2, 3, 4, 5, 6
# ColumnChunk
_FILE_PATH, _CHUNK_OFFSET, META, _OFFSET_INDEX, _COLUMN_INDEX, _CRYPTO = 1, 2, 3, 4, 6, 8
# ColumnMetaData
ENCODINGS, PATH, CODEC, VALUES, _UNCOMPRESSED, SIZE = 2, 3, 4, 5, 6, 7
_DATA, _INDEX, _DICTIONARY, STATISTICS, ENCODING_STATS, _BLOOM, _SIZES = 9, 10, 11, 12, 13, 14, 16

CODECS = ("NONE", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4")
"""The codecs by their numbers, as pyarrow calls them."""


def read_footer(path: Path) -> Struct:
    """Read the metadata of a file.

    Raises
    ------
    InputError
        For what is no Parquet file, one that is cut short, encrypted, or spread over several files.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(4)
        if begin not in (MAGIC, _ENCRYPTED):
            raise InputError(f"expected a Parquet file, which begins with {MAGIC!r}, got {begin!r}")
        file.seek(max(size - 8, 0))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if begin == _ENCRYPTED or tail[4:] == _ENCRYPTED:
            raise InputError("the file is encrypted; decrypt it first")
        if tail[4:] != MAGIC or size < 12 or length > min(size - 12, _LARGEST):
            raise InputError("the file is cut short: its metadata, which stands at the end, is not there")
        file.seek(size - 8 - length)
        footer, _ = decode(file.read(length))
    if _ENCRYPTION in footer:
        raise InputError("some columns are encrypted; decrypt them first")
    for chunk in (chunk for group in groups(footer) for chunk in chunks(group)):
        _check(chunk, size)
    return footer


def groups(footer: Struct) -> list[Struct]:
    """Return the row groups."""
    return _items(footer, ROW_GROUPS)


def chunks(group: Struct) -> list[Struct]:
    """Return the column chunks of a row group."""
    return _items(group, COLUMNS)


def _items(fields: Struct, number: int) -> list[Struct]:
    field = fields.get(number)
    if field is None or field.kind != LIST or not isinstance(field.value, Items) or field.value.kind != STRUCT:
        if field is not None and isinstance(field.value, Items) and not field.value.values:
            return []
        raise InputError("the Parquet metadata is broken: a list of structs is missing")
    return field.value.values


def meta(chunk: Struct) -> Struct:
    """Return what is told of a column chunk."""
    field = chunk.get(META)
    if field is None or not isinstance(field.value, dict):
        raise InputError("the Parquet metadata is broken: nothing is told of a column")
    return field.value


def number(fields: Struct, key: int, default: int = 0) -> int:
    """Return the number in a field."""
    field = fields.get(key)
    if field is None:
        return default
    if not isinstance(field.value, int):
        raise InputError(f"the Parquet metadata is broken: field {key} is no number")
    return field.value


def path_of(chunk: Struct) -> list[bytes]:
    """Return the path of a column in the schema."""
    field = meta(chunk).get(PATH)
    return list(field.value.values) if field is not None and isinstance(field.value, Items) else []


def extent(chunk: Struct) -> tuple[int, int]:
    """Return where the pages of a column chunk begin, and how many bytes they take."""
    told = meta(chunk)
    begins = [number(told, key) for key in (_DATA, _DICTIONARY, _INDEX)]
    return min((begin for begin in begins if begin >= 4), default=len(MAGIC)), number(told, SIZE)


def _check(chunk: Struct, size: int) -> None:
    if _FILE_PATH in chunk:
        raise InputError("its columns lie in other files; noise those")
    if _CRYPTO in chunk:
        raise InputError("some columns are encrypted; decrypt them first")
    begin, length = extent(chunk)
    has_pages = number(meta(chunk), _DATA) >= len(MAGIC) or not number(meta(chunk), VALUES)
    if not has_pages or length < 0 or begin + length > size:
        raise InputError("the Parquet metadata is broken: a column lies outside of the file")


class Moved(msgspec.Struct, frozen=True, eq=False):
    """A part of the source that is copied behind the pages: an index or a filter of a column."""

    chunk: Struct
    key: int
    begin: int
    length: int


def parts_behind(chunk: Struct) -> Iterator[Moved]:
    """Yield the filter and the indices of a column chunk."""
    told = meta(chunk)
    if number(told, _BLOOM):
        yield Moved(told, _BLOOM, number(told, _BLOOM), number(told, _BLOOM + 1))
    for key in (_COLUMN_INDEX, _OFFSET_INDEX):
        if number(chunk, key):
            yield Moved(chunk, key, number(chunk, key), number(chunk, key + 1))


def write_behind(out: IO[bytes], source: IO[bytes], moved: Sequence[tuple[Moved, int]]) -> None:
    """Copy filters and indices; `moved` tells how far the pages have moved that an index of pages points at."""
    for part, shift in moved:
        if part.length <= 0:
            del part.chunk[part.key]  # a filter of unknown length, as old writers left them
            continue
        source.seek(part.begin)
        data = source.read(part.length)
        if part.key == _OFFSET_INDEX:
            data = _shifted(data, shift)
            part.chunk[part.key + 1].value = len(data)
        part.chunk[part.key].value = out.tell()
        out.write(data)


def _shifted(data: bytes, shift: int) -> bytes:
    """Return an index of pages whose places have moved."""
    index, _ = decode(data)
    for location in _items(index, 1):
        location[1].value += shift
    return encode(index)


def move(chunk: Struct, shift: int) -> None:
    """Tell that the pages of a column chunk, as they are, have moved."""
    told = meta(chunk)
    for key in (_DATA, _INDEX, _DICTIONARY):
        if number(told, key) >= 4:
            told[key].value += shift
    if number(chunk, _CHUNK_OFFSET):
        chunk[_CHUNK_OFFSET].value += shift


def put_new(chunk: Struct, told: dict[int, Field], begin: int) -> None:
    """Tell of new pages of a column; indices and filters of the old ones are forgotten."""
    old = meta(chunk)
    for key in (ENCODINGS, CODEC, VALUES, _UNCOMPRESSED, SIZE, STATISTICS, ENCODING_STATS, _SIZES, _DICTIONARY, _INDEX):
        old.pop(key, None)
        if key in told:
            old[key] = told[key]
    for key in (_BLOOM, _BLOOM + 1):
        old.pop(key, None)
    for key in (_OFFSET_INDEX, _OFFSET_INDEX + 1, _COLUMN_INDEX, _COLUMN_INDEX + 1):
        chunk.pop(key, None)
    old[_DATA] = Field(I64, begin)
    if number(chunk, _CHUNK_OFFSET):
        chunk[_CHUNK_OFFSET].value = begin


def has_index(chunk: Struct) -> bool:
    """Tell whether a column chunk has an index of its pages, or a filter."""
    return bool(number(chunk, _OFFSET_INDEX) or number(chunk, _COLUMN_INDEX) or number(meta(chunk), _BLOOM))


def finish_group(group: Struct, begin: int, noised: set[int]) -> bool:
    """Sum up a row group whose chunks have changed, and return whether it is no longer sorted as it told."""
    sizes = [(number(meta(chunk), _UNCOMPRESSED), number(meta(chunk), SIZE)) for chunk in chunks(group)]
    group[_TOTAL_SIZE] = Field(I64, sum(size for size, _ in sizes))
    if _COMPRESSED in group:
        group[_COMPRESSED].value = sum(size for _, size in sizes)
    if _FILE_OFFSET in group:
        group[_FILE_OFFSET].value = begin
    if SORTING not in group:
        return False
    sorting = _items(group, SORTING)
    kept = next((i for i, column in enumerate(sorting) if number(column, 1) in noised), len(sorting))
    if kept:
        group[SORTING].value.values = sorting[:kept]
    else:
        del group[SORTING]
    return kept < len(sorting)


def write_footer(out: IO[bytes], footer: Struct) -> None:
    """Write the metadata and the file's end."""
    data = encode(footer)
    out.write(data + len(data).to_bytes(4, "little") + MAGIC)


def merged(pieces: Sequence[Struct]) -> dict[int, Field]:
    """Return what is told of a chunk that is made of the pages of several others, one behind the other."""
    first = pieces[0]
    told: dict[int, Field] = {key: first[key] for key in (ENCODINGS, CODEC) if key in first}
    for key in (VALUES, _UNCOMPRESSED, SIZE):
        told[key] = Field(I64, sum(number(piece, key) for piece in pieces))
    counts: dict[tuple[int, int], int] = {}
    for piece in pieces:
        for stats in _items(piece, ENCODING_STATS) if ENCODING_STATS in piece else []:
            kind = number(stats, 1), number(stats, 2)
            counts[kind] = counts.get(kind, 0) + number(stats, 3)
    if counts:
        rows: list[Any] = [{1: Field(I32, a), 2: Field(I32, b), 3: Field(I32, n)} for (a, b), n in counts.items()]
        told[ENCODING_STATS] = Field(LIST, Items(STRUCT, rows))
    statistics = _merged_statistics(
        [piece[STATISTICS].value for piece in pieces if STATISTICS in piece], number(first, 1)
    )
    if statistics and all(STATISTICS in piece for piece in pieces):
        told[STATISTICS] = Field(STRUCT, statistics)
    return told


_NULLS, _MAX, _MIN = 3, 5, 6
_FLOATS = {4: "<f", 5: "<d"}


def _merged_statistics(pieces: Sequence[Struct], kind: int) -> Struct | None:
    """Return the statistics of several pieces; None where their ends cannot be compared."""
    if len(pieces) == 1:
        return pieces[0]
    if kind not in _FLOATS or not pieces:
        return None
    told: Struct = {_NULLS: Field(I64, sum(number(piece, _NULLS) for piece in pieces))}
    ends = [(piece[_MIN].value, piece[_MAX].value) for piece in pieces if _MIN in piece and _MAX in piece]
    if ends:
        value = partial(struct.unpack, _FLOATS[kind])
        told[_MAX] = Field(BINARY, max((high for _, high in ends), key=value))
        told[_MIN] = Field(BINARY, min((low for low, _ in ends), key=value))
    return told


def copy_range(out: IO[bytes], source: IO[bytes], begin: int, length: int) -> None:
    """Copy bytes from one file to another."""
    source.seek(begin)
    while length > 0:
        data = source.read(min(length, 2**20))
        if not data:
            raise InputError("the file changed while it was read; run again when nothing writes to it")
        out.write(data)
        length -= len(data)
