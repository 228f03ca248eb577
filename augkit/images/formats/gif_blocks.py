"""The blocks of GIF: read without decoding a pixel, and written."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

_CONTROL, _COMMENT, _APPLICATION, _PLAIN_TEXT = 0xF9, 0xFE, 0xFF, 0x01
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_XMP, _ICC = b"XMP DataXMP", b"ICCRGBG1012"
_XMP_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"

_NO_CONTROL = (0, 0, 0)
_GRAYS = bytes(value for value in range(256) for _ in range(3))

FOR_EVER = 0
INTERLACED, LOCAL_TABLE, TRANSPARENT = 0x40, 0x80, 0x01


class Shown(msgspec.Struct, frozen=True):
    """One image block with its control block: place in the canvas, hundredths of a second, and the coded indices.

    `transparent` is the index that draws nothing, and `disposal` what becomes of the place when its time is over.
    """

    box: tuple[int, int, int, int]
    delay: int
    interlaced: bool
    palette: bytes
    indices: bytes
    transparent: int | None = None
    disposal: int = 0

    def alone(self) -> bytes:
        """Return a file of this image block alone, on a canvas of its own size."""
        left, top, right, bottom = self.box
        head = struct.pack("<6sHHBBB", b"GIF89a", right - left, bottom - top, 0, 0, 0)
        return head + image(replace(self, box=(0, 0, right - left, bottom - top))) + b";"


class Blocks(msgspec.Struct, frozen=True):
    """A whole file.

    Attributes
    ----------
    size : (int, int)
        Width and height of the canvas.
    aspect : int
        The aspect of pixels as stored.
    frames : tuple of Shown
        The images in their order.
    plays : int
        How often the animation plays; 0 for ever. GIF stores the repetitions, which are one less.
    carried : bytes
        All comments and applications' blocks but those of the loops and of XMP, as stored.
    comments : tuple of bytes
        Their text.
    xmp, icc : bytes or None
        What two of the applications' blocks hold.
    plain_texts : int
        Number of text blocks, which nobody renders.
    behind : int
        Bytes behind the end.
    """

    size: tuple[int, int]
    aspect: int
    frames: tuple[Shown, ...]
    plays: int
    carried: bytes
    comments: tuple[bytes, ...]
    xmp: bytes | None
    icc: bytes | None
    plain_texts: int
    behind: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.place : self.place + count]
        if len(taken) < count:
            raise ValueError("the file ends early")
        self.place += count
        return taken

    def sub_blocks(self) -> list[bytes]:
        parts = []
        while length := self.take(1)[0]:
            parts.append(self.take(length))
        return parts

    def palette(self, flags: int) -> bytes:
        return self.take(3 << (flags & 7) + 1) if flags & LOCAL_TABLE else b""


def read_blocks(data: bytes) -> Blocks:
    """Read a file; raise ValueError where it ends early or holds what is no block."""
    reader = _Reader(data)
    width, height, flags, _, aspect = struct.unpack("<6xHHBBB", reader.take(13))
    shared = reader.palette(flags)
    frames: list[Shown] = []
    kept: list[bytes] = []
    comments: list[bytes] = []
    found: dict[bytes, bytes] = {}
    plays, texts, control = 1, 0, _NO_CONTROL
    while (mark := reader.take(1)) != b";":
        begin = reader.place - 1
        if mark == b",":
            frames.append(_image(reader, control, shared))
            control = _NO_CONTROL
            continue
        if mark != b"!":
            raise ValueError(f"byte {mark[0]:#04x} begins no block")
        kind = reader.take(1)[0]
        parts = reader.sub_blocks()
        name = parts[0][:11] if kind == _APPLICATION and parts else b""
        if kind == _CONTROL:
            control = struct.unpack_from("<BHB", parts[0])
        elif kind == _PLAIN_TEXT:
            texts += 1
        elif name in _LOOPING:
            plays = _plays(parts)
        elif name == _XMP:
            found[name] = data[begin + 14 : reader.place - len(_XMP_TRAILER)]
        else:
            kept.append(data[begin : reader.place])
            if kind == _COMMENT:
                comments.append(b"".join(parts))
            elif name == _ICC:
                found[name] = b"".join(parts[1:])
    if not frames:
        raise ValueError("it holds no image")
    return Blocks(
        size=(width, height),
        aspect=aspect,
        frames=tuple(frames),
        plays=plays,
        carried=b"".join(kept),
        comments=tuple(comments),
        xmp=found.get(_XMP) or None,
        icc=found.get(_ICC) or None,
        plain_texts=texts,
        behind=len(data) - reader.place,
    )


def _plays(parts: list[bytes]) -> int:
    repeats = struct.unpack_from("<xH", parts[1])[0] if len(parts) > 1 else 0
    return repeats + 1 if repeats else FOR_EVER


def _image(reader: _Reader, control: tuple[int, ...], shared: bytes) -> Shown:
    (how, delay, transparent), (left, top, width, height, flags) = control, struct.unpack("<HHHHB", reader.take(9))
    palette = reader.palette(flags) or shared or _GRAYS
    begin = reader.place
    reader.take(1)
    reader.sub_blocks()
    box = (left, top, left + width, top + height)
    return Shown(
        box,
        delay,
        bool(flags & INTERLACED),
        palette,
        reader.data[begin : reader.place],
        transparent if how & TRANSPARENT else None,
        how >> 2 & 7,
    )


def head(size: tuple[int, int], aspect: int, plays: int) -> bytes:
    """Return the first blocks of a file without a shared palette."""
    blocks = struct.pack("<6sHHBBB", b"GIF89a", *size, 0x70, 0, aspect)
    if plays != 1:
        repeats = struct.pack("<BH", 1, max(plays - 1, 0))
        blocks += b"!\xff\x0bNETSCAPE2.0\3" + repeats + b"\0"
    return blocks


def control(delay: int, transparent: int | None, disposal: int) -> bytes:
    """Return the block that says how the next image is shown."""
    flags = disposal << 2 | (transparent is not None)
    return struct.pack("<BBBBHBB", 0x21, _CONTROL, 4, flags, delay, transparent or 0, 0)


def image(shown: Shown) -> bytes:
    """Return an image block with its own palette."""
    left, top, right, bottom = shown.box
    flags = LOCAL_TABLE | (INTERLACED if shown.interlaced else 0) | (len(shown.palette) // 3 - 1).bit_length() - 1
    descriptor = struct.pack("<BHHHHB", 0x2C, left, top, right - left, bottom - top, flags)
    return descriptor + shown.palette + shown.indices


def comment(text: bytes) -> bytes:
    """Return a comment block."""
    return b"!\xfe" + _in_sub_blocks(text)


def application(xmp: bytes | None, icc: bytes | None) -> bytes:
    """Return the blocks that hold an XMP packet and a profile."""
    blocks = b"!\xff\x0b" + _XMP + xmp + _XMP_TRAILER if xmp else b""
    return blocks + (b"!\xff\x0b" + _ICC + _in_sub_blocks(icc) if icc else b"")


def _in_sub_blocks(content: bytes) -> bytes:
    parts: Sequence[bytes] = [content[place : place + 255] for place in range(0, len(content), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
