"""The formats that pictures are read from and written to: one small file and one row of `FORMATS` each."""

from __future__ import annotations

from augkit.errors import InputError
from augkit.images.formats.bmp import BMP
from augkit.images.formats.jpeg import JPEG
from augkit.images.formats.png import PNG
from augkit.images.formats.tiff import TIFF
from augkit.images.formats.webp import WEBP
from augkit.images.picture import Format

FORMATS: tuple[Format, ...] = (JPEG, PNG, BMP, TIFF, WEBP)

_HEAD = 16
_STRANGERS = (
    (0, b"GIF8", "GIF"),
    (0, b"\x00\x00\x00\x0cjP", "JPEG 2000"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
)


def format_of(data: bytes) -> Format:
    """Return the format of a file's bytes; raise `InputError` for none of the table."""
    head = data[:_HEAD]
    for row in FORMATS:
        if row.accepts(head):
            return row
    got = next((name for place, magic, name in _STRANGERS if head[place:].startswith(magic)), None)
    known = ", ".join(row.name for row in FORMATS)
    if got:
        raise InputError(f"expected one of {known}, got {got}; convert it to PNG first")
    raise InputError(f"expected one of {known}, got something else (it begins with {head[:8]!r}); remove or replace it")


def format_by_suffix(suffix: str) -> Format | None:
    """Return the format that files with `suffix` have by their name, or None."""
    return next((row for row in FORMATS if suffix.lower() in row.suffixes), None)
