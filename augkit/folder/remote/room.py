"""A private folder of this machine for what a run fetches and sends, with folders in it that stand in for its URLs."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from augkit.errors import UsageError
from augkit.folder.options import Remote
from augkit.folder.remote.store import Store
from augkit.folder.remote.urls import as_place, check_target, is_url, parted, path_of, protocol_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = "augkit-remote-"


class Room:
    """The folder of one run, which goes when it is closed, or when the process ends.

    A lock tells that its run is alive: what one leaves that was killed goes when the next one begins.

    Attributes
    ----------
    path : Path
        The folder, which nobody else may enter.
    """

    def __init__(self) -> None:
        _remove_dead()
        self.path, handle = _locked_folder()
        self.close = weakref.finalize(self, _remove, str(self.path), handle, os.getpid())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def places(self, src: str, dst: str) -> dict[str, str | Remote | None]:
        """Return the fields of a job that tell where its files are: folders here that stand in for URLs, and those.

        Raises
        ------
        UsageError
            For a SRC where nothing is, or a DST that cannot be written to.
        """
        src, dst = as_place(src), as_place(dst)
        only = None
        if is_url(src):
            entry = Store(src, self.path.name).entry()
            if entry is None:
                raise UsageError(f"{src}: no such file or folder")
            if entry.is_file:
                src, only = parted(src)
        elif not Path(src).is_dir() and os.path.lexists(src):
            src, only = str(Path(src).parent), Path(src).name
        if is_url(dst):
            check_target(dst)
        remote = Remote(src=src if is_url(src) else None, dst=dst if is_url(dst) else None, work=str(self.path))
        here = {"src": src, "dst": dst} | {
            name: str(stand_in(self.path, url)) for name, url in (("src", remote.src), ("dst", remote.dst)) if url
        }
        for url in (remote.src, remote.dst):
            if url is not None:
                stand_in(self.path, url).mkdir(parents=True, exist_ok=True)
        return {**here, "only": only, "remote": remote}


def stand_in(folder: Path, url: str) -> Path:
    """Return the folder that stands in for a URL: names above it are those of the URL, as lists may tell of them."""
    return Path(folder, "at", protocol_of(url), path_of(url))


def _locked_folder() -> tuple[Path, int | None]:
    """Return a new folder, and the handle by which it is locked; one that another run took for a dead one is left."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        if fcntl is None:
            return path, None
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists():
                    return path, handle
            os.close(handle)


def _remove(path: str, handle: int | None, process: int) -> None:
    if os.getpid() != process:
        return
    shutil.rmtree(path, ignore_errors=True)
    if handle is not None:
        os.close(handle)


def _remove_dead() -> None:
    """Delete the folders of runs that were killed; those of others cannot be opened, and of live ones are locked."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if fcntl is not None else ():
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_uid == os.getuid():
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)
