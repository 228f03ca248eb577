"""Making the outputs of a run again, from its recipe and its manifest, and comparing them with those in DST."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from augkit.checksum import checksum_of
from augkit.comparison.differences import (
    Difference,
    Kind,
    before_making,
    is_there,
    maker_of,
    output_changed,
    row_changed,
    same_bytes,
    same_content,
    source_changed,
)
from augkit.errors import AugkitError, UsageError
from augkit.folder.domains import load_domain, prepared
from augkit.folder.follow import read_labels
from augkit.folder.make import Made, resolved, sample_share
from augkit.folder.options import Job
from augkit.folder.plan import FAILURES, METADATA, RECIPE, RESERVED, Output, Plan, Task, make_plan
from augkit.folder.remote.urls import is_url
from augkit.folder.rewrite import rewritten_parts
from augkit.folder.run import Progress
from augkit.folder.storage import TEMP_PREFIX
from augkit.folder.tally import Tally
from augkit.folder.workers import run_tasks
from augkit.recipe import Section, load_recipe
from augkit.running import as_job, sweep_of

Rows = Mapping[str, dict[str, Any]]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What came of comparing a DST with what its recipe makes.

    Attributes
    ----------
    domain, dst : str
        What was compared.
    outputs, same : int
        Outputs in the manifest, and those that were made again to the last byte, with their labels and rows.
    differences : list of Difference
        All files that are not what they were to be.
    new : list of str
        Sources that the manifest does not know, as they came later.
    unknown : list of str
        Files in DST that are no part of the run.
    """

    domain: str
    dst: str
    outputs: int
    same: int
    differences: list[Difference]
    new: list[str]
    unknown: list[str]

    @property
    def exit_code(self) -> int:
        """0 where nothing differs, otherwise 1."""
        return 1 if self.differences else 0


def verify(
    dst: Path, *, src: Path | None = None, jobs: int | None = None, progress: Progress | None = None
) -> list[Verified]:
    """Make all outputs of a run again in a temporary folder, and compare them with those in DST, which is only read.

    Parameters
    ----------
    dst : Path
        A folder that a finished run left; of a sweep, the one above its trees.
    src : Path, optional
        Where the sources lie now, if that is not where the recipe says.
    jobs : int, optional
        Worker processes; one a core by default.
    progress : callable, optional
        Called with the tally of what was made again, and the plan.

    Returns
    -------
    list of Verified
        One for each tree of a sweep, and one more where the manifest above them does not tell of them; otherwise one.

    Raises
    ------
    UsageError
        For a folder that holds no finished run, or sources that are not there.
    """
    if not (dst / RECIPE).is_file():
        raise UsageError(f"{dst}: there is no {RECIPE} here; name the DST of a run")
    whole = load_recipe(dst / RECIPE)
    if whole.seed is None or len(whole.sections) != 1:
        raise UsageError(f"{dst / RECIPE}: the recipe that a run left was expected, with its seed and one section")
    section = msgspec.structs.replace(whole.sections[0], dst=str(dst))
    if src is not None:
        section = msgspec.structs.replace(section, src=str(src))
    if is_url(section.src):
        raise UsageError(f"{section.src}: verify reads local sources; copy them here, and name the copy by --src")
    if not os.path.lexists(section.src):
        raise UsageError(f"{section.src}: the sources of {dst} are not there; --src tells where they lie now")
    found = [_verify(tree, whole.seed, jobs, progress) for tree in section.trees().values()]
    wrong = None if section.swept is None else _manifest_of_all(section, whole.seed)
    return found if wrong is None else [*found, wrong]


def _manifest_of_all(section: Section, seed: int) -> Verified | None:
    """Return what is wrong with the manifest above the trees of a sweep, if anything is."""
    path, lines = Path(section.dst) / METADATA, sweep_of(section, seed).rows()
    if path.is_file() and same_content(lines, path):
        return None
    reason = f"it is not what the manifests of its trees tell; augkit resume {section.dst} writes it anew"
    wrong = Difference(METADATA, None, "tampered" if path.is_file() else "missing", reason)
    return Verified(domain=section.domain, dst=section.dst, outputs=0, same=0, differences=[wrong], new=[], unknown=[])


