"""AIFF and AIFF-C, in either byte order."""

from __future__ import annotations

import os

from msgspec.structs import replace

from augkit.audio.formats import chunked, splice
from augkit.audio.formats.cells import WIDTHS, frame_width
from augkit.audio.formats.chunks import RIFX, Around, Chunks, walk
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.outcome import FormatInfo

_OWN = (b"FVER", b"COMM")


def _inspect(recording: Recording) -> Recording:
    with recording.path.open("rb") as file:
        chunks = walk(file, os.fstat(file.fileno()).st_size, RIFX, b"SSND")
        others = chunked.others(chunks, _OWN)
        if recording.encoding.subtype not in WIDTHS:
            notices = (*recording.notices, *chunked.oddities(chunks, file, kept=False))
            return replace(recording, rest=Around(chunks, _OWN), others=others, notices=notices)
        file.seek(chunks.data.start)
        begin = chunks.data.start + 8 + int.from_bytes(file.read(4), "big")
        described = chunks.named(b"COMM")
        head = b"" if described is None else described.head
        place = splice.Place(
            begin,
            _end(chunks, begin, recording.encoding, int.from_bytes(head[2:6], "big")),
            chunks.length,
            splice.byte_order(recording.encoding, "big"),
            _peaks(chunks, recording.encoding),
            Around(chunks, _OWN),
        )
        found = splice.located(
            recording.path, file, recording.encoding, place,
            valid_bits=int.from_bytes(head[6:8], "big"),
            others=others,
            notices=tuple(chunked.oddities(chunks, file, kept=True)),
        )  # fmt: skip
    splice.check(found, recording)
    return found


def _end(chunks: Chunks, begin: int, encoding: Encoding, frames: int) -> int:
    """Return where the samples end: not behind the padding of a chunk, which some writers count in its size."""
    end, width = max(begin, chunks.data.start + chunks.data.size), frame_width(encoding)
    return end - width if (end - begin) // width == frames + 1 else end


def _peaks(chunks: Chunks, encoding: Encoding) -> splice.Peaks | None:
    peak = chunks.named(chunked.PEAK)
    if peak is None or peak.size < 8 + 8 * encoding.channels:
        return None
    return splice.Peaks(peak.start + 8, ">f4", ">u4")


AIFF = Container(
    majors=("AIFF",),
    subtypes=("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    inspect=_inspect,
    write=chunked.write,
    info=FormatInfo(
        name="AIFF",
        suffixes=(".aif", ".aiff", ".aifc"),
        keeps="subtype, byte order, all other chunks byte for byte (NAME, AUTH, ANNO, MARK, INST, CHAN, ID3)",
        limits="ULAW, ALAW, IMA ADPCM and GSM are lossy; DWVW of 12 bits cannot be read",
    ),
    largest=2**32 - 2**16,
)
