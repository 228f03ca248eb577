"""The files below a URL, through the one file system of fsspec that this process has for it."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from augkit.errors import UsageError
from augkit.folder.remote.trouble import ShortError, UnreadableError, UnwritableError, patiently
from augkit.folder.remote.urls import RENAMED, joined, protocol_of
from augkit.folder.storage import TEMP_PREFIX

_HANDS = 8


class Entry(NamedTuple):
    """What is at a URL: whether that is a file, and its size."""

    is_file: bool
    size: int


class Store:
    """The files below a URL.

    Parameters
    ----------
    url : str
        Of a folder; see `augkit.folder.remote.urls.as_place`.
    run : str
        A word for the run, which has file systems of its own: whatever changes between two runs, such as credentials
        or an archive, is seen.
    """

    def __init__(self, url: str, run: str) -> None:
        self.url = url
        self._renames = protocol_of(url) in RENAMED
        self._files, self._root = _files_of(url, run)

    def sizes(self) -> dict[str, int]:
        """Return the size of every file below, at any depth, by its name; none where there is nothing.

        Raises
        ------
        UnreadableError
            Where it cannot be listed, as a bucket that is not there.
        """
        found = patiently(
            f"{self.url}: cannot be listed", UnreadableError, lambda: self._files.find(self._root, detail=True)
        )
        begin = len(self._root) + 1 if self._root else 0
        sizes = {}
        for path, entry in found.items():
            name = path[begin:] if self._root else path.removeprefix("/")
            if entry.get("size") is None:
                raise UnreadableError(f"{joined(self.url, name)}: its store tells no sizes; copy the files here first")
            if name:
                sizes[name] = int(entry["size"])
        return sizes

    def is_empty(self) -> bool:
        """Tell whether there is nothing below, but for a sign that it is a folder, or leftovers of a killed run."""

        def look() -> bool:
            try:
                entries = self._files.ls(self._root, detail=True)
            except FileNotFoundError:
                return True
            own = self._root.strip("/")
            named = ((entry["name"].strip("/"), entry) for entry in entries)
            return all(
                (name == own and not entry.get("size")) or name.rpartition("/")[2].startswith(TEMP_PREFIX)
                for name, entry in named
            )

        return patiently(f"{self.url}: cannot be listed", UnreadableError, look)

    def entry(self, name: str = "") -> Entry | None:
        """Return what is at a name, or None where nothing is."""

        def look() -> Entry | None:
            try:
                found = self._files.info(self._path(name))
            except FileNotFoundError as error:
                if "bucket does not exist" in str(error):
                    raise
                return None
            return Entry(found["type"] == "file", int(found.get("size") or 0))

        where = joined(self.url, name) if name else self.url
        return patiently(f"{where}: cannot be reached", UnreadableError, look)

    def get(self, name: str, target: Path, size: int | None = None) -> None:
        """Read a file whole, into a new one on this machine that has its folder made; never leave a part of it.

        Raises
        ------
        UnreadableError
            Where that fails, or the file has not `size` bytes.
        """

        def fetch() -> None:
            try:
                self._files.get_file(self._path(name), str(target))
                there = target.stat().st_size
                if size is not None and there != size:
                    raise ShortError(
                        f"{size} bytes were listed and {there} came; it was cut short, or changed since it was listed"
                    )
            except BaseException:
                target.unlink(missing_ok=True)
                raise

        target.parent.mkdir(parents=True, exist_ok=True)
        patiently(f"{joined(self.url, name)}: could not be read", UnreadableError, fetch)

    def put(self, source: Path, name: str) -> None:
        """Write a file, complete or not at all, in place of an older one if there is one; look whether it is there.

        Raises
        ------
        UnwritableError
            Where that fails.
        """
        path = self._path(name)
        patiently(
            f"{joined(self.url, name)}: could not be written",
            UnwritableError,
            lambda: self._put_renamed(source, path) if self._renames else self._put(source, path),
        )

    def _put(self, source: Path, path: str) -> None:
        self._files.put_file(str(source), path)
        there, size = self._files.info(path)["size"], source.stat().st_size
        if there != size:
            raise ShortError(f"{size} bytes were sent and {there} are there")

    def _put_renamed(self, source: Path, path: str) -> None:
        folder = path.rpartition("/")[0]
        temporary = f"{folder}/{TEMP_PREFIX}{secrets.token_hex(6)}"
        self._files.makedirs(folder, exist_ok=True)
        try:
            self._put(source, temporary)
            try:
                self._files.mv(temporary, path)
            except OSError:  # some do not rename over an older file
                if not self._files.exists(path):
                    raise
                self._files.rm_file(path)
                self._files.mv(temporary, path)
        except BaseException:
            with suppress(Exception):  # what went wrong first is told; leftovers go later too
                self._files.rm_file(temporary)
            raise

    def delete(self, names: Iterable[str]) -> None:
        """Delete files, as far as they are there.

        Raises
        ------
        UnwritableError
            Where that fails.
        """

        def one(name: str) -> None:
            with suppress(FileNotFoundError):
                self._files.rm_file(self._path(name))

        def patient(name: str) -> None:
            patiently(f"{joined(self.url, name)}: could not be deleted", UnwritableError, lambda: one(name))

        with ThreadPoolExecutor(1 if self._renames else _HANDS) as hands:  # not all of those are for threads
            list(hands.map(patient, names))

    def delete_leftovers(self, names: Iterable[str]) -> None:
        """Delete those of some names that are unfinished files of a killed run; objects leave none."""
        if self._renames:
            self.delete(name for name in names if name.rpartition("/")[2].startswith(TEMP_PREFIX))

    def _path(self, name: str) -> str:
        return "/".join(filter(None, (self._root.rstrip("/"), name))) or self._root


class _Own(threading.local):
    """The file systems of one thread."""

    def __init__(self) -> None:
        self.opened = lru_cache(maxsize=8)(_opened)


def _files_of(url: str, run: str) -> tuple[Any, str]:
    """Return the file system of this process for a URL, and the path of that in it.

    Asynchronous ones serve all threads; others, such as archives, have one place in one file, and serve one each.
    """
    files, root = _shared(url, run, os.getpid())
    if getattr(files, "async_impl", False) or protocol_of(url) == "memory":
        return files, root
    return _OWN.opened(url, run, os.getpid())


def _opened(url: str, run: str, process: int) -> tuple[Any, str]:
    """Return a file system, made anew, and the path of a URL in it."""
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
    except ImportError as error:
        raise UsageError(f"{url}: {error}; pip install 'augkit[remote]' brings fsspec and s3fs") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"{url}: {error}") from None
    except OSError as error:
        raise UsageError(f"{url}: cannot be opened: {error.strerror or error}") from None
    except Exception as error:
        raise UsageError(f"{url}: cannot be opened: {type(error).__name__}: {error}") from None
    if hasattr(files, "retries"):  # of s3fs, beside the ones of botocore below it and ours above
        files.retries = 2
    return files, root.rstrip("/") or ("/" if root.startswith("/") else "")


_shared = lru_cache(maxsize=8)(_opened)
_OWN = _Own()
