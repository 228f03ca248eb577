"""Compressed files, read and written in pieces: gzip and zstd."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal, TypeAlias, cast

from augkit.errors import InputError
from augkit.writing import writer

Codec: TypeAlias = Literal["gzip", "zstd"]

CODECS: Mapping[str, Codec] = MappingProxyType({".gz": "gzip", ".zst": "zstd"})
"""The codec of each suffix."""

_MAGIC: Mapping[Codec, bytes] = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}


def codec_of(path: Path) -> Codec | None:
    """Return the codec that a file's name tells of."""
    return CODECS.get(path.suffix.lower())


def notice(codec: Codec) -> str:
    """Say what is not kept of a compressed file."""
    return f"compressed anew with {codec} at its usual level, as the source's level is not known"


@contextmanager
def reading(path: Path, codec: Codec | None) -> Iterator[IO[bytes]]:
    """Open a file for its unpacked bytes.

    Raises
    ------
    InputError
        For data that is not of this codec, or broken, as soon as it is met.
    """
    if codec is None:
        with path.open("rb") as file:
            yield file
        return
    with path.open("rb") as file:
        magic = file.read(4)
    if not magic.startswith(_MAGIC[codec]):
        raise InputError(f"expected {codec} data, which begins with {_MAGIC[codec]!r}, got {magic!r}")
    with _faults(codec), _unpacking(path, codec) as unpacked:
        yield unpacked


@contextmanager
def _faults(codec: Codec) -> Iterator[None]:
    """Turn what the libraries raise about broken data into errors of ours."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise InputError(f"the {codec} data is broken or cut short: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise InputError(f"the {codec} data is broken or cut short: {error}") from None


def _unpacking(path: Path, codec: Codec) -> Any:
    if codec == "gzip":
        from isal import igzip

        return _Gzip(cast(Any, igzip).open(path, "rb"))
    import pyarrow as pa

    return pa.input_stream(path, compression="zstd", buffer_size=2**16)


class _Gzip:
    """A gzip file whose errors are those of `zlib`."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> _Gzip:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        from isal import igzip_lib

        try:
            return cast(bytes, self._file.read(size))
        except cast(Any, igzip_lib).IsalError as error:
            raise zlib.error(*error.args) from None


@contextmanager
def writing(target: Path, codec: Codec | None, source: Path) -> Iterator[IO[bytes]]:
    """Open a file to be packed; gzip keeps the name and the time that the source's header tells of."""
    if codec is None:
        with writer(target) as file:
            yield file
    elif codec == "gzip":
        from isal import igzip

        name, mtime = _header(source)
        with writer(target) as file, cast(Any, igzip).GzipFile(name, "wb", 2, file, mtime) as packed:
            yield packed
    else:
        import pyarrow as pa

        with pa.output_stream(target, compression="zstd") as packed:
            yield packed


def _header(path: Path) -> tuple[str, int]:
    """Return the name and the time in the header of a gzip file."""
    with path.open("rb") as file:
        head = file.read(10)
        flags, mtime = head[3], int.from_bytes(head[4:8], "little")
        if flags & 4:
            file.read(int.from_bytes(file.read(2), "little"))
        name = b""
        if flags & 8:
            name = file.read(2**12).partition(b"\0")[0]
    return name.decode("latin-1"), mtime
