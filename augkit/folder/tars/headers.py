"""Headers of tar members with another size or another name: every byte that need not change stays."""

from __future__ import annotations

import tarfile
from typing import NamedTuple

from augkit.errors import InputError
from augkit.folder.tars.members import BLOCK, EXTENDED, LONG_NAME, padded, records

_NAME, _SIZE, _CHECKSUM, _MAGIC, _PREFIX = (
    slice(0, 100),
    slice(124, 136),
    slice(148, 156),
    slice(257, 263),
    slice(345, 500),
)
_POSIX = b"ustar\0"


class _Part(NamedTuple):
    block: bytes
    payload: bytes
    filling: bytes

    @property
    def kind(self) -> bytes:
        """The type of its header."""
        return self.block[156:157]


def changed(headers: bytes, *, name: str | None, size: int | None) -> bytes:
    """Return the headers of a plain file with another name or size; None leaves what is there.

    Parameters
    ----------
    headers : bytes
        All blocks before its data, which `read_members` has found to be sound.

    Raises
    ------
    InputError
        Where it has no place for another name.
    """
    *before, last = _parts(headers)
    if size is not None:
        before = [_with_records(part, {b"size": b"%d" % size}) for part in before]
        last = _Part(_with_size(last.block, size), b"", b"")
    if name is not None:
        before, last = _renamed(before, last, name.encode("utf-8", "surrogateescape"))
    return b"".join(part.block + part.payload + part.filling for part in (*before, last))


def _parts(headers: bytes) -> list[_Part]:
    parts, place = list[_Part](), 0
    while place < len(headers):
        block = headers[place : place + BLOCK]
        size = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape").size
        place += BLOCK
        if place == len(headers):
            size = 0
        end = place + size
        parts.append(_Part(block, headers[place:end], headers[end : place + padded(size)]))
        place += padded(size)
    return parts


def _filled(block: bytes, payload: bytes) -> _Part:
    """Return an extended header with a new payload."""
    return _Part(_with_size(block, len(payload)), payload, bytes(padded(len(payload)) - len(payload)))


def _with_size(block: bytes, size: int) -> bytes:
    field = block[_SIZE]
    if tarfile.nti(field) == size:  # type: ignore[attr-defined]
        return block
    return _summed(block[: _SIZE.start] + _number(field, size) + block[_SIZE.stop :])


def _number(field: bytes, number: int) -> bytes:
    """Return a number as its field has it: octal digits after spaces or zeros, before its end; or, if large, binary."""
    digits = field.rstrip(b"\0 ")
    tail = field[len(digits) :]
    octal = b"%o" % number
    width = len(field) - len(tail)
    if field[0] < 0x80 and len(octal) <= width and (digits or tail):
        return octal.rjust(width, b" " if field.startswith(b" ") else b"0") + tail
    if field[0] < 0x80 and len(octal) < len(field):
        return octal.rjust(len(field) - 1, b"0") + b"\0"
    return b"\x80" + number.to_bytes(len(field) - 1, "big")


def _summed(block: bytes) -> bytes:
    """Return a block with its checksum, in the style that it had."""
    total = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    field = block[_CHECKSUM]
    tail = field[len(field.rstrip(b"\0 ")) :] or b"\0"
    pad = b" " if field.startswith(b" ") else b"0"
    new = (b"%o" % total).rjust(len(field) - len(tail), pad) + tail
    return block[: _CHECKSUM.start] + new + block[_CHECKSUM.stop :]


def _with_records(part: _Part, new: dict[bytes, bytes]) -> _Part:
    """Return an extended header with other values of the records that it has."""
    if part.kind not in EXTENDED:
        return part
    found = list(records(part.payload, 0))
    if all(new.get(key, value) == value for key, value in found):
        return part
    payload = b"".join(_record(key, new.get(key, value)) for key, value in found)
    return _filled(part.block, payload)


def _record(key: bytes, value: bytes) -> bytes:
    """Return a record, whose length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _renamed(before: list[_Part], last: _Part, name: bytes) -> tuple[list[_Part], _Part]:
    told = [_with_name(part, name) for part in before]
    if any(new != old for new, old in zip(told, before, strict=True)):
        return told, _Part(_with_field(last.block, name[:100], b""), b"", b"")
    is_posix = last.block[_MAGIC] == _POSIX
    prefix = last.block[_PREFIX].partition(b"\0")[0]
    if prefix and not is_posix:  # times there, which some readers take for a part of the name
        raise InputError(f"{name.decode('utf-8', 'replace')}: of an incremental archive, so it cannot get this name")
    fields = _split(name, prefix, is_posix=is_posix)
    if fields is not None:
        return told, _Part(_with_field(last.block, *reversed(fields)), b"", b"")
    return [*told, _long_name(name, is_posix=is_posix)], _Part(_with_field(last.block, name[:100], b""), b"", b"")


def _with_name(part: _Part, name: bytes) -> _Part:
    if part.kind == LONG_NAME:
        return _filled(part.block, name + b"\0")
    return _with_records(part, {b"path": name})


def _split(name: bytes, prefix: bytes, *, is_posix: bool) -> tuple[bytes, bytes] | None:
    """Return what stands in the fields of prefix and name, the prefix as it was if that can be; None if too long."""
    if prefix and name.startswith(prefix + b"/") and 0 < len(name) - len(prefix) - 1 <= 100:
        return prefix, name[len(prefix) + 1 :]
    if len(name) <= 100:
        return b"", name
    place = name.find(b"/", max(len(name) - 101, 1))
    if not is_posix or not 0 < place <= 155 or place == len(name) - 1:
        return None
    return name[:place], name[place + 1 :]


def _with_field(block: bytes, name: bytes, prefix: bytes) -> bytes:
    """Return a block with these names; what is no POSIX header has other things than a prefix in its place."""
    new = name.ljust(100, b"\0") + block[100:]
    if block[_MAGIC] == _POSIX and prefix != block[_PREFIX].partition(b"\0")[0]:
        new = new[: _PREFIX.start] + prefix.ljust(155, b"\0") + new[_PREFIX.stop :]
    return _summed(new)


def _long_name(name: bytes, *, is_posix: bool) -> _Part:
    """Return the extended header of a name that is too long, in the manner of POSIX or of GNU."""
    payload = _record(b"path", name) if is_posix else name + b"\0"
    header = tarfile.TarInfo("././@PaxHeader" if is_posix else "././@LongLink")
    header.type = tarfile.XHDTYPE if is_posix else LONG_NAME
    return _filled(header.tobuf(tarfile.USTAR_FORMAT if is_posix else tarfile.GNU_FORMAT), payload)
