"""The whole plan of a run, made and checked before the first byte is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import msgspec

from augkit.errors import InputError, UsageError
from augkit.folder.domains import Domain, load_domain
from augkit.folder.options import Job
from augkit.folder.walk import Found, inspect, walk

METADATA = "metadata.jsonl"
FAILURES = "failures.jsonl"
RECIPE = "recipe.toml"
JOURNAL = ".augkit-journal.jsonl"
REPLACED = ".augkit-replaced.jsonl"
RESERVED = (METADATA, FAILURES, RECIPE, JOURNAL, REPLACED)


class Output(msgspec.Struct, frozen=True):
    """One file to be written: its number in the plan, its name in DST, and which copy of its source it is.

    Copy 0 is the unchanged original.
    """

    index: int
    name: str
    copy: int


class Task(msgspec.Struct, frozen=True):
    """One source file with all its outputs.

    A "copy" task carries a file of no domain over, without rows.
    """

    source: str
    size: int
    outputs: tuple[Output, ...]
    kind: Literal["noise", "copy"] = "noise"


class Fault(msgspec.Struct, frozen=True):
    """A source that is known not to work before it is opened."""

    source: str
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """What will be read and written.

    Attributes
    ----------
    tasks : tuple of Task
        In the order of the source names.
    faults : tuple of Fault
        What cannot be done.
    ignored : int
        Files that are not of this domain and are left where they are.
    """

    tasks: tuple[Task, ...]
    faults: tuple[Fault, ...]
    ignored: int

    @property
    def outputs(self) -> int:
        """Number of outputs that get a row."""
        return sum(len(task.outputs) for task in self.tasks if task.kind == "noise")

    @property
    def size(self) -> int:
        """Bytes to be read."""
        return sum(task.size for task in self.tasks)


def make_plan(job: Job) -> Plan:
    """Find the sources, name the outputs and refuse what would lose a file.

    Raises
    ------
    UsageError
        For nothing to do, outputs of one name, or options that contradict each other.
    """
    job.folder.check()
    domain = load_domain(job.domain)
    found, others = _sources(job, domain)
    tasks: list[Task] = []
    faults: list[Fault] = []
    index = 0
    for file in found:
        try:
            if file.fault:
                raise InputError(file.fault)
            names = output_names(file.name, domain, job)
        except InputError as error:
            faults.append(Fault(file.name, str(error)))
            continue
        outputs = tuple(Output(index + i, name, copy) for i, (copy, name) in enumerate(names))
        index += len(outputs)
        tasks.append(Task(file.name, file.size, outputs))
    if job.folder.copy_others:
        tasks += [Task(file.name, file.size, (Output(-1, file.name, 0),), "copy") for file in others if not file.fault]
        faults += [Fault(file.name, file.fault) for file in others if file.fault]
    plan = Plan(tuple(tasks), tuple(faults), 0 if job.folder.copy_others else len(others))
    if not plan.outputs and not faults:
        suffixes = " ".join(domain.suffixes())
        raise UsageError(f"{job.src}: no {job.domain} found here ({len(others)} other files); looked for {suffixes}")
    _refuse_collisions(plan.tasks)
    return plan


def _sources(job: Job, domain: Domain) -> tuple[list[Found], list[Found]]:
    """Return the files to be noised, and the others."""
    root = job.source_root
    if job.only is not None:
        return [inspect(str(root / job.only), job.only)], []
    files = walk(root)
    if job.folder.files_from is not None:
        return _listed(files, Path(job.folder.files_from), tuple(domain.suffixes())), []
    suffixes = tuple(domain.suffixes())
    included, excluded = _patterns(job.folder.include), _patterns(job.folder.exclude)
    ours, others = [], []
    for file in files:
        if _any(excluded, file.name):
            continue
        if file.is_folder:  # one that cannot be entered: nobody knows what it holds
            ours.append(file)
        elif not file.name.lower().endswith(suffixes):
            others.append(file)
        elif not included or _any(included, file.name):
            ours.append(file)
    return ours, others


def _listed(files: Sequence[Found], listing: Path, suffixes: tuple[str, ...]) -> list[Found]:
    """Return the files of a list of names, one a line; each that cannot be taken comes with its fault."""
    try:
        lines = listing.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"files_from={listing}: a text file of names was expected: {error}") from None
    known = {unicodedata.normalize("NFC", file.name): file for file in files}
    found = []
    for name in sorted({PurePosixPath(line.rstrip("\r")).as_posix() for line in lines if line.strip()}):
        file = known.get(unicodedata.normalize("NFC", name), Found(name, 0, f"listed in {listing.name} but not found"))
        if not file.fault and not file.name.lower().endswith(suffixes):
            file = Found(name, 0, f"listed in {listing.name} but none of {' '.join(suffixes)}")
        found.append(file)
    return found


_Pattern: TypeAlias = tuple[bool, re.Pattern[str]]


def _patterns(globs: Iterable[str]) -> list[_Pattern]:
    return [_glob(glob) for glob in globs]


def _any(patterns: Iterable[_Pattern], name: str) -> bool:
    return any(pattern.fullmatch(name if whole else PurePosixPath(name).name) for whole, pattern in patterns)


def _glob(pattern: str) -> _Pattern:
    """Return whether a glob is matched on the whole name, and its regular expression."""
    text = ""
    for part in re.split(r"(\*\*/?|\*|\?|\[[^\]]+\])", pattern):
        wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part)
        text += wild or (part.replace("[!", "[^") if part.startswith("[") and part.endswith("]") else re.escape(part))
    try:
        return "/" in pattern, re.compile(text)
    except re.error as error:
        raise UsageError(f"the glob {pattern!r} cannot be read: {error}") from None


def output_names(source: str, domain: Domain, job: Job) -> list[tuple[int, str]]:
    """Return (copy, name) of each output of a source."""
    path = PurePosixPath(source)
    suffix = domain.output_suffix(path.suffix, job.options)
    folder = job.folder
    if folder.probability < 1 and suffix.lower() != path.suffix.lower():
        raise UsageError(
            f"probability={folder.probability:g} leaves some outputs as their unchanged sources, so {source} cannot "
            f"become {suffix}; give one of probability and format"
        )
    if folder.copies == 1 and not folder.keep_original:
        return [(1, str(path.with_suffix(suffix)))]
    noisy = [(n, str(path.with_name(f"{path.stem}_n{n}{suffix}"))) for n in range(1, folder.copies + 1)]
    return [(0, source), *noisy] if folder.keep_original else noisy


def _refuse_collisions(tasks: Sequence[Task]) -> None:
    taken: dict[str, str] = {name.casefold(): "augkit's own record" for name in RESERVED}
    folders: dict[str, str] = {}
    for task in tasks:
        for output in task.outputs:
            place = PurePosixPath(unicodedata.normalize("NFC", output.name).casefold())
            above = [str(folder) for folder in place.parents][:-1]
            folders.update(dict.fromkeys(above, task.source))
            clash = next((taken[name] for name in (str(place), *above) if name in taken), folders.get(str(place)))
            if clash is not None:
                raise UsageError(
                    f"{task.source} and {clash} would both be written to {output.name} (names that differ only in case "
                    "or Unicode form count as one, and a file cannot be a folder too); rename one, or use --include, "
                    "--exclude or another --format"
                )
            taken[str(place)] = task.source
