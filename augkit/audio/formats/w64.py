"""Wave64: the chunks of WAV under longer names and with sizes of 64 bits."""

from __future__ import annotations

import os

from msgspec.structs import replace

from augkit.audio.formats import chunked, splice
from augkit.audio.formats.cells import WIDTHS, frame_width
from augkit.audio.formats.chunks import W64 as LAYOUT
from augkit.audio.formats.chunks import Around, walk
from augkit.audio.formats.recording import Container, Recording
from augkit.audio.formats.wav import in_blocks
from augkit.outcome import FormatInfo

_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_FORMAT, _FACT, _DATA = b"fmt " + _TAIL, b"fact" + _TAIL, b"data" + _TAIL


def _inspect(recording: Recording) -> Recording:
    with recording.path.open("rb") as file:
        chunks = walk(file, os.fstat(file.fileno()).st_size, LAYOUT, _DATA)
        others = chunked.others(chunks, (_FORMAT, _FACT))
        described = chunks.named(_FORMAT)
        head = b"" if described is None else described.head
        if recording.encoding.subtype not in WIDTHS:
            recording = in_blocks(recording, chunks, head)
            notices = (*recording.notices, *chunked.oddities(chunks, file, kept=False))
            return replace(recording, rest=Around(chunks, (_FORMAT,)), others=others, notices=notices)
        place = splice.Place(
            chunks.data.start,
            chunks.data.start + chunks.data.size,
            chunks.length,
            "little",
            around=Around(chunks, (_FORMAT, _FACT)),
        )
        notices = tuple(chunked.oddities(chunks, file, kept=True))
        found = splice.located(recording.path, file, recording.encoding, place, others=others, notices=notices)
    behind = place.length - place.end
    splice.check(found, recording, more=1 + behind // frame_width(found.encoding))  # it takes all chunks for samples
    return found


W64 = Container(
    majors=("W64",),
    subtypes=("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    inspect=_inspect,
    write=chunked.write,
    info=FormatInfo(
        name="W64",
        suffixes=(".w64",),
        keeps="subtype, all other chunks byte for byte",
        limits="ULAW, ALAW, ADPCM and GSM are lossy",
    ),
)
