"""The compact encoding of Thrift, in which a Parquet file tells what is in it: read, changed and written back.

A struct is a dict of fields by their numbers, so that what is not known here is kept as it is. (The specification:
Apache Thrift, "Thrift compact protocol encoding".)
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from augkit.errors import InputError

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)

_DEEPEST = 32

Struct: TypeAlias = "dict[int, Field]"


class Field(msgspec.Struct):
    """The value of one field.

    Attributes
    ----------
    kind : int
        Its type: `I32`, `BINARY`...
    value : bool, int, bytes, Items or dict
    """

    kind: int
    value: Any


class Items(msgspec.Struct):
    """The elements of a list, all of one type."""

    kind: int
    values: list[Any]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    @property
    def place(self) -> int:
        return self._place

    def byte(self) -> int:
        if self._place >= len(self._data):
            raise InputError("the Parquet metadata is broken: it ends too early")
        self._place += 1
        return self._data[self._place - 1]

    def take(self, count: int) -> bytes:
        if count > len(self._data) - self._place:
            raise InputError("the Parquet metadata is broken: it claims more than there is")
        self._place += count
        return self._data[self._place - count : self._place]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise InputError("the Parquet metadata is broken: a number has more than 64 bits")

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self, depth: int) -> Struct:
        fields: Struct = {}
        number = 0
        while (head := self.byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            kind = head & 0x0F
            fields[number] = Field(kind, kind == TRUE if kind in (TRUE, FALSE) else self.value(kind, depth))
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise InputError("the Parquet metadata is broken: it is nested too deeply")
        if kind in (I16, I32, I64):
            return self.zigzag()
        if kind == BINARY:
            return self.take(self.varint())
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, SET):
            return self.items(depth + 1)
        if kind in (TRUE, FALSE, BYTE):
            return self.byte()
        if kind == DOUBLE:
            return self.take(8)
        raise InputError(f"the Parquet metadata is broken: type {kind} is unknown")

    def items(self, depth: int) -> Items:
        head = self.byte()
        count = head >> 4 if head >> 4 < 15 else self.varint()
        if count > len(self._data) - self._place:
            raise InputError("the Parquet metadata is broken: a list claims more than there is")
        return Items(head & 0x0F, [self.value(head & 0x0F, depth) for _ in range(count)])


def decode(data: bytes) -> tuple[Struct, int]:
    """Read a struct, and return it with the number of bytes that it takes.

    Raises
    ------
    InputError
        For what is no struct.
    """
    reader = _Reader(data)
    return reader.struct(0), reader.place


def encode(fields: Struct) -> bytes:
    """Return the bytes of a struct."""
    out = bytearray()
    _put_struct(out, fields)
    return bytes(out)


def _put_struct(out: bytearray, fields: Struct) -> None:
    before = 0
    for number, field in sorted(fields.items()):
        kind = field.kind if field.kind not in (TRUE, FALSE) else TRUE if field.value else FALSE
        if 0 < number - before < 16:
            out.append((number - before) << 4 | kind)
        else:
            out.append(kind)
            _put_varint(out, _zigzag(number))
        if kind not in (TRUE, FALSE):
            _put_value(out, kind, field.value)
        before = number
    out.append(0)


def _put_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _put_varint(out, _zigzag(value))
    elif kind == BINARY:
        _put_varint(out, len(value))
        out.extend(value)
    elif kind == STRUCT:
        _put_struct(out, value)
    elif kind in (LIST, SET):
        count = len(value.values)
        out.append((count if count < 15 else 15) << 4 | value.kind)
        if count >= 15:
            _put_varint(out, count)
        for item in value.values:
            _put_value(out, value.kind, item)
    elif kind == DOUBLE:
        out.extend(value)
    else:
        out.append(value)


def _put_varint(out: bytearray, value: int) -> None:
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _zigzag(value: int) -> int:
    return value << 1 ^ value >> 63
