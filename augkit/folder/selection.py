"""Which files of SRC a run is about: all of its domain, those that patterns choose, or those of a list."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

from augkit.errors import InputError, UsageError
from augkit.folder.domains import Domain, Labels
from augkit.folder.lists import OpenList, open_given, plan_list
from augkit.folder.naming import Sources
from augkit.folder.options import Job
from augkit.folder.pairing import masks_among, outside
from augkit.folder.tree import all_files, files_beside, one_source
from augkit.folder.walk import Found

_LONGEST_NAME = 4096
"""Characters of a line of a list; no file system takes longer paths."""


class Selection(NamedTuple):
    """What was chosen.

    Attributes
    ----------
    sources, others : list of Found
        The files to be noised, and those of other kinds.
    known : list of Found
        All files of the domain's kinds that are in SRC, chosen or not.
    excluded : set of str
        Names of files that must not be copied.
    given : OpenList or None
        The list of the domain's own that named the sources, where one did.
    """

    sources: list[Found]
    others: list[Found]
    known: list[Found]
    excluded: Collection[str] = ()
    given: OpenList | None = None


def select(job: Job, domain: Domain, labels: Labels) -> Selection:
    """Find the files of a run.

    Raises
    ------
    UsageError
        For a list or a pattern that cannot be read.
    """
    suffixes = tuple(domain.suffixes())
    if job.only is not None:
        own = one_source(job, job.only)
        return Selection([own], files_beside(job, own.name) if job.folder.labels == "copy" else [], [own])
    files = all_files(job)
    if job.folder.files_from is not None:
        return _listed(job, files, job.folder.files_from, suffixes, labels)
    included, excluding = _patterns(job.folder.include), _patterns(job.folder.exclude)
    excluded = {file.name for file in files if _any(excluding, file.name)}
    ours, others = [], []
    for file in files:
        if file.name in excluded:
            continue
        if file.is_folder:  # one that cannot be entered: nobody knows what it holds
            ours.append(file)
        elif not file.name.lower().endswith(suffixes):
            others.append(file)
        elif not included or _any(included, file.name):
            ours.append(file)
    return Selection(ours, others, [file for file in files if file.name.lower().endswith(suffixes)], excluded)


def _listed(job: Job, files: Sequence[Found], listing: str, suffixes: tuple[str, ...], labels: Labels) -> Selection:
    """Return the files that a list names; each that cannot be taken comes with its fault."""
    given = open_given(labels, listing, "files_from")
    title = Path(listing).name
    known = {unicodedata.normalize("NFC", file.name): file for file in files}
    ours = [file for file in files if file.name.lower().endswith(suffixes)]
    trees = {owners.tree for owners in masks_among(labels, ours)} if given else set()
    wanted = _named_in(job, outside(trees, ours), given) if given else _lines_of(Path(listing))
    chosen = []
    for name, found in sorted(wanted.items(), key=lambda pair: (pair[1] or pair[0], pair[0])):
        file = known.get(unicodedata.normalize("NFC", found), Found(name, 0, f"listed in {title} but not found"))
        if not file.fault and not file.name.lower().endswith(suffixes):
            file = Found(name, 0, f"listed in {title} but none of {' '.join(suffixes)}")
        chosen.append(file)
    chosen = list({file.name: file for file in chosen}.values())
    taken = {file.name for file in chosen}
    others = [file for file in files if file.name not in taken and not file.name.lower().endswith(suffixes)]
    return Selection(chosen, others if job.folder.labels == "copy" else [], ours, given=given)


def _lines_of(listing: Path) -> Mapping[str, str]:
    """Return the names in a text file, one a line, each as what it is looked up by."""
    try:
        lines = listing.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"files_from={listing}: a text file of names was expected: {error}") from None
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_NAME:
            raise UsageError(f"files_from={listing}: line {number} has {len(line)} characters; a name was expected")
    names = (PurePosixPath(line.rstrip("\r")).as_posix() for line in lines if line.strip())
    return {name: name for name in names}


def _named_in(job: Job, files: Sequence[Found], given: OpenList) -> Mapping[str, str]:
    """Return the names in a list of the domain's own, each with the file in SRC that it leads to."""
    names, every = given.listing.names, {file.name for file in files}
    try:
        planned = plan_list(job, given, Sources(job.source_root, every, by_stem=given.listing.by_stem), every)
    except InputError as error:
        raise UsageError(f"files_from={given.path}: {error}") from None
    if planned is None:
        first = f", such as {names[0]}" if names else ""
        raise UsageError(f"files_from={given.path}: none of its {len(names)} names leads to a file in {job.src}{first}")
    return {name: planned.sources.get(name, "") for name in names}


_Pattern: TypeAlias = tuple[bool, re.Pattern[str]]


def _patterns(globs: Iterable[str]) -> list[_Pattern]:
    return [_glob(glob) for glob in globs]


def _any(patterns: Iterable[_Pattern], name: str) -> bool:
    return any(pattern.fullmatch(name if whole else PurePosixPath(name).name) for whole, pattern in patterns)


def _set(body: str) -> str:
    """Return the regular expression for one character of those between brackets."""
    none_of = body[0] in "!^" and len(body) > 1
    escaped = re.sub(r"([\[\\&~|^])", r"\\\1", body[none_of:])
    return f"[{'^' if none_of else ''}{escaped}]"


def _glob(pattern: str) -> _Pattern:
    """Return whether a glob is matched on the whole name, and its regular expression."""
    text = ""
    for part in re.split(r"(\*\*/?|\*|\?|\[[^\]]+\])", pattern):
        wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part)
        text += wild or (_set(part[1:-1]) if part.startswith("[") and part.endswith("]") else re.escape(part))
    try:
        return "/" in pattern, re.compile(text)
    except re.error as error:
        raise UsageError(f"the glob {pattern!r} cannot be read: {error}") from None
