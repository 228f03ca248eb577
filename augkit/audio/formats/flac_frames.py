"""Whether a FLAC stream goes on behind the samples that its header tells of, where decoders stop."""

from __future__ import annotations

import re
from typing import BinaryIO

_SYNC = re.compile(rb"\xff[\xf8\xf9]")
_LEAST = 2**14
_LONGEST_HEADER = 16

_RATES = {12: 1, 13: 2, 14: 2}
"""Bytes of a sample rate, by the code that says that there are any."""


def goes_on(file: BinaryIO, info: bytes, begin: int, end: int, frames: int) -> bool:
    """Tell whether the last frame of a stream ends behind its last sample; RFC 9639, section 9.

    Parameters
    ----------
    info : bytes
        The payload of the block STREAMINFO.
    begin, end : int
        Where the frames begin, and where the file ends.
    frames : int
        The samples of a channel that the header tells of.
    """
    length, largest = int.from_bytes(info[2:4], "big"), int.from_bytes(info[7:10], "big")
    begin = max(begin, end - max(largest, _LEAST))
    file.seek(begin)
    tail = file.read(end - begin)
    for at in (found.start() for found in _SYNC.finditer(tail)):
        passed, size = _read(tail[at : at + _LONGEST_HEADER], length)
        if passed > frames and _crc(tail[at : at + size], 8, 0x07) == 0 and _crc(tail[at:], 16, 0x8005) == 0:
            return True
    return False


def _read(head: bytes, length: int) -> tuple[int, int]:
    """Return how many samples of a channel have passed at the end of a frame, and the bytes of its header.

    Both are 0 where none can begin here.
    """
    if len(head) < _LONGEST_HEADER or head[2] & 15 == 15 or head[3] >> 4 > 10 or head[3] & 1:
        return 0, 0
    ones = 8 - (head[4] ^ 0xFF).bit_length()  # as in UTF-8: how many bytes the number has, where it has several
    if ones in (1, 8):
        return 0, 0
    number, at = head[4] & (0x7F >> ones), 4 + max(ones, 1)
    for byte in head[5:at]:
        number = number << 6 | (byte & 0x3F)
    size, at = _block_size(head, at)
    passed = (number if head[1] & 1 else number * length) + size
    return (passed, at + _RATES.get(head[2] & 15, 0) + 1) if size else (0, 0)


def _block_size(head: bytes, at: int) -> tuple[int, int]:
    """Return the samples of a frame, 0 for a code that is reserved, and what comes behind what says so."""
    code = head[2] >> 4
    if code in (6, 7):
        behind = at + code - 5
        return int.from_bytes(head[at:behind], "big") + 1, behind
    return 192 if code == 1 else 576 << (code - 2) if 2 <= code <= 5 else 256 << (code - 8) if code >= 8 else 0, at


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    """Return the checksum of FLAC over data that end with their own: 0 where that is right."""
    crc, top, mask = 0, 1 << (bits - 1), (1 << bits) - 1
    for byte in data:
        crc ^= byte << (bits - 8)
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & mask
    return crc
