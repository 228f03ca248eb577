"""The whole plan of a run, made and checked before the first byte is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Literal

import msgspec

from augkit.errors import InputError, UsageError
from augkit.folder.companions import Company, Label, gather
from augkit.folder.domains import Domain, further_outputs, load_domain, load_labels
from augkit.folder.lists import PlannedList
from augkit.folder.options import Job
from augkit.folder.selection import select

METADATA = "metadata.jsonl"
FAILURES = "failures.jsonl"
RECIPE = "recipe.toml"
JOURNAL = ".augkit-journal.jsonl"
REPLACED = ".augkit-replaced.jsonl"
OWN = ".augkit-"
"""How the names of what augkit keeps in DST for itself begin."""

RESERVED = (METADATA, FAILURES, RECIPE, JOURNAL, REPLACED)


class Output(msgspec.Struct, frozen=True):
    """One file to be written.

    Attributes
    ----------
    index : int
        Its number in the plan.
    name : str
        Its name in DST.
    copy : int
        Which copy of its source it is; 0 is the unchanged original.
    labels : tuple of Label
        What is written beside it.
    lists : tuple of str
        Names in DST of the lists that tell of it.
    notices : tuple of str
        What its row has to say.
    """

    index: int
    name: str
    copy: int
    labels: tuple[Label, ...] = ()
    lists: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names in DST of its labels."""
        return tuple(label.name for label in self.labels)

    @property
    def saved(self) -> dict[str, str]:
        """Names in DST of what the domain makes together with it, by what that is."""
        return {label.made: label.name for label in self.labels if label.made}

    @property
    def followers(self) -> list[str]:
        """Names in DST of all that goes along with it."""
        return [*self.label_names, *self.lists]


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
    lists : tuple of PlannedList
        Lists of many sources, to be written last.
    hints : tuple of str
        What a person should know before it is run.
    """

    tasks: tuple[Task, ...]
    faults: tuple[Fault, ...]
    ignored: int
    lists: tuple[PlannedList, ...] = ()
    hints: tuple[str, ...] = ()

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
    domain, labels = load_domain(job.domain), load_labels(job.domain)
    selected = select(job, domain, labels)
    company = gather(job, labels, tuple(domain.suffixes()), selected)
    tasks: list[Task] = []
    faults = [Fault(file.name, file.fault) for file in company.faults if file.fault]
    index = 0
    for file in company.sources:
        try:
            if file.fault:
                raise InputError(file.fault)
            outputs = _outputs(file.name, index, domain, job, company)
        except InputError as error:
            faults.append(Fault(file.name, str(error)))
            continue
        index += len(outputs)
        tasks.append(Task(file.name, file.size, outputs))
    others = company.others if job.only is None and job.folder.files_from is None else []
    if job.folder.copy_others:
        tasks += [Task(file.name, file.size, (Output(-1, file.name, 0),), "copy") for file in others if not file.fault]
        faults += [Fault(file.name, file.fault) for file in others if file.fault]
    left = 0 if job.folder.copy_others else len(others)
    plan = Plan(tuple(tasks), tuple(faults), left, tuple(company.lists), tuple(company.hints))
    if not plan.outputs and not faults:
        suffixes = " ".join(domain.suffixes())
        tars = not job.folder.webdataset and any(file.name.lower().endswith((".tar", ".tar.gz")) for file in others)
        raise UsageError(
            f"{job.src}: no {job.domain} found here ({len(others)} other files); looked for {suffixes}"
            + ("; --webdataset takes what is in tars" if tars else "")
        )
    _refuse_collisions(plan)
    return plan


def _outputs(source: str, index: int, domain: Domain, job: Job, company: Company) -> tuple[Output, ...]:
    """Name the outputs of a source, and what goes along with each; `index` is the number of the first one."""
    lists = company.lists_of(source)
    notices = ("no mask was found for it",) if source in company.lacking else ()
    return tuple(
        Output(
            index + i,
            name,
            copy,
            (*company.labels_of(source, name, copy), *(_saved(source, name, domain, job) if copy else ())),
            lists,
            notices,
        )
        for i, (copy, name) in enumerate(output_names(source, domain, job))
    )


def _saved(source: str, name: str, domain: Domain, job: Job) -> Iterator[Label]:
    """Yield what the domain makes together with a noisy output."""
    for what, place in further_outputs(domain, name, job.options).items():
        yield Label(source, place, None, what)


def output_names(source: str, domain: Domain, job: Job) -> list[tuple[int, str]]:
    """Return (copy, name) of each output of a source."""
    parent, slash, name = source.rpartition("/")
    lower = name.lower()
    fitting = [suffix for suffix in domain.suffixes() if lower.endswith(suffix)]
    longest = max(fitting, key=len) if fitting else PurePosixPath(name).suffix
    stem = name[: -len(longest) or None]  # that of a.csv.gz is a
    own = name[len(stem) :]
    suffix = domain.output_suffix(own, job.options)
    folder = job.folder
    if folder.probability < 1 and suffix.lower() != own.lower():
        raise UsageError(
            f"probability={folder.probability:g} leaves some outputs as their unchanged sources, so {source} cannot "
            f"become {suffix}; give one of probability and format"
        )
    if folder.copies == 1 and not folder.keep_original:
        return [(1, f"{parent}{slash}{stem}{suffix}")]
    noisy = [(n, f"{parent}{slash}{stem}_n{n}{suffix}") for n in range(1, folder.copies + 1)]
    return [(0, source), *noisy] if folder.keep_original else noisy


def _refuse_collisions(plan: Plan) -> None:
    """Raise `UsageError` where two files would have one name, or a file and a folder."""
    taken: dict[str, str] = {name.casefold(): "augkit's own record" for name in RESERVED}
    folders: dict[str, str] = {}
    for source, name in all_names(plan):
        place = unicodedata.normalize("NFC", name).casefold()
        above = _above(place, folders)
        folders.update(dict.fromkeys(above, source))
        clash = next((taken[name] for name in (place, *above) if name in taken), folders.get(place))
        if clash is None and place.rpartition("/")[2].startswith(OWN):
            clash = "augkit's own record"
        if clash is not None:
            raise UsageError(
                f"{source} and {clash} would both be written to {name} (names that differ only in case "
                "or Unicode form count as one, and a file cannot be a folder too); rename one, or use --include, "
                "--exclude or another --format"
            )
        taken[place] = source


def _above(place: str, known: Mapping[str, str]) -> list[str]:
    """Return the folders on the way to a file that are not known yet."""
    found = []
    folder = place.rpartition("/")[0]
    while folder and folder not in known:
        found.append(folder)
        folder = folder.rpartition("/")[0]
    return found


def all_names(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each file that will be written, after the one that it comes from."""
    for task in plan.tasks:
        for output in task.outputs:
            yield task.source, output.name
            yield from ((label.source, label.name) for label in output.labels)
    for planned in plan.lists:
        yield from ((planned.path, name) for name in planned.outputs)
