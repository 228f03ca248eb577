"""Where tasks are run: in this process for a few files, else in worker processes of which one may die."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from augkit.folder.domains import module_of
from augkit.folder.make import Made, make_outputs
from augkit.folder.options import Job
from augkit.folder.plan import Task

if TYPE_CHECKING:
    from pebble import ProcessPool

_FEW_FILES, _FEW_BYTES = 8, 8_000_000
_GROUP_FILES, _GROUP_BYTES = 16, 8_000_000
_WINDOW = 4

Results: TypeAlias = Generator[list[Made], None, None]


def run_tasks(job: Job, tasks: Sequence[Task], sample: float, jobs: int | None) -> Results:
    """Yield what became of the outputs of each task, in any order.

    Parameters
    ----------
    jobs : int or None
        Worker processes; None for one a core. With 1, or where starting them would take longer than the work, all runs
        in this process.
    """
    workers = min(jobs or cores(), len(tasks))
    few = len(tasks) < _FEW_FILES and sum(task.size for task in tasks) < _FEW_BYTES
    if workers <= 1 or (few and jobs is None):
        return (make_outputs(job, task, sample) for task in tasks)
    return _run_in_pool(job, tasks, sample, workers)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_group(job: Job, tasks: Sequence[Task], sample: float) -> list[Made]:
    """Run a group of tasks: the unit that is sent to a worker."""
    return [made for task in tasks for made in make_outputs(job, task, sample)]


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides what Ctrl-C means


def _run_in_pool(job: Job, tasks: Sequence[Task], sample: float, workers: int) -> Results:
    from pebble import ProcessPool

    context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    if hasattr(os, "fork"):
        context.set_forkserver_preload([module_of(job.domain), __name__])
    pool = ProcessPool(max_workers=workers, context=context, initializer=_ignore_interrupt)
    try:
        yield from _schedule(pool, job, tasks, sample, workers)
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _schedule(pool: ProcessPool, job: Job, tasks: Sequence[Task], sample: float, workers: int) -> Results:
    """Keep a bounded window of groups in flight; a group whose worker died is tried again one file at a time."""
    waiting = _groups(tasks, workers)
    running: dict[Future[list[Made]], list[Task]] = {}
    while True:
        for group in islice(waiting, max(0, workers * _WINDOW - len(running))):
            running[pool.schedule(make_group, args=(job, group, sample))] = group
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            group = running.pop(future)
            error = future.exception()
            if error is None:
                yield future.result()
            elif len(group) > 1:
                running.update({pool.schedule(make_group, args=(job, [task], sample)): [task] for task in group})
            else:
                yield _lost(group[0], error)


def _lost(task: Task, error: BaseException) -> list[Made]:
    code = getattr(error, "exitcode", None)
    reason = (
        f"the worker process died on this file ({_death(code)})" if code is not None else f"the worker failed: {error}"
    )
    return [Made(output.index, output.name, task.source, output.copy, failure=reason) for output in task.outputs]


def _death(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _groups(tasks: Iterable[Task], workers: int) -> Iterator[list[Task]]:
    """Cut tasks into groups that are worth a message, yet small enough to share out evenly."""
    tasks = list(tasks)
    files = max(1, min(_GROUP_FILES, len(tasks) // (workers * 8)))
    group: list[Task] = []
    size = 0
    for task in tasks:
        if group and (len(group) >= files or size + task.size > _GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(task)
        size += task.size
    if group:
        yield group
