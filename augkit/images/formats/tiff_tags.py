"""The tags of TIFF, and of EXIF, which is a TIFF without pixels: read and written back byte for byte.

Values are kept as the bytes that stood in the file, only in little-endian order, so that text in any encoding, odd
rationals and unknown tags survive. Directories below (EXIF, GPS) are followed and moved along.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator, Mapping
from types import MappingProxyType

import msgspec
import numpy as np
from msgspec.structs import replace

DESCRIPTION, ORIENTATION, XMP, ICC = 270, 274, 700, 34675
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965

ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7

_POINTERS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
_DEPTH = 3
# kind: (bytes of one value, bytes that are swapped as one between the byte orders)
_KINDS: Mapping[int, tuple[int, int]] = MappingProxyType(
    {1: (1, 1), 2: (1, 1), 3: (2, 2), 4: (4, 4), 5: (8, 4), 6: (1, 1), 7: (1, 1), 8: (2, 2), 9: (4, 4), 10: (8, 4)}
    | {11: (4, 4), 12: (8, 8), 13: (4, 4), 16: (8, 8), 17: (8, 8), 18: (8, 8), 129: (1, 1)}
)
_IN_SMALL_FILES = MappingProxyType({16: (4, "<u8", "<u4"), 17: (9, "<i8", "<i4"), 18: (13, "<u8", "<u4")})
_MOST_PAGES = 100_000


class Entry(msgspec.Struct, frozen=True):
    """One tag: its kind of value, the values in little-endian order, and where their field stood in the source."""

    kind: int
    data: bytes
    place: int = 0

    def integers(self) -> tuple[int, ...]:
        """Return the values of an integer tag."""
        kinds = {1: "u1", 3: "<u2", 4: "<u4", 13: "<u4", 16: "<u8"}
        if self.kind not in kinds:
            raise ValueError(f"expected whole numbers in a tag, got kind {self.kind}")
        return tuple(int(value) for value in np.frombuffer(self.data, kinds[self.kind]))


class Directory(msgspec.Struct, frozen=True):
    """The entries of one directory by tag, those below it, where it stands and where the next begins (0 for none)."""

    entries: Mapping[int, Entry]
    below: Mapping[int, Directory] = msgspec.field(default_factory=dict)
    following: int = 0
    place: int = 0

    def integers(self, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return the values of an integer tag, or the default."""
        entry = self.entries.get(tag)
        return entry.integers() if entry else default

    def only(self, tags: Container[int]) -> Directory:
        """Return a directory with no entries or directories but those of `tags`."""
        return Directory(
            {tag: entry for tag, entry in self.entries.items() if tag in tags},
            {tag: directory for tag, directory in self.below.items() if tag in tags},
        )

    def without(self, tags: Container[int]) -> Directory:
        """Return a directory without the entries of `tags`, and with none to follow."""
        kept = {tag: entry for tag, entry in self.entries.items() if tag not in tags}
        return replace(self, entries=kept, following=0)

    def dpi(self) -> tuple[float, float] | None:
        """Return the resolution in dots per inch, where it has a unit."""
        unit = self.integers(RESOLUTION_UNIT, (2,))[0]
        found = [self.entries.get(tag) for tag in (X_RESOLUTION, Y_RESOLUTION)]
        if unit not in (2, 3) or any(entry is None or entry.kind != RATIONAL for entry in found):
            return None
        numbers = [struct.unpack_from("<LL", entry.data) for entry in found if entry]
        if any(0 in number for number in numbers):
            return None
        across, down = (top / bottom * (2.54 if unit == 3 else 1.0) for top, bottom in numbers)
        return across, down


def resolution(dpi: tuple[float, float]) -> dict[int, Entry]:
    """Return the entries that say `dpi`, or none where it is beyond what they hold."""
    scale = 10_000 if max(dpi) < 2**32 / 10_000 - 1 else 1
    if max(dpi) > 2**32 - 2:
        return {}
    values = [struct.pack("<LL", round(dots * scale), scale) for dots in dpi]
    unit = Entry(SHORT, struct.pack("<H", 2))
    return {X_RESOLUTION: Entry(RATIONAL, values[0]), Y_RESOLUTION: Entry(RATIONAL, values[1]), RESOLUTION_UNIT: unit}


