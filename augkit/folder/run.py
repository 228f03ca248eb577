"""One run over one folder: plan, make, commit, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import msgspec

from augkit.errors import OutputError, UsageError
from augkit.folder.commit import Committer
from augkit.folder.domains import load_domain, prepared
from augkit.folder.make import resolved, sample_share
from augkit.folder.manifest import journalled, merge, take_over, write_failures
from augkit.folder.options import Job
from augkit.folder.plan import Plan, Task, make_plan
from augkit.folder.rewrite import Rewritten, write_lists
from augkit.folder.storage import held, remove_leftovers
from augkit.folder.tally import Report, Tally, make_report
from augkit.folder.target import check_contents, check_places, prepare, remove_replaced
from augkit.folder.workers import Results, run_tasks

Progress = Callable[[Tally, Plan], None]


class HowToRun(msgspec.Struct, frozen=True, kw_only=True):
    """What changes nothing in the outputs: workers, and how to treat a DST that holds something."""

    jobs: int | None = None
    resume: bool = False
    overwrite: bool = False


def check_job(job: Job, how: HowToRun) -> Plan:
    """Check places and contents and return the plan; nothing is written."""
    if how.jobs is not None and how.jobs < 1:
        raise UsageError(f"jobs={how.jobs}: expected 1 or more worker processes")
    source = job.source_root / job.only if job.only else job.source_root
    check_places(source, job.target_root)
    check_contents(job.target_root, resume=how.resume, overwrite=how.overwrite)
    return make_plan(job)


def run_job(job: Job, plan: Plan, recipe: bytes, how: HowToRun, progress: Progress | None = None) -> Report:
    """Do a run and return what came of it.

    Parameters
    ----------
    plan : Plan
        Of this very job, from `check_job`.
    recipe : bytes
        The text of the recipe.toml that repeats this run.
    progress : callable, optional
        Called with the tally so far, and the plan, after every group of outputs.

    Raises
    ------
    UsageError
        For what cannot be run at all.
    OutputError
        Where DST cannot be written to.
    KeyboardInterrupt
        After committing what was finished; the journal stays, so that the run can be resumed.
    """
    began = time.monotonic()
    job = msgspec.structs.replace(job, options=prepared(load_domain(job.domain), job.options, _sources(job, plan)))
    root = job.target_root
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{error.filename or root}: cannot be created: {error.strerror}") from None
    with held(root):
        prepare(root, recipe, resume=how.resume)
        earlier = take_over(root, plan) if how.resume else set()
        tally = Tally(resumed=len(earlier), failed_before=len(plan.faults))
        budget = _Budget(job.folder.error_budget(len(plan.tasks) + len(plan.faults)), len(plan.faults))
        made = budget.within(run_tasks(job, _left(plan, earlier), sample_share(job, plan.outputs), how.jobs))
        try:
            with closing(made), Committer(root) as committer:
                for group in chain([[]], committer.commit_all(made)):
                    tally.add_all(group)
                    if progress is not None:
                        progress(tally, plan)
        finally:
            remove_leftovers(root)  # of workers that died, or were stopped within a file
        done = journalled(root)
        lists = write_lists(job, plan, done) if not budget.spent else Rewritten([], [])
        tally.failures += lists.failures
        write_failures(root, plan.faults, tally.failures)
        if not budget.spent:
            merge(root)
            remove_replaced(root, _made(plan, done, tally) | set(lists.names))
    return make_report(job, plan, tally, time.monotonic() - began, stopped=budget.spent)


class _Budget:
    """Passes results on until more sources than allowed have failed."""

    def __init__(self, allowed: float, faults: int) -> None:
        self._allowed, self._faults = allowed, faults
        self._failed: set[str] = set()

    @property
    def spent(self) -> bool:
        """Whether the run must end."""
        return self._faults + len(self._failed) > self._allowed

    def within(self, made: Results) -> Results:
        """Yield groups up to the one that spends the budget."""
        with closing(made):
            while not self.spent and (group := next(made, None)) is not None:
                self._failed.update(one.source for one in group if one.failure is not None)
                yield group


def _made(plan: Plan, done: Collection[int], tally: Tally) -> set[str]:
    """Return the names of all files in DST that have a row, or were copied without one."""
    failed = {made.name for made in tally.failures}
    outputs = (output for task in plan.tasks for output in task.outputs)
    there = (output for output in outputs if output.index in done or (output.index < 0 and output.name not in failed))
    return {name for output in there for name in (output.name, *output.label_names)}


def _sources(job: Job, plan: Plan) -> Iterator[Path]:
    """Yield the paths of all sources that get noise."""
    return (resolved(job, task) for task in plan.tasks if task.kind == "noise")


def _left(plan: Plan, earlier: set[int]) -> list[Task]:
    """Return the tasks without the outputs that an earlier run finished."""
    left = []
    for task in plan.tasks:
        outputs = tuple(output for output in task.outputs if output.index not in earlier)
        if outputs:
            left.append(msgspec.structs.replace(task, outputs=outputs))
    return left
