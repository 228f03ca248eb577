"""The bytes of a text table: encoding, byte order mark, and what is no text at all."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path

from augkit.errors import InputError
from augkit.series.packed import codec_of, reading

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

_OTHERS = {
    b"\x1f\x8b": "gzip data; name it .csv.gz",
    b"\x28\xb5\x2f\xfd": "zstd data; name it .csv.zst",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; save it as CSV first",
    b"PAR1": "a Parquet file; name it .parquet",
    b"ARROW1": "an Arrow file; name it .arrow",
    b"\x93NUMPY": "a NumPy array; name it .npy",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF document",
}


class TextFile:
    """A file's text, in an encoding whose delimiters are single ASCII bytes, read in pieces as often as need be.

    Attributes
    ----------
    path : Path
    codec : str or None
        How the file is compressed.
    mark : bytes
        The byte order mark, empty where there is none.
    encoding : str or None
        "utf-16-le" or "utf-16-be" where the text is read as UTF-8 and has to go back to it.

    Raises
    ------
    InputError
        For an empty file, UTF-32, and other formats under a name of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.codec = path, codec_of(path)
        self._state = _state(path)
        with reading(path, self.codec) as file:
            head = file.read(_HEAD)
            _check(head, has_more=bool(file.read(1)))
        self.encoding = next((encoding for mark, encoding in _UTF16.items() if head.startswith(mark)), None)
        self.mark = head[:2] if self.encoding else head[:3] if head.startswith(codecs.BOM_UTF8) else b""

    @property
    def size(self) -> int:
        """Bytes of the file, compressed where it is."""
        return self._state[0]

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the text without its mark, in pieces of about `size` bytes.

        Raises
        ------
        InputError
            For zero bytes, broken UTF-16 and broken compressed data, and where the file is not what it was.
        """
        if _state(self.path) != self._state:
            raise InputError("the file changed while it was read; run again when nothing writes to it")
        place = 0
        with reading(self.path, self.codec) as file:
            file.read(len(self.mark))
            decode = codecs.getincrementaldecoder(self.encoding)("strict").decode if self.encoding else None
            while piece := file.read(size):
                yield self._checked(piece if decode is None else _decoded(decode, piece, self.encoding), place)
                place += len(piece)
            if decode is not None and (rest := _decoded(decode, b"", self.encoding)):
                yield rest

    def _checked(self, piece: bytes, place: int) -> bytes:
        if 0 not in piece:
            return piece
        if self.encoding:
            raise InputError(f"the file is {self.encoding.upper()} and holds zero characters: expected text")
        at = len(self.mark) + place + piece.index(0)
        raise InputError(f"byte {at} is zero: expected text; if it is UTF-16 without a mark, save it as UTF-8")

    def restore(self, piece: bytes | memoryview) -> bytes | memoryview:
        """Return a piece of edited text as the file's encoding has it."""
        return bytes(piece).decode("utf-8").encode(self.encoding) if self.encoding else piece


_HEAD = 16


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _check(head: bytes, *, has_more: bool) -> None:
    if not head or (head.isspace() and not has_more):
        raise InputError("the file holds blanks only" if head else "the file is empty: expected rows of numbers")
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"expected a text table, got {what}")
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise InputError("the file is UTF-32; save it as UTF-8")


def _decoded(decode: Callable[[bytes, bool], str], piece: bytes, encoding: str | None) -> bytes:
    try:
        return decode(piece, not piece).encode("utf-8")
    except UnicodeError as error:
        raise InputError(f"the file begins as {str(encoding).upper()} and is broken: {error}") from None


def as_name(cell: bytes) -> str:
    """Return a header cell as text, without its quotes: UTF-8, or Latin-1 where it is not."""
    cell = cell.strip(b" \t\r")
    if len(cell) > 1 and cell[:1] == cell[-1:] and cell[:1] in (b'"', b"'"):
        quote = cell[:1]
        cell = cell[1:-1].replace(quote * 2, quote).strip()
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return cell.decode("latin-1")