class _Reader(msgspec.Struct, frozen=True):
    data: bytes
    order: str
    big: bool

    def unpack(self, layout: str, place: int) -> tuple[int, ...]:
        values: tuple[int, ...] = struct.unpack_from(self.order + layout, self.data, place)
        return values

    def directory(self, place: int, depth: int = 0) -> Directory:
        (count,) = self.unpack("Q" if self.big else "H", place)
        place += 8 if self.big else 2
        step = 20 if self.big else 12
        if place + count * step + (8 if self.big else 4) > len(self.data):
            raise ValueError(f"a directory of {count} tags does not fit into the file")
        entries: dict[int, Entry] = {}
        for tag, entry in self._entries(range(place, place + count * step, step)):
            entries.setdefault(tag, entry)
        below = {}
        for tag in _POINTERS:
            if tag in entries and depth < _DEPTH:
                below[tag] = self.directory(entries.pop(tag).integers()[0], depth + 1)
        (following,) = self.unpack("Q" if self.big else "L", place + count * step)
        return Directory(entries, below, following)

    def _entries(self, places: range) -> Iterator[tuple[int, Entry]]:
        field_size, room = 8 if self.big else 4, len(self.data)
        for place in places:
            tag, kind, count = self.unpack("HHQ" if self.big else "HHL", place)
            size, swap = _KINDS.get(kind, (0, 1))
            at = place + (12 if self.big else 8)
            if size * count > field_size:
                (at,) = self.unpack("Q" if self.big else "L", at)
                room -= size * count
            if room < 0 or at + size * count > len(self.data):
                raise ValueError(f"the values of tag {tag} do not fit into the file")
            if size:
                yield tag, Entry(kind, self._little_endian(self.data[at : at + size * count], swap), at)

    def _little_endian(self, values: bytes, swap: int) -> bytes:
        if self.order == "<" or swap == 1:
            return values
        return np.frombuffer(values, f">u{swap}").astype(f"<u{swap}").tobytes()


def parse(data: bytes) -> Directory:
    """Return the first directory of a TIFF file or an EXIF block; raise ValueError or struct.error on a broken one."""
    return next(pages(data))


def pages(data: bytes) -> Iterator[Directory]:
    """Yield the directories of a TIFF file one by one; raise as `parse` does, also where they run in a ring."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise ValueError("it does not begin as a TIFF")
    version = struct.unpack_from(f"{order}H", data, 2)[0]
    if version not in (42, 43):
        raise ValueError(f"its version is {version}, not 42 or 43")
    reader = _Reader(data, order, version == 43)
    place = reader.unpack("Q", 8)[0] if reader.big else reader.unpack("L", 4)[0]
    seen: set[int] = set()
    while place or not seen:
        if place in seen:
            raise ValueError("its directories run in a ring")
        if len(seen) == _MOST_PAGES:
            raise ValueError(f"it has more than {_MOST_PAGES:,} pages")
        seen.add(place)
        directory = reader.directory(place)
        yield replace(directory, place=place)
        place = directory.following


def serialise(directory: Directory, start: int) -> bytes:
    """Return the bytes of a directory, its values and those below it, to stand at `start` of a little-endian file."""
    entries = {tag: _narrowed(tag, entry) for tag, entry in directory.entries.items()}
    tags = sorted([*entries, *directory.below])
    table, values = [struct.pack("<H", len(tags))], bytearray()
    behind = start + 2 + 12 * len(tags) + 4
    for tag in tags:
        place = behind + len(values)
        if tag in directory.below:
            table.append(struct.pack("<HHLL", tag, LONG, 1, place))
            values += serialise(directory.below[tag], place)
        else:
            entry = entries[tag]
            count = len(entry.data) // _KINDS[entry.kind][0]
            field_bytes = entry.data if len(entry.data) <= 4 else struct.pack("<L", place)
            table.append(struct.pack("<HHL4s", tag, entry.kind, count, field_bytes))
            values += entry.data if len(entry.data) > 4 else b""
        values += bytes(len(values) % 2)
    return b"".join((*table, bytes(4), values))


def _narrowed(tag: int, entry: Entry) -> Entry:
    """Return an entry without the 64-bit numbers that only BigTIFF has; raise ValueError where they do not fit."""
    if entry.kind not in _IN_SMALL_FILES:
        return entry
    kind, wide, narrow = _IN_SMALL_FILES[entry.kind]
    values = np.frombuffer(entry.data, wide)
    smaller = values.astype(narrow)
    if not np.array_equal(smaller, values):
        raise ValueError(f"the numbers of tag {tag} need more than 32 bits")
    return Entry(kind, smaller.tobytes())


def numbers(kind: int, *values: int) -> Entry:
    """Return an entry of whole numbers, SHORT or LONG."""
    return Entry(kind, np.array(values, "<u2" if kind == SHORT else "<u4").tobytes())


def exif_block(directory: Directory) -> bytes:
    """Return an EXIF block: a TIFF file with a directory and no pixels."""
    return struct.pack("<2sHL", b"II", 42, 8) + serialise(directory, 8)
