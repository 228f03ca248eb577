"""Tar archives read strictly: every member with the bytes that are its own, or a refusal that says where and why.

Headers are parsed one by one by `tarfile`, which is what readers of WebDataset use; how they follow each other is
checked here, as `tarfile` takes a broken header for the end of the archive, and a name of any length for a name.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from augkit.errors import InputError

BLOCK = tarfile.BLOCKSIZE

_ZEROS = bytes(BLOCK)
_PIECE = 2**20
_MOST_HEADERS = 2**20
"""Bytes of the headers of one member, extended ones included."""

_LONGEST = 4096
"""Characters of a name, which is what systems take."""

LONG_NAME, LONG_LINK, GLOBAL = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE
EXTENDED = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_NO_DATA = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
_OF_ALL = (b"path", b"size", b"linkpath", b"hdrcharset", b"GNU.sparse")
"""Records that mean nothing in a header for all members, but are believed by some readers."""


class Member(NamedTuple):
    """One member and where it lies: its headers from `begin`, its data from `data`, what follows it from `end`.

    `kind` is "file"; "sparse", for one that is stored without its holes; "link", for a hard one, to `link`; or "other".
    """

    name: str
    kind: Literal["file", "sparse", "link", "other"]
    begin: int
    data: int
    size: int
    end: int
    link: str = ""


def padded(size: int) -> int:
    """Return how many bytes data of this size take."""
    return -(-size // BLOCK) * BLOCK


def read_members(file: BinaryIO, length: int) -> Iterator[Member]:
    """Yield the members of a tar in their order, and check that it ends as one.

    Raises
    ------
    InputError
        For what is no tar, or is broken, cut short, or followed by something that readers would not see.
    """
    place = 0
    while (member := _member(file, place, length)) is not None:
        yield member
        place = member.end
    _check_end(file, place, length)


class _Chain:
    """What the extended headers before a member say of it; the first of them to say something is believed."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.link: str | None = None
        self.size: int | None = None
        self.is_sparse = False

    def add(self, kind: bytes, payload: bytes, place: int) -> None:
        """Take in the payload of one that begins at `place`."""
        if kind in (LONG_NAME, LONG_LINK):
            text = _text(payload.partition(b"\0")[0])
            if kind == LONG_NAME:
                self.name = text if self.name is None else self.name
            else:
                self.link = text if self.link is None else self.link
            return
        found = dict(records(payload, place))
        self.is_sparse |= any(key.startswith(b"GNU.sparse") for key in found)
        path = found.get(b"GNU.sparse.name", found.get(b"path"))
        if path is not None and self.name is None:
            self.name = _text(path)
        if b"linkpath" in found and self.link is None:
            self.link = _text(found[b"linkpath"])
        if b"size" in found and self.size is None:
            digits = found[b"size"]
            if not digits.isdigit() or len(digits) > 18:
                raise InputError(f"the extended header at byte {place} has a size that is none: {digits[:40]!r}")
            self.size = int(digits)


def _member(file: BinaryIO, begin: int, length: int) -> Member | None:
    """Return the member whose headers begin there; None at the end of the archive."""
    place, chain = begin, _Chain()
    while True:
        header = _header(file, place, length)
        if header is None:
            if place != begin:
                raise InputError(f"the extended header at byte {begin} belongs to nothing: the tar ends there")
            return None
        if header.size < 0:
            raise InputError(f"the header at byte {place} has a size below 0")
        if header.type not in (LONG_NAME, LONG_LINK, GLOBAL, *EXTENDED):
            return _placed(file, header, chain, (begin, place, length))
        data, place = place + BLOCK, place + BLOCK + padded(header.size)
        if place - begin > _MOST_HEADERS:
            raise InputError(f"the headers at byte {begin} have more than {_MOST_HEADERS} bytes; no name needs that")
        payload = _read(file, data, place - data, length)
        if payload[header.size :].strip(b"\0"):  # which some readers take for a part of it, and others do not
            raise InputError(f"the extended header at byte {data - BLOCK} is followed by something that is not its own")
        payload = payload[: header.size]
        if header.type == GLOBAL:
            _check_global(payload, data)
            if data - BLOCK != begin:
                raise InputError(f"a global header stands within that of the member at byte {begin}")
            return Member("", "other", begin, place, 0, place)
        chain.add(header.type, payload, data)


