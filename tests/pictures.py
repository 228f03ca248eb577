"""The image files that every conformance table goes through: each layout of pixels in each format."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 41, 67
CHANNELS = {"L": (), "I;16": (), "LA": (2,), "RGB": (3,), "RGBA": (4,), "CMYK": (4,)}


def pixels(mode, *, low=60, high=190, seed=0, size=(HEIGHT, WIDTH)):
    """Return smooth pixels with some texture; far enough from the limits that little noise of 0.05 is clipped."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    slope = low + (high - low) * (rows + columns)[(..., *(None,) * len(CHANNELS[mode]))] / (sum(size) - 2)
    values = np.clip(slope + rng.uniform(-9, 9, (*size, *CHANNELS[mode])), low, high)
    if mode == "I;16":
        return np.rint(values * 257 + rng.uniform(-120, 120, size)).astype(np.uint16)
    if mode in ("LA", "RGBA"):
        values[..., -1] = rng.choice([0, 1, 127, 254, 255], size)
    return np.rint(values).astype(np.uint8)


def image(mode, **options):
    """Return a Pillow image of `mode`, which may be 1 or P as well."""
    if mode == "1":
        return image("L", **options).point(lambda value: 255 * (value > 125), "1")
    if mode == "P":
        return image("RGB", **options).quantize(31)
    array = pixels(mode, **options)
    return Image.frombytes(mode, (array.shape[1], array.shape[0]), array.tobytes())


def encoded(picture, name, **parameters):
    """Return the bytes of a file that Pillow writes."""
    buffer = io.BytesIO()
    picture.save(buffer, name, **parameters)
    return buffer.getvalue()


def chunk(kind, data):
    """Return one PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size, bits, colour, rows, extra=b""):
    """Return a PNG file of rows that are packed already, so that layouts which Pillow does not write exist too."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def deep_png(colour, channels, extra=b""):
    """Return a PNG file of 16 bits a sample."""
    values = np.random.default_rng(3).integers(0, 2**16, (9, 7 * channels)).astype(">u2")
    return png((7, 9), 16, colour, [row.tobytes() for row in values], extra)


def low_png(bits):
    """Return a gray PNG file of 2 or 4 bits a sample."""
    values = np.random.default_rng(4).integers(0, 256, (9, 8 * bits // 8), dtype=np.uint8)
    return png((8, 9), bits, 0, [row.tobytes() for row in values])


def rgb565_bmp():
    """Return a BMP file of 16 bits a pixel."""
    values = np.random.default_rng(5).integers(0, 2**16, (6, 8)).astype("<u2").tobytes()
    masks = struct.pack("<LLL", 0xF800, 0x07E0, 0x001F)
    header = struct.pack("<LllHHLLLLLL", 40, 8, 6, 1, 16, 3, len(values), 2835, 2835, 0, 0)
    return struct.pack("<2sLLL", b"BM", 66 + len(values), 0, 66) + header + masks + values


@dataclass(frozen=True)
class Sample:
    """One source file: its suffix and bytes, the mode of the output, and what the notices say."""

    name: str
    suffix: str
    data: bytes
    mode: str
    notice: str = ""
    lossless: bool = True


def _samples():
    for mode in ("L", "LA", "RGB", "RGBA", "I;16"):
        yield Sample(f"png-{mode}", ".png", encoded(image(mode), "PNG"), mode)
    for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16"):
        for codec in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            yield Sample(f"tiff-{mode}-{codec}", ".tif", encoded(image(mode), "TIFF", compression=codec), mode)
    big_endian = Image.frombytes("I;16B", (WIDTH, HEIGHT), pixels("I;16").astype(">u2").tobytes())
    yield Sample("tiff-I;16B", ".tiff", encoded(big_endian, "TIFF"), "I;16")
    for mode in ("L", "RGB", "CMYK"):
        yield Sample(f"jpeg-{mode}", ".jpg", encoded(image(mode), "JPEG", quality=90), mode, lossless=False)
    for mode in ("L", "RGB"):
        yield Sample(f"bmp-{mode}", ".bmp", encoded(image(mode), "BMP"), mode)
    yield Sample("bmp-32", ".bmp", encoded(image("RGBA"), "BMP"), "RGBA")
    for mode in ("RGB", "RGBA"):
        yield Sample(f"webp-{mode}", ".webp", encoded(image(mode), "WEBP", lossless=True, exact=True), mode)
        yield Sample(f"webp-{mode}-lossy", ".webp", encoded(image(mode), "WEBP", quality=80), mode, "quality 90", False)
    for name, suffix in (("PNG", ".png"), ("TIFF", ".tif"), ("BMP", ".bmp")):
        yield Sample(f"{name}-1", suffix, encoded(image("1"), name), "L", "1-bit")
        yield Sample(f"{name}-P", suffix, encoded(image("P"), name), "RGB", "palette")
    transparent = bytes([0, 90, 255])
    yield Sample("png-P-tRNS", ".png", encoded(image("P"), "PNG", transparency=transparent), "RGBA", "palette")
    gray, rgb = pixels("L")[3, 5], tuple(int(value) for value in pixels("RGB")[3, 5])
    yield Sample("png-L-tRNS", ".png", encoded(image("L"), "PNG", transparency=int(gray)), "LA", "transparent")
    yield Sample("png-RGB-tRNS", ".png", encoded(image("RGB"), "PNG", transparency=rgb), "RGBA", "transparent")
    for bits in (2, 4):
        yield Sample(f"png-{bits}-bit", ".png", low_png(bits), "L", f"{bits}-bit gray")
    yield Sample("bmp-565", ".bmp", rgb565_bmp(), "RGB", "16-bit")
    group4 = encoded(image("1"), "TIFF", compression="group4")
    yield Sample("tiff-group4", ".tif", group4, "L", "deflate")
    yield Sample("tiff-jpeg", ".tif", encoded(image("RGB"), "TIFF", compression="jpeg"), "RGB", "deflate")


SAMPLES = tuple(_samples())
