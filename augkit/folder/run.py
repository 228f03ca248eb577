"""One run over one folder: plan, make, commit, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from itertools import chain
from pathlib import Path

import msgspec

from augkit.errors import OutputError, UsageError
from augkit.folder.commit import Commits, Committer
from augkit.folder.domains import load_domain, prepared
from augkit.folder.engines.base import Engine
from augkit.folder.limits import NO_LIMITS, Limits
from augkit.folder.make import Made, resolved, sample_share
from augkit.folder.manifest import (
    Row,
    begin_journal,
    failure_rows,
    journalled,
    merge,
    rows_there,
    told_failures,
    write_failures,
)
from augkit.folder.options import Job
from augkit.folder.plan import FAILURES, JOURNAL, METADATA, REPLACED, Plan, Task, all_names, make_plan
from augkit.folder.remote.urls import in_one_process
from augkit.folder.rewrite import write_lists
from augkit.folder.shards import (
    Shard,
    all_ended,
    begin,
    end,
    failures_of_all,
    forget,
    journals_of_all,
    merging,
)
from augkit.folder.space import check_space
from augkit.folder.storage import held, remove_leftovers
from augkit.folder.tally import Report, Tally, make_report
from augkit.folder.target import check_contents, check_places, prepare, remove_outputs, remove_replaced
from augkit.folder.tree import is_remote
from augkit.folder.workers import Results, run_tasks

Progress = Callable[[Tally, Plan], None]
Stop = Callable[[], bool]


class HowToRun(msgspec.Struct, frozen=True, kw_only=True):
    """What changes nothing in the outputs: workers, and how to treat a DST that holds something.

    An `engine` does what workers would; it has to be opened before a job is run.
    """

    jobs: int | None = None
    resume: bool = False
    overwrite: bool = False
    limits: Limits = NO_LIMITS
    shard: Shard | None = None
    engine: Engine | None = None

    def check(self) -> None:
        """Raise `UsageError` for what means nothing, or excludes each other."""
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"jobs={self.jobs}: expected 1 or more worker processes")
        self.limits.check()
        if self.engine is not None and self.jobs is not None:
            raise UsageError(f"jobs={self.jobs} and executor={self.engine.title}: it has workers of its own")
        if self.engine is not None and self.limits:
            raise UsageError(
                f"timeout, max_memory and executor={self.engine.title}: only augkit's own workers keep these limits; "
                "leave them out, and use those of the engine"
            )


def check_job(job: Job, how: HowToRun) -> Plan:
    """Check places and contents and return the plan; nothing is written."""
    how.check()
    if job.remote is not None:
        from augkit.folder.remote.check import check_remote

        return check_remote(job, how)
    source = job.source_root / job.only if job.only else job.source_root
    check_places(source, job.target_root)
    check_contents(job.target_root, resume=how.resume, overwrite=how.overwrite, shard=how.shard)
    return check_space(job, make_plan(job))


def run_job(
    job: Job,
    plan: Plan,
    recipe: bytes,
    how: HowToRun,
    progress: Progress | None = None,
    *,
    stop: Stop | None = None,
) -> Report:
    """Do a run and return what came of it.

    Parameters
    ----------
    plan : Plan
        Of this very job, from `check_job`.
    recipe : bytes
        The text of the recipe.toml that repeats this run.
    progress : callable, optional
        Called with the tally so far, and the plan, after every group of outputs.
    stop : callable, optional
        Asked between two files, and a few times a second, whether to interrupt the run.

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
    with _as_told(job):
        making = _making(job, plan, how, began)
        if how.shard is not None:
            return making.shard(how.shard, recipe, progress, stop)
        return making.whole(recipe, progress, stop)


def _as_told(job: Job) -> AbstractContextManager[None]:
    if job.remote is None:
        return nullcontext()
    from augkit.folder.remote.check import as_told

    return as_told(job)


def _making(job: Job, plan: Plan, how: HowToRun, began: float) -> Making:
    with _sources_read(job, [task for task in plan.tasks if task.kind == "noise"]) as paths:
        job = msgspec.structs.replace(job, options=prepared(load_domain(job.domain), job.options, paths))
    root = job.target_root
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{error.filename or root}: cannot be created: {error.strerror}") from None
    if job.remote is not None and job.remote.dst is not None:
        from augkit.folder.remote.making import RemoteMaking

        return RemoteMaking(job, plan, root, how, began)
    return Making(job, plan, root, how, began)


