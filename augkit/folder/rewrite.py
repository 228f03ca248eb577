"""Writing the lists of a run, when its outputs are there: each tells of those, and of no other."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from augkit.errors import AugkitError, InputError
from augkit.folder.domains import load_labels
from augkit.folder.lists import PlannedList
from augkit.folder.make import Made
from augkit.folder.naming import new_name
from augkit.folder.options import Job
from augkit.folder.plan import Output, Plan
from augkit.folder.storage import confine, sync_file, sync_folders, write_atomically
from augkit.sidecars.names import Copies, Copy


class Rewritten(NamedTuple):
    """The names in DST of the lists that were written, and those that could not be."""

    names: list[str]
    failures: list[Made]


def write_lists(job: Job, plan: Plan, done: Collection[int]) -> Rewritten:
    """Write every list that tells of outputs that are there, and wait until it is on the disk.

    Parameters
    ----------
    done : collection of int
        The numbers in the plan of the outputs that are durable.
    """
    made: dict[str, list[Output]] = defaultdict(list)
    for task in plan.tasks if plan.lists else ():
        made[task.source] += [output for output in task.outputs if output.index in done]
    names, failures = list[str](), list[Made]()
    for planned in plan.lists:
        if not any(made[source] for source in planned.sources.values()):
            continue
        written = list[str]()
        try:
            _write(job, planned, made, written)
        except (AugkitError, OSError) as error:
            for name in written:  # parts of a list belong together
                (job.target_root / name).unlink(missing_ok=True)
            reason = " ".join((getattr(error, "strerror", None) or str(error)).replace(f"{job.dst}/", "").split())
            failures.append(Made(-1, planned.outputs[0], planned.title, 0, failure=reason))
        else:
            names += written
    return Rewritten(names, failures)


def rewritten_parts(
    job: Job, planned: PlannedList, made: Mapping[str, Sequence[Output]]
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield the name in DST of each part of a list, and its bytes when it tells of the outputs in `made`, by source.

    Raises
    ------
    InputError
        Where it is no list any more, or a broken one.
    """
    listing = load_labels(job.domain).open_list(job.source_root / planned.path)
    if listing is None:
        raise InputError("it was a list when the run was planned, and is none any more")
    copies = _copies(job, planned, made, by_stem=listing.by_stem)
    for part, name in planned.parts:
        yield name, listing.rewrite(part, copies, job.folder.copies)


def _write(job: Job, planned: PlannedList, made: Mapping[str, Sequence[Output]], written: list[str]) -> None:
    for name, content in rewritten_parts(job, planned, made):
        target = job.target_root / name
        confine(target, job.target_root)

        def write(temporary: Path, content: Iterable[bytes] = content) -> None:
            with temporary.open("wb") as file:
                file.writelines(content)

        write_atomically(target, write)
        written.append(name)
        sync_file(target)
    sync_folders({(job.target_root / name).parent for name in written}, job.target_root)


def _copies(job: Job, planned: PlannedList, made: Mapping[str, Sequence[Output]], *, by_stem: bool) -> Copies:
    """Return what became of each source, under the name that the list has for it."""
    root = Path(os.path.realpath(job.target_root))
    copies = {}
    for text, source in planned.sources.items():
        stem = PurePosixPath(source).stem
        copies[text] = [
            Copy(
                output.copy,
                PurePosixPath(output.name).stem.removeprefix(stem),
                new_name(text, planned.base, root / output.name, by_stem=by_stem),
                output.label_names,
            )
            for output in made[source]
        ]
    return copies
