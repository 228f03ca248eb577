"""JSON edited in place: single values are replaced in its bytes, all others stay as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np

from augkit.errors import InputError
from augkit.sidecars.names import followed

Buffer: TypeAlias = "bytes | memoryview"
Change: TypeAlias = tuple[msgspec.Raw, bytes]
Span: TypeAlias = tuple[int, int]

encode = msgspec.json.Encoder().encode
_BOM = b"\xef\xbb\xbf"


def decode(data: Buffer | msgspec.Raw, kind: Any) -> Any:
    """Decode JSON as `kind`, in which `msgspec.Raw` stands for values that are left as they are written.

    Raises
    ------
    InputError
        For what is no JSON proper, or not of that kind.
    """
    view = memoryview(data)
    try:
        return msgspec.json.decode(view[3:] if view[:3] == _BOM else view, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"no JSON that can be read: {str(error).removeprefix('JSON is malformed: ')}") from None


def span(part: msgspec.Raw, data: Buffer | msgspec.Raw) -> Span:
    """Return where a value that was decoded from `data` begins and ends in it."""
    begin = _address(part) - _address(data)
    return begin, begin + len(memoryview(part))


def _address(data: Buffer | msgspec.Raw) -> int:
    address: int = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    return address


def spliced(data: Buffer, changes: Iterable[Change]) -> bytes:
    """Return `data` with some of the values that were decoded from it replaced; of two changes the later one counts."""
    return joined(data, {span(old, data): new for old, new in changes})


def joined(data: Buffer, changes: Mapping[Span, bytes]) -> bytes:
    """Return `data` with what lies in some places replaced."""
    parts, end = [], 0
    for (begin, stop), new in sorted(changes.items()):
        parts += [data[end:begin], new]
        end = stop
    return b"".join((*parts, data[end:]))


def text_of(value: msgspec.Raw) -> str | None:
    """Return the text that a value is, or None where it is of another kind."""
    return decode(value, str) if bytes(memoryview(value)[:1]) == b'"' else None


def names_followed(value: Buffer | msgspec.Raw, old: Path, new: Path) -> list[Change]:
    """Return the changes by which every text that names the file `old`, however deep, names its copy `new`."""
    data = memoryview(value)
    if old.name.isascii() and old.name.encode() not in bytes(data):
        return []
    first = bytes(data).removeprefix(_BOM).lstrip()[:1]
    if first == b'"' and isinstance(value, msgspec.Raw):
        renamed = followed(decode(value, str), old, new)
        return [] if renamed is None else [(value, encode(renamed))]
    if first == b"{":
        parts: Iterable[msgspec.Raw] = decode(value, dict[str, msgspec.Raw]).values()
    elif first == b"[":
        parts = decode(value, list[msgspec.Raw])
    else:
        return []
    return [change for part in parts for change in names_followed(part, old, new)]
