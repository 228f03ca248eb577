"""The main header of a JPEG 2000 codestream: what it holds and how it was coded (ISO/IEC 15444-1, annex A)."""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from augkit.errors import InputError

_SIZE, _CODING, _COMMENT, _TILE_PART = 0xFF51, 0xFF52, 0xFF64, 0xFF90
_TILE_HEADER = 12
_PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
_LATIN = 1
_FEW_TILES, _SMALLEST_TILE = 256, 1024


class Codestream(msgspec.Struct, frozen=True):
    """What the main header says.

    Attributes
    ----------
    size, tile : (int, int)
        Width and height of the image and of its tiles.
    depths : tuple of int
        Bits of each component; negative where it is signed.
    subsampled : bool
        Whether a component has fewer samples than the image has pixels.
    offset : bool
        Whether the image or its tiles begin elsewhere than at 0, 0.
    progression : str
        The order of the packets.
    layers, resolutions : int
        Numbers of quality layers and of resolutions.
    mixed, reversible : bool
        Whether the colours are transformed, and whether all is coded in whole numbers.
    block : (int, int)
        Width and height of a code block.
    text : str or None
        The comment.
    end : int
        Where the main header ends, and the first tile-part begins.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    depths: tuple[int, ...]
    subsampled: bool
    offset: bool
    progression: str
    layers: int
    resolutions: int
    mixed: bool
    reversible: bool
    block: tuple[int, int]
    text: str | None
    end: int

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return -(-self.size[0] // self.tile[0]) * -(-self.size[1] // self.tile[1])

    def refuse_what_would_be_lost(self) -> None:
        """Raise `InputError` for layouts that the decoder would not give as they are stored."""
        bits, area = max(self.depths), self.size[0] * self.size[1]
        reason = ""
        if self.tiles > _FEW_TILES + area // _SMALLEST_TILE:  # the decoder takes 9 kB for each
            reason = f"{self.tiles:,} tiles of {self.tile[0]} x {self.tile[1]}; save it with larger ones first"
        elif min(self.depths) < 0:
            reason = "signed samples; convert it to unsigned ones first"
        elif self.subsampled or self.offset:
            reason = "subsampled components or an image that does not begin at 0, 0; save it plainly first"
        elif len(self.depths) > 4:
            reason = f"{len(self.depths)} components; keep 1 to 4 of them"
        elif len(set(self.depths)) > 1 or bits not in (8, 16):
            reason = f"samples of {bits} bits; convert it to 8 bits, or to 16-bit gray, first"
        elif bits == 16 and len(self.depths) > 1:
            reason = "16-bit colours, of which 8 bits would be lost; convert it to TIFF or PNG first"
        if reason:
            raise InputError(f"JPEG 2000 of {reason}")

    def parameters(self, *, untiled: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return what makes Pillow code a picture the same way, and notices of what it cannot.

        Parameters
        ----------
        untiled : bool
            Whether there must be no tiles.
        """
        notices: tuple[str, ...] = ()
        parts: dict[str, Any] = {}
        if self.tiles > 1:
            if untiled or self._has_empty_tile():
                notices += (f"tiles of {self.tile[0]} x {self.tile[1]} written as one",)
            else:
                parts = {"tile_size": self.tile}
        resolutions = min(self.resolutions, min(self.size).bit_length())
        if resolutions < self.resolutions:
            notices += (f"{self.resolutions} resolutions written as {resolutions}",)
        return parts | {
            "progression": self.progression,
            "num_resolutions": resolutions,
            "codeblock_size": self.block,
            "mct": int(self.mixed),
        }, notices

    def _has_empty_tile(self) -> bool:
        """Tell whether nothing is left, at the lowest resolution, of a tile that is cut off at an edge.

        Measured with OpenJPEG 2.5.4: its encoder garbles such tiles, and all decoders give wrong pixels then.
        """
        step = 2 ** (self.resolutions - 1)
        begins = ((side - 1) // tile * tile for side, tile in zip(self.size, self.tile, strict=True))
        return any(-(-begin // step) == -(-side // step) for begin, side in zip(begins, self.size, strict=True))


def read_codestream(data: bytes) -> Codestream:
    """Read the main header; raise ValueError or struct.error where it is broken."""
    size, coding, text = b"", b"", None
    place = 2
    while True:
        marker, length = struct.unpack_from(">HH", data, place)
        if marker == _TILE_PART:
            break
        if marker < 0xFF00 or length < 2:
            raise ValueError("its header is broken")
        body = data[place + 4 : place + 2 + length]
        if marker == _SIZE:
            size = body
        elif marker == _CODING:
            coding = body
        elif marker == _COMMENT and text is None and body[:2] == bytes([0, _LATIN]):
            text = body[2:].decode("latin-1")
        place += 2 + length
    _, right, bottom, left, top, wide, high, tile_left, tile_top, count = struct.unpack_from(">HLLLLLLLLH", size)
    components = [struct.unpack_from(">BBB", size, 36 + 3 * number) for number in range(count)]
    _, order, layers, mixed, levels, across, down, _, kernel = struct.unpack_from(">BBHBBBBBB", coding)
    return Codestream(
        size=(right - left, bottom - top),
        tile=(wide, high),
        depths=tuple(-(depth & 127) - 1 if depth & 128 else depth + 1 for depth, _, _ in components),
        subsampled=any(steps != [1, 1] for _, *steps in components),
        offset=any((left, top, tile_left, tile_top)),
        progression=_PROGRESSIONS[order],
        layers=layers,
        resolutions=levels + 1,
        mixed=bool(mixed),
        reversible=kernel == 1,
        block=(4 << across, 4 << down),
        text=text,
        end=place,
    )


def check_tiles(data: bytes, codestream: Codestream) -> None:
    """Raise ValueError where a tile is missing, for the decoder would leave its pixels as the memory was."""
    place, found = codestream.end, set[int]()
    while place + _TILE_HEADER <= len(data):
        marker, _, number, length = struct.unpack_from(">HHHL", data, place)
        if marker != _TILE_PART or (length and length < _TILE_HEADER):
            break
        found.add(number)
        if not length:  # the last one may leave that open
            break
        place += length
    if len(found) < codestream.tiles:
        raise ValueError(f"it holds {len(found)} of its {codestream.tiles} tiles")
