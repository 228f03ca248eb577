"""Files that are complete under their final names, and durable before anything says so."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice
from pathlib import Path
from typing import TypeVar

from augkit.errors import OutputError, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TEMP_PREFIX = ".augkit-tmp-"

T = TypeVar("T")


def write_atomically(target: Path, make: Callable[[Path], T]) -> T:
    """Let `make` write a temporary file beside `target`, then rename it; on any error nothing is left.

    The temporary name is short and random, the file is 0600 until it is complete. A file that replaces an older one is
    synced before the rename, so that a power cut leaves one of the two.
    """
    return write_together([target], lambda temporaries: make(temporaries[0]))


def write_together(targets: Sequence[Path], make: Callable[[list[Path]], T]) -> T:
    """Do as `write_atomically` for several files that belong together; on any error none of them is left."""
    temporaries: list[Path] = []
    renamed: list[Path] = []
    try:
        for target in targets:
            temporaries.append(_temporary(target))  # noqa: PERF401 - those that are made are removed if one cannot be
        made = make(temporaries)
        for temporary, target in zip(temporaries, targets, strict=True):
            temporary.chmod(0o666 & ~_UMASK)
            if os.path.lexists(target):
                sync_file(temporary)
        for temporary, target in zip(temporaries, targets, strict=True):
            temporary.replace(target)
            renamed.append(target)
    except BaseException as error:
        for path in (*temporaries, *renamed):
            path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
            error.filename = str(targets[0])  # which the system names for a path that it opens, not for one it fills
        raise
    return made


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _temporary(target: Path) -> Path:
    temporary = target.with_name(TEMP_PREFIX + secrets.token_hex(6))
    try:
        handle = os.open(temporary, _NEW, 0o600)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, _NEW, 0o600)
    os.close(handle)
    return temporary


_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY


def _read_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK = _read_umask()


def not_written(path: Path, error: OSError, root: Path) -> OutputError:
    """Return the error for one of the records of the run in `root`, of which no output was lost."""
    again = f"mend that, then augkit resume {root} goes on"
    return OutputError(f"{path}: could not be written: {error.strerror}; {again}")


def sync_file(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(handle)


def sync_folders(folders: Iterable[Path], root: Path) -> None:
    """Wait until the names in `folders`, and their own names up to `root`, are on the disk."""
    chain: set[Path] = set()
    for folder in set(folders):
        chain.update(parent for parent in (folder, *folder.parents) if parent == root or root in parent.parents)
    for folder in sorted(chain, reverse=True):
        sync_file(folder)


def confine(target: Path, root: Path) -> None:
    """Raise `OutputError` where a symbolic link in DST would lead `target` out of it."""
    below = Path(os.path.relpath(target.parent, root)).parts if target.parent != root else ()
    folders = accumulate(below, os.path.join, initial=str(root))
    if os.pardir not in below and not any(map(os.path.islink, islice(folders, 1, None))):
        return
    real, inside = os.path.realpath(target.parent), os.path.realpath(root)
    if os.path.commonpath([real, inside]) != inside:
        raise OutputError(f"{target}: a symbolic link leads out of {root}, to {real}; remove it")


def remove_leftovers(root: Path) -> None:
    """Delete temporary files that a killed run left below `root`."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(TEMP_PREFIX):
                (Path(folder) / name).unlink(missing_ok=True)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other runs out of `folder`; the lock goes with the process, however it ends.

    Raises
    ------
    UsageError
        Where another run holds it.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(f"{folder}: another run is at work here; wait for it, or name another folder") from None
    except OSError:  # a file system without locks
        os.close(handle)
        yield
        return
    try:
        yield
    finally:
        os.close(handle)
