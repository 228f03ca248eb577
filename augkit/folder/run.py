"""One run over one folder: plan, make, commit, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing

import msgspec

from augkit.errors import UsageError
from augkit.folder.commit import Committer
from augkit.folder.make import Made, sample_share
from augkit.folder.manifest import finished, merge, write_failures
from augkit.folder.options import Job
from augkit.folder.plan import Plan, Task, make_plan
from augkit.folder.storage import remove_leftovers
from augkit.folder.tally import Report, Tally, make_report
from augkit.folder.target import check_contents, check_places, prepare
from augkit.folder.workers import run_tasks

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
    prepare(job.target_root, recipe, resume=how.resume)
    earlier = finished(job.target_root, plan) if how.resume else {}
    tally = Tally(resumed=len(earlier), failed_before=len(plan.faults))
    budget = job.folder.error_budget(len(plan.tasks) + len(plan.faults))
    tasks = _left(plan, earlier)
    made = run_tasks(job, tasks, sample_share(job, plan.outputs), how.jobs)
    whole = False
    try:
        with closing(made), Committer(job.target_root) as committer:
            whole = _take_in(committer.commit_all(made), tally, budget, lambda: progress and progress(tally, plan))
    finally:
        if tally.failures or not whole:
            remove_leftovers(job.target_root)  # of workers that died, or were stopped within a file
    write_failures(job.target_root, plan.faults, tally.failures)
    if whole:
        merge(job.target_root, earlier)
    return make_report(job, plan, tally, time.monotonic() - began, stopped=not whole)


def _take_in(groups: Iterable[list[Made]], tally: Tally, budget: float, show: Callable[[], object]) -> bool:
    """Count what was made; return False where the error budget was spent before the end."""
    for group in groups:
        for made in group:
            tally.add(made)
        show()
        if tally.failed > budget:
            return False
    return True


def _left(plan: Plan, earlier: dict[int, bytes]) -> list[Task]:
    """Return the tasks without the outputs that an earlier run finished."""
    left = []
    for task in plan.tasks:
        outputs = tuple(output for output in task.outputs if output.index not in earlier)
        if outputs:
            left.append(msgspec.structs.replace(task, outputs=outputs))
    return left
