"""What the boxes of AVIF say before a pixel is decoded, and how often an animation plays (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from types import MappingProxyType

import msgspec

from augkit.errors import InputError
from augkit.images.formats.boxes import Box, boxes, walk

_INSIDE = MappingProxyType(
    {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"edts": 0, b"mdia": 0, b"minf": 0, b"stbl": 0}
    | {b"stsd": 8, b"av01": 78}
)
_KEPT = frozenset({b"ispe", b"pixi", b"av1C", b"colr", b"auxC", b"irot", b"imir"})
_OF_THE_CODING = frozenset({b"auxi", b"ccst", b"btrt", b"a1op", b"a1lx", b"lsel", b"free"})
_ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_SUBSAMPLINGS = {0: "4:4:4", 2: "4:2:2", 3: "4:2:0"}
_UNSAID = 2
_MOST_FRAMES = 1_000_000
_ENDLESS = 2**64 - 1


class Layout(msgspec.Struct, frozen=True):
    """What the boxes say.

    Attributes
    ----------
    size : (int, int)
        Width and height.
    bits : int
        Bits of a sample.
    gray : bool
        Whether there is no chroma.
    colours : (int, int)
        Numbers of the primaries and of the transfer function (ITU-T H.273); 2 for what is not said.
    subsampling : str
        That of the chroma.
    durations : tuple of float
        Milliseconds of each frame of an animation.
    loops : int
        How often it plays; 0 for ever.
    others : tuple of str
        What is said of the picture that nothing here can keep, such as a crop.
    """

    size: tuple[int, int]
    bits: int
    gray: bool
    colours: tuple[int, int]
    subsampling: str
    durations: tuple[float, ...]
    loops: int
    others: tuple[str, ...]


def read_layout(data: bytes) -> Layout:
    """Read the boxes; raise ValueError or struct.error where they are broken or the pixels are not AV1."""
    found: dict[bytes, list[Box]] = {}
    for box in walk(data, _INSIDE):
        found.setdefault(box.kind, []).append(box)
    sizes = [struct.unpack_from(">LL", data, box.begin + 4) for box in found.get(b"ispe", [])]
    sizes += [struct.unpack_from(">HH", data, box.begin + 24) for box in found.get(b"av01", [])]
    codings = [data[box.begin + 2] for box in found.get(b"av1C", [])]
    if not sizes or not codings:
        raise ValueError("it holds no AV1 image")
    if any(b"tmap" in box.content(data) for box in found.get(b"meta", [])):
        raise InputError("AVIF with a gain map: the map would be lost; save it as a plain AVIF first")
    auxiliary = {box.content(data)[4:].partition(b"\0")[0] for box in found.get(b"auxC", [])} - {_ALPHA}
    if auxiliary:
        name = auxiliary.pop().decode("latin-1")
        raise InputError(f"AVIF with another picture beside it ({name}), which would be lost; save it plainly first")
    said = [box.begin + 4 for box in found.get(b"colr", []) if data[box.begin : box.begin + 4] == b"nclx"]
    high = codings[0]
    bits = 12 if high & 0x20 else 10 if high & 0x40 else 8
    width, height = (max(size[axis] for size in sizes) for axis in (0, 1))
    animated = b"trak" in found
    return Layout(
        size=(width, height),
        bits=bits,
        gray=bool(high & 0x10),
        colours=next((struct.unpack_from(">HH", data, place) for place in said), (_UNSAID, _UNSAID)),
        subsampling=_SUBSAMPLINGS.get(high >> 2 & 3, "4:2:0"),
        durations=_durations(data, found) if animated else (),
        loops=_loops(data, found) if animated else 1,
        others=tuple(f"box {kind.decode('latin-1')!r}" for kind in sorted(_said(data, found))),
    )


def _said(data: bytes, found: dict[bytes, list[Box]]) -> set[bytes]:
    """Return the kinds of what is said of the picture, or of the frames, and not kept."""
    lists = [(box.begin, box.end) for box in found.get(b"ipco", [])]
    lists += [(box.begin + _INSIDE[b"av01"], box.end) for box in found.get(b"av01", [])]
    return {box.kind for begin, end in lists for box in boxes(data, begin, end)} - _KEPT - _OF_THE_CODING


def _durations(data: bytes, found: dict[bytes, list[Box]]) -> tuple[float, ...]:
    """Return the milliseconds of each sample of the first track."""
    head, table = found[b"mdhd"][0], found[b"stts"][0]
    (scale,) = struct.unpack_from(">L", data, head.begin + (20 if data[head.begin] else 12))
    (entries,) = struct.unpack_from(">L", data, table.begin + 4)
    pairs = [struct.unpack_from(">LL", data, table.begin + 8 + 8 * number) for number in range(min(entries, len(data)))]
    if sum(count for count, _ in pairs) > _MOST_FRAMES:
        raise ValueError("it claims more than a million frames")
    return tuple(1000 * length / scale for count, length in pairs for _ in range(count))


def _loops(data: bytes, found: dict[bytes, list[Box]]) -> int:
    """Return how often the first track plays, by its edit list; 0 for ever."""
    edits = found.get(b"elst")
    if not edits or not data[edits[0].begin + 3] & 1:
        return 1
    track = found[b"tkhd"][0]
    wide = data[track.begin] == 1
    (whole,) = struct.unpack_from(">Q" if wide else ">L", data, track.begin + (28 if wide else 20))
    (part,) = struct.unpack_from(">Q" if data[edits[0].begin] else ">L", data, edits[0].begin + 8)
    if not part or whole >= (_ENDLESS if wide else 2**32 - 1):
        return 0
    return max(1, -int(-whole // part))


def with_loops(data: bytes, loops: int) -> bytes:
    """Return an animation as libavif writes it, playing `loops` times, and without the time of its making."""
    patched = bytearray(data)
    edits = [box for box in walk(data, _INSIDE) if box.kind == b"elst"]
    (part,) = struct.unpack_from(">Q", data, edits[0].begin + 8)
    for box in walk(data, _INSIDE):
        if box.kind in (b"mvhd", b"tkhd", b"mdhd"):
            patched[box.begin + 4 : box.begin + 20] = bytes(16)
        if box.kind in (b"mvhd", b"tkhd"):
            place = box.begin + (24 if box.kind == b"mvhd" else 28)
            patched[place : place + 8] = struct.pack(">Q", min(part * loops, _ENDLESS - 1) if loops else _ENDLESS)
        elif box.kind == b"elst":
            patched[box.begin + 3] = int(loops != 1)
    return bytes(patched)
