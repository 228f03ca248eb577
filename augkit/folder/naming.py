"""Where the names in a list lead, and how the list is to name the copies."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

import msgspec

from augkit.errors import InputError
from augkit.sidecars.names import last_part, with_last_part

_SAMPLE = 1000
"""Names of a list that are looked up to find what they are relative to."""


class Base(msgspec.Struct, frozen=True):
    """The folder that the names of a list are relative to, before the run and after it; both are real paths."""

    old: str
    new: str


class Sources:
    """The files of SRC by name, or by name without suffix, in whatever Unicode form a list has it."""

    def __init__(self, root: Path, names: Iterable[str], *, by_stem: bool = False) -> None:
        self.root = os.path.realpath(root)
        self.by_stem = by_stem
        self._spelled = os.path.abspath(root)  # noqa: PTH100
        self._names: dict[str, str] = {}
        self._anywhere: dict[str, str | None] = {}
        for name in names:
            form = self._form(name)
            self._names.setdefault(form, name)
            if by_stem:
                stem = last_part(form)
                self._anywhere[stem] = None if stem in self._anywhere else name
        self._folders: dict[str, str] = {}

    def _form(self, name: str) -> str:
        return unicodedata.normalize("NFC", os.path.splitext(name)[0] if self.by_stem else name)  # noqa: PTH122

    def find(self, text: str, base: Base) -> str | None:
        """Return the source that a list names `text`, or None.

        A name without suffix that is none in the folder of the list is that of the one file so called, wherever it is.
        """
        for path in dict.fromkeys((text, text.replace("\\", "/"))):
            whole = os.path.normpath(os.path.join(base.old, path))  # noqa: PTH118
            if not whole.startswith((self.root + "/", self._spelled + "/")):
                whole = self._resolved(whole)
            root = self.root if whole.startswith(self.root + "/") else self._spelled
            name = self._names.get(unicodedata.normalize("NFC", whole[len(root) + 1 :]))
            if name is not None and whole.startswith(root + "/"):
                return name
        return self._anywhere.get(unicodedata.normalize("NFC", text))

    def _resolved(self, path: str) -> str:
        """Return a path with its folder behind symbolic links."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            with suppress(ValueError, OSError):  # no path at all
                self._folders[folder] = os.path.realpath(folder)
        return f"{self._folders.get(folder, folder)}/{name}"

    def folders_below(self, names: Sequence[str]) -> Counter[str]:
        """Return the folders below SRC in which files of these names lie, and how many."""
        by_last = defaultdict(list)
        for form in self._names:
            by_last[PurePosixPath(form).name].append(form)
        found: Counter[str] = Counter()
        for name in names:
            path = PurePosixPath(unicodedata.normalize("NFC", name.replace("\\", "/"))).as_posix()
            for form in by_last.get(last_part(path), ()):
                if form.endswith("/" + path):
                    found[form[: -len(path) - 1]] += 1
        return found


def find_base(
    names: Sequence[str], sources: Sources, *, folder: Path, out: Path, dst: Path, title: str = ""
) -> Base | None:
    """Find what the names of a list are relative to.

    Its own folder, SRC, a folder above SRC or one below are tried, in this order; that in which most of a sample of the
    names are sources is taken. None where none of them is.

    Parameters
    ----------
    folder, out : Path
        Where the list lies, and where it will lie.
    title : str
        Its file name, which may tell two folders apart.

    Raises
    ------
    InputError
        Where two folders below SRC fit equally well, and the title holds the name of neither.
    """
    sample = names[:: max(1, len(names) // _SAMPLE)]
    real = os.path.realpath
    above = [Base(str(parent), str(parent)) for parent in Path(sources.root).parents]
    fixed = [Base(real(folder), real(out)), Base(sources.root, real(dst))]
    if sources.by_stem:
        return fixed[0] if any(sources.find(name, fixed[0]) is not None for name in names) else None
    best, most = None, 0
    for base in (*fixed, *above):
        count = sum(sources.find(name, base) is not None for name in sample)
        if count > most:
            best, most = base, count
        if most == len(sample):
            return best
    below = sources.folders_below(sample)
    if max(below.values(), default=0) <= most:
        return best
    place = _only(title, sorted(place for place, count in below.items() if count == max(below.values())))
    return Base(f"{sources.root}/{place}", f"{real(dst)}/{place}")


def _only(title: str, places: Sequence[str]) -> str:
    """Return the one of several folders that a list is about, as its name may say."""
    told = [place for place in places if PurePosixPath(place).name in title]
    longest = max((len(PurePosixPath(place).name) for place in told), default=0)
    told = [place for place in told if len(PurePosixPath(place).name) == longest]
    chosen = places if len(places) == 1 else told
    if len(chosen) != 1:
        raise InputError(
            f"its names are those of files in {places[0]} and in {places[1]}; put the list beside the files that it is "
            "about, or run on one folder"
        )
    return chosen[0]


def new_name(text: str, base: Base, target: Path, *, by_stem: bool = False) -> str:
    """Return how a list that names a source `text` is to name its copy `target`, a real path.

    An absolute name stays absolute. A relative one keeps its folders as they are written where they still hold.
    """
    if by_stem:
        return with_last_part(text, target.stem)
    path = os.path.normpath(text.replace("\\", "/"))
    if os.path.isabs(path):  # noqa: PTH117
        return str(target)
    relative = os.path.relpath(target, base.new)
    if os.path.dirname(relative) == os.path.dirname(path):  # noqa: PTH120
        return with_last_part(text, target.name)
    return PurePosixPath(relative).as_posix()
