"""The recordings in a folder of backgrounds, and which of them a key picks."""

from __future__ import annotations

import os
import unicodedata
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.audio.formats import CONTAINERS
from augkit.blake2 import blake2b
from augkit.errors import InputError, UsageError
from augkit.noise.keys import Key, addressed_words


class Listing(msgspec.Struct, frozen=True, eq=False):
    """What a folder holds.

    Attributes
    ----------
    root : str
        The folder.
    names : tuple of str
        Its recordings, relative to it, with slashes, sorted.
    hashes : ndarray of uint64
        One number for each name, whatever Unicode form it has and wherever the folder lies.
    stamps : tuple of (str, int)
        Each folder in it, with the time of its last change.
    """

    root: str
    names: tuple[str, ...]
    hashes: NDArray[np.uint64]
    stamps: tuple[tuple[str, int], ...]

    def picked(self, key: Key, count: int, source: Path | None = None) -> list[str]:
        """Return so many different names, the first ones in an order that `key` makes.

        Every name has its own place in that order, so a file that is added to the folder changes only what picks it.

        Parameters
        ----------
        source : Path or None
            The recording that gets the noise, which is never its own background.

        Raises
        ------
        InputError
            If there are not so many.
        """
        weights = addressed_words(key.words(1)[0], self.hashes, 0)
        last = min(count + 1, len(weights))
        order = np.argpartition(weights, last - 1)[:last] if last < len(weights) else np.arange(last)
        order = order[np.argsort(weights[order])]
        names = [self.names[place] for place in order.tolist()]
        if source is not None:
            names = [name for name in names if not _same(Path(self.root, name), source)]
        if len(names) < count:
            raise InputError(f"{count} backgrounds are needed besides the recording itself, {len(names)} are there")
        return names[:count]


def listing(root: str) -> Listing:
    """Return the recordings in a folder, or the one that a file is; looked up again when a folder in it has changed.

    Raises
    ------
    UsageError
        If there are none.
    """
    found = _listed(root)
    if any(_changed(folder) != stamp for folder, stamp in found.stamps):
        _listed.cache_clear()
        found = _listed(root)
    return found


@lru_cache(maxsize=4)
def _listed(root: str) -> Listing:
    suffixes = tuple(suffix for container in CONTAINERS for suffix in container.info.suffixes)
    if Path(root).is_file():
        return _made(str(Path(root).parent), [Path(root).name], ())
    if not Path(root).is_dir():
        raise UsageError(f"backgrounds={root}: expected a folder of recordings, got nothing that is there")
    names, others, stamps = list[str](), 0, list[tuple[str, int]]()
    for folder, below, files in os.walk(root):
        stamps.append((folder, _changed(folder)))
        below[:] = [name for name in below if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and name.lower().endswith(suffixes):
                names.append(Path(os.path.relpath(Path(folder, name), root)).as_posix())
            else:
                others += 1
    if not names:
        looked = " ".join(suffixes)
        raise UsageError(f"backgrounds={root}: no recordings found here ({others} other files); looked for {looked}")
    return _made(root, names, tuple(stamps))


def _made(root: str, names: list[str], stamps: tuple[tuple[str, int], ...]) -> Listing:
    named = sorted((unicodedata.normalize("NFC", name), name) for name in names)
    try:
        digests = [blake2b(form.encode(), digest_size=8).digest() for form, _ in named]
    except UnicodeEncodeError as error:
        name = str(error.object).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise UsageError(f"backgrounds: the name {name} is no UTF-8, so no manifest can hold it; rename it") from None
    hashes = np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
    return Listing(root, tuple(name for _, name in named), hashes, stamps)


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return -1


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
