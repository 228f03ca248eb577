"""From a path to a picture: the file is looked at before it is opened, its header before it is decoded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from augkit.errors import InputError
from augkit.images.formats import format_of
from augkit.images.picture import Picture
from augkit.images.pillow import BROKEN

MAX_PIXELS = 2**30 // 12
"""Pixels of the largest image that is decoded, all frames together: Pillow's own bound, 256 MB as RGB."""

MAX_BYTES = 2**30
"""Size of the largest file that is read."""


def read_picture(path: Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Return the picture in the file at `path`.

    Raises
    ------
    InputError
        For what is no regular file, no image of a known format, too large, broken, or could not be written back without
        losing something.
    """
    return picture_of(path, content_of(path), max_pixels=max_pixels)


def picture_of(path: Path, data: bytes, *, max_pixels: int) -> Picture:
    """Return the picture in `data`, the content of the file at `path`; errors are those of `read_picture`."""
    try:
        row = format_of(data)
        return row.decode(data, max_pixels)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise InputError(
            f"{path}: expected a {row.name} file that can be decoded, got a broken one ({reason}); replace it"
        ) from error


def content_of(path: Path) -> bytes:
    """Return what is in a file, after a look at what it is; raise `InputError` for one that is not to be read."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "a folder or a device"
            raise InputError(f"{path}: expected a regular file, got {kind}; give the file itself")
        if status.st_size == 0:
            raise InputError(f"{path}: expected an image, got an empty file (0 bytes); replace it")
        if status.st_size > MAX_BYTES:
            raise InputError(f"{path}: expected at most {MAX_BYTES:,} bytes, got {status.st_size:,}; split the image")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - half the time of Path.read_bytes
            return file.readall()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); check its name and permissions"
        ) from error
