"""Files that are complete under their final names, and durable before anything says so."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, islice
from pathlib import Path
from typing import TypeVar

from augkit.errors import OutputError, UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SHARED_WAIT = 10.0
TEMP_PREFIX = ".augkit-tmp-"

T = TypeVar("T")


def write_atomically(target: Path, make: Callable[[Path], T]) -> T:
    """Let `make` write a temporary file beside `target`, then rename it; on any error nothing is left.

    The temporary name is short and random, the file is 0600 until it is complete. A file that replaces an older one is
    synced before the rename, so that a power cut leaves one of the two.
    """
    return write_together([target], lambda temporaries: make(Path(temporaries[0])), sync=os.path.lexists(target))


def write_together(
    targets: Sequence[str | Path], make: Callable[[list[str]], T], *, sync: bool, content: bytes = b""
) -> T:
    """Do as `write_atomically` for several files that belong together; on any error all stays as it was.

    Parameters
    ----------
    content : bytes
        What is in the first file before `make` is called.
    sync : bool
        Whether to wait until the bytes of all are on the disk before the first is renamed, as is needed where older
        ones are replaced.
    """
    temporaries: list[str] = []
    older: dict[str | Path, str] = {}
    renamed: list[str | Path] = []
    try:
        for target in targets:
            temporaries.append(temporary_beside(target, content=b"" if temporaries else content))
        made = make(temporaries)
        for temporary in temporaries:
            os.chmod(temporary, 0o666 & ~_UMASK)  # noqa: PTH101 - methods of paths take as long as the calls
            if sync:
                sync_file(temporary)
        for target in targets if len(targets) > 1 and sync else ():
            _keep(target, older)
        for temporary, target in zip(temporaries, targets, strict=True):
            os.replace(temporary, target)  # noqa: PTH105
            renamed.append(target)
    except BaseException as error:
        for target in renamed:
            _undo(target, older)
        remove_quietly((*temporaries, *older.values()))
        if isinstance(error, OSError):
            _name(error, dict(zip(temporaries, map(str, targets), strict=False)), targets[0])
        raise
    remove_quietly(older.values())
    return made


def write_once(target: Path, data: bytes) -> None:
    """Write a file, durably, unless it is there or another process is first."""
    temporary = Path(temporary_beside(target, content=data))
    try:
        temporary.chmod(0o666 & ~_UMASK)
        sync_file(temporary)
        with suppress(FileExistsError):
            os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        temporary.replace(target)
    finally:
        remove_quietly([temporary])


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def _keep(target: str | Path, older: dict[str | Path, str]) -> None:
    """Give an older file a second name, where there is one and the file system knows such names."""
    kept = _beside(target)
    try:
        os.link(target, kept, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return
    older[target] = kept


def _undo(target: str | Path, older: dict[str | Path, str]) -> None:
    """Put the older file back, or take the new one away where there was none."""
    with suppress(OSError):
        if target in older:
            os.replace(older[target], target)  # noqa: PTH105
        else:
            os.unlink(target)  # noqa: PTH108


def remove_quietly(paths: Iterable[str | Path]) -> None:
    """Delete files as far as that can be done: what failed before is worth telling, and leftovers go later too."""
    for path in paths:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108


def _name(error: OSError, targets: Mapping[str, str], first: str | Path) -> None:
    """Let an error tell of the file that was to be written, not of a temporary one or of none.

    The system names a path that it opens, but not one that it fills.
    """
    if error.filename is None and error.errno in _FULL:
        error.filename = str(first)
    elif error.filename is not None:
        error.filename = targets.get(os.fsdecode(error.filename), error.filename)
        error.filename2 = None


def _beside(target: str | Path, suffix: str = "") -> str:
    """Return a new name in the folder of a file, short and random."""
    return os.path.join(os.path.dirname(target), TEMP_PREFIX + os.urandom(6).hex() + suffix)  # noqa: PTH118, PTH120


def temporary_beside(target: str | Path, suffix: str = "", content: bytes = b"") -> str:
    """Create a file in the folder of another, under a name that a run knows as that of a temporary one."""
    temporary = _beside(target, suffix)
    try:
        try:
            handle = os.open(temporary, _NEW, 0o600)
        except FileNotFoundError:
            Path(temporary).parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(temporary, _NEW, 0o600)
    except OSError as error:
        if error.filename == temporary:
            error.filename = str(target)
        raise
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    except BaseException:
        remove_quietly([temporary])
        raise
    finally:
        os.close(handle)
    return temporary


_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


def _read_umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


_UMASK = _read_umask()


def not_written(path: Path, error: OSError, root: Path) -> OutputError:
    """Return the error for one of the records of the run in `root`, of which no output was lost."""
    again = f"mend that, then augkit resume {root} goes on"
    return OutputError(f"{path}: could not be written: {error.strerror}; {again}")


def sync_file(path: Path | str) -> None:
    """Wait until the file's bytes are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(handle)


def send_file(path: Path | str) -> None:
    """Let the system begin to write the file, where it takes such advice; whether it succeeds, `sync_file` tells."""
    if not hasattr(os, "posix_fadvise"):
        return
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def sync_folders(folders: Iterable[Path], root: Path) -> None:
    """Wait until the names in `folders`, and their own names up to `root`, are on the disk."""
    chain: set[Path] = set()
    for folder in set(folders):
        chain.update(parent for parent in (folder, *folder.parents) if parent == root or root in parent.parents)
    for folder in sorted(chain, reverse=True):
        sync_file(folder)


def confine(target: str | Path, root: Path | str) -> None:
    """Raise `OutputError` where a symbolic link in DST would lead `target` out of it."""
    if os.path.dirname(target) == os.fspath(root):  # noqa: PTH120
        return
    folder = Path(target).parent
    below = Path(os.path.relpath(folder, root)).parts
    folders = accumulate(below, os.path.join, initial=str(root))
    if os.pardir not in below and not any(map(os.path.islink, islice(folders, 1, None))):
        return
    real, inside = os.path.realpath(folder), os.path.realpath(root)
    if os.path.commonpath([real, inside]) != inside:
        raise OutputError(f"{target}: a symbolic link leads out of {root}, to {real}; remove it")


def remove_leftovers(root: Path) -> None:
    """Delete temporary files that a killed run left below `root`."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(TEMP_PREFIX):
                (Path(folder) / name).unlink(missing_ok=True)


def _lock(handle: int, *, shared: bool) -> None:
    until = time.monotonic() + (_SHARED_WAIT if shared else 0)
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def held(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep other runs out of `folder`; the lock goes with the process, however it ends.

    Parameters
    ----------
    shared : bool
        Whether others that share it may be at work too. Such a lock waits a while for one who looks whether all of them
        have ended.

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
        _lock(handle, shared=shared)
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
        fcntl.flock(handle, fcntl.LOCK_UN)  # workers of a caller's that were forked meanwhile hold the file open
        os.close(handle)
