"""Making the outputs of one source file: what a worker does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import msgspec

from augkit.checksum import checksum_of
from augkit.errors import AugkitError
from augkit.folder.domains import Domain, Item, SavingItem, SteppedDomain, SteppedItem, load_domain
from augkit.folder.follow import fill_labels, read_labels
from augkit.folder.options import Job
from augkit.folder.plan import Output, Task
from augkit.folder.storage import confine, write_together
from augkit.noise.keys import STREAM_VERSION, Key
from augkit.outcome import Outcome, fields
from augkit.steps import Steps, finish, take_turns
from augkit.writing import copied

OUT_OF_MEMORY = "not enough memory for this file"

MEASURED = 16
"""Lossy outputs that a run decodes to measure them when it measures a sample."""


Written: TypeAlias = tuple[int, dict[str, Any] | None, bool]
"""Bytes of an output, its row, and whether it is durable."""

Fill: TypeAlias = Callable[[list[str]], tuple[Outcome | None, int]]
"""Fills the files of an output; returns what was reached, None for an unchanged source, and its bytes."""


class Made(msgspec.Struct, frozen=True):
    """What became of one output: its row and the names of its labels, or the reason why there is none."""

    index: int
    name: str
    source: str
    copy: int
    size: int = 0
    row: dict[str, Any] | None = None
    failure: str | None = None
    labels: tuple[str, ...] = ()
    durable: bool = False
    """Whether its bytes are on the disk already, as those are that replaced older ones."""

    @property
    def failures(self) -> list[Made]:
        """What failed: this output, or parts of its source, as its row tells."""
        if self.failure is not None:
            return [self]
        return failures_in(self.row) if self.row and "failures" in self.row else []

    @property
    def files(self) -> tuple[str, ...]:
        """Names in DST of all that was written for it."""
        return (self.name, *self.labels)


def failures_in(row: Mapping[str, Any]) -> list[Made]:
    """Return what a row tells of parts of its source that failed."""
    told = row.get("failures", ())
    return [Made(-1, "", one["source"], one["copy"], failure=one["reason"]) for one in told]


def make_outputs(job: Job, task: Task, sample: float) -> list[Made]:
    """Write all outputs of one source; a failure is a result, not an exception.

    Parameters
    ----------
    sample : float
        Share of the lossy outputs whose level is measured by decoding them.
    """
    return finish(_making(job, task, sample))


def make_group(job: Job, tasks: Sequence[Task], sample: float) -> list[Made]:
    """Write all outputs of several sources, those of small ones side by side."""
    return [made for outputs in take_turns(_making(job, task, sample) for task in tasks) for made in outputs]


def make_here(job: Job, task: Task, sample: float) -> list[Made]:
    """Do as `make_outputs` where SRC and DST are folders."""
    return finish(_making_here(job, task, sample))


def _making(job: Job, task: Task, sample: float) -> Steps[list[Made]]:
    if job.remote is None:
        return (yield from _making_here(job, task, sample))
    from augkit.folder.remote.errands import make_remotely

    return make_remotely(job, task, sample)


def _making_here(job: Job, task: Task, sample: float) -> Steps[list[Made]]:
    source = resolved(job, task)
    made: list[Made] = []
    if task.kind == "copy":
        for output in task.outputs:
            made.append((yield from _attempt(job, task, output, _copy(job, source, output))))  # noqa: PERF401
        return made
    try:
        item = yield from _opening(load_domain(job.domain), source, job.options)
        checksum = getattr(item, "source_crc32", None) or checksum_of(source)
    except Exception as error:
        return [failed(job, task, output, error) for output in task.outputs]
    for output in task.outputs:
        steps = _write(job, task, item, output, sample, checksum=checksum)
        made.append((yield from _attempt(job, task, output, steps)))
    return made


def _opening(domain: Domain, source: Path, options: Any) -> Steps[Item]:
    if hasattr(domain, "opening"):
        return (yield from cast(SteppedDomain, domain).opening(source, options))
    return domain.open_item(source, options)


def resolved(job: Job, task: Task) -> Path:
    """Return the path of a source, behind its symbolic link where it is one; the plan has checked where that leads."""
    path = os.path.join(job.src, task.source)  # noqa: PTH118 - paths are a tenth of what a small file takes
    return Path(os.path.realpath(path) if os.path.islink(path) else path)  # noqa: PTH114


def _attempt(job: Job, task: Task, output: Output, steps: Steps[Written]) -> Steps[Made]:
    try:
        size, row, durable = yield from steps
    except Exception as error:
        return failed(job, task, output, error)
    labels = output.label_names
    return Made(output.index, output.name, task.source, output.copy, size, row, labels=labels, durable=durable)


def failed(job: Job, task: Task, output: Output, error: BaseException) -> Made:
    """Return the failure of an output, with a reason that tells of no folder above SRC and DST."""
    reason = describe(error)
    for path in (job.source_root / task.source, resolved(job, task)):  # the row names the source, and no folder of ours
        told = _in_one_line(str(path))
        reason = reason.removeprefix(f"{told}: ").replace(told, task.source)
    reason = reason.replace(f"{job.dst}/", "")
    return Made(output.index, output.name, task.source, output.copy, failure=reason)


def describe(error: BaseException) -> str:
    """Return one line for a person: our own messages as they are, the system's with their file, others as a fault."""
    if isinstance(error, AugkitError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = OUT_OF_MEMORY
    elif isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename  # of two, the one that was to be there
        text = f"{name}: {error.strerror}" if name else error.strerror
    else:
        text = f"unexpected {type(error).__name__}: {error} (a fault in augkit; please report it with this file)"
    return _in_one_line(text)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _write(job: Job, task: Task, item: Item, output: Output, sample: float, *, checksum: str) -> Steps[Written]:
    """Write an output and its labels; one without the other is never left."""
    labels = read_labels(job, task, output)
    stream = (job.folder.stream,) if job.folder.stream else ()
    key = Key(job.seed, path=(*stream, task.source, output.copy))
    names = (output.name, *output.saved.values(), *(label.name for label in labels))
    content = b""
    if output.copy == 0 or _stays_clean(key, job.folder.probability):
        fill: Fill = partial(_leave, job, task, item, output)
    elif hasattr(item, "making") and not output.saved:
        yield sum(len(label.content) for label in labels if isinstance(label.content, bytes))
        content, made = yield from cast(SteppedItem, item).making(key, measure=is_measured(key, sample))
        fill = partial(_tell, made, len(content))
    else:
        fill = partial(_finish, item, output, key, is_measured(key, sample))
    targets = [os.path.join(job.dst, name) for name in names]  # noqa: PTH118
    for target in targets:
        confine(target, job.dst)
    replaces = any(map(os.path.lexists, targets))

    def fill_all(temporaries: list[str]) -> tuple[Outcome | None, int]:
        own = len(temporaries) - len(labels)
        fill_labels(labels, temporaries[own:])
        return fill(temporaries[:own])

    outcome, size = write_together(targets, fill_all, sync=replaces, content=content)
    told = tuple(notice for label in labels for notice in label.notices)
    row = _row(job, task, output, size, outcome, told=told)
    return size, row | {"source_crc32": checksum}, replaces


def _stays_clean(key: Key, probability: float) -> bool:
    return probability < 1 and key.child("probability").uniform() >= probability


def is_measured(key: Key, sample: float) -> bool:
    """Tell whether a lossy output is one of the share that is decoded to be measured."""
    return sample >= 1 or (sample > 0 and key.child("measure").share() < sample)


def _tell(outcome: Outcome, size: int, temporaries: list[str]) -> tuple[Outcome | None, int]:
    """Add nothing to what is written already."""
    return outcome, size


def _finish(item: Item, output: Output, key: Key, measure: bool, temporaries: list[str]) -> tuple[Outcome | None, int]:
    paths = [Path(temporary) for temporary in temporaries]
    saved = dict(zip(output.saved, paths[1:], strict=True))
    further: dict[str, Any] = {"saved": saved} if saved else {}
    return item.write(paths[0], key, measure=measure, **further), os.stat(paths[0]).st_size  # noqa: PTH116


def _leave(job: Job, task: Task, item: Item, output: Output, temporaries: list[str]) -> tuple[Outcome | None, int]:
    """Write an output that is the unchanged source."""
    paths = [Path(temporary) for temporary in temporaries]
    copied(resolved(job, task), paths[0])
    if output.saved:
        cast(SavingItem, item).save_unchanged(dict(zip(output.saved, paths[1:], strict=True)))
    return None, os.stat(paths[0]).st_size  # noqa: PTH116


def _copy(job: Job, source: Path, output: Output) -> Steps[Written]:
    yield 0
    target = job.target_root / output.name
    confine(target, job.dst)
    replaces = os.path.lexists(target)
    write_together([target], lambda temporaries: copied(source, Path(temporaries[0])), sync=replaces)
    return target.stat().st_size, None, replaces


def _row(
    job: Job, task: Task, output: Output, size: int, outcome: Outcome | None, *, told: tuple[str, ...]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "file_name": output.name,
        "source": task.source,
        "label": task.source.rpartition("/")[0].rpartition("/")[2] or None,
        "copy": output.copy,
        "seed": job.seed,
        **fields(outcome),
        "bytes": size,
        "source_bytes": task.size,
        "stream_version": STREAM_VERSION,
    }
    row["notices"] += (*output.notices, *told)
    row |= {f"{what}_file_name": name for what, name in output.saved.items()}
    if outcome and outcome.failures:
        row["failures"] = [
            {"source": f"{task.source}/{lost.name}", "copy": lost.copy, "reason": lost.reason}
            for lost in outcome.failures
        ]
    return row | ({"labels": output.followers} if output.followers else {})


def sample_share(job: Job, outputs: int) -> float:
    """Return the share of lossy outputs to be measured, as the ``measure`` option asks."""
    return share_measured(job.folder.measure, outputs)


def share_measured(measure: Literal["all", "sample", "none"], outputs: int) -> float:
    """Return the share of so many lossy outputs that is decoded to be measured."""
    return {"all": 1.0, "none": 0.0, "sample": min(1.0, MEASURED / max(outputs, 1))}[measure]