class Making:
    """A run that was planned and prepared, or one shard of it."""

    def __init__(self, job: Job, plan: Plan, root: Path, how: HowToRun, began: float) -> None:
        self._job, self._plan, self._root, self._how, self._began = job, plan, root, how, began

    def whole(self, recipe: bytes, progress: Progress | None, stop: Stop | None) -> Report:
        """Do all of it."""
        root, plan = self._root, self._plan
        with held(root):
            earlier = self._begin(recipe)
            tally, spent = self._make(plan, JOURNAL, earlier, progress, stop)
            failed = failure_rows(plan.faults, tally.failures)
            if spent:
                write_failures(root / FAILURES, failed)
                self._publish([FAILURES])
            else:
                self._finish(tally, failed)
        return make_report(self._job, plan, tally, time.monotonic() - self._began, stopped=spent)

    def _begin(self, recipe: bytes) -> dict[int, bytes]:
        """Write the recipe, or see that it is this one, and return the rows of what an earlier run finished."""
        root = self._root
        prepare(root, recipe, resume=self._how.resume)
        if not self._how.resume:
            return {}
        earlier = rows_there(self._size_of, self._plan, [root / METADATA, root / JOURNAL, *journals_of_all(root)])
        begin_journal(root / JOURNAL, earlier)
        forget(root)
        return earlier

    def _size_of(self, name: str) -> int:
        """Return the size of a file in DST; raise `OSError` where it is not there."""
        return (self._root / name).stat(follow_symlinks=False).st_size

    def _committer(self, journal: str) -> Commits:
        """Return what makes outputs durable, and then journals them."""
        return Committer(self._root, journal)

    def _publish(self, names: Sequence[str]) -> None:
        """Let files in DST be as they are here, which they are."""

    def _remove(self, names: Collection[str]) -> None:
        """Delete files in DST."""
        remove_outputs(self._root, names)

    def shard(self, shard: Shard, recipe: bytes, progress: Progress | None, stop: Stop | None) -> Report:
        """Do one shard of it, and put the records of all together where it is the last one to end."""
        root, part = self._root, shard.part_of(self._plan)
        with held(root, shared=True):
            prepare(root, recipe, resume=self._how.resume, shard=shard)
            earlier = rows_there(self._size_of, part, [root / METADATA, root / shard.journal])
            merged = (root / METADATA).exists()
            tally, spent = Tally(resumed=len(earlier), failed_before=len(part.faults)), False
            if merged and _left(part, earlier):
                raise UsageError(f"{root}: its shards are merged; augkit resume {root} makes what is missing")
            if not merged:
                begin(root, shard)
                begin_journal(root / shard.journal, earlier)
                tally, spent = self._make(part, shard.journal, earlier, progress, stop)
                if not spent:
                    end(root, shard, failure_rows(part.faults, tally.failures))
        if not merged and not spent:
            self._put_together(shard, tally)
        return make_report(self._job, part, tally, time.monotonic() - self._began, stopped=spent)

    def _put_together(self, shard: Shard, tally: Tally) -> None:
        """Write the records of the whole where all shards have ended."""
        with ExitStack() as stack:
            try:
                stack.enter_context(held(self._root))
                last = all_ended(self._root, shard.count) and stack.enter_context(merging(self._root))
            except UsageError:  # a sister is at work, or puts them together
                last = False
            if last:
                self._merge_shards(tally)
            else:
                tally.hints.append(f"metadata.jsonl will be there when all {shard.count} shards have ended")

    def _merge_shards(self, tally: Tally) -> None:
        root, plan = self._root, self._plan
        failed = failures_of_all(root)
        rows = rows_there(self._size_of, plan, [root / METADATA, *journals_of_all(root)])
        told = {row["source"] for row in failed}
        left = [task.source for task in _left(plan, rows) if task.kind == "noise" and task.source not in told]
        if left:
            raise OutputError(
                f"{root}: no shard made the outputs of {len(left)} sources, such as {left[0]}; SRC was not the "
                f"same for all of them, or a file was taken away; augkit resume {root} makes what is missing"
            )
        remove_leftovers(root)
        begin_journal(root / JOURNAL, rows)
        self._finish(tally, failed)
        forget(root)

    def _make(
        self,
        plan: Plan,
        journal: str,
        earlier: Mapping[int, bytes],
        progress: Progress | None,
        stop: Stop | None,
    ) -> tuple[Tally, bool]:
        """Make and commit what is left of a plan; return what came of it, and whether the error budget is spent."""
        job, root = self._job, self._root
        told = told_failures(earlier.values())
        tally = Tally(resumed=len(earlier), failed_before=len(plan.faults), failures=told)
        budget = _Budget(job.folder.error_budget(len(plan.tasks) + len(plan.faults)), len(plan.faults), told)
        share = sample_share(job, self._plan.outputs)
        made = _interruptible(budget.within(self._results(_left(plan, earlier), share, tally)), stop)
        try:
            with closing(made), self._committer(journal) as committer:
                for group in chain([[]], committer.commit_all(made)):
                    tally.add_all(group)
                    if progress is not None:
                        progress(tally, plan)
        finally:
            if self._how.shard is None:
                remove_leftovers(root)  # of workers that died, or were stopped within a file
        return tally, budget.spent

    def _results(self, left: Sequence[Task], share: float, tally: Tally) -> Results:
        """Yield what becomes of the tasks that are left, as the workers or the engine make it."""
        job, how = self._job, self._how
        if how.engine is not None:
            from augkit.folder.engines.window import run_on

            results = run_on(how.engine, job, left, share, tally.hints.append)
        else:
            alone = job.remote is not None and in_one_process(job.remote.src, job.remote.dst)
            jobs, apart = (1, False) if alone else (how.jobs, how.resume)
            results = run_tasks(job, left, share, jobs, how.limits, apart=apart)
        if job.remote is None:
            return results
        from augkit.folder.remote.trouble import answering

        return answering(results, job.told_dst)

    def _finish(self, tally: Tally, failed: Sequence[Row]) -> None:
        """Write the lists and records of the whole, when all outputs are there, and take away what was replaced."""
        root, plan = self._root, self._plan
        lists = write_lists(self._job, plan, journalled(root) if plan.lists else ())
        tally.failures += lists.failures
        write_failures(root / FAILURES, [*failed, *failure_rows((), lists.failures)])
        self._publish([*lists.names, FAILURES])
        merge(root)
        self._publish([METADATA, JOURNAL])
        stay = remove_replaced(root, {name for _, name in all_names(plan)}, self._remove, certain=not plan.faults)
        self._publish([REPLACED])
        if stay:
            tally.hints.append(f"{stay} files of the run before stay, as not all of SRC could be read")