def _verify(section: Section, seed: int, jobs: int | None, progress: Progress | None) -> Verified:
    job = as_job(section, seed)
    rows, failed = _rows(job.target_root), _failed_sources(job.target_root)
    plan = make_plan(job)
    new = [task.source for task in plan.tasks if task.kind == "noise" and _is_new(task, rows, failed)]
    check = _Check(job, plan, rows)
    for task in plan.tasks:
        if task.kind == "copy":
            check.copied(task)
    check.gone()
    with tempfile.TemporaryDirectory(prefix="augkit-verify-") as place:
        check.make_again(Path(place), jobs, progress, frozenset(new))
    check.lists()
    return Verified(
        domain=job.domain,
        dst=job.dst,
        outputs=len(rows),
        same=len(rows) - len({one.file_name for one in check.differences} & rows.keys()),
        differences=sorted(check.differences, key=lambda one: one.file_name),
        new=new,
        unknown=_unknown(job.target_root, plan, rows),
    )


class _Check:
    """Collects what differs."""

    def __init__(self, job: Job, plan: Plan, rows: Rows) -> None:
        self._job, self._plan, self._rows = job, plan, rows
        self._maker = maker_of(job.target_root / RECIPE)
        self.differences: list[Difference] = []
        self._tasks = {task.source: task for task in plan.tasks}

    def copied(self, task: Task) -> None:
        """Compare a file of another kind with its source."""
        for output in task.outputs:
            there = self._job.target_root / output.name
            wrong = is_there(there)
            if wrong is None and not same_bytes(resolved(self._job, task), there):
                wrong = "tampered", "it differs from the file that it is a copy of"
            self._add(output.name, task.source, wrong)

    def gone(self) -> None:
        """Tell of the rows that nothing in the plan makes."""
        planned = {output.name for task in self._plan.tasks for output in task.outputs}
        faults = {fault.source: fault.reason for fault in self._plan.faults}
        for name, row in self._rows.items():
            if name not in planned:
                reason = faults.get(row["source"], "its source is not there any more, or not chosen any more")
                self._add(name, row["source"], ("source", reason))

    def make_again(self, place: Path, jobs: int | None, progress: Progress | None, new: Collection[str]) -> None:
        """Make what has a row again, and compare it, group by group, so that little of it is there at a time."""
        tasks = list(self._to_make())
        options = prepared(load_domain(self._job.domain), self._job.options, self._sources(new))
        job = msgspec.structs.replace(self._job, dst=str(place), options=options)
        tally = Tally()
        with closing(run_tasks(job, tasks, sample_share(job, self._plan.outputs), jobs)) as groups:
            for group in groups:
                for made in group:
                    self._compare(made, place)
                    for name in made.files:
                        (place / name).unlink(missing_ok=True)
                tally.add_all(group)
                if progress is not None:
                    progress(tally, self._plan)

    def lists(self) -> None:
        """Compare the lists that tell of the outputs."""
        made: dict[str, list[Output]] = defaultdict(list)
        for task in self._plan.tasks if self._plan.lists else ():
            made[task.source] += [output for output in task.outputs if output.name in self._rows]
        for planned in self._plan.lists:
            if not any(made[source] for source in planned.sources.values()):
                continue
            try:
                for name, content in rewritten_parts(self._job, planned, made):
                    self._compare_file(name, planned.title, content, "list")
            except (AugkitError, OSError) as error:
                self._add(planned.outputs[0], planned.title, ("failed", f"cannot be made again: {error}"))

    def _sources(self, new: Collection[str]) -> Iterator[Path]:
        """Yield what the run read, for what is learnt from all of it."""
        tasks = (task for task in self._plan.tasks if task.kind == "noise" and task.source not in new)
        return (resolved(self._job, task) for task in tasks)

    def _to_make(self) -> Iterator[Task]:
        """Yield the tasks that make what has a row and is there; labels are compared without being written."""
        for task in self._plan.tasks:
            outputs = []
            for output in task.outputs if task.kind == "noise" else ():
                row = self._rows.get(output.name)
                if row is None:
                    continue
                wrong = before_making(row, self._job.target_root / output.name)
                self._add(output.name, task.source, wrong)
                if wrong is None:
                    made = tuple(label for label in output.labels if label.made)
                    outputs.append(msgspec.structs.replace(output, labels=made, lists=()))
            if outputs:
                yield msgspec.structs.replace(task, outputs=tuple(outputs))

    def _compare(self, made: Made, place: Path) -> None:
        row, there = self._rows[made.name], self._job.target_root / made.name
        if made.failure is not None or made.row is None:
            wrong = self._source_changed(row, made.source)
            self._add(made.name, made.source, wrong or ("failed", f"cannot be made again: {made.failure}"))
            return
        changed = source_changed(row, made.row)
        if changed is not None:
            self._add(made.name, made.source, ("source", changed))
            return
        wrong = output_changed(self._job.domain, row, place / made.name, there, self._maker)
        told = row_changed(row, made.row | self._told_by_labels(made))
        self._add(made.name, made.source, wrong or (None if told is None else ("row", told)))
        for name in made.labels:
            self._compare_file(name, made.source, place / name, "file")

    def _source_changed(self, row: dict[str, Any], name: str) -> tuple[Kind, str] | None:
        """Tell whether the source of what cannot be made again is not the one that it was made of."""
        path = resolved(self._job, self._tasks[name])
        try:
            changed = source_changed(row, {"source_bytes": path.stat().st_size, "source_crc32": checksum_of(path)})
        except OSError:
            return None
        return None if changed is None else ("source", changed)

    def _told_by_labels(self, made: Made) -> dict[str, Any]:
        """Compare the labels of an output, and return the notices of its row with what they add."""
        task = self._tasks[made.source]
        output = next(output for output in task.outputs if output.name == made.name)
        notices = list(made.row["notices"]) if made.row else []
        try:
            for label in read_labels(self._job, task, output):
                content = label.content if isinstance(label.content, Path) else (label.content,)
                self._compare_file(label.name, made.source, content, "label")
                notices += label.notices
        except AugkitError as error:
            self._add(made.name, made.source, ("source", str(error)))
        return {"notices": notices}

    def _compare_file(self, name: str, source: str, content: Any, what: str) -> None:
        there = self._job.target_root / name
        wrong = is_there(there)
        if wrong is None and not same_content(content, there):
            wrong = "tampered", f"the {what} is not what is made now: it was changed, or what it comes from was"
        self._add(name, source, wrong)

    def _add(self, name: str, source: str | None, wrong: Any) -> None:
        if wrong is not None:
            self.differences.append(Difference(name, source, *wrong))


