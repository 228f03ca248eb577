"""FLAC: new frames behind the source's own metadata blocks, its seek table pointing at them."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from augkit.audio.formats import comments, encoder, flac_frames, mpeg, outdated, splice
from augkit.audio.formats.coding import Samples
from augkit.audio.formats.recording import Container, Recording
from augkit.errors import InputError
from augkit.outcome import FormatInfo

_STREAMINFO, _SEEKTABLE, _COMMENT = 0, 3, 4
_NAMES = {2: "APPLICATION", 5: "CUESHEET", 6: "PICTURE"}
_HEADER = 4
_POINT = 18
_PLACEHOLDER = b"\xff" * 8 + bytes(10)


class _Block(msgspec.Struct, frozen=True):
    """One metadata block: its type, and where its header and payload lie in the file."""

    kind: int
    begin: int
    size: int

    @property
    def end(self) -> int:
        return self.begin + _HEADER + self.size


class _Rest(msgspec.Struct, frozen=True):
    """What a FLAC source hands on: where its stream begins, and its metadata blocks but the first."""

    begin: int
    carried: tuple[_Block, ...]


def _inspect(recording: Recording) -> Recording:
    with recording.path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        begin = _marker(file)
        blocks = _blocks(file, begin + 4, length)
        others = [_NAMES[block.kind] for block in blocks if block.kind in _NAMES]
        loudness: list[str] = []
        for block in blocks:
            if block.kind == _COMMENT:
                others.extend(comments.names_beyond_tags(_payload(file, block)))
                loudness.extend(outdated.named_in(_payload(file, block)))
        _check_length(file, blocks, length, recording.frames)
    notices = recording.notices + outdated.notices(loudness)
    rest = _Rest(begin, tuple(block for block in blocks if block.kind != _STREAMINFO))
    return replace(recording, rest=rest, others=tuple(others), notices=notices)


def _check_length(file: BinaryIO, blocks: list[_Block], length: int, frames: int) -> None:
    """Raise `InputError` where the header tells of fewer samples than there are."""
    info = _payload(file, blocks[0])
    told = int.from_bytes(info[13:18], "big") & (2**36 - 1)
    if told and flac_frames.goes_on(file, info, blocks[-1].end, length, frames):
        raise InputError(
            f"the header tells of {told} frames, but there are more; decode it to WAV with a tool that does not rely "
            "on it, such as ffmpeg"
        )


def _marker(file: BinaryIO) -> int:
    """Return where the stream begins: some writers put an ID3v2 tag in front."""
    head = file.read(10)
    begin = 0
    if head[:3] == b"ID3":
        begin = 10 + mpeg.synchsafe(head[6:10])
    file.seek(begin)
    if file.read(4) != b"fLaC":
        raise InputError("expected the marker fLaC at the start of the FLAC data; convert it to plain FLAC")
    return begin


def _blocks(file: BinaryIO, position: int, length: int) -> list[_Block]:
    """Return the metadata blocks; the last one ends where the frames begin."""
    blocks: list[_Block] = []
    last = False
    while not last:
        file.seek(position)
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            raise InputError("the file is cut short in its metadata; restore it from its source")
        last = bool(header[0] & 0x80)
        blocks.append(_Block(header[0] & 0x7F, position, int.from_bytes(header[1:], "big")))
        position = blocks[-1].end
        if position > length:
            raise InputError("the file is cut short in its metadata; restore it from its source")
    return blocks


def _payload(file: BinaryIO, block: _Block) -> bytes:
    file.seek(block.begin + _HEADER)
    return file.read(block.size)


def _write(recording: Recording, blocks: Iterable[Samples], file: BinaryIO) -> None:
    rest: _Rest | None = recording.rest
    if rest is None:
        encoder.write(file, blocks, recording.encoding, recording.tags)
        return
    with recording.path.open("rb") as source:
        splice.copy(source, file, 0, rest.begin)
        sink = _Sink(file, rest.begin + 4 + 38 + sum(_HEADER + block.size for block in rest.carried))
        encoder.write(sink, blocks, recording.encoding)
        file.seek(rest.begin)
        file.write(b"fLaC" + bytes([0 if rest.carried else 0x80]) + sink.head[5:42])
        for number, block in enumerate(rest.carried, 1):
            file.write(bytes([block.kind | (0x80 if number == len(rest.carried) else 0)]))
            if block.kind == _SEEKTABLE:
                points = sink.points(_payload(source, block))
                file.write(len(points).to_bytes(3, "big") + points)
            else:
                splice.copy(source, file, block.begin + 1, block.end)


class _Sink:
    """A file that libsndfile writes FLAC to, of which the frames come to lie behind other metadata.

    Attributes
    ----------
    head : bytearray
        What stands before the frames, as libsndfile wrote and corrected it.
    """

    def __init__(self, file: BinaryIO, begin: int) -> None:
        self._file, self._begin = file, begin
        self.head = bytearray()
        self._frames = array("Q")
        self._size: int | None = None
        self._position = self._end = 0
        self._reached = -1

    def write(self, data: bytes, /) -> int:
        """Take bytes at the present position; libFLAC hands over whole frames."""
        if self._size is None or self._position < self._size:
            self.head[self._position : self._position + len(data)] = data
            self._size = _metadata_size(self.head)
        else:
            if self._position == self._end:
                self._frames.append(self._position - self._size)
            if self._position != self._reached:
                self._file.seek(self._begin + self._position - self._size)
            self._file.write(data)
            self._reached = self._position + len(data)
        self._position += len(data)
        self._end = max(self._end, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go elsewhere."""
        self._position = offset + (0, self._position, self._end)[whence]
        return self._position

    def tell(self) -> int:
        """Return the present position."""
        return self._position

    def points(self, table: bytes) -> bytes:
        """Return a seek table of the same size that points at the new frames."""
        length = int.from_bytes(self.head[10:12], "big")
        total = int.from_bytes(self.head[21:26], "big") & (2**36 - 1)
        count = len(self._frames) if length and len(self._frames) == -(-total // length) else 0
        wanted = {
            min(int.from_bytes(table[at : at + 8], "big") // length, count - 1)
            for at in range(0, len(table) - _POINT + 1, _POINT)
            if count and table[at : at + 8] != _PLACEHOLDER[:8]
        }
        points = [
            (frame * length).to_bytes(8, "big")
            + self._frames[frame].to_bytes(8, "big")
            + min(length, total - frame * length).to_bytes(2, "big")
            for frame in sorted(wanted)
        ]
        return b"".join(points) + _PLACEHOLDER * (len(table) // _POINT - len(points))


def _metadata_size(head: bytearray) -> int | None:
    """Return the size of the marker and all metadata blocks, or None while the last of them is not there."""
    position, last = 4, False
    while not last:
        if position + _HEADER > len(head):
            return None
        last = bool(head[position] & 0x80)
        position += _HEADER + int.from_bytes(head[position + 1 : position + 4], "big")
    return position if position <= len(head) else None


FLAC = Container(
    majors=("FLAC",),
    subtypes=("PCM_S8", "PCM_16", "PCM_24"),
    inspect=_inspect,
    write=_write,
    info=FormatInfo(
        name="FLAC",
        suffixes=(".flac",),
        keeps="bit depth, all tags, pictures, cue sheets and application blocks byte for byte; a seek table",
        limits="up to 8 channels of 8, 16 or 24 bits",
    ),
)
