"""The elements of a MATLAB file of version 5: where each variable begins, what it is, and how it is put together."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO, RawIOBase
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import msgspec
import numpy as np

from augkit.errors import InputError

HEADER = 128
MATRIX, COMPRESSED = 14, 15
_PIECE = 2**18
_LONGEST_HEAD = 2**16

STORED: Mapping[int, str] = MappingProxyType(
    {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
)
"""Types of numbers on disk, which may be narrower than those of a variable."""

CLASSES: Mapping[int, tuple[int, str]] = MappingProxyType(
    {
        6: (9, "f8"),
        7: (7, "f4"),
        8: (1, "i1"),
        9: (2, "u1"),
        10: (3, "i2"),
        11: (4, "u2"),
        12: (5, "i4"),
        13: (6, "u4"),
        14: (12, "i8"),
        15: (13, "u8"),
    }
)
"""Types of variables that hold numbers, each with its full type on disk."""

_OTHERS = MappingProxyType(
    {
        1: "a cell array",
        2: "a struct; save its fields as variables",
        3: "an object",
        4: "text",
        5: "a sparse matrix; save it with full()",
        16: "a function",
        17: "an object",
    }
)

_COMPLEX, _LOGICAL = 0x08, 0x02


class Element(msgspec.Struct, frozen=True):
    """One element of a file.

    Attributes
    ----------
    begin, size : int
        Its place in the file, its tag included.
    name : str
        Of the variable.
    is_packed : bool
        Whether it is compressed.
    fault : str or None
        Why it is no array of numbers.
    head : bytes
        All of the variable that stands before its data, flags, shape and name, without the tag of the matrix.
    shape : tuple of int
    kind : int
        Type of the variable.
    stored : int
        Type of its data on disk.
    data : int
        Where its data begins: in the file, or in what is unpacked.
    """

    begin: int
    size: int
    name: str
    is_packed: bool
    fault: str | None
    head: bytes = b""
    shape: tuple[int, ...] = ()
    kind: int = 0
    stored: int = 0
    data: int = 0


def byte_order(path: Path) -> str:
    """Return the byte order of a file, as `struct` has it.

    Raises
    ------
    InputError
        For versions that are none of ours, and what is no MATLAB file.
    """
    with path.open("rb") as file:
        head = file.read(HEADER)
    if head.startswith(b"MATLAB 7.3") or head.startswith(b"\x89HDF"):
        raise InputError("a MATLAB 7.3 file, which is HDF5; save it with -v7")
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if len(head) < HEADER or order is None:
        old = len(head) >= 20 and 0 in head[:4]
        raise InputError(f"expected a MATLAB file of version 5 to 7{', got one of version 4' if old else ''}")
    return order


def elements(path: Path, order: str) -> Iterator[Element]:
    """Yield the elements of a file.

    Raises
    ------
    InputError
        For a file that is cut short or broken.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        place = HEADER
        while place < size:
            file.seek(place)
            kind, length = _tag(_exactly(file, 8), order)
            packed = kind == COMPRESSED
            whole = 8 + (length if packed else -(-length // 8) * 8)
            if place + 8 + length > size:
                raise InputError(f"the file is cut short: a variable at byte {place} claims {length:,} bytes")
            yield _element(file, place, min(whole, size - place), order, packed=packed, kind=kind)
            place += whole


def _element(file: IO[bytes], begin: int, size: int, order: str, *, packed: bool, kind: int) -> Element:
    try:
        if packed:
            packed_head = file.read(min(size - 8, _LONGEST_HEAD))
            head = Inflating(BytesIO(packed_head), 0, len(packed_head)).read(_LONGEST_HEAD)
            kind, _ = _tag(head[:8], order)
            head = head[8:]
        else:
            head = file.read(min(size - 8, _LONGEST_HEAD))
        if kind != MATRIX:
            return Element(begin, size, "", packed, f"element of type {kind}")
        return _matrix(head, begin, size, order, packed=packed)
    except (struct.error, IndexError, ValueError) as error:
        raise InputError(f"the variable at byte {begin} is broken: {error}") from None


def _matrix(head: bytes, begin: int, size: int, order: str, *, packed: bool) -> Element:
    _, flags, place = _part(head, 0, order)
    (word,) = struct.unpack_from(order + "I", flags)
    kind, marks = word & 0xFF, word >> 8 & 0xFF
    if kind not in CLASSES:
        name = _name_of(head, place, order) if kind in (1, 2, 3, 4, 5) else ""
        return Element(begin, size, name, packed, _OTHERS.get(kind, f"of class {kind}"))
    _, dims, place = _part(head, place, order)
    shape = tuple(int(n) for n in np.frombuffer(dims, order + "i4"))
    _, title, place = _part(head, place, order)
    name = title.decode("latin-1")
    stored, length, data = _part_tag(head, place, order)
    fault = _fault(marks, shape, stored)
    if fault is None and length != int(np.prod(shape)) * np.dtype(STORED[stored]).itemsize:
        raise InputError(f"variable {name!r}: {length:,} bytes of data do not fit its shape {shape}")
    at = data if packed else begin + data
    return Element(begin, size, name, packed, fault, head[:place], shape, kind, stored, at + 8)


def _fault(marks: int, shape: tuple[int, ...], stored: int) -> str | None:
    if marks & _COMPLEX:
        return "complex numbers; save real and imaginary parts as two variables"
    if marks & _LOGICAL:
        return "boolean"
    if len(shape) != 2 or 0 in shape:
        return f"shape {shape}: expected rows and columns"
    return None if stored in STORED else f"data of type {stored}"


def _name_of(head: bytes, place: int, order: str) -> str:
    _, _, place = _part(head, place, order)
    return _part(head, place, order)[1].decode("latin-1")


def _part(data: bytes, place: int, order: str) -> tuple[int, bytes, int]:
    """Return the type and the bytes of a part of a variable, and where the next one begins."""
    kind, length, begin = _part_tag(data, place, order)
    if begin + length > len(data):
        raise ValueError("it ends too early")
    end = begin + length if begin == place + 4 else begin + -(-length // 8) * 8
    return kind, data[begin : begin + length], place + 8 if begin == place + 4 else end


def _part_tag(data: bytes, place: int, order: str) -> tuple[int, int, int]:
    """Return the type, the length and the place of the data of a part, which a small one has within its tag."""
    (word,) = struct.unpack_from(order + "I", data, place)
    if word >> 16:
        return word & 0xFFFF, word >> 16, place + 4
    (length,) = struct.unpack_from(order + "I", data, place + 4)
    return word, length, place + 8


def _tag(data: bytes, order: str) -> tuple[int, int]:
    kind, length = struct.unpack(order + "II", data)
    if kind >> 16:
        raise InputError("expected a variable, got a small element")
    return kind, length


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise InputError("the file is cut short within the tag of a variable")
    return data


class Inflating(RawIOBase):
    """What a compressed element holds, unpacked as it is read."""

    def __init__(self, file: IO[bytes], begin: int, size: int) -> None:
        self._file, self._left, self._inflate, self._rest = file, size, zlib.decompressobj(), b""
        file.seek(begin)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def close(self) -> None:
        """Close the file as well."""
        self._file.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises
        ------
        InputError
            For data that is broken.
        """
        made = bytearray()
        while len(made) < size and not self._inflate.eof:
            if not self._rest:
                self._rest = self._file.read(min(_PIECE, self._left))
                self._left -= len(self._rest)
                if not self._rest:
                    break
            try:
                made += self._inflate.decompress(self._rest, size - len(made))
            except zlib.error as error:
                raise InputError(f"a variable is compressed, and broken: {error}") from None
            self._rest = self._inflate.unconsumed_tail
        return bytes(made)


def put_together(element: Element, order: str, size: int) -> bytes:
    """Return all that stands before the new data of a variable, `size` bytes of its full type, its tag included."""
    stored, _ = CLASSES[element.kind]
    padded = -(-size // 8) * 8
    length = len(element.head) + 8 + padded
    if length >= 2**32:
        raise InputError(f"variable {element.name!r} would have {length:,} bytes, more than such a file can hold")
    return struct.pack(order + "II", MATRIX, length) + element.head + struct.pack(order + "II", stored, size)


def full_dtype(element: Element, order: str) -> np.dtype[Any]:
    """Return the full type of a variable."""
    return np.dtype(order + CLASSES[element.kind][1])


def stored_dtype(element: Element, order: str) -> np.dtype[Any]:
    """Return the type of a variable's data on disk."""
    return np.dtype(order + STORED[element.stored])
