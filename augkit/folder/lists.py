"""Lists of many sources, such as a COCO JSON or a Kaldi data folder: planned first, written last, of what is there."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from augkit.errors import InputError, UsageError
from augkit.folder.domains import Labels
from augkit.folder.naming import Base, Sources, find_base
from augkit.folder.options import Job
from augkit.sidecars.names import Listing


class PlannedList(msgspec.Struct, frozen=True):
    """A list that will come out rewritten.

    Attributes
    ----------
    path : str
        The list, relative to SRC or absolute.
    parts : tuple of (str, str)
        Its files: their names in its folder, and in DST.
    base : Base
        What its names are relative to.
    sources : dict of str to str
        By the name that the list gives it, each source of this run.
    """

    path: str
    parts: tuple[tuple[str, str], ...]
    base: Base
    sources: dict[str, str]

    @property
    def title(self) -> str:
        """Its name relative to SRC, or without folders where it lies elsewhere."""
        return Path(self.path).name if Path(self.path).is_absolute() else self.path

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names in DST."""
        return tuple(name for _, name in self.parts)


class OpenList(NamedTuple):
    """A list that was read, and where."""

    path: str
    listing: Listing


def open_given(labels: Labels, path: str, option: str) -> OpenList | None:
    """Read a list that was named by an option; None where the file is no list of this domain.

    Raises
    ------
    UsageError
        Where it cannot be read.
    """
    try:
        listing = labels.open_list(Path(path))
    except (InputError, OSError) as error:
        raise UsageError(f"{option}={path}: {getattr(error, 'strerror', None) or error}") from None
    return None if listing is None else OpenList(os.path.abspath(path), listing)  # noqa: PTH100


def within(root: Path, path: str | Path) -> str | None:
    """Return the name of a path relative to SRC, or None where it lies elsewhere."""
    real, inside = os.path.realpath(path), os.path.realpath(root)
    relative = os.path.relpath(real, inside)
    return None if relative == ".." or relative.startswith("../") else Path(relative).as_posix()


def plan_list(job: Job, opened: OpenList, known: Sources, sources: Collection[str]) -> PlannedList | None:
    """Find out which sources a list is about and what it will be called; None where it is about none of them.

    Its names may lead to any of the files `known`, so that none is taken for another; of these, the sources count.

    A list in SRC keeps its place. Of another, its files come to lie in DST, those of a folder in one of its name.

    Raises
    ------
    InputError
        Where its names could be those of files in two folders.
    """
    listing = opened.listing
    place = within(job.source_root, listing.folder)
    home = PurePosixPath(listing.home if place is None else place)
    parts = tuple((part, str(home / part)) for part in listing.parts)
    base = find_base(
        listing.names,
        known,
        folder=listing.folder,
        out=job.target_root / home,
        dst=job.target_root,
        title=listing.parts[0],
    )
    if base is None:
        return None
    found = ((name, known.find(name, base)) for name in listing.names)
    chosen = {name: source for name, source in found if source is not None and source in sources}
    return PlannedList(opened.path, parts, base, chosen) if chosen else None
