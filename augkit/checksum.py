"""The CRC-32 of a source, by which `augkit verify` knows one that has changed since."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK = 2**20


def checksum(data: bytes) -> str:
    """Return the CRC-32 of a file's content, in eight hexadecimal digits."""
    from isal.isal_zlib import crc32

    return f"{crc32(data):08x}"


def checksum_of(path: Path) -> str:
    """Return the CRC-32 of the file at `path`, which may be larger than the memory."""
    from isal.isal_zlib import crc32

    found, handle = 0, os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        while block := os.read(handle, _BLOCK):
            found = crc32(block, found)
    finally:
        os.close(handle)
    return f"{found:08x}"
