"""The frames of an MPEG audio stream: where it begins, and how long it says it is."""

from __future__ import annotations

import os
from typing import BinaryIO, Literal

import msgspec

_RATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates in kbit/s of (version, layer); version 2.5 has those of version 2 (ISO 11172-3, ISO 13818-3)."""

_SAMPLERATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SEARCHED = 2**16

Mode = Literal["CONSTANT", "AVERAGE", "VARIABLE"]


class Frame(msgspec.Struct, frozen=True):
    """The header of one frame.

    Attributes
    ----------
    layer : int
        1 to 3.
    rate : int
        Bit rate in bit/s.
    samplerate, samples : int
        Frames per second, and in this one.
    size : int
        Bytes of the frame.
    side : int
        Bytes between its start and a Xing header, where it is of layer 3.
    """

    layer: int
    rate: int
    samplerate: int
    samples: int
    size: int
    side: int


def frame(head: bytes) -> Frame | None:
    """Return what the four bytes of a header say; None where they are none, or of the free format."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    rate, samplerate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate in (0, 15) or samplerate == 3:
        return None
    family = 1 if version == 3 else 2
    bits, hertz = _RATES[family, layer][rate] * 1000, _SAMPLERATES[version][samplerate]
    samples = 384 if layer == 1 else 576 if layer == 3 and family == 2 else 1152
    padding = head[2] >> 1 & 1
    size = (12 * bits // hertz + padding) * 4 if layer == 1 else samples // 8 * bits // hertz + padding
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if family == 1 else (9 if mono else 17)
    return Frame(layer, bits, hertz, samples, size, 4 + side + (0 if head[1] & 1 else 2))


class Stream(msgspec.Struct, frozen=True):
    """A file of MPEG audio.

    Attributes
    ----------
    begin : int
        Where the first frame begins, behind an ID3v2 tag.
    first : Frame
        Its header.
    declared : int or None
        How many frames a Xing or Info header tells of; None where there is none.
    mode : str
        How the bit rate goes.
    quality : int or None
        What the Xing header says of it, from 0 to 100.
    average : int or None
        The bit rate in bit/s that LAME was asked for, where it says so.
    """

    begin: int
    first: Frame
    declared: int | None
    mode: Mode
    quality: int | None = None
    average: int | None = None


def stream(file: BinaryIO) -> Stream | None:
    """Find the first frame of a file and what stands in it; None where there is none near its start."""
    begin = _behind_tags(file)
    file.seek(begin)
    raw = file.read(_SEARCHED)
    for at in range(len(raw) - 3):
        first = frame(raw[at : at + 4]) if raw[at] == 0xFF else None
        if first is not None and (at + first.size >= len(raw) or frame(raw[at + first.size :][:4]) is not None):
            return _described(raw[at : at + first.size], begin + at, first)
    return None


def _behind_tags(file: BinaryIO) -> int:
    begin = 0
    while True:
        file.seek(begin)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            return begin
        begin += 10 + synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)


def synchsafe(size: bytes) -> int:
    """Return a size as ID3v2 writes it, in 7 bits of each byte."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))


def _described(raw: bytes, begin: int, first: Frame) -> Stream:
    head = raw[first.side :]
    if head[:4] not in (b"Xing", b"Info"):
        return Stream(begin, first, None, "CONSTANT")
    flags, at = int.from_bytes(head[4:8], "big"), 8
    declared = int.from_bytes(head[at : at + 4], "big") if flags & 1 else None
    at += 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4)
    quality = int.from_bytes(head[at : at + 4], "big") if flags & 8 else None
    at += 4 * (flags >> 3 & 1)
    lame = head[at : at + 21]  # the tag of LAME: 9 bytes of its name, the mode in the 10th, the bit rate in the last
    is_average = len(lame) == 21 and lame[9] & 15 == 2
    mode: Mode = "CONSTANT" if head[:4] == b"Info" else "AVERAGE" if is_average else "VARIABLE"
    average = lame[20] * 1000 if is_average and 0 < lame[20] < 255 else None
    return Stream(begin, first, declared, mode, quality, average)


def counted(file: BinaryIO, found: Stream) -> tuple[int, bool]:
    """Walk over all frames; return how many samples a channel they hold, and whether the last one is whole.

    Files that were put together have ID3v2 tags among their frames.
    """
    length = os.fstat(file.fileno()).st_size
    position, samples = found.begin, 0
    while True:
        file.seek(position)
        head = file.read(10)
        if head[:3] == b"ID3" and len(head) == 10:
            position += 10 + synchsafe(head[6:10])
            continue
        header = frame(head)
        if header is None:
            return samples, True
        if position + header.size > length:
            return samples, False
        samples += header.samples
        position += header.size
