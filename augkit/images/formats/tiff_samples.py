"""The samples of TIFF: of any type, in strips or tiles, together or plane by plane, with any predictor.

The compressors see bytes only. So whatever the samples are, Pillow's libtiff is given an 8-bit gray picture of the same
bytes, of which every strip is one strip or tile of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from augkit.images.formats import tiff_tags
from augkit.images.formats.tiff_decoder import load_tiff
from augkit.images.formats.tiff_tags import LONG, SHORT, Directory, Entry, numbers
from augkit.images.picture import Pixels
from augkit.images.pillow import saved

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_PLACES, SAMPLES, STRIP_ROWS, STRIP_LENGTHS, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_PLACES, TILE_LENGTHS = 322, 323, 324, 325
SAMPLE_FORMAT = 339

NONE, DEFLATE = 1, 8
CODECS: Mapping[int, str] = MappingProxyType(
    {NONE: "", 5: "tiff_lzw", DEFLATE: "tiff_adobe_deflate", 32946: "tiff_adobe_deflate"}
    | {32773: "packbits", 34925: "lzma", 50000: "zstd"}
)
_STRIP_BYTES = 65536
_DIFFERENCES, _FLOATS = 2, 3
_KINDS = MappingProxyType({1: "u", 2: "i", 3: "f", 4: "u"})
_TYPES = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")

Bytes = NDArray[np.uint8]


class Layout(msgspec.Struct, frozen=True):
    """How the samples of a page are cut into pieces and coded.

    Attributes
    ----------
    compression, predictor : int
        As TIFF numbers them.
    tile : (int, int) or None
        Width and height of the tiles; None for strips.
    rows : int
        Rows of a strip.
    planar : bool
        Whether each channel stands by itself.
    """

    compression: int = DEFLATE
    predictor: int = 1
    tile: tuple[int, int] | None = None
    rows: int = 0
    planar: bool = False


def sample_type(directory: Directory) -> np.dtype[Any] | None:
    """Return the type of the samples in native order, or None for one that NumPy or this package does not know."""
    bits, kinds = set(directory.integers(BITS, (1,))), set(directory.integers(SAMPLE_FORMAT, (1,)))
    if len(bits) > 1 or len(kinds) > 1 or kinds - set(_KINDS):
        return None
    name = f"{_KINDS[kinds.pop()]}{bits.pop() / 8:g}"
    return np.dtype(name) if name in _TYPES else None


def layout_of(directory: Directory) -> Layout:
    """Return how a page is cut and coded."""
    rows = directory.integers(STRIP_ROWS, (2**32 - 1,))[0]
    tile = None
    if TILE_WIDTH in directory.entries:
        tile = (directory.integers(TILE_WIDTH, ())[0], directory.integers(TILE_HEIGHT, ())[0])
        if min(tile) < 1 or max(tile) > _STRIP_BYTES:
            raise ValueError(f"its tiles are {tile[0]} x {tile[1]}")
    return Layout(
        directory.integers(COMPRESSION, (NONE,))[0],
        directory.integers(PREDICTOR, (1,))[0],
        tile,
        max(1, rows),
        directory.integers(PLANAR, (1,))[0] == 2,
    )


class _Pieces(msgspec.Struct, frozen=True):
    """The pieces of one plane, put below each other: rows of each and of all, bytes of a row, samples of a pixel."""

    rows: int
    all_rows: int
    row_bytes: int
    channels: int

    @property
    def count(self) -> int:
        return -(-self.all_rows // self.rows)


def _pieces(layout: Layout, size: tuple[int, int], channels: int, itemsize: int) -> _Pieces:
    width, height = size
    own = 1 if layout.planar else channels
    if layout.tile is None:
        return _Pieces(min(layout.rows, height), height, width * own * itemsize, own)
    wide, high = layout.tile
    across, down = -(-width // wide), -(-height // high)
    return _Pieces(high, across * down * high, wide * own * itemsize, own)


def read_samples(data: bytes, directory: Directory, dtype: np.dtype[Any], channels: int) -> Pixels:
    """Return the samples of a page, shape (H, W, channels); raise what a broken file raises."""
    layout = layout_of(directory)
    size = (directory.integers(WIDTH, ())[0], directory.integers(HEIGHT, ())[0])
    pieces = _pieces(layout, size, channels, dtype.itemsize)
    tiled = layout.tile is not None
    places = directory.integers(TILE_PLACES if tiled else STRIP_PLACES, ())
    lengths = directory.integers(TILE_LENGTHS if tiled else STRIP_LENGTHS, ())
    planes = channels if layout.planar else 1
    if len(places) < planes * pieces.count or (layout.compression != NONE and len(lengths) < len(places)):
        raise ValueError(f"expected {planes * pieces.count} pieces of pixels, got {len(places)}")
    order: Literal["<", ">"] = ">" if data.startswith(b"MM") else "<"
    whole = np.empty((size[1], size[0], channels), dtype)
    for plane in range(planes):
        mine = slice(plane * pieces.count, (plane + 1) * pieces.count)
        coded = _unpacked(data, places[mine], lengths[mine], layout, pieces)
        samples = _undo_predictor(coded, layout.predictor, dtype.newbyteorder(order), pieces.channels)
        channel = slice(plane, plane + 1) if layout.planar else slice(None)
        whole[..., channel] = _joined(samples, layout.tile, size)
    return whole


def _unpacked(data: bytes, places: tuple[int, ...], lengths: tuple[int, ...], layout: Layout, pieces: _Pieces) -> Bytes:
    """Return the bytes of a plane, shape (rows, bytes of a row)."""
    shape = (pieces.all_rows, pieces.row_bytes)
    if layout.compression == NONE:
        last = pieces.all_rows - (pieces.count - 1) * pieces.rows
        sizes = [pieces.rows * pieces.row_bytes] * (pieces.count - 1) + [last * pieces.row_bytes]
        parts = [memoryview(data)[place : place + length] for place, length in zip(places, sizes, strict=True)]
        if any(len(part) != length for part, length in zip(parts, sizes, strict=True)):
            raise ValueError("the file ends early")
        return np.frombuffer(parts[0] if len(parts) == 1 else b"".join(parts), np.uint8).reshape(shape)
    if sum(lengths) > len(data):
        raise ValueError("its pieces of pixels are longer than the file")
    parts = [memoryview(data)[place : place + length] for place, length in zip(places, lengths, strict=True)]
    begins = np.cumsum([8, *map(len, parts)])
    entries = {
        WIDTH: numbers(LONG, shape[1]),
        HEIGHT: numbers(LONG, shape[0]),
        BITS: numbers(SHORT, 8),
        COMPRESSION: numbers(SHORT, layout.compression),
        PHOTOMETRIC: numbers(SHORT, 1),
        STRIP_PLACES: numbers(LONG, *map(int, begins[:-1])),
        SAMPLES: numbers(SHORT, 1),
        STRIP_ROWS: numbers(LONG, pieces.rows),
        STRIP_LENGTHS: numbers(LONG, *map(len, parts)),
    }
    behind = int(begins[-1])
    head = b"II*\0" + behind.to_bytes(4, "little")
    gray = b"".join((head, *parts, tiff_tags.serialise(Directory(entries), behind)))
    return np.asarray(load_tiff(gray, shape[0] * shape[1]))


def _undo_predictor(coded: Bytes, predictor: int, stored: np.dtype[Any], channels: int) -> Pixels:
    """Return the samples of a plane in native order, shape (rows, pixels of a row, channels)."""
    rows = len(coded)
    native = stored.newbyteorder("=")
    if predictor == _FLOATS:
        summed = np.cumsum(coded.reshape(rows, -1, channels), axis=1, dtype=np.uint8)
        planes = summed.reshape(rows, native.itemsize, -1).transpose(0, 2, 1)
        samples: Pixels = np.ascontiguousarray(planes).view(native.newbyteorder(">")).astype(native)
        return samples.reshape(rows, -1, channels)
    samples = coded.view(stored).reshape(rows, -1, channels)
    if predictor == _DIFFERENCES:
        words = samples.view(f"{stored.byteorder}u{stored.itemsize}")
        return np.cumsum(words, axis=1, dtype=f"=u{stored.itemsize}").view(native)
    if predictor != 1:
        raise ValueError(f"its predictor is {predictor}")
    return samples


def _joined(samples: Pixels, tile: tuple[int, int] | None, size: tuple[int, int]) -> Pixels:
    """Return the picture that strips or tiles below each other make up."""
    if tile is None:
        return samples
    (wide, high), (width, height) = tile, size
    across = -(-width // wide)
    grid = samples.reshape(-1, across, high, wide, samples.shape[-1]).transpose(0, 2, 1, 3, 4)
    return grid.reshape(-1, across * wide, samples.shape[-1])[:height, :width]


def write_samples(whole: Pixels, layout: Layout) -> tuple[list[bytes], dict[int, Entry]]:
    """Return the coded pieces of a picture of shape (H, W, channels), and all tags but those of their places."""
    height, width, channels = whole.shape
    dtype = whole.dtype
    rows = layout.rows or max(1, _STRIP_BYTES // (width * channels * dtype.itemsize))
    layout = Layout(layout.compression, layout.predictor, layout.tile, rows, layout.planar and channels > 1)
    pieces = _pieces(layout, (width, height), channels, dtype.itemsize)
    coded: list[bytes] = []
    for plane in [whole[..., channel : channel + 1] for channel in range(channels)] if layout.planar else [whole]:
        packed = _predicted(_cut(plane, layout.tile), layout.predictor)
        coded += _packed(packed.reshape(pieces.all_rows, pieces.row_bytes), layout.compression, pieces.rows)
    kind = {"u": 1, "i": 2, "f": 3}[dtype.kind]
    tags = {
        WIDTH: numbers(LONG, width),
        HEIGHT: numbers(LONG, height),
        BITS: numbers(SHORT, *(8 * dtype.itemsize,) * channels),
        COMPRESSION: numbers(SHORT, layout.compression),
        SAMPLES: numbers(SHORT, channels),
        PLANAR: numbers(SHORT, 2 if layout.planar else 1),
    }
    if layout.predictor != 1:
        tags[PREDICTOR] = numbers(SHORT, layout.predictor)
    if kind != 1:
        tags[SAMPLE_FORMAT] = numbers(SHORT, *(kind,) * channels)
    if layout.tile:
        tags |= {TILE_WIDTH: numbers(LONG, layout.tile[0]), TILE_HEIGHT: numbers(LONG, layout.tile[1])}
    else:
        tags[STRIP_ROWS] = numbers(LONG, pieces.rows)
    tags[TILE_LENGTHS if layout.tile else STRIP_LENGTHS] = numbers(LONG, *map(len, coded))
    return coded, tags


def _cut(plane: Pixels, tile: tuple[int, int] | None) -> Pixels:
    """Return the strips or tiles of a plane below each other, shape (rows, pixels of a row, channels)."""
    if tile is None:
        return plane
    height, width, channels = plane.shape
    wide, high = tile
    padded = np.pad(plane, ((0, -height % high), (0, -width % wide), (0, 0)), mode="edge")
    grid = padded.reshape(-1, high, padded.shape[1] // wide, wide, channels).transpose(0, 2, 1, 3, 4)
    return grid.reshape(-1, wide, channels)


def _predicted(samples: Pixels, predictor: int) -> Bytes:
    """Return the bytes to be compressed, little-endian; the reverse of `_undo_predictor`."""
    rows, channels, size = len(samples), samples.shape[-1], samples.dtype.itemsize
    if predictor == _FLOATS:
        stored = np.ascontiguousarray(samples, samples.dtype.newbyteorder(">")).view(np.uint8)
        planes = stored.reshape(rows, -1, size).transpose(0, 2, 1)
        words = np.ascontiguousarray(planes).reshape(rows, -1, channels)
    else:
        words = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
        if predictor == 1:
            return words.view(np.uint8)
        words = words.view(f"<u{size}")
    changes = words.copy()
    changes[:, 1:] -= words[:, :-1]
    return changes.view(np.uint8)


def _packed(rows: Bytes, compression: int, rows_of_a_piece: int) -> list[bytes]:
    """Return the compressed pieces of a plane."""
    codec = CODECS[compression]
    if not codec:
        return [rows[begin : begin + rows_of_a_piece].tobytes() for begin in range(0, len(rows), rows_of_a_piece)]
    image = Image.frombuffer("L", (rows.shape[1], len(rows)), np.ascontiguousarray(rows), "raw", "L", 0, 1)
    gray = saved(image, ".tif", compression=codec, tiffinfo={STRIP_ROWS: rows_of_a_piece})
    directory = tiff_tags.parse(gray)
    places, lengths = directory.integers(STRIP_PLACES, ()), directory.integers(STRIP_LENGTHS, ())
    return [gray[place : place + length] for place, length in zip(places, lengths, strict=True)]