def _is_new(task: Task, rows: Rows, failed: set[str]) -> bool:
    return task.source not in failed and not any(output.name in rows for output in task.outputs)


def _rows(dst: Path) -> Rows:
    """Return the rows of a manifest by the names of their outputs."""
    path = dst / METADATA
    if not path.is_file():
        raise UsageError(f"{path}: no manifest is there, as the run was cut off; augkit resume {dst} goes on with it")
    rows: dict[str, dict[str, Any]] = {}
    try:
        with path.open("rb") as lines:
            for line in lines:
                row = msgspec.json.decode(line, type=dict[str, Any])
                row["source"], row["bytes"] = str(row["source"]), int(row["bytes"])
                rows[str(row["file_name"])] = row
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise UsageError(f"{path}: row {len(rows) + 1} cannot be read; the manifest was changed") from None
    return rows


def _failed_sources(dst: Path) -> set[str]:
    path = dst / FAILURES
    if not path.is_file():
        return set()
    try:
        with path.open("rb") as lines:
            return {str(msgspec.json.decode(line, type=dict[str, Any]).get("source")) for line in lines}
    except msgspec.DecodeError:
        raise UsageError(f"{path}: a row cannot be read; the records were changed") from None


def _unknown(dst: Path, plan: Plan, rows: Rows) -> list[str]:
    """Return the files in DST that are neither outputs nor records."""
    known = {*RESERVED, *rows}
    for task in plan.tasks:
        known.update(name for output in task.outputs for name in (output.name, *output.label_names))
    known.update(name for planned in plan.lists for name in planned.outputs)
    found = (path.relative_to(dst).as_posix() for path in dst.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(name for name in found if name not in known and not Path(name).name.startswith(TEMP_PREFIX))
