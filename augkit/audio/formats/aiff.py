"""AIFF and AIFF-C, in either byte order."""

from __future__ import annotations

from collections.abc import Iterator

from augkit.audio.formats import splice
from augkit.audio.formats.chunks import Chunks
from augkit.audio.formats.recording import Container, Recording
from augkit.outcome import FormatInfo


def _valid_bits(chunks: Chunks) -> int:
    described = chunks.named(b"COMM")
    return int.from_bytes(chunks.payload(described)[6:8], "big") if described else 0


_FLAVOUR = splice.Flavour(samples=b"SSND", own=(b"FVER", b"COMM"), valid_bits=_valid_bits)


def _inspect(recording: Recording) -> Recording:
    return splice.inspect(recording, _FLAVOUR)


def _encode(recording: Recording) -> Iterator[bytes]:
    return splice.encode(recording, _FLAVOUR)


AIFF = Container(
    majors=("AIFF",),
    subtypes=("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    inspect=_inspect,
    encode=_encode,
    info=FormatInfo(
        name="AIFF",
        suffixes=(".aif", ".aiff", ".aifc"),
        keeps="subtype, byte order, all other chunks byte for byte (NAME, AUTH, ANNO, MARK, INST, ID3)",
        limits="ULAW, ALAW, IMA ADPCM and GSM are lossy; DWVW of 12 bits cannot be read",
    ),
)
