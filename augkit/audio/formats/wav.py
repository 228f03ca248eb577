"""WAV, with its relatives WAVEX, RF64 and BW64, in either byte order."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from msgspec.structs import replace

from augkit.audio.formats import chunked, encoder, splice
from augkit.audio.formats.cells import WIDTHS
from augkit.audio.formats.chunks import RIFF, RIFX, Around, Chunks, Order, walk
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.outcome import FormatInfo

KINDS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
"""How files of this family begin."""

_OWN = (b"fmt ", b"fact", b"ds64")
_EXTENSIBLE, _GSM = 0xFFFE, 0x31
_GUIDS = (bytes.fromhex("000000001000800000aa00389b71"), bytes.fromhex("00002107d3118644c8c1ca000000"))
"""How the GUID of a subformat goes on behind its number: Microsoft's, and that of ambisonic B-format."""

_SUBTYPES: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (1, 1): "PCM_U8",
        (1, 2): "PCM_16",
        (1, 3): "PCM_24",
        (1, 4): "PCM_32",
        (3, 4): "FLOAT",
        (3, 8): "DOUBLE",
        (6, 1): "ALAW",
        (7, 1): "ULAW",
    }
)
"""The subtype of a format's number and the bytes of a sample."""

_BLOCKS = (0x02, 0x11, _GSM)
"""Formats whose header says how many frames a block holds: MS ADPCM, IMA ADPCM, GSM 6.10."""

_PACKED = (b"OggS", b"wvpk")
"""How other formats begin that some writers put into a WAV file of alleged samples."""


def plain(path: Path, file: BinaryIO) -> Recording | None:
    """Open a WAV file whose samples take the same space each, without libsndfile; None where it is not such a file.

    Raises
    ------
    InputError
        If its chunks are damaged or its samples cut short.
    """
    chunks = _walked(file)
    described = _described(chunks)
    if described is None:
        return None
    encoding, valid = described
    file.seek(chunks.data.start)
    if file.read(4) in _PACKED:
        return None
    return _located(path, file, chunks, encoding, valid)


def _walked(file: BinaryIO) -> Chunks:
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    layout = RIFX if file.read(4) == b"RIFX" else RIFF
    return walk(file, length, layout, b"data")


def _located(path: Path, file: BinaryIO, chunks: Chunks, encoding: Encoding, valid: int) -> Recording:
    data, order = chunks.data, chunks.layout.order
    sign = "<" if order == "little" else ">"
    peak = chunks.named(chunked.PEAK)
    whole = peak is not None and peak.size >= 8 + 8 * encoding.channels
    peaks = splice.Peaks(peak.start + 8, sign + "f4", sign + "u4") if peak is not None and whole else None
    place = splice.Place(data.start, data.start + data.size, chunks.length, order, peaks, Around(chunks, _OWN))
    notices = tuple(chunked.oddities(chunks, file, kept=True))
    others = chunked.others(chunks, _OWN)
    return splice.located(path, file, encoding, place, valid_bits=valid, others=others, notices=notices)


def _described(chunks: Chunks) -> tuple[Encoding, int] | None:
    """Return what a header says that leaves no doubt, with the number of bits in use."""
    described = chunks.named(b"fmt ")
    if described is None or described.size < 16:
        return None
    order = chunks.layout.order
    sign = "<" if order == "little" else ">"
    form, channels, rate, _, block, bits = struct.unpack(sign + "HHIIHH", described.head[:16])
    major = {b"RF64": "RF64", b"BW64": "BW64"}.get(chunks.kind, "WAV")
    if form == _EXTENSIBLE and described.size >= 40:
        form = int.from_bytes(described.head[24:26], chunks.layout.order) if described.head[26:40] in _GUIDS else 0
        major = "WAVEX" if major == "WAV" else major
    width = (bits + 7) // 8
    subtype = _SUBTYPES.get((form, width))
    if subtype is None or block != width * channels or not 1 <= channels <= 1024 or not 1 <= rate < 2**31:
        return None
    endian = "BIG" if order == "big" else "FILE"
    return Encoding(major, subtype, endian, rate, channels), _valid_bits(described.head, order)


def _valid_bits(head: bytes, order: Order) -> int:
    return int.from_bytes(head[18:20] if head[:2] in (b"\xfe\xff", b"\xff\xfe") else head[14:16], order)


def _inspect(recording: Recording) -> Recording:
    with recording.path.open("rb") as file:
        chunks = _walked(file)
        described = chunks.named(b"fmt ")
        head = b"" if described is None else described.head
        if recording.encoding.subtype in WIDTHS:
            found = _located(recording.path, file, chunks, recording.encoding, _valid_bits(head, chunks.layout.order))
            splice.check(found, recording)
            return found
        notices = tuple(chunked.oddities(chunks, file, kept=False))
    recording = in_blocks(recording, chunks, head)
    return replace(
        recording,
        rest=Around(chunks, (b"fmt ",)),
        others=chunked.others(chunks, _OWN),
        notices=(*recording.notices, *notices),
    )


def in_blocks(recording: Recording, chunks: Chunks, head: bytes) -> Recording:
    """Return a recording encoded in blocks with no more frames than they hold: libsndfile takes padding for GSM."""
    form, size, frames = (int.from_bytes(head[at : at + 2], chunks.layout.order) for at in (0, 12, 18))
    if form not in _BLOCKS or not size:
        return recording
    recording = recording.cut(frames * (chunks.data.size // size if form == _GSM else -(-chunks.data.size // size)))
    block = 1 if form == _GSM else encoder.block_frames(recording.encoding)
    added = -recording.frames % block
    if not added:
        return recording
    notice = f"{recording.encoding.subtype} is written in blocks of {block} frames; {added} are added at the end"
    return replace(recording, notices=(*recording.notices, notice))


WAV = Container(
    majors=("WAV", "WAVEX", "RF64", "BW64"),
    subtypes=("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    inspect=_inspect,
    write=chunked.write,
    info=FormatInfo(
        name="WAV",
        suffixes=(".wav", ".wave", ".bwf", ".rf64", ".bw64"),
        keeps="subtype, byte order, WAVEX, RF64, BW64, all other chunks byte for byte (LIST, bext, cue, smpl, iXML)",
        limits="ULAW, ALAW, ADPCM and GSM are lossy",
    ),
    read_only=("MPEG_LAYER_III",),
    largest=2**32 - 2**16,
)
