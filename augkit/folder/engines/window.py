"""A run on an engine: groups of tasks, of which so many are under way at a time."""

from __future__ import annotations

import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any

from msgspec.structs import replace

from augkit.errors import OutputError
from augkit.folder.engines.base import Engine, fate
from augkit.folder.engines.serve import Unfit, place, release, serve_group
from augkit.folder.options import Job, rooted
from augkit.folder.plan import Task
from augkit.folder.workers import Results, lost, next_group, run_tasks

_AHEAD = 3
"""Groups under way for each core: what it does, and what is there when it has done that."""

_PATIENCE = 0.2
_LOOK = 10.0
"""Seconds after which an engine is asked again how many cores it has, as clusters grow and shrink."""

FORSAKEN = 60.0
"""Seconds without an answer after which an engine without any core is given up."""


def run_on(engine: Engine, job: Job, tasks: Sequence[Task], sample: float, hint: Callable[[str], None]) -> Results:
    """Yield what became of the outputs of each task, in any order, as `augkit.folder.workers.run_tasks` does.

    Parameters
    ----------
    engine : Engine
        Opened; it stays so.
    hint : callable
        Takes what a person should know of it afterwards.

    Raises
    ------
    OutputError
        Where the engine is gone, or its workers cannot do any of it.
    """
    if tasks:
        yield from _Window(engine, job, tasks, sample, hint).results()


def absolute(job: Job) -> Job:
    """Return a job whose paths mean the same in any working folder."""
    folder, options = rooted(job.folder, job.folder.PATHS), rooted(job.options, getattr(job.options, "PATHS", ()))
    return rooted(replace(job, folder=folder, options=options), ("src", "dst"))


class _Window:
    """The groups that an engine was given and has not answered, and what it is still to be given.

    Of a group on which a worker died, or that failed as a whole, the files are done again one at a time. Where others
    shared the worker it need not be to blame: such files come last, each with nothing else under way.
    """

    def __init__(
        self, engine: Engine, job: Job, tasks: Sequence[Task], sample: float, hint: Callable[[str], None]
    ) -> None:
        self._engine, self._job, self._sample, self._hint = engine, job, sample, hint
        far = absolute(job)
        self._sent = (release(), place(far), pickle.dumps((far, sample)))
        self._name, self._number = f"augkit-{uuid.uuid4().hex}", 0
        self._waiting = deque(tasks)
        self._again: deque[list[Task]] = deque()
        self._suspects: deque[Task] = deque()
        self._by_itself: Task | None = None
        self._under_way: dict[Future[Any], list[Task]] = {}
        self._answers: SimpleQueue[Future[Any]] = SimpleQueue()
        self._cores, self._fit, self._broken = self._counted(), False, False
        self._heard = self._looked = time.monotonic()

    def results(self) -> Results:
        """Yield what became of each group, in any order."""
        try:
            self._send([])  # no file is begun before a worker is known to be fit
            while self._under_way:
                yield from self._answered()
                self._hand_out()
            if self._broken:
                yield from self._without_it()
        finally:
            self._engine.drop(list(self._under_way))

    def _hand_out(self) -> None:
        """Keep the engine busy, and no more than that."""
        while self._fit and not self._broken and len(self._under_way) < max(1, _AHEAD * self._cores):
            group = self._next()
            if not group:
                return
            self._send(group)

    def _next(self) -> list[Task]:
        if self._again:
            return self._again.popleft()
        if self._waiting:
            return next_group(self._waiting, max(1, self._cores))
        if self._suspects and not self._under_way:
            self._by_itself = self._suspects.popleft()
            return [self._by_itself]
        return []

    def _send(self, group: list[Task]) -> None:
        self._number += 1
        try:
            future = self._engine.submit(serve_group, f"{self._name}-{self._number}", *self._sent, pickle.dumps(group))
        except Exception as error:
            if fate(error) != "broken":
                raise self._gone(f"takes no more work ({_told(error)})") from error
            self._again.appendleft(group)
            self._broken = True
            return
        self._under_way[future] = group
        future.add_done_callback(self._answers.put)

    def _answered(self) -> Results:
        """Yield the next answer; nothing where none has come for a while, as whoever reads this may want to end."""
        self._look()
        try:
            future = self._answers.get(timeout=_PATIENCE)
        except Empty:
            yield []
            return
        self._heard = time.monotonic()
        group = self._under_way.pop(future)
        try:
            answer = future.result()
        except Exception as error:
            yield from self._failed(group, error)
            return
        if isinstance(answer, Unfit):
            raise self._gone(answer.reason)
        if isinstance(answer, str) and not self._fit:
            raise self._gone(f"its workers cannot do any of it ({answer})")
        if isinstance(answer, str):
            yield from self._once_more(group, answer)
        else:
            self._fit = True
            yield answer

    def _failed(self, group: list[Task], error: Exception) -> Results:
        """Take an error of the engine for what it is."""
        what, told = fate(error), _told(error)
        if what == "lost":
            raise self._gone(f"is gone, or has dropped what it was given ({told})") from error
        if what == "broken":
            self._broken = True
            self._again.appendleft(group)
        elif not self._fit:
            raise self._gone(_unfit(error, told)) from error
        elif what == "suspect" and group != [self._by_itself]:
            self._suspects.extend(group)
        else:
            ended = f"it ended the workers that it was given to ({type(error).__name__})"
            yield from self._once_more(group, told if what == "failed" else ended)

    def _once_more(self, group: list[Task], reason: str) -> Results:
        """Do the files of a group again one at a time; one that was alone already is lost."""
        if len(group) == 1:
            yield lost(group[0], reason)
        else:
            self._again.extendleft([task] for task in reversed(group))

    def _without_it(self) -> Results:
        """Do the rest by workers of our own, as the engine takes nothing more."""
        left = [task for group in self._again for task in group] + [*self._waiting, *self._suspects]
        self._hint(
            f"a worker of {self._engine.title} died, and with it the whole executor; "
            f"{len(left)} files were left to workers of augkit's own"
        )
        yield from run_tasks(self._job, left, self._sample, None, apart=True)

    def _look(self) -> None:
        """Ask now and then how many cores there are; give up where there are none, and nobody answers."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked, self._cores = now, self._counted()
        if not self._cores and now - self._heard > FORSAKEN:
            raise self._gone(f"has had no worker for {FORSAKEN:g} s")

    def _counted(self) -> int:
        try:
            return self._engine.cores()
        except Exception as error:
            raise self._gone(f"does not answer ({_told(error)})") from error

    def _gone(self, what: str) -> OutputError:
        again = f"what is done stays, and augkit resume {self._job.told_dst} goes on, with this engine or without"
        return OutputError(f"{self._engine.title}: {what}; {again}")


def _told(error: BaseException) -> str:
    """Return an error of an engine in one short line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:_LONGEST]}" if text else type(error).__name__


_LONGEST = 200


def _unfit(error: Exception, told: str) -> str:
    if isinstance(error, ImportError | AttributeError) or "No module named" in str(error):
        return f"its workers do not have augkit {release()[0]} ({told}); install it there, as it is here"
    return f"its workers cannot do any of it ({told})"
