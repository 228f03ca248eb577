"""WAV and AIFF: the source's own bytes with other samples in them, so that every other chunk stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from augkit.audio.formats import sndfile
from augkit.audio.formats.cells import WIDTHS, pack
from augkit.audio.formats.chunks import PEAK, Chunk, Chunks, Order, graft, walk
from augkit.audio.formats.recording import Encoding, Recording
from augkit.errors import InputError

_PADDING = (b"JUNK", b"junk", b"PAD ", b"FLLR")
_OUTDATED = (b"levl", b"MD5 ", b"md5 ")
_BLOCK = 2**18


@dataclass(frozen=True, slots=True)
class Flavour:
    """What sets WAV and AIFF apart.

    Attributes
    ----------
    samples : bytes
        Name of the chunk that holds the samples.
    own : tuple of bytes
        Names of the chunks that describe them; written anew where the samples change their size.
    valid_bits : callable
        (chunks) -> the number of bits that the header says a sample uses, or 0.
    """

    samples: bytes
    own: tuple[bytes, ...]
    valid_bits: Callable[[Chunks], int]


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """A file without its samples.

    Attributes
    ----------
    head, tail : bytes
        What stands before and after the samples.
    order : str
        Byte order of the samples.
    peak : int or None
        Where the payload of the PEAK chunk begins in head + tail.
    """

    head: bytes
    tail: bytes
    order: Order
    peak: int | None


def inspect(recording: Recording, flavour: Flavour) -> Recording:
    """Return the recording with what surrounds its samples.

    Raises
    ------
    InputError
        If samples are missing, or the ones that libsndfile decoded are not those that the chunks hold.
    """
    chunks = walk(recording.path.read_bytes(), flavour.samples)
    fixed = recording.encoding.subtype in WIDTHS
    recording = _narrowed(recording, flavour.valid_bits(chunks))
    known = (flavour.samples, *flavour.own, PEAK, *_PADDING)
    others = [_label(chunks, chunk) for chunk in chunks.chunks if chunk.name not in known]
    return replace(
        recording,
        rest=_frame(recording, chunks) if fixed else chunks,
        others=tuple(label for label in others if label != "LIST INFO"),
        notices=(*recording.notices, *_oddities(chunks, fixed=fixed)),
    )


def _narrowed(recording: Recording, bits: int) -> Recording:
    """Return the recording on the grid that its header says is used, where the samples agree."""
    encoding = recording.encoding
    spare = encoding.coding.bits - bits
    if encoding.coding.kind != "pcm" or bits < 1 or spare <= 0:
        return recording
    if np.any(recording.samples & ((1 << spare) - 1)):
        notice = (
            f"the header says {bits} bits but the samples use more; noise is rounded to {encoding.coding.bits} bits"
        )
        return replace(recording, notices=(*recording.notices, notice))
    return replace(recording, encoding=replace(encoding, valid_bits=bits), samples=recording.samples >> spare)


def _oddities(chunks: Chunks, *, fixed: bool) -> Iterator[str]:
    for chunk in chunks.chunks:
        if chunk.name in _OUTDATED:
            yield f"the chunk {_label(chunks, chunk)} describes the samples before the noise; kept as it is"
    if chunks.cut_short:
        yield f"the chunk {_label(chunks, chunks.chunks[-1])} after the samples is cut short; kept as it is"
    if chunks.loose:
        kept = "kept as they are" if fixed else "left out"
        yield f"{chunks.loose} bytes at the end of the file belong to no chunk; {kept}"


def _label(chunks: Chunks, chunk: Chunk) -> str:
    kind = b" " + chunks.payload(chunk)[:4] if chunk.name == b"LIST" else b""
    return (chunk.name + kind).decode("latin-1").strip()


def _frame(recording: Recording, chunks: Chunks) -> Frame:
    """Cut the file around its samples, after making sure that they are where they seem to be."""
    encoding, samples = recording.encoding, recording.samples
    order = byte_order(encoding)
    begin, end = chunks.data.start, chunks.data.start + chunks.data.size
    if encoding.major == "AIFF":
        begin += 8 + int.from_bytes(chunks.raw[begin : begin + 4], "big")
    size = samples.size * WIDTHS[encoding.subtype]
    whole = 0 <= end - begin - size < encoding.channels * WIDTHS[encoding.subtype]
    if whole and encoding.coding.kind != "lossy":
        whole = pack(samples, encoding, order) == chunks.raw[begin : begin + size]
    if not whole:
        raise InputError(
            f"header and samples disagree: {len(samples)} frames of {encoding.subtype} were decoded from "
            f"{end - begin:,} bytes of samples; convert it first, for example with ffmpeg, to plain WAV"
        )
    peak = chunks.named(PEAK)
    place = None if peak is None or peak.size < 8 + 8 * encoding.channels else peak.start
    if place is not None and place >= end:
        place -= size
    return Frame(chunks.raw[:begin], chunks.raw[begin + size :], order, place)


def byte_order(encoding: Encoding) -> Order:
    """Return the byte order of the samples, which in AIFF is big unless said otherwise."""
    if encoding.major == "AIFF":
        return "little" if encoding.endian == "LITTLE" else "big"
    return "big" if encoding.endian == "BIG" else "little"


def encode(recording: Recording, flavour: Flavour) -> Iterator[bytes]:
    """Yield the bytes of the file: the source's own around new samples, where the source was of this container."""
    rest, samples = recording.rest, recording.samples
    if not isinstance(rest, Frame):
        new = walk(sndfile.encode(samples, recording.encoding, recording.tags), flavour.samples)
        yield graft(new, rest or new, flavour.own)
        return
    around = _with_peak(recording, rest)
    yield around[: len(rest.head)]
    for begin in range(0, len(samples), _BLOCK):
        yield pack(samples[begin : begin + _BLOCK], recording.encoding, rest.order)
    yield around[len(rest.head) :]


def _with_peak(recording: Recording, frame: Frame) -> bytes:
    """Return head and tail with the peaks of the new samples in their PEAK chunk; its time stays."""
    around = frame.head + frame.tail
    if frame.peak is None or not recording.samples.size:
        return around
    finite = np.where(np.isfinite(recording.samples), recording.samples, 0)
    size = np.abs(finite.astype(np.float64)) / recording.encoding.coding.full_scale
    position = np.argmax(size, axis=0)
    table = np.empty((len(position), 2), dtype=np.uint32)
    table[:, 0] = size[position, np.arange(len(position))].astype(np.float32).view(np.uint32)
    table[:, 1] = position
    big = recording.encoding.major == "AIFF" or frame.order == "big"
    begin = frame.peak + 8
    return around[:begin] + table.astype(">u4" if big else "<u4").tobytes() + around[begin + table.nbytes :]
