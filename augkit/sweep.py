"""The folder above the trees of a sweep: its recipe, which resumes all of them, its manifest, and what it may hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from augkit.errors import OutputError, UsageError
from augkit.folder.plan import METADATA, RECIPE
from augkit.folder.run import HowToRun
from augkit.folder.storage import confine, not_written, sync_file, sync_folders, write_atomically
from augkit.folder.target import check_contents, check_places, same_run


class Sweep(NamedTuple):
    """A DST that holds a tree of outputs for each of several noises, and a recipe of its own.

    Attributes
    ----------
    levels : mapping or None
        The level of each tree by its place, for a manifest of all of them; None for a sweep that has none.
    """

    root: Path
    recipe: bytes
    levels: Mapping[str, float | None] | None = None

    def check(self, src: Path | None, places: Iterable[str], how: HowToRun) -> None:
        """Raise for a DST that may not be written to; nothing is written.

        Parameters
        ----------
        src : Path or None
            SRC, where it is on this machine.
        places : iterable of str
            The trees, relative to DST.

        Raises
        ------
        UsageError
            For a DST that lies in SRC or holds other things than asked for; one that is overwritten may hold trees of
            the same names only, as others would be left behind.
        OutputError
            Where a symbolic link leads out of DST.
        """
        if src is not None:
            check_places(src, self.root)
        check_contents(self.root, resume=how.resume, overwrite=how.overwrite, shard=how.shard)
        path = self.root / RECIPE
        if (how.resume or how.shard) and path.is_file() and not same_run(path.read_bytes(), self.recipe):
            raise UsageError(f"{path}: another recipe made this folder; resume with that one, or use --overwrite")
        for place in places:
            confine(self.root / place / RECIPE, self.root)
        if how.overwrite:
            self._refuse_others({PurePosixPath(place) for place in places})

    def _refuse_others(self, places: set[PurePosixPath]) -> None:
        above = {parent for place in places for parent in place.parents}
        for parent in above:
            folder = self.root / parent
            for entry in folder.iterdir() if folder.is_dir() else ():
                own = parent == PurePosixPath() and entry.name in self._records
                if not own and parent / entry.name not in places | above:
                    raise UsageError(
                        f"{entry}: no part of this sweep, and --overwrite would leave it among its trees; remove it, "
                        "or name another folder"
                    )

    @property
    def _records(self) -> tuple[str, ...]:
        return (RECIPE,) if self.levels is None else (RECIPE, METADATA)

    def way_of(self, tree: Path, recipe: bytes, how: HowToRun) -> HowToRun:
        """Return how one tree is run: resumed where it was begun with this recipe, or else from its beginning.

        What a sweep that is resumed has not begun yet may hold the outputs of the one that it overwrote.
        """
        path = tree / RECIPE
        if not how.resume or how.shard or (path.is_file() and same_run(path.read_bytes(), recipe)):
            return how
        return replace(how, resume=False, overwrite=True)

    def begin(self) -> None:
        """Write the recipe before the first output, so that a sweep that is cut off can be resumed.

        The manifest of all trees goes, as it tells of none of them while one is made.
        """
        path = self.root / RECIPE
        try:
            if self.levels is not None:
                (self.root / METADATA).unlink(missing_ok=True)
            if path.is_file() and same_run(path.read_bytes(), self.recipe):
                return
            write_atomically(path, lambda temporary: temporary.write_bytes(self.recipe))
            sync_file(path)
            sync_file(self.root)
        except OSError as error:
            raise OutputError(f"{error.filename or self.root}: cannot be written: {error.strerror}") from None

    def end(self, tree: Path) -> None:
        """Write the manifest of all trees after the last of them, where every one is complete."""
        if self.levels is None or tree != self.root / list(self.levels)[-1]:
            return
        if not all((self.root / place / METADATA).is_file() for place in self.levels):
            return
        path = self.root / METADATA

        def write(temporary: Path) -> None:
            with temporary.open("wb") as out:
                out.writelines(self.rows())
                out.flush()
                os.fsync(out.fileno())

        try:
            write_atomically(path, write)
            sync_folders([self.root], self.root)
        except OSError as error:
            raise not_written(path, error, self.root) from None

    def rows(self) -> Iterator[bytes]:
        """Yield the lines of the manifest of all trees: their rows with names from DST on, ``tree`` and ``level``."""
        for place, level in (self.levels or {}).items():
            with (self.root / place / METADATA).open("rb") as lines:
                for line in lines:
                    row = msgspec.json.decode(line, type=dict[str, Any])
                    yield msgspec.json.encode(_below(place, row) | {"tree": place, "level": level}) + b"\n"


def _below(place: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the names of what lies in its tree as they are from above."""
    named: dict[str, Any] = {key: f"{place}/{name}" for key, name in row.items() if key.endswith("file_name")}
    if "labels" in row:
        named["labels"] = [f"{place}/{name}" for name in row["labels"]]
    return row | named
