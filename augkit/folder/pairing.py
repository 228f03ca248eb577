"""Which source a label belongs to, by its name: beside it, or in a parallel tree."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from augkit.errors import InputError, UsageError
from augkit.folder.domains import Labels
from augkit.folder.naming import Sources, find_base
from augkit.folder.options import Job
from augkit.folder.walk import Found


class Belonging(NamedTuple):
    """A file that goes along with a source.

    Attributes
    ----------
    file : Found
        With its name relative to SRC, or absolute.
    place : str
        Where it would lie in DST were the source not renamed.
    rest : str
        What follows the source's name in its own.
    whole : bool
        Whether that is the source's name with suffix (``a.jpg.json``) or without (``a.json``).
    """

    file: Found
    place: str
    rest: str
    whole: bool = False

    def name_for(self, output: str) -> str:
        """Return its name in DST beside an output."""
        last = output.rpartition("/")[2]
        stem = last if self.whole else next(cuts(last), (last, ""))[0]
        return self.place[: self.place.rfind("/") + 1] + stem + self.rest


class Owners(NamedTuple):
    """The files that another one belongs to: all of one stem. And the parallel tree that it lies in, if so."""

    sources: Sequence[str]
    belonging: Belonging
    tree: str = ""


class Pairing:
    """The sources of a run by name and by stem, in any Unicode form."""

    def __init__(self, labels: Labels, sources: Iterable[str]) -> None:
        self._labels = labels
        self._whole: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = defaultdict(list)
        for name in sources:
            form = unicodedata.normalize("NFC", name)
            self._whole[form] = [name]
            self._stems[next(cuts(form), (form, ""))[0]].append(name)

    def owners(self, file: Found) -> Owners | None:
        """Return the sources of a label: of those that fit, the ones of the longest name, and beside it first."""
        for place, rest in cuts(file.name):
            form = unicodedata.normalize("NFC", place)
            for tree, at in (("", form), *self._labels.source_places(form)):
                whole = at in self._whole
                if whole or at in self._stems:
                    sources = self._whole[at] if whole else self._stems[at]
                    return Owners(sources, Belonging(file, file.name, rest, whole), tree)
        return None

    def owners_elsewhere(self, file: Found) -> Owners | None:
        """Return the sources in other folders of a file that may be a source itself, such as a mask among images."""
        place, rest = next(cuts(file.name), (file.name, ""))
        for tree, at in self._labels.source_places(unicodedata.normalize("NFC", place)):
            if at in self._stems:
                return Owners(self._stems[at], Belonging(file, file.name, rest), tree)
        return None

    def owners_in_tree(self, files: Sequence[Found], tree: Path, home: str, job: Job) -> list[Owners]:
        """Return the owners of the files of a folder that was named as a parallel tree.

        Parameters
        ----------
        files : sequence of Found
            With names relative to the tree.
        tree : Path
            Relative to SRC, or absolute.
        home : str
            Where the tree is to lie in DST.

        Raises
        ------
        UsageError
            Where no file has a source, or two folders of SRC fit equally well.
        """
        known = Sources(job.source_root, self._stems)
        names = [next(cuts(file.name))[0] for file in files]
        try:
            out = job.target_root / home
            base = find_base(names, known, folder=job.source_root / tree, out=out, dst=job.target_root)
        except InputError as error:
            raise UsageError(f"{tree}: {error}") from None
        if base is None:
            first = f", such as {files[0].name}" if files else ""
            raise UsageError(f"{tree}: none of the {len(files)} files here has the name of a source{first}")
        found = []
        for file in files:
            for place, rest in cuts(file.name):
                stem = known.find(place, base)
                if stem is not None:
                    there = file._replace(name=str(tree / file.name))
                    found.append(Owners(self._stems[stem], Belonging(there, f"{home}/{file.name}", rest)))
                    break
        return found


def masks_among(labels: Labels, files: Sequence[Found]) -> list[Owners]:
    """Return the owners of those files that lie in a tree parallel to that of another file of their name."""
    found = [file for file in files if any(labels.source_places(file.name))]
    pairing = Pairing(labels, (file.name for file in files) if found else ())
    return [owners for file in found if (owners := pairing.owners_elsewhere(file))]


def outside(trees: Iterable[str], files: Iterable[Found]) -> list[Found]:
    """Return the files that lie in none of some folders."""
    begins = tuple(tree + "/" for tree in trees)
    return [file for file in files if not file.name.startswith(begins)]


def cuts(name: str) -> Iterator[tuple[str, str]]:
    """Yield a name cut in two at each dot of its last part, the last dot first."""
    begin = name.rfind("/") + 1
    at = name.rfind(".", begin + 1)
    while at >= 0:
        yield name[:at], name[at:]
        at = name.rfind(".", begin + 1, at)
