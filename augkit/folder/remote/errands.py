"""What a worker does where SRC or DST is a URL: fetch, make, send. It needs nothing but the task."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage

from msgspec.structs import replace

from augkit.errors import AugkitError, InputError
from augkit.folder.make import Made, failed, make_here
from augkit.folder.options import Job, Remote
from augkit.folder.plan import Output, Task
from augkit.folder.remote.room import Room, stand_in
from augkit.folder.remote.store import Store
from augkit.folder.remote.urls import joined

_PORTION = 256_000_000
"""Bytes of outputs, taken to be as large as their source, that lie here before they are sent."""


def make_remotely(job: Job, task: Task, sample: float) -> list[Made]:
    """Make all outputs of one source as `augkit.folder.make.make_outputs` does, in a private folder that goes then."""
    remote = job.remote
    if remote is None:
        return make_here(job, task, sample)
    try:
        with _folder(remote) as folder:
            here = replace(
                job,
                src=str(stand_in(folder, remote.src)) if remote.src else job.src,
                dst=str(stand_in(folder, remote.dst)) if remote.dst else job.dst,
                remote=None,
            )
            return _made(remote, here, task, sample)
    except Exception as error:  # such as no room for a folder, or a library that this machine has not
        return [_failed(remote, job, task, output, error) for output in task.outputs]


def _made(remote: Remote, here: Job, task: Task, sample: float) -> list[Made]:
    try:
        _fetch(remote, here, task)
    except Exception as error:
        return [_failed(remote, here, task, output, error) for output in task.outputs]
    if remote.dst is None:
        return make_here(here, task, sample)
    store = Store(remote.dst, remote.run)
    return [
        _sent(remote, store, here, task, made) for part in _portions(task) for made in make_here(here, part, sample)
    ]


@contextmanager
def _folder(remote: Remote) -> Iterator[Path]:
    """Be in a temporary folder; on another machine than that which leads the run it is a room of its own."""
    if not Path(remote.work).is_dir():
        with Room() as room:
            yield room.path
        return
    with tempfile.TemporaryDirectory(prefix="augkit-", dir=remote.work, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _place(remote: Remote) -> str:
    """Return where temporary folders go: below that of the run, on the machine that leads it."""
    return remote.work if Path(remote.work).is_dir() else tempfile.gettempdir()


def _portions(task: Task) -> Iterator[Task]:
    """Yield a task in parts whose outputs find room together."""
    each = max(1, _PORTION // max(1, task.size))
    for begin in range(0, len(task.outputs), each):
        yield replace(task, outputs=task.outputs[begin : begin + each])


def _fetch(remote: Remote, here: Job, task: Task) -> None:
    """Fetch a source and what belongs to it; labels from elsewhere are read where they are."""
    if remote.src is None:
        return
    store = Store(remote.src, remote.run)
    sizes = {label.source: label.size for output in task.outputs for label in output.labels if not label.made}
    wanted: dict[str, int | None] = {name: size for name, size in sizes.items() if not Path(name).is_absolute()}
    wanted[task.source] = task.size
    free = disk_usage(_place(remote)).free
    if task.size > free:
        raise InputError(f"{task.size} bytes are to be fetched, and {free} are free in {tempfile.gettempdir()}")
    for name, size in wanted.items():
        store.get(name, here.source_root / name, size)


def _sent(remote: Remote, store: Store, here: Job, task: Task, made: Made) -> Made:
    """Send an output after its company, so that it is never there without; take them away from here."""
    if made.failure is not None:
        return made
    paths = {name: here.target_root / name for name in (*made.labels, made.name)}
    gone = list[str]()
    try:
        for name, path in paths.items():
            store.put(path, name)
            gone.append(name)
    except Exception as error:
        with suppress(AugkitError):  # what went wrong first is told
            if gone and store.entry(made.name) is None:
                store.delete(gone)
        output = next(output for output in task.outputs if output.index == made.index and output.name == made.name)
        return _failed(remote, here, task, output, error)
    finally:
        for path in paths.values():
            path.unlink(missing_ok=True)
    return replace(made, durable=True)


def _failed(remote: Remote, here: Job, task: Task, output: Output, error: Exception) -> Made:
    """Return a failure whose reason names files as they are called in SRC and DST."""
    made = failed(here, task, output, error)
    reason = made.failure or ""
    if remote.src is not None:
        reason = reason.removeprefix(f"{joined(remote.src, task.source)}: ")
    if remote.dst is not None:
        reason = reason.replace(f"{remote.dst}/", "")
    return replace(made, failure=reason)
