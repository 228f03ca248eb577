"""The formats that pictures are read from and written to: one small file each, and one row of `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from augkit.errors import InputError
from augkit.images.format import Format
from augkit.images.picture import MODES

_HEAD = 64
_PLAIN = ("L", "LA", "RGB", "RGBA")
_DEEP = ("I;16", "LA;16", "RGB;16", "RGBA;16")
_HEADER = "pixels exactly, maxval, the whole header with its comments"


def _modes(*names: str, **others: str) -> MappingProxyType[str, str]:
    return MappingProxyType({name: name for name in names} | others)


def _netpbm(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics) and (head[2:3].isspace() or head[2:3] == b"#")


FORMATS: tuple[Format, ...] = (
    Format(
        name="JPEG",
        module="jpeg",
        suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
        accepts=lambda head: head.startswith(b"\xff\xd8\xff"),
        modes=_modes("L", "RGB", "CMYK"),
        lossy=("L", "RGB", "CMYK"),
        keeps="quantisation tables, subsampling, progressive scans, EXIF, ICC, XMP, DPI and all other segments",
        limits="lossy: the codec takes some of the noise; alpha and 16 bits are refused",
        longest_side=65500,
    ),
    Format(
        name="PNG",
        module="png",
        suffixes=(".png", ".apng"),
        accepts=lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
        modes=_modes(*_PLAIN, *_DEEP),
        holds=("1", "P", "P+alpha", *_PLAIN, *_DEEP),
        keeps="pixels exactly, 8 and 16 bits, alpha, interlacing, animations with times and loops, all metadata chunks",
        limits="1-, 2- and 4-bit, palette and transparent colours are converted",
        frames="animation",
    ),
    Format(
        name="GIF",
        module="gif",
        suffixes=(".gif",),
        accepts=lambda head: head.startswith((b"GIF87a", b"GIF89a")),
        modes=_modes(*_PLAIN),
        holds=("L", "P", "P+alpha"),
        lossy=("LA", "RGB", "RGBA"),
        keeps="gray exactly, frames, durations, loops, transparency, comments, XMP and other applications' blocks",
        limits="256 colours a frame: the palette takes some of the noise on colours; half-transparency is refused",
        longest_side=65535,
        frames="animation",
        palettes=True,
    ),
    Format(
        name="WEBP",
        module="webp",
        suffixes=(".webp",),
        accepts=lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
        modes=_modes("RGB", "RGBA", L="RGB", LA="RGBA"),
        holds=("RGB", "RGBA"),
        keeps="lossless or lossy as each frame was, alpha exactly, durations, loops, background, EXIF, ICC, XMP",
        limits="lossy files are coded anew; 16 bits, floats and CMYK are refused",
        longest_side=16383,
        frames="animation",
    ),
    Format(
        name="AVIF",
        module="avif",
        suffixes=(".avif", ".avifs"),
        accepts=lambda head: head[4:8] == b"ftyp" and (b"avif" in head[8:] or b"avis" in head[8:]),
        modes=_modes("L", "RGB", "RGBA", LA="RGBA"),
        holds=("L", "RGB", "RGBA"),
        lossy=_PLAIN,
        keeps="alpha exactly, subsampling, frames, durations, loops, EXIF (rewritten), ICC, XMP, orientation",
        limits="lossy: the codec takes some of the noise; 10 and 12 bits are refused",
        longest_side=65536,
        frames="animation",
    ),
    Format(
        name="JPEG2000",
        module="jp2",
        suffixes=(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        accepts=lambda head: head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
        modes=_modes(*_PLAIN, "CMYK", "I;16"),
        keeps="reversible files exactly, alpha, 16-bit gray, CMYK, tiles, coding, all boxes (EXIF, ICC, XMP, DPI)",
        limits="irreversible files are lossy; 16-bit colour, depths but 8 and 16, subsampled and sYCC are refused",
    ),
    Format(
        name="TIFF",
        module="tiff",
        suffixes=(".tif", ".tiff"),
        accepts=lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        modes=_modes(*MODES),
        holds=("1", "P", "PA", "La", "RGBa", "YCbCr", "LAB", *MODES),
        keeps="pixels of 8 to 64 bits exactly, pages, alpha, CMYK, compression, tiles, all tags (EXIF, GPS, ICC, XMP)",
        limits="1-bit, palette and JPEG files are converted; raw photographs, YCbCr and LAB samples are refused",
        frames="pages",
    ),
    Format(
        name="BMP",
        module="bmp",
        suffixes=(".bmp",),
        accepts=lambda head: head.startswith(b"BM"),
        modes=_modes("L", "RGB", "RGBA", LA="RGBA"),
        holds=("1", "L", "P", "RGB", "RGBA"),
        keeps="pixels exactly, alpha, header with DPI and colour space",
        limits="1-, 4- and 16-bit, palette and run-length coded files are converted; 16-bit gray and CMYK are refused",
    ),
    Format(
        name="PBM",
        module="pnm",
        suffixes=(".pbm",),
        accepts=_netpbm(b"P1", b"P4"),
        modes=_modes(),
        holds=("1",),
        keeps="nothing: it is only read",
        limits="1 bit holds no noise: choose another format",
        other_whites=True,
    ),
    Format(
        name="PGM",
        module="pnm",
        encoder="encode_pgm",
        suffixes=(".pgm",),
        accepts=_netpbm(b"P2", b"P5"),
        modes=_modes("L", "I;16"),
        keeps=_HEADER,
        limits="gray of 8 and 16 bits; no metadata but comments",
        other_whites=True,
    ),
    Format(
        name="PPM",
        module="pnm",
        encoder="encode_ppm",
        suffixes=(".ppm", ".pnm"),
        accepts=_netpbm(b"P3", b"P6"),
        modes=_modes("RGB", "RGB;16", **{"L": "RGB", "I;16": "RGB;16"}),
        holds=("RGB", "RGB;16"),
        keeps=_HEADER,
        limits="RGB of 8 and 16 bits; no metadata but comments",
        other_whites=True,
    ),
    Format(
        name="PAM",
        module="pnm",
        encoder="encode_pam",
        suffixes=(".pam",),
        accepts=_netpbm(b"P7"),
        modes=_modes(*_PLAIN, *_DEEP),
        keeps=_HEADER,
        limits="gray and RGB with or without alpha, 8 and 16 bits; no metadata but comments",
        other_whites=True,
    ),
    Format(
        name="PFM",
        module="pnm",
        encoder="encode_pfm",
        suffixes=(".pfm",),
        accepts=_netpbm(b"Pf", b"PF"),
        modes=_modes("F", "RGB;32F"),
        keeps="pixels exactly, byte order, the whole header with its comments",
        limits="gray and RGB of 32-bit floats",
    ),
)

_STRANGERS = (
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"DDS ", "DDS"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
)


def format_of(data: bytes) -> Format:
    """Return the format of a file's bytes; raise `InputError` for none of the table."""
    head = data[:_HEAD]
    for row in FORMATS:
        if row.accepts(head):
            return row
    got = next((name for place, magic, name in _STRANGERS if head[place:].startswith(magic)), None)
    known = ", ".join(row.name for row in FORMATS)
    if got:
        raise InputError(f"expected one of {known}, got {got}; convert it to PNG first")
    raise InputError(f"expected one of {known}, got something else (it begins with {head[:8]!r}); remove or replace it")


def format_by_suffix(suffix: str) -> Format | None:
    """Return the format that files with `suffix` have by their name, or None."""
    return next((row for row in FORMATS if suffix.lower() in row.suffixes), None)
