"""What a JPEG file says before its first scan (ITU-T T.81, annex B), read once and without the pixels."""

from __future__ import annotations

import struct
from functools import lru_cache

import msgspec

from augkit.images.formats.jpeg_segments import ADOBE, FRAMES, ICC, JFIF, SCAN, USUAL_FRAMES, Segments, segments_of

Table = tuple[int, ...]
"""64 steps of quantisation, line by line."""

_PROGRESSIVE = (0xC2, 0xCA)
_TABLES = 0xDB
_NAMES = {0xFE: "COM"} | {0xE0 + number: f"APP{number}" for number in range(16)}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_INCH, _CENTIMETRE = 1, 2
_JFIF_BYTES = 14


class Component(msgspec.Struct, frozen=True):
    """One component of the frame: its number, its samples across and down, and the number of its table."""

    number: int
    wide: int
    high: int
    table: int


class Header(msgspec.Struct, frozen=True):
    """What stands before the first scan.

    Attributes
    ----------
    size : tuple of int
        Width and height.
    progressive : bool
        Progressive scans.
    components : tuple of Component
        One, three or four.
    tables : dict
        The quantisation tables by their numbers.
    segments : list of (str, bytes)
        Application segments and comments, by the names that Pillow gives them.
    scan : int
        Where the first scan begins.
    """

    size: tuple[int, int]
    progressive: bool
    components: tuple[Component, ...]
    tables: dict[int, Table]
    segments: Segments
    scan: int

    @property
    def mode(self) -> str:
        """Pillow's mode for its pixels."""
        return _MODES[len(self.components)]

    @property
    def adobe_transform(self) -> int | None:
        """What Adobe's marker says of the components: 0 for none, 1 for YCbCr, 2 for YCCK; None without a marker."""
        said = [body[11] for name, body in self.segments if name == "APP14" and body.startswith(ADOBE) and body[11:]]
        return said[-1] if said else None

    @property
    def jfif(self) -> bytes | None:
        """The body of the JFIF header; one that is too short is none, as for libjpeg."""
        found = (body for name, body in self.segments if name == "APP0" and body.startswith(JFIF))
        return next((body for body in found if len(body) >= _JFIF_BYTES), None)

    @property
    def is_rgb(self) -> bool:
        """Whether three components are RGB, by the rules of libjpeg."""
        if self.mode != "RGB" or self.jfif is not None:
            return False
        transform = self.adobe_transform
        if transform is not None:
            return transform == 0
        return bytes(one.number for one in self.components) == b"RGB"

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Dots per inch, where the JFIF header has a unit."""
        jfif = self.jfif
        if jfif is None or jfif[7] not in (_INCH, _CENTIMETRE):
            return None
        inches = 2.54 if jfif[7] == _CENTIMETRE else 1
        across, down = struct.unpack_from(">HH", jfif, 8)
        return across * inches, down * inches

    @property
    def icc(self) -> bytes | None:
        """The colour profile, put together from its numbered parts; None where one is missing."""
        parts = sorted(body[len(ICC) :] for name, body in self.segments if name == "APP2" and body.startswith(ICC))
        if not parts or len(parts[0]) < 2 or parts[0][1] != len(parts):
            return None
        return b"".join(part[2:] for part in parts)

    @property
    def comment(self) -> bytes | None:
        """The last comment."""
        return next((body for name, body in reversed(self.segments) if name == "COM"), None)


def read_header(data: bytes) -> Header:
    """Return the header of a JPEG file.

    Raises
    ------
    ValueError
        For one that is broken, or of a kind that few decoders know; `unusual` tells of these.
    """
    frames: list[tuple[int, bytes]] = []
    tables: dict[int, Table] = {}
    segments: Segments = []
    for kind, place, body in segments_of(data):
        if kind == SCAN:
            if len(frames) != 1:
                raise ValueError(f"it has {len(frames)} frame headers before its first scan")
            if not tables:
                raise ValueError("it has no quantisation tables")
            size, components = _read_frame(*frames[0])
            return Header(size, frames[0][0] in _PROGRESSIVE, components, tables, segments, place)
        if name := _NAMES.get(kind):
            segments.append((name, body))
        elif kind in FRAMES:
            frames.append((kind, body))
        elif kind == _TABLES:
            tables |= _read_tables(body)
    raise ValueError("it ends before its first scan")


def _read_frame(kind: int, body: bytes) -> tuple[tuple[int, int], tuple[Component, ...]]:
    if kind not in USUAL_FRAMES or len(body) < 6 or body[0] != 8:
        raise ValueError("its frame is of an unknown kind")
    _, height, width, count = struct.unpack_from(">BHHB", body)
    if count not in _MODES or len(body) != 6 + 3 * count:
        raise ValueError(f"its frame has {count} components in {len(body)} bytes")
    rows = (body[place : place + 3] for place in range(6, len(body), 3))
    return (width, height), tuple(
        Component(number, factors >> 4, factors & 15, table) for number, factors, table in rows
    )


@lru_cache(maxsize=256)
def _read_tables(body: bytes) -> dict[int, Table]:
    """Return the tables of a segment; those of a folder are the same few, as a rule, and nobody changes them."""
    tables: dict[int, Table] = {}
    while body:
        wide = body[0] >> 4 > 0
        steps = struct.unpack_from(">64H" if wide else ">64B", body, 1)
        tables[body[0] & 15] = tuple(steps[place] for place in _ZIGZAG)
        body = body[129 if wide else 65 :]
    return tables


def _zigzag() -> Table:
    """Return where the step of each place, line by line, stands in a table (T.81, figure A.6)."""
    diagonals = sorted(
        range(64), key=lambda place: (sum(divmod(place, 8)), place // 8 if sum(divmod(place, 8)) % 2 else place % 8)
    )
    return tuple(diagonals.index(place) for place in range(64))


_ZIGZAG = _zigzag()
