"""What a page of TIFF holds: which colours, whether with alpha, and what of it would be lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from augkit.errors import InputError
from augkit.images.formats.tiff_samples import (
    BITS,
    COMPRESSION,
    NONE,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
    SAMPLES,
    STRIP_LENGTHS,
    STRIP_PLACES,
    TILE_LENGTHS,
    TILE_PLACES,
    sample_type,
)
from augkit.images.formats.tiff_tags import DESCRIPTION, Directory

_FILL_ORDER, _SUB_FILES, _INK_SET, _EXTRA, _DNG_VERSION = 266, 330, 332, 338, 50706
_COLOURS = {0: "gray", 1: "gray", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr"}
_CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3}
_PLAIN, _JPEG = (0, 1, 2, 5), (6, 7)
_WHITE_IS_ZERO, _PREMULTIPLIED = 0, 1
_ALPHA = ((), (1,), (2,), (999,))
_IMAGEJ = re.compile(rb"ImageJ=.*?^images=(\d{1,9})\b", re.DOTALL | re.MULTILINE)
_EXTENTS = ((STRIP_PLACES, STRIP_LENGTHS), (TILE_PLACES, TILE_LENGTHS), (513, 514))
_ENTRY, _SLACK = 20, 64
_TRUNCATED = b'"truncated": true'


class Colours(msgspec.Struct, frozen=True):
    """What the channels mean.

    Attributes
    ----------
    channels : int
        Their number, alpha included.
    alpha : int
        1 where the last one is alpha, else 0.
    white_is_zero : bool
        Whether 0 is white.
    premultiplied : bool
        Whether the colours are multiplied by alpha.
    plain : bool
        Whether the stored samples are gray, RGB or CMYK in whole bytes, and not indices.
    """

    channels: int
    alpha: int
    white_is_zero: bool
    premultiplied: bool
    plain: bool


def colours_of(directory: Directory) -> Colours:
    """Return what the channels of a page mean, which `refuse_what_would_be_lost` has let pass."""
    photometric, extra = _photometric(directory), directory.integers(_EXTRA, ())
    channels = directory.integers(SAMPLES, (1,))[0]
    return Colours(
        channels,
        channels - _CHANNELS[photometric],
        photometric == _WHITE_IS_ZERO,
        extra[:1] == (_PREMULTIPLIED,),
        photometric in _PLAIN and directory.integers(_FILL_ORDER, (1,)) == (1,),
    )


def _photometric(directory: Directory) -> int:
    return directory.integers(PHOTOMETRIC, (0,))[0]


def refuse_what_would_be_lost(directory: Directory, where: str = "") -> None:
    """Raise `InputError` for a page that cannot be written back as it is, or converted without a loss."""
    reason = _of_the_file(directory) or _of_the_colours(directory) or _of_the_samples(directory)
    if reason:
        raise InputError(where + reason)


def refuse_a_stack_in_one_page(directories: Sequence[Directory], size: int) -> None:
    """Raise `InputError` for images that stand behind the last one without directories, as ImageJ and tifffile do.

    Parameters
    ----------
    size : int
        Bytes of the file.
    """
    first = directories[0]
    text = first.entries[DESCRIPTION].data if DESCRIPTION in first.entries else b""
    said = _IMAGEJ.match(text)
    more = int(said[1]) > len(directories) if said else _TRUNCATED in text
    places, lengths = first.integers(STRIP_PLACES, ()), first.integers(STRIP_LENGTHS, ())
    if more and places and places[0] + 2 * sum(lengths) <= size:
        raise InputError(
            "a stack of images without a directory for each, so all but the first would be lost; save it as plain "
            "pages first"
        )


def bytes_behind(directories: Iterable[Directory], size: int) -> int:
    """Return how many bytes of a file stand behind all that its directories refer to, if more than they may fill."""
    ends = [0]
    for one in _all_of(directories):
        ends += (entry.place + len(entry.data) for entry in one.entries.values())
        ends.append(one.place + _ENTRY * (len(one.entries) + len(one.below)))
        for places, lengths in _EXTENTS:
            if places in one.entries and lengths not in one.entries:
                return 0
            ends += map(sum, zip(one.integers(places, ()), one.integers(lengths, ()), strict=False))
    behind = size - max(ends)
    return behind if behind > _SLACK else 0


def _all_of(directories: Iterable[Directory]) -> Iterator[Directory]:
    for one in directories:
        yield one
        yield from _all_of(one.below.values())


def _of_the_file(directory: Directory) -> str:
    if _SUB_FILES in directory.entries:
        return "images inside the image (SubIFDs) would be lost; save it as a plain TIFF first"
    if _DNG_VERSION in directory.entries:
        return "a raw photograph (DNG) is no picture yet; develop it first"
    return ""


def _of_the_colours(directory: Directory) -> str:
    photometric = _photometric(directory)
    colour, extra = _COLOURS.get(photometric), directory.integers(_EXTRA, ())
    channels = directory.integers(SAMPLES, (1,))[0]
    if colour is None:
        return f"colours of kind {photometric} cannot be kept; convert it to RGB first"
    if colour == "YCbCr" and directory.integers(COMPRESSION, (NONE,))[0] not in _JPEG:
        return "YCbCr samples that are no JPEG cannot be kept; convert it to RGB first"
    if colour == "CMYK" and directory.integers(_INK_SET, (1,)) != (1,):
        return "inks other than CMYK cannot be kept; convert it to RGB first"
    if extra not in _ALPHA or not 0 <= channels - _CHANNELS[photometric] <= 1:
        return "extra channels that are no alpha would be lost; remove them, or mark them as alpha, first"
    return ""


def _of_the_samples(directory: Directory) -> str:
    dtype, bits = sample_type(directory), directory.integers(BITS, (1,))
    if directory.integers(SAMPLE_FORMAT, (1,))[0] in (5, 6):
        return "complex samples cannot be kept as they are; write their real and imaginary parts to two files first"
    if dtype is None and (set(bits) - {1, 2, 4} or len(set(bits)) > 1):
        return f"samples of {bits[0]} bits cannot be kept as they are; convert it to 8, 16 or 32 bits first"
    if dtype is None or dtype == "u1":
        return ""
    colours = colours_of(directory)
    if not colours.plain:
        return f"{dtype.name} samples that are indices or in an odd order of bits are not kept; save them plainly first"
    if colours.white_is_zero and dtype.kind != "u":
        return "signed or floating samples with 0 as white cannot be kept; invert it first, so that 0 is black"
    return ""
