"""The output of a tar: bytes of the source as they are, in large pieces, and new ones between them."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from augkit.errors import InputError
from augkit.folder.tars.members import BLOCK, padded

_PIECE = 2**20
_RECORD = 20 * BLOCK
"""What tars are filled up to, as those of tapes were."""


class Tape:
    """Writes a tar whose members come from another, which is open at `source` and `length` bytes long."""

    def __init__(self, source: BinaryIO, length: int, out: BinaryIO) -> None:
        self._source, self._length, self._out = source, length, out
        self._waiting = (0, 0)
        self._written = 0

    def keep(self, begin: int, end: int) -> None:
        """Write bytes of the source as they are; those that follow each other there go together."""
        if begin != self._waiting[1]:
            self._flush()
            self._waiting = begin, begin
        self._waiting = self._waiting[0], end

    def write(self, data: bytes) -> None:
        """Write other bytes."""
        self._flush()
        self._out.write(data)
        self._written += len(data)

    def write_file(self, path: Path, size: int) -> None:
        """Write the data of a member that a file of its own holds, and fill up its last block."""
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                self.write(piece)
        self.write(bytes(padded(size) - size))

    def read(self, begin: int, end: int) -> bytes:
        """Return bytes of the source."""
        self._source.seek(begin)
        return self._source.read(end - begin)

    def copy(self, begin: int, size: int, out: BinaryIO) -> None:
        """Write bytes of the source into another file."""
        self._source.seek(begin)
        while size > 0:
            piece = self._source.read(min(_PIECE, size))
            if not piece:
                raise InputError(f"it became shorter while it was read, at byte {begin}")
            out.write(piece)
            size -= len(piece)

    def end(self, place: int) -> None:
        """End the tar as the source does, whose members end at `place`: with zeros that fill a record, or as many."""
        self._flush()
        zeros = self._length - place
        if self._written != place and self._length % _RECORD == 0:
            zeros = 2 * BLOCK + -(self._written + 2 * BLOCK) % _RECORD
        while zeros > 0:
            self.write(bytes(min(zeros, _PIECE)))
            zeros -= _PIECE

    def _flush(self) -> None:
        begin, end = self._waiting
        self._waiting = end, end
        self.copy(begin, end - begin, self._out)
        self._written += end - begin
