"""TIFF: compression and tags are kept; Pillow codes the pixels, the directory is written by `tiff_tags`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType

from PIL import TiffImagePlugin

from augkit.errors import InputError
from augkit.images.formats import tiff_tags
from augkit.images.formats.tiff_tags import Directory, Entry
from augkit.images.picture import Encoded, Format, Frame, Metadata, Picture, not_kept
from augkit.images.pillow import check_size, in_exact_mode, load, saved, split, to_image

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _SUB_FILES, _EXTRA, _SAMPLE_FORMAT, _DNG_VERSION, _LAYERS = 277, 330, 338, 339, 50706, 37724
_OF_THE_PIXELS = frozenset(
    {273, _SAMPLES, 278, 279, 284, 317, 320, _SUB_FILES, _EXTRA, _SAMPLE_FORMAT, 347, 559}.union(
        *(range(255, 260), range(262, 267), range(288, 294), range(322, 329), range(512, 533))
    )
)
_IN_FILE_ORDER = (50838, 50839)
_DESCRIPTIVE = (270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432, *(34665, 34853))
_CODECS = {1: None, 5: "tiff_lzw", 8: "tiff_adobe_deflate", 32946: "tiff_adobe_deflate", 32773: "packbits"}
_CODECS |= {34925: "lzma", 50000: "zstd"}
_CODEC_OF_OTHERS = "tiff_adobe_deflate"
_COLOURS = {0: "gray", 1: "gray", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr"}
_CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3}
_WHITE_IS_ZERO, _PREMULTIPLIED = 0, 1
_ALPHA = ((), (1,), (2,), (999,))


@dataclass(frozen=True, slots=True)
class Coding:
    """The codec of the source and the tags that are carried over."""

    codec: str | None
    tags: Directory


def decode(data: bytes, max_pixels: int) -> Picture:
    """Read a TIFF file; see `Format.decode`."""
    directory = tiff_tags.parse(data)
    width, height = (directory.integers(tag, (0,))[0] for tag in (_WIDTH, _HEIGHT))
    check_size((width, height), max_pixels)
    _refuse_what_would_be_lost(directory)
    bits = directory.integers(_BITS, (1,))[0]
    image, notices = in_exact_mode(load(TiffImagePlugin.TiffImageFile, _upright(data, directory), max_pixels), bits)
    colour, alpha = split(image)
    if directory.integers(_EXTRA, ())[:1] == (_PREMULTIPLIED,):
        notices += ("premultiplied alpha written as plain alpha",)
    compression = directory.integers(_COMPRESSION, (1,))[0]
    if compression not in _CODECS:
        notices += (f"compression {compression} written as deflate, which loses nothing",)
    dropped = _LAYERS, *(_IN_FILE_ORDER if data.startswith(b"MM") else ())
    lost = [f"tag {tag}" for tag in dropped if tag in directory.entries]
    notices += (f"not kept: {', '.join(lost)}",) if lost else ()
    tags = directory.without(_OF_THE_PIXELS | frozenset(dropped))
    coding = Coding(_CODECS.get(compression, _CODEC_OF_OTHERS), tags)
    return Picture((Frame(colour, alpha),), "TIFF", _metadata(tags), coding, notices)


def encode(picture: Picture, quality: int | None) -> Encoded:
    """Write a TIFF file; see `Format.encode`. Nothing lossy is written, so there is no `quality`."""
    del quality
    notices: tuple[str, ...] = ()
    if picture.format == "TIFF":
        codec, tags = picture.native.codec, picture.native.tags
    else:
        codec, (tags, notices) = _CODEC_OF_OTHERS, _foreign(picture.metadata)
    bare = saved(to_image(picture.first), "TIFF", compression=codec)
    return Encoded(_with_tags(bare, tags), True, notices)


def _refuse_what_would_be_lost(directory: Directory) -> None:
    bits, photometric = directory.integers(_BITS, (1,)), directory.integers(_PHOTOMETRIC, (0,))[0]
    colour, extra = _COLOURS.get(photometric), directory.integers(_EXTRA, ())
    reason = ""
    if directory.following:
        reason = "several pages: all but one would be lost; split it into one file for each page first"
    elif _SUB_FILES in directory.entries:
        reason = "images inside the image (SubIFDs) would be lost; save it as a plain TIFF first"
    elif _DNG_VERSION in directory.entries:
        reason = "a raw photograph (DNG) is no picture yet; develop it first"
    elif colour is None:
        reason = f"colours of kind {photometric} cannot be kept; convert it to RGB first"
    elif colour == "YCbCr" and directory.integers(_COMPRESSION, (1,)) == (1,):
        reason = "YCbCr samples without compression cannot be kept; convert it to RGB first"
    elif set(directory.integers(_SAMPLE_FORMAT, (1,))) - {1, 4}:
        reason = "signed or floating samples cannot be kept as they are; convert it to unsigned 8 or 16 bits first"
    elif set(bits) - {1, 2, 4, 8, 16} or len(set(bits)) > 1:
        reason = f"samples of {bits[0]} bits cannot be kept as they are; convert it to 8 or 16 bits first"
    elif bits[0] == 16 and (directory.integers(_SAMPLES, (1,))[0] > 1 or colour != "gray"):
        reason = f"8 bits of 16-bit {colour} would be lost; convert it to 8 bits, or to 16-bit gray, first"
    elif bits[0] == 16 and photometric == _WHITE_IS_ZERO:
        reason = "16-bit gray with 0 as white cannot be kept; invert it first, so that 0 is black"
    elif extra not in _ALPHA or directory.integers(_SAMPLES, (1,))[0] > _CHANNELS[photometric] + 1:
        reason = "extra channels that are no alpha would be lost; remove them, or mark them as alpha, first"
    if reason:
        raise InputError(f"TIFF: {reason}")


def _upright(data: bytes, directory: Directory) -> bytes:
    """Return the file with an orientation of 1, for Pillow rotates the pixels of others."""
    if directory.integers(tiff_tags.ORIENTATION, (1,))[0] == 1:
        return data
    entry = directory.entries[tiff_tags.ORIENTATION]
    one = (1).to_bytes(len(entry.data), "little" if data.startswith(b"II") else "big")
    return data[: entry.place] + one + data[entry.place + len(entry.data) :]


def _metadata(tags: Directory) -> Metadata:
    found = {name: tags.entries.get(tag) for name, tag in (("icc", tiff_tags.ICC), ("xmp", tiff_tags.XMP))}
    carried = (*_DESCRIPTIVE, tiff_tags.ICC, tiff_tags.XMP, 254)
    described = tags.only(_DESCRIPTIVE)
    return Metadata(
        exif=tiff_tags.exif_block(described) if described.entries or described.below else None,
        icc=found["icc"].data if found["icc"] else None,
        xmp=found["xmp"].data if found["xmp"] else None,
        dpi=tags.dpi(),
        others=tuple(f"tag {tag}" for tag in sorted(tags.entries) if tag not in carried),
    )


def _foreign(metadata: Metadata) -> tuple[Directory, tuple[str, ...]]:
    """Return tags and notices for what a file of another format held."""
    kept = ["icc", "xmp", "dpi", "exif"]
    try:
        found = tiff_tags.parse(metadata.exif).without(_OF_THE_PIXELS) if metadata.exif else Directory({})
    except (ValueError, struct.error):
        kept.remove("exif")
        found = Directory({})
    entries = {**found.entries, **(tiff_tags.resolution(metadata.dpi) if metadata.dpi else {})}
    if metadata.icc:
        entries[tiff_tags.ICC] = Entry(tiff_tags.UNDEFINED, metadata.icc)
    if metadata.xmp:
        entries[tiff_tags.XMP] = Entry(1, metadata.xmp)
    return Directory(entries, found.below), not_kept("TIFF", metadata, *kept)


def _with_tags(bare: bytes, tags: Directory) -> bytes:
    """Return the file with a new directory at its end, of its own tags and the carried ones."""
    own = tiff_tags.parse(bare)
    padded = bare + bytes(len(bare) % 2)
    table = tiff_tags.serialise(Directory({**tags.entries, **own.entries}, tags.below), len(padded))
    return padded[:4] + struct.pack("<L", len(padded)) + padded[8:] + table


TIFF = Format(
    name="TIFF",
    suffixes=(".tif", ".tiff"),
    accepts=lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    decode=decode,
    encode=encode,
    modes=MappingProxyType({mode: mode for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "I;16")}),
    keeps="pixels exactly, 16-bit gray, CMYK, alpha, compression, all tags (EXIF, GPS, ICC, XMP, orientation)",
    limits="1-bit and palette files are converted; several pages, 16-bit colour, signed and float samples are refused",
)
