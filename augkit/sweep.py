"""The folder above the trees of a sweep: its recipe, which resumes all of them, and what it may hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from msgspec.structs import replace

from augkit.errors import OutputError, UsageError
from augkit.folder.plan import RECIPE
from augkit.folder.run import HowToRun
from augkit.folder.storage import confine, sync_file, write_atomically
from augkit.folder.target import check_contents, check_places, same_run


class Sweep(NamedTuple):
    """A DST that holds a tree of outputs for each of several noises, and a recipe of its own."""

    root: Path
    recipe: bytes

    def check(self, src: Path, places: Iterable[str], how: HowToRun) -> None:
        """Raise for a DST that may not be written to; nothing is written.

        Parameters
        ----------
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
                known = parent / entry.name in places | above or (parent == PurePosixPath() and entry.name == RECIPE)
                if not known:
                    raise UsageError(
                        f"{entry}: no part of this sweep, and --overwrite would leave it among its trees; remove it, "
                        "or name another folder"
                    )

    def way_of(self, tree: Path, recipe: bytes, how: HowToRun) -> HowToRun:
        """Return how one tree is run: resumed where it was begun with this recipe, or else from its beginning.

        What a sweep that is resumed has not begun yet may hold the outputs of the one that it overwrote.
        """
        path = tree / RECIPE
        if not how.resume or how.shard or (path.is_file() and same_run(path.read_bytes(), recipe)):
            return how
        return replace(how, resume=False, overwrite=True)

    def begin(self) -> None:
        """Write the recipe before the first output, so that a sweep that is cut off can be resumed."""
        path = self.root / RECIPE
        try:
            if path.is_file() and same_run(path.read_bytes(), self.recipe):
                return
            write_atomically(path, lambda temporary: temporary.write_bytes(self.recipe))
            sync_file(path)
            sync_file(self.root)
        except OSError as error:
            raise OutputError(f"{error.filename or self.root}: cannot be written: {error.strerror}") from None
