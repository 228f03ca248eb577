"""Text files with one line for each utterance or segment, of which one field is the name of a recording."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from augkit.errors import InputError
from augkit.sidecars.names import Copies

COLUMNS: Mapping[str, int] = MappingProxyType({".trans.txt": 0, ".rttm": 1, ".ctm": 0, ".stm": 0, ".uem": 0})
"""By suffix, which field is the name: LibriSpeech's transcripts, and NIST's formats."""

_FIELD = re.compile(rb"[^ \t\r\n]+")


def column_of(name: str) -> int | None:
    """Return which field of a file's lines is the name of a recording, or None for other files."""
    return next((column for suffix, column in COLUMNS.items() if name.lower().endswith(suffix)), None)


def named_in(line: bytes, column: int) -> re.Match[bytes] | None:
    """Find the name in a line; None where it has none, as blank lines and NIST's comments (``;;``) do."""
    if line.startswith(b";;"):
        return None
    fields = _FIELD.finditer(line)
    return next((field for number, field in enumerate(fields) if number == column), None)


def lines_edited(data: bytes, column: int, old: str, new: str) -> bytes:
    """Return lines in which the name `old` is replaced by `new`."""
    lines = data.splitlines(keepends=True)
    return b"".join(
        _renamed(line, found, new) if (found := named_in(line, column)) and _text(found) == old else line
        for line in lines
    )


def _text(found: re.Match[bytes]) -> str:
    return found[0].decode("utf-8", "surrogateescape")


def _renamed(line: bytes, found: re.Match[bytes], new: str) -> bytes:
    return line[: found.start()] + new.encode("utf-8", "surrogateescape") + line[found.end() :]


def check_text(names: Iterable[str]) -> None:
    """Raise `InputError` for a name that is no UTF-8, which no row of a manifest can hold."""
    for name in names:
        if any("\udc80" <= letter <= "\udcff" for letter in name):
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            raise InputError(f"the name {shown} is no UTF-8; rename it")


class IdLines:
    """A file of such lines for many recordings; `augkit.sidecars.names.Listing` says what it offers.

    The lines of one recording that follow each other stay together, so what is sorted by name and time stays so.
    """

    home, by_stem = "", True

    def __init__(self, path: Path, column: int) -> None:
        self.folder, self.parts, self.notices, self._column = path.parent, (path.name,), (), column
        self.names: Sequence[str] = tuple(dict.fromkeys(name for name, _ in self._runs() if name is not None))
        check_text(self.names)

    def _lines(self) -> list[bytes]:
        return (self.folder / self.parts[0]).read_bytes().splitlines(keepends=True)

    def _runs(self) -> Iterable[tuple[str | None, Iterator[bytes]]]:
        def name_of(line: bytes) -> str | None:
            found = named_in(line, self._column)
            return _text(found) if found else None

        return groupby(self._lines(), key=name_of)

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield the file as it tells of the copies."""
        for name, run in self._runs():
            lines = list(run)
            if name is None:
                yield from lines
                continue
            for copy in copies.get(name, ()):
                for line in lines:
                    found = named_in(line, self._column)
                    renamed = _renamed(line, found, copy.name) if found else line
                    yield renamed if renamed.endswith(b"\n") else renamed + b"\n"
