"""Tars as files: plain, or packed with gzip or Zstandard; read at any place, and written in the same packing."""

from __future__ import annotations

import os
import stat
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, cast

from augkit.errors import InputError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst")

_MAGIC: Mapping[str, bytes] = MappingProxyType({"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"})
"""How the data of each packing begin, which tell it, whatever the name says."""

_PIECE = 2**20
_LEVEL = 2
_MOST_UNPACKED, _MOST_TIMES = 2**30, 100
"""A packed tar that unpacks to more bytes than the first, and to more than so many times its own, is refused."""


class Opened(NamedTuple):
    """The plain bytes of a tar, how many there are, and how they are packed: with "gzip", "zstd" or not, ""."""

    file: BinaryIO
    length: int
    packing: str


@contextmanager
def reading(path: Path, beside: Path) -> Iterator[Opened]:
    """Open a tar for its plain bytes; a packed one is unpacked into a nameless file.

    Parameters
    ----------
    beside : Path
        That file lies in the folder of this one.

    Raises
    ------
    InputError
        For broken data, or more than anybody packs.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError("a regular file was expected")
        head = file.read(4)
        file.seek(0)
        packing = next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "")
        if not packing:
            yield Opened(file, status.st_size, "")
            return
        with tempfile.TemporaryFile(dir=beside.parent) as plain:
            yield Opened(plain, _unpack(file, packing, plain), packing)


def _unpack(file: BinaryIO, packing: str, plain: BinaryIO) -> int:
    most = max(_MOST_UNPACKED, _MOST_TIMES * os.fstat(file.fileno()).st_size)
    length = 0
    for piece in _pieces(file, packing):
        length += len(piece)
        if length > most:
            raise InputError(f"it unpacks to more than {most} bytes; if that is right, unpack it and take the .tar")
        plain.write(piece)
    plain.flush()
    return length


def _pieces(file: BinaryIO, packing: str) -> Iterator[bytes]:
    """Yield the unpacked bytes; what the libraries raise about broken data becomes an `InputError`."""
    from isal import igzip, igzip_lib

    try:
        unpacking = cast(Any, igzip).open(file, "rb") if packing == "gzip" else _zstd(file)
        with unpacking as unpacked:
            while piece := unpacked.read(_PIECE):
                yield piece
    except (EOFError, zlib.error, cast(Any, igzip_lib).IsalError) as error:
        raise InputError(f"the {packing} data is broken or cut short: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise InputError(f"the {packing} data is broken or cut short: {error}") from None


def _zstd(file: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")


@contextmanager
def writing(target: Path, packing: str) -> Iterator[BinaryIO]:
    """Open a file to be packed; the header of gzip tells no name and no time, so that the bytes are the same again."""
    if not packing:
        with target.open("wb", buffering=_PIECE) as file:
            yield file
    elif packing == "gzip":
        from isal import igzip

        with target.open("wb") as file, cast(Any, igzip).GzipFile("", "wb", _LEVEL, file, 0) as packed:
            yield packed
    else:
        import pyarrow as pa

        with pa.output_stream(target, compression="zstd") as packed:
            yield packed
