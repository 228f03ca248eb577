"""WAV, with its relatives WAVEX and RF64, in either byte order."""

from __future__ import annotations

from collections.abc import Iterator

from augkit.audio.formats import splice
from augkit.audio.formats.chunks import Chunks
from augkit.audio.formats.recording import Container, Recording
from augkit.outcome import FormatInfo

_EXTENSIBLE = 0xFFFE


def _valid_bits(chunks: Chunks) -> int:
    described = chunks.named(b"fmt ")
    payload = chunks.payload(described) if described else b""
    form, bits, valid = (int.from_bytes(payload[at : at + 2], chunks.order) for at in (0, 14, 18))
    return valid if form == _EXTENSIBLE else bits


_FLAVOUR = splice.Flavour(samples=b"data", own=(b"fmt ", b"fact"), valid_bits=_valid_bits)


def _inspect(recording: Recording) -> Recording:
    return splice.inspect(recording, _FLAVOUR)


def _encode(recording: Recording) -> Iterator[bytes]:
    return splice.encode(recording, _FLAVOUR)


WAV = Container(
    majors=("WAV", "WAVEX", "RF64"),
    subtypes=("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
    inspect=_inspect,
    encode=_encode,
    info=FormatInfo(
        name="WAV",
        suffixes=(".wav", ".wave"),
        keeps="subtype, byte order, WAVEX and RF64 headers, all other chunks byte for byte (LIST, bext, cue, iXML)",
        limits="ULAW, ALAW, ADPCM and GSM are lossy",
    ),
)
