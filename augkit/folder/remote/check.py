"""Whether a run may be done whose SRC or DST is a URL, and its plan; nothing is written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage

from augkit.errors import AugkitError, UsageError
from augkit.folder.options import Job, Remote
from augkit.folder.plan import RECIPE, Plan, make_plan
from augkit.folder.remote.store import Store
from augkit.folder.remote.urls import in_one_process
from augkit.folder.run import HowToRun
from augkit.folder.space import check_space
from augkit.folder.target import check_contents, check_places


def check_remote(job: Job, how: HowToRun) -> Plan:
    """Check places and contents and return the plan.

    Raises
    ------
    UsageError
        For what cannot be run.
    """
    with as_told(job):
        remote = job.remote
        assert remote is not None  # noqa: S101
        _check_places(job, remote)
        if remote.dst is None:
            check_contents(job.target_root, resume=how.resume, overwrite=how.overwrite, shard=how.shard)
        else:
            _check_contents(Store(remote.dst, remote.run), how)
        if (how.limits or how.engine) and in_one_process(remote.src, remote.dst):
            raise UsageError(
                "--timeout, --max-memory and --executor need other processes, and none but this one sees memory://"
            )
        plan = make_plan(job)
        _check_lists(job, plan)
        _check_room(plan)
        return plan if remote.dst is not None else check_space(job, plan)


def _check_places(job: Job, remote: Remote) -> None:
    if remote.src is None or remote.dst is None:
        check_places(job.source_root / job.only if job.only and not remote.src else job.source_root, job.target_root)
    elif job.only and Path(remote.dst).suffix and Path(remote.dst).suffix.lower() == Path(job.only).suffix.lower():
        raise UsageError(f"{remote.dst}: DST is a folder, in which {job.only} keeps its name; name one")


def _check_contents(store: Store, how: HowToRun) -> None:
    if how.shard is not None:
        raise UsageError(
            f"{store.url}: shards do their parts in a local DST; give each machine a part of SRC by --include, and a "
            "DST of its own"
        )
    if how.resume and how.overwrite:
        raise UsageError("--resume keeps what is there and --overwrite replaces it; give one of them")
    if how.resume and store.entry(RECIPE) is None:
        raise UsageError(f"{store.url}: nothing to resume here, there is no {RECIPE}; run without --resume")
    if not how.resume and not how.overwrite and not store.is_empty():
        raise UsageError(
            f"{store.url}: DST is not empty; use --resume to go on, --overwrite to replace, or another folder"
        )


def _check_lists(job: Job, plan: Plan) -> None:
    """Refuse lists whose names hold only from a folder above SRC, where DST lies elsewhere."""
    if job.remote is None or (job.remote.src and job.remote.dst):
        return
    inside = os.path.realpath(job.target_root)
    for planned in plan.lists:
        if os.path.commonpath([planned.base.new, inside]) != inside:
            raise UsageError(
                f"{planned.title}: its names are relative to a folder above SRC, and SRC and DST have none in common; "
                "name that folder as SRC"
            )


def _check_room(plan: Plan) -> None:
    """Refuse a run whose largest file finds no room here together with an output of it."""
    place = tempfile.gettempdir()
    most, free = max((task.size for task in plan.tasks), default=0), disk_usage(place).free
    if 2 * most > free:
        raise UsageError(
            f"{place}: {2 * most} bytes are needed for the largest file and its output, and {free} are free; "
            "TMPDIR names another folder"
        )


@contextmanager
def as_told(job: Job) -> Iterator[None]:
    """Let messages tell of the URLs, not of the folders that stand in for them."""
    try:
        yield
    except AugkitError as error:
        raise type(error)(_told(job, str(error))) from None
    except OSError as error:
        if error.filename is not None:
            error.filename = _told(job, str(error.filename))
        raise


def _told(job: Job, text: str) -> str:
    if job.remote is not None:
        for here, url in ((job.src, job.remote.src), (job.dst, job.remote.dst)):
            text = text if url is None else text.replace(here, url)
    return text
