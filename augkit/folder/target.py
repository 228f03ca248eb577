"""DST before the first output: whether it may be written to, and what it holds already."""

from __future__ import annotations

import os
from pathlib import Path

from augkit.errors import OutputError, UsageError
from augkit.folder.plan import FAILURES, JOURNAL, METADATA, RECIPE
from augkit.folder.storage import remove_leftovers, sync_file, write_atomically


def check_places(src: Path, dst: Path) -> None:
    """Raise `UsageError` where SRC is missing, or where SRC and DST lie in each other."""
    if not os.path.lexists(src):
        raise UsageError(f"{src}: no such file or folder")
    if os.path.lexists(dst) and not dst.is_dir():
        raise UsageError(f"{dst}: DST is a folder, but a file of that name is there; name a folder")
    source, target = os.path.realpath(src), os.path.realpath(dst)
    if os.path.isfile(source):  # noqa: PTH113
        return
    common = os.path.commonpath([source, target])
    if common in (source, target):
        relation = "is SRC itself" if source == target else "lies inside SRC" if common == source else "contains SRC"
        raise UsageError(f"{dst}: DST {relation} ({src}), so sources could be overwritten; name a folder beside it")


def check_contents(dst: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise `UsageError` where DST holds files and neither resuming nor overwriting was asked for."""
    if resume and overwrite:
        raise UsageError("--resume keeps what is there and --overwrite replaces it; give one of them")
    if resume and not (dst / RECIPE).is_file():
        raise UsageError(f"{dst}: nothing to resume here, there is no {RECIPE}; run without --resume")
    if not resume and not overwrite and dst.is_dir() and any(dst.iterdir()):
        raise UsageError(f"{dst}: DST is not empty; use --resume to go on, --overwrite to replace, or another folder")


def prepare(dst: Path, recipe: bytes, *, resume: bool) -> None:
    """Create DST and write the recipe first, so that a run that is cut off can be resumed.

    Raises
    ------
    UsageError
        Where a resumed run has another recipe than the one that DST holds.
    OutputError
        Where DST cannot be written to.
    """
    path = dst / RECIPE
    try:
        if resume:
            if path.read_bytes() != recipe:
                raise UsageError(f"{path}: another recipe made this folder; resume with that one, or use --overwrite")
            remove_leftovers(dst)
            return
        dst.mkdir(parents=True, exist_ok=True)
        for stale in (METADATA, FAILURES, JOURNAL):
            (dst / stale).unlink(missing_ok=True)
        remove_leftovers(dst)
        write_atomically(path, lambda temporary: temporary.write_bytes(recipe))
        sync_file(path)
    except OSError as error:
        raise OutputError(f"{error.filename or dst}: cannot be written: {error.strerror}") from None