def _interruptible(made: Results, stop: Stop | None) -> Results:
    """Yield groups until it is wished that no more be made."""
    with closing(made):
        for group in made:
            yield group
            if stop is not None and stop():
                raise KeyboardInterrupt


class _Budget:
    """Passes results on until more sources than allowed have failed."""

    def __init__(self, allowed: float, faults: int, earlier: Sequence[Made]) -> None:
        self._allowed, self._faults = allowed, faults
        self._failed = {one.source for one in earlier}

    @property
    def spent(self) -> bool:
        """Whether the run must end."""
        return self._faults + len(self._failed) > self._allowed

    def within(self, made: Results) -> Results:
        """Yield groups up to the one that spends the budget."""
        with closing(made):
            while not self.spent and (group := next(made, None)) is not None:
                self._failed.update(one.source for made in group for one in made.failures)
                yield group


@contextmanager
def _sources_read(job: Job, tasks: Sequence[Task]) -> Iterator[Iterable[Path]]:
    """Have the sources of some tasks as files, for reading all of them before the first output is made."""
    if not is_remote(job):
        yield (resolved(job, task) for task in tasks)
        return
    from augkit.folder.remote.listing import fetched_sources

    try:
        yield fetched_sources(job, {task.source: task.size for task in tasks})
    finally:
        for task in tasks:
            (job.source_root / task.source).unlink(missing_ok=True)


def _left(plan: Plan, earlier: Collection[int]) -> list[Task]:
    """Return the tasks without the outputs that an earlier run finished."""
    if not earlier:
        return list(plan.tasks)
    left = []
    for task in plan.tasks:
        outputs = tuple(output for output in task.outputs if output.index not in earlier)
        if outputs:
            left.append(msgspec.structs.replace(task, outputs=outputs))
    return left
