"""Whether DST has room for what is planned, as far as that can be known before anything is written."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from augkit.errors import UsageError
from augkit.folder.options import Job
from augkit.folder.plan import Output, Plan, all_names

_PLAIN = frozenset(
    (".wav", ".w64", ".rf64", ".aif", ".aiff", ".caf", ".au", ".csv", ".tsv", ".jsonl", ".npy", ".mat", ".bmp")
) | frozenset((".ppm", ".pgm", ".pam", ".pfm"))
"""Suffixes of formats that hardly ever compress, so that outputs are as large as their sources."""

_PLAIN_SHARE, _PACKED_SHARE = 0.9, 0.25
"""Of a source's size: less will not do. Noise does not compress, but a lossy codec may be asked for lower quality."""


def check_space(job: Job, plan: Plan) -> Plan:
    """Refuse a run for which there is surely not enough room; return the plan, with a hint where it may be so.

    Raises
    ------
    UsageError
        With what is needed and what is free.
    """
    root = job.target_root
    place = next(path for path in (root, *root.absolute().parents) if path.exists())
    if not hasattr(os, "statvfs"):
        return plan
    status = os.statvfs(place)
    free, names = status.f_bavail * status.f_frsize, status.f_favail
    most = sum(task.size * len(task.outputs) for task in plan.tasks)
    files = sum(1 for _ in all_names(plan))
    if most <= free and (files <= names or not status.f_files):
        return plan
    least, likely, new = _needed(root, plan)
    if least > free:
        told = f"at least {_told(least)} are needed, and {_told(free)} are free"
        raise UsageError(f"{root}: {told}; make room, name another DST, or take fewer files with --include")
    if new > names and status.f_files:
        raise UsageError(f"{root}: {new} files are to be made, and its file system takes {names} more; make room")
    if likely > free:
        hint = f"about {_told(likely)} may be needed in {root}, and {_told(free)} are free"
        plan = replace(plan, hints=(*plan.hints, hint))
    return plan


def _needed(root: Path, plan: Plan) -> tuple[float, float, int]:
    """Return the bytes that are surely and likely needed, and the number of files, beyond those that are there."""
    least = likely = 0.0
    new = 0
    for task in plan.tasks:
        for output in task.outputs:
            if os.path.lexists(root / output.name):
                continue
            new += 1 + len(output.labels)
            likely += task.size
            least += task.size * _share(task.source, output)
    return least, likely, new


def _share(source: str, output: Output) -> float:
    suffix, old = (PurePosixPath(name).suffix.lower() for name in (output.name, source))
    if output.index < 0 or output.copy == 0:
        return 1.0
    return 0.0 if suffix != old else _PLAIN_SHARE if suffix in _PLAIN else _PACKED_SHARE


def _told(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.2f} MB"
