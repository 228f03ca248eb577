"""Names that labels and lists hold of other files, and what becomes of them when those files are copied."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class Copy(NamedTuple):
    """One file that a source became, as a list has to tell of it.

    Attributes
    ----------
    number : int
        Which copy; 0 is the unchanged original.
    suffix : str
        What the stem was given, such as ``"_n1"``: ids get it too. Empty where the stem is the source's.
    name : str
        The new file in the form in which the list named the old one.
    labels : tuple of str
        Names in DST of the labels that went along with this file.
    """

    number: int
    suffix: str
    name: str
    labels: tuple[str, ...] = ()


Copies = Mapping[str, Sequence[Copy]]
"""By the name that a list gives a source, what it became; a name without copies is not in DST."""


class Listing(Protocol):
    """A list of many sources that was recognised: one file, or some that belong together."""

    @property
    def folder(self) -> Path:
        """Where its files lie."""

    @property
    def home(self) -> str:
        """The folder that they get in DST where they come from outside of SRC; empty for DST itself."""

    @property
    def parts(self) -> Sequence[str]:
        """The files that come out rewritten; the first one names the list."""

    @property
    def names(self) -> Sequence[str]:
        """What it calls its sources, each once: paths, or names without suffix."""

    @property
    def by_stem(self) -> bool:
        """Whether the names are without suffix."""

    @property
    def notices(self) -> Sequence[str]:
        """What cannot go along, in words."""

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield the bytes of `part` as they tell of the copies, of which no source has more than `most`."""
        ...


class Edited(NamedTuple):
    """A label that tells of a copy, and what in it did not go along."""

    data: bytes
    notices: tuple[str, ...] = ()


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are one, whatever their Unicode form."""
    return one == other or unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def last_part(text: str) -> str:
    """Return what follows the last slash, of either kind."""
    return text[max(text.rfind("/"), text.rfind("\\")) + 1 :]


def with_last_part(text: str, name: str) -> str:
    """Return a path with another last part, and its folders as they are written."""
    return text[: len(text) - len(last_part(text))] + name


def followed(text: str, old: Path, new: Path) -> str | None:
    """Return what a path that names the file `old` is to be for its copy `new`, or None where it names another file.

    An absolute path that leads to the source leads to the copy then. Any other, such as one of another machine, keeps
    its folders.
    """
    if not same_name(last_part(text), old.name):
        return None
    if Path(text).is_absolute() and os.path.realpath(text) == os.path.realpath(old):
        return str(new)
    return with_last_part(text, new.name)


def parallel_places(place: str, trees: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield (tree, place) for every parallel tree in which the source of a label at `place` may lie.

    Parameters
    ----------
    place : str
        The label's name without its suffix, such as ``labels/train/a``.
    trees : mapping
        By the name of a folder of labels, the names of the folders beside it that may hold the sources.
    """
    parts = place.split("/")
    for i, part in enumerate(parts[:-1]):
        for other in trees.get(part, ()):
            yield "/".join(parts[: i + 1]), "/".join((*parts[:i], other, *parts[i + 1 :]))
