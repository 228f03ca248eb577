"""Where tasks are run: in this process for a few files, else in worker processes of which one may die."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from augkit.folder.forks import FEW_BYTES, FEW_FILES, worker_context
from augkit.folder.make import Made, make_outputs
from augkit.folder.options import Job
from augkit.folder.plan import Task

if TYPE_CHECKING:
    from pebble import ProcessPool

_GROUP_FILES, _GROUP_BYTES = 16, 8_000_000
_WINDOW = 4
_TRIES = 3
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**26

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
    few = len(tasks) < FEW_FILES and sum(task.size for task in tasks) < FEW_BYTES
    if workers <= 1 or (few and jobs is None):
        return (make_outputs(job, task, sample) for task in tasks)
    return _run_in_pool(job, tasks, sample, workers)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_group(job: Job, tasks: Sequence[Task], sample: float) -> list[Made]:
    """Run a group of tasks: the unit that is sent to a worker."""
    return [made for task in tasks for made in make_outputs(job, task, sample)]


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process decides what Ctrl-C means
    keep_memory()


def keep_memory() -> None:
    """Have the C library keep what a file needed for the next one, where it is glibc: fresh pages cost a tenth."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES // 2)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _run_in_pool(job: Job, tasks: Sequence[Task], sample: float, workers: int) -> Results:
    """Run groups of tasks in pools; a pool that breaks is replaced, and what it was at is tried again."""
    from pebble import ProcessPool  # not needed for a single file

    try:
        context = worker_context(job.domain)
    except (OSError, EOFError):  # no fork server can be had here (a TMPDIR too long for a socket, too few file handles)
        yield from (make_outputs(job, task, sample) for task in tasks)
        return
    waiting = deque(_groups(tasks, workers))
    tries: Counter[str] = Counter()
    while waiting:
        pool = ProcessPool(max_workers=workers, context=context, initializer=_begin_worker)
        try:
            yield from _until_broken(pool, job, sample, workers * _WINDOW, waiting)
        finally:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()
        if waiting:  # the pool broke, and any of these may be why
            suspects = [task for group in islice(waiting, workers * _WINDOW) for task in group]
            tries.update(task.source for task in suspects)
            for _ in range(min(len(waiting), workers * _WINDOW)):
                waiting.popleft()
            for task in reversed(suspects):
                if tries[task.source] < _TRIES:
                    waiting.appendleft([task])
                else:
                    yield _lost(task, "the worker processes broke down again and again with this file among theirs")


def _until_broken(pool: ProcessPool, job: Job, sample: float, window: int, waiting: deque[list[Task]]) -> Results:
    """Keep a bounded window of groups in flight; a group whose worker died is tried again one file at a time.

    Where the pool itself breaks, the groups in flight go back to the front of `waiting`.
    """
    running: dict[Future[list[Made]], list[Task]] = {}
    broken = False
    while running or (waiting and not broken):
        while waiting and len(running) < window and not broken:
            try:
                future: Future[list[Made]] = pool.schedule(make_group, args=(job, waiting[0], sample))
            except RuntimeError:
                broken = True
            else:
                running[future] = waiting.popleft()
        if broken:
            waiting.extendleft(group for future, group in running.items() if not _succeeded(future))
            yield from (future.result() for future in running if _succeeded(future))
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for ended in done:
            error = ended.exception()
            if isinstance(error, BrokenProcessPool):
                broken = True
                continue
            group = running.pop(ended)
            if error is None:
                yield ended.result()
            elif len(group) > 1:
                waiting.extendleft([task] for task in reversed(group))
            else:
                code = getattr(error, "exitcode", None)
                died = (
                    f"the worker process died on this file ({_death(code)})" if code else f"the worker failed: {error}"
                )
                yield _lost(group[0], died)


def _succeeded(future: Future[list[Made]]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _lost(task: Task, reason: str) -> list[Made]:
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
