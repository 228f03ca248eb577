"""Where tasks are run: in this process for a few files, else in worker processes of which one may die."""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeAlias

from msgspec.structs import replace

from augkit.folder.forks import FEW_BYTES, FEW_FILES, start_worker
from augkit.folder.limits import NO_LIMITS, Limits
from augkit.folder.make import OUT_OF_MEMORY, Made, describe, make_group, make_outputs
from augkit.folder.options import Job
from augkit.folder.plan import Task
from augkit.folder.remote.urls import libraries_of

_GROUP_FILES, _GROUP_BYTES = 16, 8_000_000
_PARTS = 8
_AHEAD = 2
_PATIENCE = 0.2
_MESSAGE_BYTES = 2**15
"""Of a group that is sent ahead: it fits into a pipe, so that nobody waits for a worker that waits itself."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**26

Results: TypeAlias = Generator[list[Made], None, None]


def run_tasks(
    job: Job, tasks: Sequence[Task], sample: float, jobs: int | None, limits: Limits = NO_LIMITS, *, apart: bool = False
) -> Results:
    """Yield what became of the outputs of each task, in any order.

    Parameters
    ----------
    jobs : int or None
        Worker processes; None for one a core. With 1, or where starting them would take longer than the work, all runs
        in this process.
    limits : Limits
        What a worker may take for one file; with any, nothing runs in this process.
    apart : bool
        Whether to use workers however few the files are, as one of them may be what ended an earlier run.
    """
    workers = min(jobs or cores(), len(tasks))
    few = len(tasks) < FEW_FILES and sum(task.size for task in tasks) < FEW_BYTES
    if not tasks or ((workers <= 1 or (few and jobs is None)) and not (apart or limits)):
        return (make_outputs(job, task, sample) for task in tasks)  # one by one: what stops a run is seen at once
    return _Pool(job, sample, tasks, workers, limits).results()


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_memory() -> None:
    """Have the C library keep what a file needed for the next one, where it is glibc: fresh pages cost a tenth."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES // 2)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def serve(pipe: Connection[Any, Any], job: Job, sample: float, limits: Limits) -> None:
    """Be a worker: answer each group of tasks by what became of it, until the pipe is closed."""
    keep_memory()
    limits.begin()
    with suppress(EOFError, OSError):  # the main process is gone
        while True:
            tasks = pipe.recv()
            try:
                answer: list[Made] | str = _make(job, tasks, sample, limits)
            except Exception as error:
                answer = describe(error)
            pipe.send(answer)


def _make(job: Job, tasks: Sequence[Task], sample: float, limits: Limits) -> list[Made]:
    if not limits:
        return make_group(job, tasks, sample)
    return [made for task in tasks for made in _make_within(limits, job, task, sample)]


def _make_within(limits: Limits, job: Job, task: Task, sample: float) -> list[Made]:
    with limits.of_a_file():
        outputs = make_outputs(job, task, sample)
    if limits.memory is None:
        return outputs
    reason = f"{OUT_OF_MEMORY}: {limits.told_memory}"
    return [replace(made, failure=reason) if made.failure == OUT_OF_MEMORY else made for made in outputs]


class _Worker:
    """One process, and the groups that it was given and has not answered, in their order."""

    def __init__(self, job: Job, sample: float, limits: Limits) -> None:
        libraries = libraries_of(job.remote.src, job.remote.dst) if job.remote is not None else ()
        self.process, self.pipe = start_worker(job.domain, serve, (job, sample, limits), libraries)
        self.groups: deque[list[Task]] = deque()

    def takes(self, group: list[Task]) -> bool:
        """Give it a group; return False for one that it cannot be sent ahead of its turn."""
        message = pickle.dumps(group)
        if self.groups and len(message) > _MESSAGE_BYTES:
            return False
        self.groups.append(group)
        with suppress(OSError):  # it died, as the end of its pipe will tell
            self.pipe.send_bytes(message)
        return True

    def end(self) -> int | None:
        """Take it away, whatever it does; return how it had ended."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        return self.process.exitcode


class _Pool:
    """Workers with a pipe each, by which it is known what was at work in one that died.

    The files of such a group are tried again one at a time, and one that a worker dies on by itself is lost.
    """

    def __init__(self, job: Job, sample: float, tasks: Sequence[Task], workers: int, limits: Limits) -> None:
        self._job, self._sample, self._size, self._limits = job, sample, workers, limits
        self._waiting = deque(tasks)
        self._again: deque[list[Task]] = deque()
        self._workers: list[_Worker] = []

    def results(self) -> Results:
        """Yield what became of each group, in any order."""
        try:
            self._start()
            while self._hand_out():
                ready = wait([worker.pipe for worker in self._workers], _PATIENCE)
                if not ready:
                    yield []  # whoever reads this may want to end
                for worker in [worker for worker in self._workers if worker.pipe in ready]:
                    yield from self._answered(worker)
            yield from self._left()
        finally:
            for worker in self._workers:
                worker.process.kill()  # all at once, before each is waited for
            for worker in self._workers:
                worker.end()

    def _start(self) -> None:
        """Have as many workers as can be had and there is work for; each begins while the next is started."""
        with suppress(OSError, EOFError):
            while len(self._workers) < min(self._size, len(self._workers) + len(self._again) + len(self._waiting)):
                self._workers.append(_Worker(self._job, self._sample, self._limits))
                self._workers[-1].takes(self._next())

    def _hand_out(self) -> bool:
        """Give each worker what it is to do, and one group ahead; tell whether there is anything to wait for."""
        for ahead in range(_AHEAD):
            for worker in self._workers:
                if len(worker.groups) <= ahead and (group := self._next()) and not worker.takes(group):
                    self._again.appendleft(group)
        return any(worker.groups for worker in self._workers)

    def _next(self) -> list[Task]:
        if self._again:
            return self._again.popleft()
        return next_group(self._waiting, self._size)

    def _answered(self, worker: _Worker) -> Results:
        """Take the answer of a worker, or its death: what it was at is tried again one at a time, or lost."""
        try:
            answer = worker.pipe.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            answer = self._limits.death(worker.end())
            self._again.extendleft(reversed(list(worker.groups)[1:]))
        group = worker.groups.popleft() if worker.groups else []
        if isinstance(answer, list):
            yield answer
        elif len(group) == 1:
            yield lost(group[0], answer)
        else:
            self._again.extendleft([task] for task in reversed(group))
        if worker not in self._workers:
            self._start()

    def _left(self) -> Results:
        """Do here what no worker is left for, but for what one died on, or what is to keep limits."""
        away = [task for group in self._again for task in group] + (list(self._waiting) if self._limits else [])
        yield from (lost(task, "no other worker process could be started") for task in away)
        yield from (make_outputs(self._job, task, self._sample) for task in (() if self._limits else self._waiting))


def next_group(waiting: deque[Task], workers: int) -> list[Task]:
    """Take away and return a group that is worth a message, yet small enough to share the rest out evenly."""
    files = max(1, min(_GROUP_FILES, len(waiting) // (workers * _PARTS)))
    group: list[Task] = []
    size = 0
    while waiting and len(group) < files and (not group or size + waiting[0].size <= _GROUP_BYTES):
        group.append(waiting.popleft())
        size += group[-1].size
    return group


def lost(task: Task, reason: str) -> list[Made]:
    """Return the failures that stand for the outputs of a source."""
    return [Made(output.index, output.name, task.source, output.copy, failure=reason) for output in task.outputs]
