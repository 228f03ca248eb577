"""FLAC: new frames behind the source's own metadata blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from augkit.audio.formats import comments, sndfile
from augkit.audio.formats.recording import Container, Recording
from augkit.errors import InputError
from augkit.outcome import FormatInfo

_STREAMINFO, _SEEKTABLE, _COMMENT = 0, 3, 4
_NAMES = {2: "APPLICATION", 5: "CUESHEET", 6: "PICTURE"}


def _inspect(recording: Recording) -> Recording:
    raw = recording.path.read_bytes()
    begin = _marker(raw)
    blocks, frames = _blocks(raw, begin)
    carried = [block for kind, block in blocks if kind not in (_STREAMINFO, _SEEKTABLE)]
    others = [_NAMES[kind] for kind, _ in blocks if kind in _NAMES]
    for kind, block in blocks:
        if kind == _COMMENT:
            others.extend(comments.names_beyond_tags(block[4:]))
    notices = recording.notices
    if any(kind == _SEEKTABLE for kind, _ in blocks):
        notices += ("the seek table is left out: it holds for the source's bytes only",)
    if len(raw) - frames >= 128 and raw[-128:-125] == b"TAG":
        notices += ("the ID3v1 tag behind the audio is left out",)
    return replace(recording, rest=(raw[:begin], tuple(carried)), others=tuple(others), notices=notices)


def _marker(raw: bytes) -> int:
    """Return where the stream begins: some writers put an ID3v2 tag in front."""
    begin = 0
    if raw[:3] == b"ID3":
        begin = 10 + sum(byte << shift for byte, shift in zip(raw[6:10], (21, 14, 7, 0), strict=True))
    if raw[begin : begin + 4] != b"fLaC":
        raise InputError("expected the marker fLaC at the start of the FLAC data; convert it to plain FLAC")
    return begin


def _blocks(raw: bytes, begin: int) -> tuple[list[tuple[int, bytes]], int]:
    """Return the metadata blocks as (type, payload), and where the frames begin."""
    blocks: list[tuple[int, bytes]] = []
    position, last = begin + 4, False
    while not last:
        if position + 4 > len(raw):
            raise InputError("the file is cut short in its metadata; restore it from its source")
        last = bool(raw[position] & 0x80)
        size = int.from_bytes(raw[position + 1 : position + 4], "big")
        blocks.append((raw[position] & 0x7F, raw[position : position + 4 + size]))
        position += 4 + size
    return blocks, position


def _encode(recording: Recording) -> Iterator[bytes]:
    new = sndfile.encode(recording.samples, recording.encoding, recording.tags)
    if recording.rest is None:
        yield new
        return
    before, carried = recording.rest
    blocks, frames = _blocks(new, 0)
    kept = [blocks[0][1], *carried]
    yield before + b"fLaC"
    for number, block in enumerate(kept, 1):
        yield bytes([block[0] & 0x7F | (0x80 if number == len(kept) else 0)]) + block[1:]
    yield new[frames:]


FLAC = Container(
    majors=("FLAC",),
    subtypes=("PCM_S8", "PCM_16", "PCM_24"),
    inspect=_inspect,
    encode=_encode,
    info=FormatInfo(
        name="FLAC",
        suffixes=(".flac",),
        keeps="bit depth, all tags, pictures, cue sheets and application blocks byte for byte",
        limits="up to 8 channels of 8, 16 or 24 bits; the seek table is left out",
    ),
)
