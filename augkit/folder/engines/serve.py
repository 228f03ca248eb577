"""What a worker of an engine does: a look at whether it is fit for the run, then a group of tasks."""

from __future__ import annotations

import os
import pickle
import socket
import time
from pathlib import Path

import msgspec

from augkit._version import __version__
from augkit.blake2 import blake2b
from augkit.folder.commit import sync_folders_of, synced
from augkit.folder.make import Made, describe, make_group
from augkit.folder.options import Job
from augkit.folder.plan import RECIPE
from augkit.noise.keys import STREAM_VERSION

_LOOKS, _PAUSE = 20, 0.25
"""A name that has just been made elsewhere may take seconds to be seen on a network file system."""


class Unfit(msgspec.Struct, frozen=True):
    """Why a worker cannot do its part of a run."""

    reason: str


Place = tuple[str, str, str]
"""SRC, DST and the digest of its recipe; empty where it is no folder of a file system."""

Release = tuple[str, int]
"""The version of augkit, and of its random numbers."""


def release() -> Release:
    """Return the version of augkit here."""
    return __version__, STREAM_VERSION


def place(job: Job) -> Place:
    """Return how a worker knows the folders of a run."""
    src = "" if job.remote is not None and job.remote.src else job.src
    return (src, "", "") if job.remote is not None and job.remote.dst else (src, job.dst, _mark(job.dst))


def serve_group(number: str, theirs: Release, where: Place, job: bytes, group: bytes) -> list[Made] | str | Unfit:
    """Do a group of tasks, and have what came of it on the disk, which is this machine's to see to.

    Parameters
    ----------
    number : str
        Like no other, so that no engine takes two calls for one.
    theirs : (str, int)
        The release that the main process has.
    where : (str, str, str)
        The folders of the run.
    job, group : bytes
        What another release could not read: (`Job`, share of measured outputs), and a list of tasks.

    Returns
    -------
    list of Made, str or Unfit
        What became of the outputs; an error of the group as a whole; why this worker cannot do any.
    """
    del number
    if theirs != release():
        ours, needed = (f"augkit {version} (stream version {stream})" for version, stream in (release(), theirs))
        return Unfit(f"{_here()} has {ours}; install {needed} there, as it is here")
    wrong = _not_seen(where)
    if wrong:
        return Unfit(f"{_here()} {wrong}; SRC and DST have to lie where all workers see them, under the same names")
    try:
        own, sample = pickle.loads(job)  # noqa: S301 - of the main process, by way of the engine
        made = make_group(own, pickle.loads(group), sample)  # noqa: S301
        return _on_disk(Path(own.dst), made)
    except Exception as error:
        return describe(error)


def _on_disk(root: Path, made: list[Made]) -> list[Made]:
    settled = synced(root, made)
    sync_folders_of((one for one in settled if not one.durable), root)
    return [one if one.failure else msgspec.structs.replace(one, durable=True) for one in settled]


def _not_seen(where: Place) -> str:
    src, dst, mark = where
    if src and not os.path.isdir(src):  # noqa: PTH112
        return f"sees no {src}"
    if not dst:
        return ""
    for _ in range(_LOOKS):
        if _mark(dst) == mark:
            return ""
        time.sleep(_PAUSE)
    return f"sees another {dst}" if Path(dst, RECIPE).is_file() else f"sees no {Path(dst, RECIPE)}"


def _mark(dst: str) -> str:
    """Return a digest of the recipe in DST, which tells it from another folder of its name."""
    try:
        return blake2b(Path(dst, RECIPE).read_bytes(), digest_size=8).hexdigest()
    except OSError:
        return ""


def _here() -> str:
    return f"the worker {socket.gethostname()} (process {os.getpid()})"
