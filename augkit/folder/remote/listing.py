"""Finding the files of a remote SRC: one listing, and names that could be files of any folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from shutil import disk_usage

from augkit.errors import InputError, UsageError
from augkit.folder.options import Job
from augkit.folder.remote.store import Store
from augkit.folder.remote.trouble import UnreadableError
from augkit.folder.walk import Found

_LONGEST = 255
"""Bytes of a file's name that every file system takes."""


def listed(job: Job) -> list[Found]:
    """Return the files of a remote SRC as `augkit.folder.walk.walk` returns those of a folder."""
    found = []
    for name, size in _store(job).sizes().items():
        if name.endswith("/") and not size:  # a sign that there is a folder
            continue
        fault = _fault(name)
        if fault is not None:
            found.append(Found(_shown(name), 0, fault, is_folder=True))
        elif not any(part.startswith(".") for part in name.split("/")):
            found.append(Found(name, size))
    return sorted(found, key=lambda file: (unicodedata.normalize("NFC", file.name), file.name))


def single(job: Job, name: str) -> Found:
    """Return the one file that a job is about."""
    entry = _store(job).entry(name)
    return Found(name, 0, "it is not there any more") if entry is None else Found(name, entry.size, _fault(name))


def beside(job: Job, name: str) -> list[Found]:
    """Return the files in the folder of a single source whose names begin with its stem."""
    stem = PurePosixPath(name).stem + "."
    files = [file for file in listed(job) if "/" not in file.name and not file.is_folder]
    return [file for file in files if file.name.startswith(stem) and file.name != name]


def fetched(job: Job, files: Sequence[Found]) -> None:
    """Fetch files to where they are read while a run is planned, unless they are there."""
    store = _store(job)
    for file in files:
        target = job.source_root / file.name
        if not target.exists():
            try:
                store.get(file.name, target, file.size)
            except OSError as error:
                raise InputError(f"{file.name}: could not be fetched: {error.strerror}") from None


def fetched_sources(job: Job, sources: Mapping[str, int]) -> Iterator[Path]:
    """Fetch some sources of known sizes, each when it is asked for, and yield where they are.

    Of one that will never be readable, the path leads nowhere; where a store does not answer, all ends.

    Raises
    ------
    UsageError
        Where they find no room here together.
    """
    store, needed, free = _store(job), sum(sources.values()), disk_usage(job.source_root).free
    if needed > free:
        raise UsageError(
            f"{job.source_root}: a level that all files tell of needs all of them here at first, {needed} bytes, and "
            f"{free} are free; TMPDIR names another folder"
        )
    for name, size in sources.items():
        path = job.source_root / name
        try:
            store.get(name, path, size)
        except UnreadableError as error:
            if not error.lasting:
                raise
        yield path


def _store(job: Job) -> Store:
    assert job.remote is not None and job.remote.src is not None  # noqa: S101
    return Store(job.remote.src, job.remote.run)


def _fault(name: str) -> str | None:
    """Tell why a name cannot be that of a file below a folder, or of an output, if so."""
    parts = name.split("/")
    if not {"", ".", ".."}.isdisjoint(parts):
        return "the name has an empty part, or one of dots, so it is that of no file below a folder; rename it"
    if any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST for part in parts):
        return f"the name has a part of more than {_LONGEST} bytes, which no file system takes; rename it"
    if "\0" in name or "?versionId=" in name:
        return "the name cannot be asked for; rename it"
    return None if _shown(name) == name else "the name is no UTF-8, so no manifest can hold it; rename it"


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
