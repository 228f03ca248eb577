"""The files of SRC, be it a folder or a URL, and reading those of them that tell of others while a run is planned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from augkit.folder.domains import Labels
from augkit.folder.options import Job
from augkit.folder.walk import Found, inspect, walk


def is_remote(job: Job) -> bool:
    """Tell whether SRC is a URL."""
    return job.remote is not None and job.remote.src is not None


def all_files(job: Job) -> list[Found]:
    """Return all files of SRC, as `augkit.folder.walk.walk` does."""
    if not is_remote(job):
        return walk(job.source_root)
    from augkit.folder.remote.listing import listed

    return listed(job)


def one_source(job: Job, name: str) -> Found:
    """Return the one file that a job is about."""
    if not is_remote(job):
        return inspect(str(job.source_root / name), name)
    from augkit.folder.remote.listing import single

    return single(job, name)


def files_beside(job: Job, name: str) -> list[Found]:
    """Return the files in the folder of a single source whose names begin with its stem."""
    if is_remote(job):
        from augkit.folder.remote.listing import beside

        return beside(job, name)
    folder, stem = job.source_root, PurePosixPath(name).stem + "."
    entries = sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith(stem) and entry.name != name)
    found = (inspect(str(folder / entry), entry, os.path.realpath(folder)) for entry in entries)
    return [file for file in found if not file.is_folder]


def may_list(job: Job, labels: Labels, file: Found) -> bool:
    """Tell at a glance whether a file may be a list of many sources.

    A remote one is fetched for that where its name alone does not tell; only runs that take lists along do so.
    """
    path = job.source_root / file.name
    if file.fault:
        return False
    if is_remote(job) and not path.exists():
        if job.folder.labels != "copy" or not labels.may_be_list(file.name):
            return False
        at_hand(job, [file])
    try:
        return labels.looks_like_list(path)
    except OSError:
        return False


def at_hand(job: Job, files: Sequence[Found]) -> Path:
    """Have some files of SRC where they can be read, and return the first one's path.

    Raises
    ------
    InputError
        Where one cannot be fetched.
    """
    if is_remote(job):
        from augkit.folder.remote.listing import fetched

        fetched(job, files)
    return job.source_root / files[0].name
