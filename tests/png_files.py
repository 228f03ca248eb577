"""PNG files of any kind, written by the letter of the specification, slowly and without the code under test."""

import struct
import zlib

import numpy as np

from tests.pictures import chunk

MAGIC = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}
KINDS = [(colour, bits) for colour, depths in DEPTHS.items() for bits in depths]
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def samples(rng, size, colour, bits, most=None):
    """Return random samples of shape (H, W, C), smooth enough that every filter has something to do."""
    width, height = size
    steps = rng.integers(-3, 4, (height, width, CHANNELS[colour])).cumsum(axis=1)
    return (steps + rng.integers(0, 2**bits, (height, 1, 1))) % (most or 2**bits)


def header(size, bits, colour, interlaced=False):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, interlaced))


def image_data(values, bits, *, interlaced=False, filters=(0,)):
    """Return the zlib stream of samples; rows take the filters in turn."""
    lines, turn = [], 0
    for left, top, across, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = values[top::down, left::across]
        unit = max(1, bits * values.shape[2] // 8)
        above = None
        for row in part if part.size else ():
            line = packed(row.ravel(), bits)
            above = bytes(len(line)) if above is None else above
            lines.append(filtered(line, above, unit, filters[turn % len(filters)]))
            above, turn = line, turn + 1
    return zlib.compress(b"".join(lines))


def packed(row, bits):
    if bits == 16:
        return row.astype(">u2").tobytes()
    if bits == 8:
        return row.astype(np.uint8).tobytes()
    digits = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(digits.astype(np.uint8)).tobytes()


def filtered(line, above, unit, kind):
    out = bytearray([kind])
    for place, value in enumerate(line):
        left = line[place - unit] if place >= unit else 0
        corner = above[place - unit] if place >= unit else 0
        up = above[place]
        guess = (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]
        out.append((value - guess) % 256)
    return bytes(out)


def paeth(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


def png(values, bits, colour, *, before=b"", behind=b"", interlaced=False, filters=(0,), pieces=1):
    """Return a file of samples of shape (H, W, C); `before` and `behind` are chunks around the image data."""
    size = values.shape[1], values.shape[0]
    data = image_data(values, bits, interlaced=interlaced, filters=filters)
    step = -(-len(data) // pieces)
    idat = b"".join(chunk(b"IDAT", data[place : place + step]) for place in range(0, len(data), step))
    return MAGIC + header(size, bits, colour, interlaced) + before + idat + behind + chunk(b"IEND", b"")


def frame_control(number, size, place=(0, 0), delay=(1, 10), dispose=0, blend=0):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, *place, *delay, dispose, blend))


def frame_data(number, data):
    return chunk(b"fdAT", struct.pack(">I", number) + data)


def animation(canvas, bits, colour, frames, *, plays=0, hidden=None, before=b"", count=None):
    """Return an APNG file.

    Parameters
    ----------
    frames : list of (values, options of `frame_control`)
    hidden : ndarray or None
        The still picture, where it is no part of the animation.
    """
    parts = [chunk(b"acTL", struct.pack(">II", len(frames) if count is None else count, plays)), before]
    number = 0
    if hidden is not None:
        parts.append(chunk(b"IDAT", image_data(hidden, bits)))
    for values, options in frames:
        parts.append(frame_control(number, (values.shape[1], values.shape[0]), **options))
        number += 1
        data = image_data(values, bits, filters=(4, 1))
        if number == 1 and hidden is None:
            parts.append(chunk(b"IDAT", data))
            continue
        for piece in (data[:20], data[20:]):
            parts.append(frame_data(number, piece))
            number += 1
    return MAGIC + header(canvas, bits, colour) + b"".join(parts) + chunk(b"IEND", b"")


def chunks(data):
    """Return (kind, content) of all chunks, with their checksums checked."""
    place, found = len(MAGIC), []
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length)[0] == zlib.crc32(kind + content)
        found.append((kind, content))
        place += 12 + length
    return found
