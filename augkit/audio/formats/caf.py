"""Core Audio files, in either byte order, with samples that take the same space each or with ALAC."""

from __future__ import annotations

import os

from msgspec.structs import replace

from augkit.audio.formats import chunked, splice
from augkit.audio.formats.cells import WIDTHS
from augkit.audio.formats.chunks import CAF as LAYOUT
from augkit.audio.formats.chunks import Around, Chunks, walk
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.outcome import FormatInfo

_OWN = (b"desc", b"kuki", b"pakt")
_EDITS = 4
"""Bytes of the edit count in front of the samples."""


def _inspect(recording: Recording) -> Recording:
    with recording.path.open("rb") as file:
        chunks = walk(file, os.fstat(file.fileno()).st_size, LAYOUT, b"data")
        others = tuple(label for label in chunked.others(chunks, (*_OWN, b"peak")) if label != "info")
        if recording.encoding.subtype not in WIDTHS:
            notices = (*recording.notices, *chunked.oddities(chunks, file, kept=False))
            return replace(recording, rest=Around(chunks, _OWN), others=others, notices=notices)
        begin, end = chunks.data.start + _EDITS, chunks.data.start + chunks.data.size
        order = splice.byte_order(recording.encoding, "big")
        peaks = _peaks(chunks, recording.encoding)
        place = splice.Place(begin, max(begin, end), chunks.length, order, peaks, Around(chunks, _OWN))
        notices = tuple(chunked.oddities(chunks, file, kept=True))
        found = splice.located(recording.path, file, recording.encoding, place, others=others, notices=notices)
    splice.check(found, recording)
    return found


def _peaks(chunks: Chunks, encoding: Encoding) -> splice.Peaks | None:
    peak = chunks.named(b"peak")
    if peak is None or peak.size != _EDITS + 12 * encoding.channels:
        return None
    return splice.Peaks(peak.start + _EDITS, ">f4", ">i8")


CAF = Container(
    majors=("CAF",),
    subtypes=("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    inspect=_inspect,
    write=chunked.write,
    info=FormatInfo(
        name="CAF",
        suffixes=(".caf",),
        keeps="subtype (ALAC too), byte order, all other chunks byte for byte (chan, info, mark, strg, uuid)",
        limits="ULAW and ALAW are lossy; ALAC of 32 bits is read only, since libsndfile garbles noise in it",
    ),
    read_only=("ALAC_32",),
)
