"""Pascal VOC's XML: the fields that name the image are replaced, every other byte stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from augkit.errors import InputError
from augkit.sidecars.names import Edited, followed, same_name, with_last_part

_ROOT = "annotation"
_FIELDS = ("filename", "path", "folder")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def voc_edited(data: bytes, old: Path, new: Path) -> Edited:
    """Return a label of the image `old` as it tells of its copy `new`; XML that is no Pascal VOC stays as it is.

    ``filename`` becomes the copy's name (without suffix where it had none), ``path`` as well, with its folders as they
    are unless it leads to the image itself, and ``folder`` follows where it was the image's folder.

    Raises
    ------
    InputError
        For XML that is malformed, declares entities, or is in an encoding that the parser does not know.
    """
    reader = _Reader(data)
    if reader.root != _ROOT:
        return Edited(data)
    parts, end, notices = list[bytes](), 0, list[str]()
    for field in reader.fields:
        told = field.text.strip()
        value = _value(field.name, told, old, new)
        if value != told:
            parts += [data[end : field.begin], reader.encoded(field, value)]
            end = field.end
        if field.name == "filename" and not any(same_name(told, name) for name in (old.name, old.stem)):
            notices.append("the label's filename was not the image's name")
    return Edited(b"".join((*parts, data[end:])), tuple(notices))


def _value(field: str, told: str, old: Path, new: Path) -> str:
    if field == "folder":
        return new.parent.name if same_name(told, old.parent.name) else told
    if same_name(told, old.stem):
        return new.stem
    return followed(told, old, new) or with_last_part(told, new.name)


class _Field(msgspec.Struct):
    """The text of one element, and where it begins and ends in the file; -1 where that is not known (yet)."""

    name: str
    text: str = ""
    begin: int = -1
    end: int = -1


class _Reader:
    """Finds the fields below the root, by a parser that goes on only while the file declares no entities."""

    def __init__(self, data: bytes) -> None:
        from xml.parsers import expat

        self.root, self.fields = "", list[_Field]()
        self._data, self._depth = data, 0
        self._encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "")
        self._open: _Field | None = None
        parser = self._parser = expat.ParserCreate()
        parser.XmlDeclHandler, parser.EntityDeclHandler = self._declared, self._refused
        parser.StartElementHandler, parser.EndElementHandler = self._started, self._ended
        parser.CharacterDataHandler = self._read
        parser.CommentHandler = parser.StartCdataSectionHandler = parser.ProcessingInstructionHandler = self._passed
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise InputError(f"no XML that can be read: {error}") from None
        self.fields = [field for field in self.fields if field.text.strip() and field.end >= 0]

    def encoded(self, field: _Field, value: str) -> bytes:
        """Return a new value as it is to stand in the file, with the blanks around the old one."""
        encoding = self._encoding or "utf-8"
        old = self._data[field.begin : field.end].decode(encoding)
        lead, trail = old[: len(old) - len(old.lstrip())], old[len(old.rstrip()) :]
        return f"{lead}{escape(value)}{trail}".encode(encoding, "xmlcharrefreplace")

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self._encoding = self._encoding or (encoding or "")

    def _refused(self, name: str, *_: Any) -> None:
        raise InputError(f"it declares an entity, {name}, which no label needs; remove the declaration")

    def _started(self, name: str, _attributes: dict[str, str]) -> None:
        self._passed()
        self._open = None
        self._depth += 1
        if self._depth == 1:
            self.root = name
        elif self._depth == 2 and name in _FIELDS:
            self._open = _Field(name)
            self.fields.append(self._open)

    def _passed(self, *_: Any) -> None:
        """Note that the text of a field has begun, with whatever comes first after its tag."""
        if self._open is not None and self._open.begin < 0:
            self._open.begin = self._parser.CurrentByteIndex

    def _read(self, text: str) -> None:
        if self._open is not None:
            self._passed()
            self._open.text += text

    def _ended(self, _name: str) -> None:
        if self._open is not None:
            self._passed()
            self._open.end = self._parser.CurrentByteIndex
        self._open = None
        self._depth -= 1
