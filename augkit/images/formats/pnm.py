"""The plain formats of Netpbm (PBM, PGM, PPM, PAM) and PFM: the header stays as it is, with its comments and maxval."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.images.formats.pnm_header import Header, read_header
from augkit.images.picture import Encoded, Frame, Metadata, Picture, Pixels, not_kept
from augkit.images.pillow import check_size

_PLAIN = (b"P1", b"P2", b"P3")
_BITS = (b"P1", b"P4")
_NUMBERS = re.compile(rb"\s*+(?:[+-]?\d++(?:\s++|\Z))*+")
_WIDEST = 70
_TUPLES = {"L": "GRAYSCALE", "LA": "GRAYSCALE_ALPHA", "RGB": "RGB", "RGBA": "RGB_ALPHA"}


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a file of any of these formats; see `Format.decode`."""
    header = read_header(data)
    check_size((header.width, header.height), max_pixels)
    samples, end = _plain(data, header) if header.magic in _PLAIN else _raw(data, header)
    if data[end:].lstrip()[:1] == b"P" and header.magic not in _PLAIN:
        raise InputError("several pictures in one file: all but one would be lost; split it first")
    rest = len(data) - end
    notices: tuple[str, ...] = ()
    if rest and data[end:].strip():
        notices += (f"not kept: data behind the end of the image ({rest} bytes)",)
    name = FORMAT_OF[header.magic]
    if header.magic in _BITS:
        samples = np.where(samples, np.uint8(0), np.uint8(255))
        notices += ("1-bit image written as 8-bit gray",)
    elif header.maxval and int(samples.max()) > header.maxval:
        raise ValueError(f"a sample is greater than the maxval of {header.maxval}")
    metadata = Metadata(comment=header.comment)
    return Picture((_frame(samples, header),), name, metadata, header, notices)


def _frame(samples: Pixels, header: Header) -> Frame:
    whole = header.maxval in (0, np.iinfo(samples.dtype).max) if samples.dtype.kind == "u" else True
    white = None if whole or header.magic in _BITS else header.maxval
    shape = (header.height, header.width)
    if header.channels in (1, 3):
        return Frame(samples.reshape(shape if header.channels == 1 else (*shape, 3)), None, None, white)
    pixels = samples.reshape(*shape, header.channels)
    colour = pixels[..., 0] if header.channels == 2 else pixels[..., :3]
    return Frame(np.ascontiguousarray(colour), np.ascontiguousarray(pixels[..., -1]), None, white)


def _raw(data: bytes, header: Header) -> tuple[Pixels, int]:
    """Return the samples in their order, and where they end."""
    count = header.width * header.height * header.channels
    if header.magic in _BITS:
        stride = -(-header.width // 8)
        end = header.end + stride * header.height
        rows = np.frombuffer(_all_of(data, header.end, end), np.uint8).reshape(header.height, stride)
        return np.unpackbits(rows, axis=1)[:, : header.width], end
    stored = header.stored
    end = header.end + count * stored.itemsize
    samples = np.frombuffer(_all_of(data, header.end, end), stored)
    if stored.kind == "f":  # rows from the bottom up
        samples = samples.reshape(header.height, -1)[::-1]
    return np.ascontiguousarray(samples.astype(stored.newbyteorder("="), copy=False)), end


def _all_of(data: bytes, begin: int, end: int) -> memoryview:
    if end > len(data):
        raise ValueError(f"the file ends early, {end - len(data)} bytes are missing")
    return memoryview(data)[begin:end]


def _plain(data: bytes, header: Header) -> tuple[Pixels, int]:
    """Return the samples of a file that spells them out; all of the file belongs to them."""
    count = header.width * header.height * header.channels
    if header.magic == b"P1":  # digits may touch each other
        digits = np.frombuffer(data, np.uint8, offset=header.end) - ord("0")
        samples: NDArray[Any] = digits[digits <= 1]
    else:
        if not _NUMBERS.fullmatch(data, header.end):  # of which some releases of NumPy only warn
            raise ValueError("it holds what is no number")
        samples = np.fromstring(data[header.end :], np.int64, sep=" ")
    if len(samples) != count:
        raise ValueError(f"expected {count} samples, got {len(samples)}")
    if int(samples.min()) < 0 or int(samples.max()) > header.maxval:
        raise ValueError(f"a sample is not within 0 to {header.maxval}")
    return samples.astype(header.stored.newbyteorder("=")), len(data)


def encode_pgm(picture: Picture, quality: int | None) -> Encoded:
    """Write a PGM file; see `Format.encode`. These formats have no `quality`."""
    del quality
    return _encoded("PGM", picture)


def encode_ppm(picture: Picture, quality: int | None) -> Encoded:
    """Write a PPM file; see `encode_pgm`."""
    del quality
    return _encoded("PPM", picture)


def encode_pam(picture: Picture, quality: int | None) -> Encoded:
    """Write a PAM file; see `encode_pgm`."""
    del quality
    return _encoded("PAM", picture)


def encode_pfm(picture: Picture, quality: int | None) -> Encoded:
    """Write a PFM file; see `encode_pgm`."""
    del quality
    return _encoded("PFM", picture)


def _encoded(name: str, picture: Picture) -> Encoded:
    frame = picture.first
    if picture.format == name:
        header: Header = picture.native
        return Encoded(header.text + _samples(frame, header))
    header = _new_header(name, frame)
    return Encoded(header.text + _samples(frame, header), True, not_kept(name, picture.metadata))


def _samples(frame: Frame, header: Header) -> bytes:
    pixels = frame.colour
    if frame.alpha is not None:
        pixels = np.dstack((pixels, frame.alpha))
    if header.stored.kind == "f":
        pixels = pixels[::-1]
    if header.magic in _PLAIN:
        rows = pixels.reshape(header.height, -1).tolist()
        return b"".join(_line(row) for row in rows)
    return np.ascontiguousarray(pixels, header.stored).tobytes()


def _line(row: list[int]) -> bytes:
    """Return a row of samples in text, in lines of at most 70 characters, as the standard asks."""
    lines, line = [], ""
    for value in map(str, row):
        if line and len(line) + 1 + len(value) > _WIDEST:
            lines.append(line)
            line = value
        else:
            line = f"{line} {value}" if line else value
    return ("\n".join([*lines, line]) + "\n").encode()


def _new_header(name: str, frame: Frame) -> Header:
    """Return the header for a picture that comes from another format."""
    width, height = frame.size
    top = frame.white or (0 if frame.colour.dtype.kind == "f" else int(np.iinfo(frame.colour.dtype).max))
    channels = (1 if frame.colour.ndim == 2 else 3) + (frame.alpha is not None)
    if name == "PAM":
        kind = _TUPLES[frame.mode.replace("I;16", "L").partition(";")[0]]
        text = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {top}\nTUPLTYPE {kind}\nENDHDR\n"
    elif name == "PFM":
        text = f"{'Pf' if channels == 1 else 'PF'}\n{width} {height}\n-1.0\n"
    else:
        text = f"{'P5' if name == 'PGM' else 'P6'}\n{width} {height}\n{top}\n"
    return read_header(text.encode())


FORMAT_OF: MappingProxyType[bytes, str] = MappingProxyType(
    {b"P1": "PBM", b"P4": "PBM", b"P2": "PGM", b"P5": "PGM", b"P3": "PPM", b"P6": "PPM"}
    | {b"P7": "PAM", b"Pf": "PFM", b"PF": "PFM"}
)
