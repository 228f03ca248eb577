"""The bytes of a text table: encoding, byte order mark, and what is no text at all."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from augkit.errors import InputError

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}

_OTHERS = {
    b"\x1f\x8b": "gzip data; unpack it first",
    b"\x28\xb5\x2f\xfd": "zstd data; unpack it first",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; save it as CSV first",
    b"PAR1": "a Parquet file; name it .parquet",
    b"ARROW1": "an Arrow file; name it .arrow",
    b"\x93NUMPY": "a NumPy array; name it .npy",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF document",
}


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file in an encoding whose delimiters are single ASCII bytes.

    Attributes
    ----------
    data : bytes
        Without the byte order mark; UTF-8 where the file is UTF-16, otherwise the file's own bytes.
    mark : bytes
        The byte order mark, empty where there is none.
    encoding : str or None
        "utf-16-le" or "utf-16-be" where `data` has to go back to it.
    """

    data: bytes
    mark: bytes = b""
    encoding: str | None = None

    def restore(self, piece: bytes | memoryview) -> bytes | memoryview:
        """Return a piece of edited text as the file's encoding has it."""
        return bytes(piece).decode("utf-8").encode(self.encoding) if self.encoding else piece


def decode(raw: bytes) -> Text:
    """Tell the encoding of a file's bytes.

    Raises
    ------
    InputError
        For an empty file, UTF-32, broken UTF-16, and other formats under a name of ours.
    """
    if not raw or raw.isspace():
        raise InputError("the file is empty: expected rows of numbers" if not raw else "the file holds blanks only")
    for magic, what in _OTHERS.items():
        if raw.startswith(magic):
            raise InputError(f"expected a text table, got {what}")
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise InputError("the file is UTF-32; save it as UTF-8")
    if raw.startswith(codecs.BOM_UTF8):
        return Text(raw[len(codecs.BOM_UTF8) :], codecs.BOM_UTF8)
    for mark, encoding in _UTF16.items():
        if raw.startswith(mark):
            return _from_utf16(raw, mark, encoding)
    if b"\0" in raw:
        place = raw.index(b"\0")
        raise InputError(f"byte {place} is zero: expected text; if it is UTF-16 without a mark, save it as UTF-8")
    return Text(raw)


def _from_utf16(raw: bytes, mark: bytes, encoding: str) -> Text:
    try:
        data = raw[len(mark) :].decode(encoding).encode("utf-8")
    except UnicodeError as error:
        raise InputError(f"the file begins as {encoding.upper()} and is broken: {error}") from None
    if b"\0" in data:
        raise InputError(f"the file is {encoding.upper()} and holds zero characters: expected text")
    return Text(data, mark, encoding)


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