def _placed(file: BinaryIO, header: tarfile.TarInfo, chain: _Chain, places: tuple[int, int, int]) -> Member:
    """Return the member of its last header and the extended ones; `places` are where it and that begin, and the end."""
    begin, place, length = places
    name = header.name if chain.name is None else chain.name
    if len(name) > _LONGEST:
        raise InputError(f"the member at byte {begin} has a name of {len(name)} characters; {_LONGEST} are the most")
    data = place + BLOCK
    size = header.size if chain.size is None else chain.size
    kind: Literal["file", "sparse", "link", "other"] = "file" if header.isreg() else "other"
    if header.type == tarfile.GNUTYPE_SPARSE:
        further = header_block(file, place, length)[482]
        while further:
            further = header_block(file, data, length)[504]
            data += BLOCK
    if header.type == tarfile.GNUTYPE_SPARSE or chain.is_sparse:
        kind = "sparse"
    if header.type in _NO_DATA:
        size, kind = 0, "link" if header.type == tarfile.LNKTYPE else "other"
    end = data + padded(size)
    if end > length:
        raise InputError(
            f"it is cut short, or a size is wrong: {told(name)} at byte {begin} has {size} bytes, and the tar ends at "
            f"byte {length}"
        )
    link = header.linkname if chain.link is None else chain.link
    return Member(name, kind, begin, data, size, end, link if kind == "link" else "")


def told(name: str) -> str:
    """Return the name of a member as a manifest can hold it: bytes that are no UTF-8 become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_utf8(name: str) -> bool:
    """Tell whether a name was UTF-8 in the tar."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _read(file: BinaryIO, place: int, size: int, length: int) -> bytes:
    if place + size > length:
        raise InputError(f"it is cut short: bytes {place} to {place + size} were expected, and it has {length}")
    file.seek(place)
    data = file.read(size)
    if len(data) != size:
        raise InputError(f"it became shorter while it was read, at byte {place}")
    return data


def header_block(file: BinaryIO, place: int, length: int) -> bytes:
    """Return the block at `place`."""
    return _read(file, place, BLOCK, length)


def _header(file: BinaryIO, place: int, length: int) -> tarfile.TarInfo | None:
    """Return the header at `place`; None for a block of zeros, which ends a tar."""
    if place == length:
        end = "an empty file" if not length else "it is cut short: the blocks of zeros at the end of a tar are missing"
        raise InputError(f"{end}; restore it from its source")
    if not place and length < BLOCK:
        raise InputError(f"no tar: it has {length} bytes only")
    block = header_block(file, place, length)
    if block == _ZEROS:
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        what = f"the header at byte {place} is broken ({error})" if place else "no tar: its first header is none"
        raise InputError(f"{what}; restore it from its source") from None


def _check_end(file: BinaryIO, place: int, length: int) -> None:
    """Raise `InputError` where something else than zeros follows the end of a tar."""
    while place < length:
        piece = _read(file, place, min(_PIECE, length - place), length)
        if piece.count(0) != len(piece):
            found = place + len(piece) - len(piece.lstrip(b"\0"))
            raise InputError(
                f"something follows its end, at byte {found}, which readers of tars do not see; join two tars with "
                "tar -A, or cut it off"
            )
        place += len(piece)


def _check_global(payload: bytes, place: int) -> None:
    for key, _ in records(payload, place):
        if key.startswith(_OF_ALL):
            raise InputError(f"the header for all members at byte {place} sets {told(_text(key))}, as none should")


def records(payload: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of an extended header (POSIX.1-2001, pax) that begins at byte `place`."""
    begin, last = 0, len(payload.rstrip(b"\0"))
    while begin < last:
        space = payload.find(b" ", begin, begin + 20)
        digits = payload[begin:space] if space > 0 else b""
        end = begin + int(digits) if digits.isdigit() else 0
        key, equals, value = payload[space + 1 : end - 1].partition(b"=")
        if not (space < end <= len(payload)) or payload[end - 1 : end] != b"\n" or not (key and equals):
            raise InputError(f"the extended header at byte {place} is broken; restore the tar from its source")
        yield key, value
        begin = end
