"""The headers of the Netpbm formats and of PFM."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import numpy as np

_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
_CHANNELS = {b"P1": 1, b"P4": 1, b"P2": 1, b"P5": 1, b"P3": 3, b"P6": 3, b"Pf": 1, b"PF": 3}
_LONGEST = 65536
_TUPLES = {b"GRAYSCALE": 1, b"RGB": 3, b"GRAYSCALE_ALPHA": 2, b"RGB_ALPHA": 4}
_TUPLES |= {b"BLACKANDWHITE": 1, b"BLACKANDWHITE_ALPHA": 2, b"": 0}


class Header(msgspec.Struct, frozen=True):
    """What a header says, and its very bytes.

    Attributes
    ----------
    maxval : int
        The value of white; 1 for bits and 0 for floats.
    stored : dtype
        Of the samples in the file.
    end : int
        Where the samples begin.
    """

    magic: bytes
    width: int
    height: int
    channels: int
    maxval: int
    stored: np.dtype[Any]
    text: bytes
    end: int

    @property
    def comment(self) -> str | None:
        """The comments, one a line."""
        lines = [line[1:].strip() for line in re.findall(rb"#[^\n\r]*", self.text)]
        return b"\n".join(lines).decode("utf-8", "replace") or None


def read_header(data: bytes) -> Header:
    """Read a header; raise ValueError where it is broken."""
    magic = data[:2]
    if magic == b"P7":
        return _pam(data)
    count = {b"P1": 2, b"P4": 2}.get(magic, 3)
    words, place = [], 2
    for _ in range(count):
        found = _TOKEN.match(data, place, place + _LONGEST)
        if found is None:
            raise ValueError("its header ends early")
        words.append(found.group(1))
        place = found.end()
    place += 1  # one white space
    width, height = _number(words[0]), _number(words[1])
    maxval = 1
    stored: np.dtype[Any] = np.dtype(np.uint8)
    if magic in (b"Pf", b"PF"):
        scale = float(words[2])
        if not (math.isfinite(scale) and scale):
            raise ValueError(f"its scale is {scale}")
        maxval, stored = 0, np.dtype("<f4" if scale < 0 else ">f4")
    elif count == 3:
        maxval, stored = _depth(words[2])
    return Header(magic, width, height, _CHANNELS[magic], maxval, stored, data[:place], place)


def _pam(data: bytes) -> Header:
    """Read the header of PAM, whose lines may stand in any order."""
    end = data.find(b"\nENDHDR\n", 0, _LONGEST)
    if end < 0:
        raise ValueError("its header ends early")
    lines = [line.split(None, 1) for line in data[3:end].split(b"\n") if line.strip() and not line.startswith(b"#")]
    said = {line[0]: line[1].strip() if len(line) > 1 else b"" for line in lines}
    width, height, channels = (_number(said[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH"))
    maxval, stored = _depth(said[b"MAXVAL"])
    kind = said.get(b"TUPLTYPE", b"")
    if _TUPLES.get(kind, -1) not in (0, channels) or not 1 <= channels <= 4:
        raise ValueError(f"tuples of kind {kind.decode('latin-1')} with {channels} channels are unknown")
    place = end + len(b"\nENDHDR\n")
    return Header(b"P7", width, height, channels, maxval, stored, data[:place], place)


def _number(word: bytes) -> int:
    if not word.isdigit() or len(word) > 10:
        raise ValueError(f"a whole number was expected in its header, got {word[:20]!r}")
    return int(word)


def _depth(word: bytes) -> tuple[int, np.dtype[Any]]:
    maxval = _number(word)
    if not 1 <= maxval <= 65535:
        raise ValueError(f"its maxval is {maxval}, not 1 to 65535")
    return maxval, np.dtype(np.uint8 if maxval < 256 else ">u2")
