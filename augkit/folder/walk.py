"""Finding the files of a folder: sorted, never out of it, and never lost without a word."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """An entry below the root: its name relative to it, its size, why it cannot be read, if so, and what it is."""

    name: str
    size: int
    fault: str | None = None
    is_folder: bool = False


def walk(root: Path) -> list[Found]:
    """Return all files below `root` that are not hidden, sorted by their names.

    Folders behind symbolic links are not entered; links to files are followed within `root` only. What is no regular
    file, or cannot be reached, comes with its fault.
    """
    real, found, folders = os.path.realpath(root), list[Found](), [""]
    while folders:
        prefix = folders.pop()
        try:
            entries = list(os.scandir(root / prefix))
        except OSError as error:
            reason = f"the folder cannot be read: {error.strerror}"
            found.append(Found(prefix.rstrip("/") or ".", 0, reason, is_folder=True))
            continue
        for entry in entries:
            name = prefix + entry.name
            if entry.name.startswith("."):
                continue
            if (readable := _in_utf8(name)) != name:
                reason = "the name is no UTF-8, so no manifest can hold it; rename it"
                found.append(Found(readable, 0, reason, is_folder=True))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(name + "/")
            else:
                found.append(inspect(entry.path, name, real))
    return sorted(found, key=lambda file: (unicodedata.normalize("NFC", file.name), file.name))


def _in_utf8(name: str) -> str:
    """Return the name, with bytes that are no UTF-8 written as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def inspect(path: str, name: str, root: str | None = None) -> Found:
    """Describe one directory entry that is no folder; a symbolic link must stay within `root`, where one is given."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            real = os.path.realpath(path)
            if root is not None and os.path.commonpath([real, root]) != root:
                reason = f"a symbolic link that leads out of the source folder, to {real}"
                return Found(name, 0, reason, is_folder=os.path.isdir(real))  # noqa: PTH112
            status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        return Found(name, 0, f"cannot be reached: {error.strerror}")
    if stat.S_ISDIR(status.st_mode):
        return Found(name, 0, "a symbolic link to a folder, which is not followed", is_folder=True)
    if not stat.S_ISREG(status.st_mode):
        return Found(name, 0, f"not a regular file but {_KINDS.get(stat.S_IFMT(status.st_mode), 'a special file')}")
    return Found(name, status.st_size)


_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}
