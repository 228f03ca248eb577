"""DST before the first output: whether it may be written to, and what it holds already."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

import msgspec

from augkit.errors import AugkitError, OutputError, UsageError
from augkit.folder.options import FolderOptions
from augkit.folder.plan import FAILURES, JOURNAL, METADATA, RECIPE, REPLACED, RESERVED
from augkit.folder.shards import Shard, check_sisters, forget, journals_of_all, records
from augkit.folder.storage import TEMP_PREFIX, confine, remove_leftovers, sync_file, write_atomically, write_once


def check_places(src: Path, dst: Path) -> None:
    """Raise `UsageError` where SRC is missing, or where SRC and DST lie in each other."""
    if not os.path.lexists(src):
        raise UsageError(f"{src}: no such file or folder")
    if os.path.lexists(dst) and not dst.is_dir():
        raise UsageError(f"{dst}: DST is a folder, but a file of that name is there; name a folder")
    source, target = os.path.realpath(src), os.path.realpath(dst)
    if not src.is_dir():
        if dst.suffix and dst.suffix.lower() == src.suffix.lower() and not dst.is_dir():
            raise UsageError(
                f"{dst}: DST is a folder, in which {src.name} keeps its name; name one, such as {dst.stem}"
            )
        if target == os.path.dirname(source):  # noqa: PTH120
            raise UsageError(f"{dst}: DST is the folder of {src.name}, which could be overwritten; name another folder")
        return
    inside, around = _within(dst, src), _within(src, dst)
    if inside or around:
        relation = "is SRC itself" if inside and around else "lies inside SRC" if inside else "contains SRC"
        raise UsageError(f"{dst}: DST {relation} ({src}), so sources could be overwritten; name a folder beside it")


def _within(inner: Path, outer: Path) -> bool:
    """Tell whether `inner` is `outer`, or lies in it, by what the file system says of the folders on its way.

    That sees through symbolic links and bind mounts, which names do not show.
    """
    if not outer.is_dir():
        return False
    real = Path(os.path.realpath(inner))
    return any(folder.is_dir() and folder.samefile(outer) for folder in (real, *real.parents))


def check_contents(dst: Path, *, resume: bool, overwrite: bool, shard: Shard | None = None) -> None:
    """Raise `UsageError` where DST holds files and neither resuming nor overwriting was asked for.

    A shard may find what its sisters have made so far.
    """
    for path in (*(dst / name for name in RESERVED), *records(dst)):
        if path.is_symlink():
            raise UsageError(f"{path}: a symbolic link stands for one of augkit's own records; remove it")
    if resume and overwrite:
        raise UsageError("--resume keeps what is there and --overwrite replaces it; give one of them")
    if shard is not None:
        if overwrite:
            raise UsageError("--shard and --overwrite: its sisters may be at work in DST; remove it, or name another")
        check_sisters(dst, shard, resume=resume)
        if (dst / RECIPE).is_file():
            return
    elif resume and not (dst / RECIPE).is_file():
        raise UsageError(f"{dst}: nothing to resume here, there is no {RECIPE}; run without --resume")
    holds = dst.is_dir() and any(not path.name.startswith(TEMP_PREFIX) for path in dst.iterdir())
    if not (resume and shard is None) and not overwrite and holds:
        raise UsageError(f"{dst}: DST is not empty; use --resume to go on, --overwrite to replace, or another folder")


def prepare(dst: Path, recipe: bytes, *, resume: bool, shard: Shard | None = None) -> None:
    """Create DST and write the recipe first, so that a run that is cut off can be resumed.

    The manifest of a run that is overwritten is set aside: `remove_replaced` needs it when the new run is done. Of
    shards the first one writes the recipe, and none takes away what its sisters may be writing.

    Raises
    ------
    UsageError
        Where a resumed run has another recipe than the one that DST holds.
    OutputError
        Where DST cannot be written to.
    """
    path = dst / RECIPE
    try:
        if shard is not None and not path.exists():
            write_once(path, recipe)
            sync_file(dst)
        if resume or shard is not None:
            if not same_run(path.read_bytes(), recipe):
                raise UsageError(f"{path}: another recipe made this folder; resume with that one, or use --overwrite")
        else:
            _begin_anew(dst)
            write_atomically(path, lambda temporary: temporary.write_bytes(recipe))
            sync_file(path)
            sync_file(dst)
        if shard is None:
            remove_leftovers(dst)
    except OSError as error:
        raise OutputError(f"{error.filename or dst}: cannot be written: {error.strerror}") from None


def same_run(one: bytes, other: bytes) -> bool:
    """Tell whether two recipes make the same outputs: they may differ in how many errors end the run."""
    return one == other or _without_budget(one) == _without_budget(other)


def _without_budget(recipe: bytes) -> object:
    import tomllib

    try:
        tables = tomllib.loads(recipe.decode())
    except ValueError:
        return recipe
    for sections in tables.values():
        for section in sections if isinstance(sections, list) else ():
            for name in FolderOptions.BUDGET:
                section.pop(name, None)
    return tables


def _begin_anew(dst: Path) -> None:
    manifests = (dst / REPLACED, dst / METADATA, dst / JOURNAL, *journals_of_all(dst))
    old = b"".join(path.read_bytes() for path in manifests if path.exists())
    if old:
        write_atomically(dst / REPLACED, lambda temporary: temporary.write_bytes(old))
        sync_file(dst / REPLACED)
    for stale in (METADATA, FAILURES, JOURNAL):
        (dst / stale).unlink(missing_ok=True)
    forget(dst)


def remove_replaced(
    dst: Path, kept: Collection[str], remove: Callable[[Collection[str]], None], *, certain: bool
) -> int:
    """Delete what an overwritten run made and the new one, now complete, does not.

    Parameters
    ----------
    kept : collection of str
        Names of all that the new run was to make: where that failed, the older file stays.
    remove : callable
        Deletes files in DST by their names.
    certain : bool
        Whether these are all: where sources could not be read, what would become of them is not known, and all stays.

    Returns
    -------
    int
        Older files that stay for that reason, to be looked at when the run is resumed.
    """
    listing = dst / REPLACED
    if not listing.exists():
        return 0
    older: set[str] = set()
    for line in listing.read_bytes().splitlines():
        with suppress(msgspec.DecodeError):
            entry = msgspec.json.decode(line, type=_Row)
            row = entry.row or entry
            older |= {row.file_name, *row.labels}
    older -= {*kept, *RESERVED}
    if older and not certain:
        return len(older)
    remove(older)
    listing.unlink()
    return 0


def remove_outputs(dst: Path, names: Iterable[str]) -> None:
    """Delete files below DST, and none out of it, as far as that can be done."""
    for name in names:
        path = PurePosixPath(name)
        if not path.is_absolute() and ".." not in path.parts:
            with suppress(AugkitError, OSError):
                confine(dst / name, dst)
                (dst / name).unlink()


class _Row(msgspec.Struct):
    """A row of a manifest, or an entry of a journal that holds one."""

    file_name: str = "."
    labels: list[str] = []
    row: _Row | None = None
