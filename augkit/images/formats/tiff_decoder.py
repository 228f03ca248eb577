"""Pillow's libtiff, which says on stderr what is wrong with a file: that is heard, and kept from the terminal."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import TiffImagePlugin

from augkit.images.pillow import load
from augkit.redirected import redirected

_MOST = 1000
_DAMAGE = re.compile(r"\w*Decode\w*:|JPEGLib:")  # some decoders say so, and call what they gave a success


def load_tiff(data: bytes, max_pixels: int) -> TiffImagePlugin.TiffImageFile:
    """Decode the first page of a TIFF file, as `augkit.images.pillow.load` does, in silence.

    Raises
    ------
    ValueError
        In the words of libtiff, where it has any.
    """
    with _heard() as said:
        try:
            image = load(TiffImagePlugin.TiffImageFile, data, max_pixels)
        except OSError as error:
            raise ValueError(next(said(), str(error))) from error
        broken = next(filter(_DAMAGE.match, said()), None)
    if broken:
        raise ValueError(broken)
    return image


@contextmanager
def _heard() -> Iterator[Callable[[], Iterator[str]]]:
    """Take what is written to stderr, of the whole process, and give what it says line by line."""
    held = os.memfd_create("stderr") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    try:
        with redirected(held, 2):
            yield lambda: _lines(held)
    finally:
        os.close(held)


def _lines(file: int) -> Iterator[str]:
    os.lseek(file, 0, os.SEEK_SET)
    for line in os.read(file, _MOST).decode("utf-8", "replace").splitlines():
        yield line.replace("tempfile.tif: ", "").rstrip(".")
