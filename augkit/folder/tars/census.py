"""All headers of a tar, read once before anything is made of it: what it holds, and whether its outputs have names."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from augkit.blake2 import blake2b
from augkit.errors import InputError
from augkit.folder.tars.members import told
from augkit.folder.tars.samples import Part, Samples

_COPY = re.compile(r"(.+)_n([1-9][0-9]{0,6})", re.DOTALL)
_KINDS_TOLD = 8


class Census(NamedTuple):
    """What a tar holds.

    Attributes
    ----------
    samples, noised : int
        Samples, and members that get noise.
    extensions, alike : Counter
        Extensions, and those of them that get no noise though they end like those of the domain.
    end : int
        Where the last member ends.
    """

    samples: int
    noised: int
    extensions: Counter[str]
    alike: Counter[str]
    end: int


def take_census(samples: Samples) -> Census:
    """Count what a tar holds.

    Raises
    ------
    InputError
        For a broken tar, and for one of whose outputs two would have one name.
    """
    count = noised = end = 0
    extensions, alike, names = Counter[str](), Counter[str](), _Names(samples)
    suffixes = samples.suffixes
    for sample in samples:
        count += bool(sample[0].key)
        end = sample[-1].member.end
        for part in sample:
            if part.member.kind == "link":
                _check_link(part, samples)
            if not part.key:
                continue
            noised += part.is_noised
            names.add(part)
            _count(extensions, part.extension)
            if not part.is_noised and f".{part.extension}".lower().endswith(suffixes):
                _count(alike, part.extension)
    names.check()
    return Census(count, noised, extensions, alike, end)


def _count(counter: Counter[str], word: str) -> None:
    if word in counter or len(counter) < _KINDS_TOLD:
        counter[word] += 1


def _check_link(part: Part, samples: Samples) -> None:
    if samples.options.copied and not samples.options.keep_original:
        raise InputError(
            f"{told(part.member.name)} is a hard link, and what it links to gets other names; pack the tar with "
            "--hard-dereference, or keep the originals"
        )


class _Names:
    """The names of outputs as eight bytes each, so that those of a million members take little.

    A copy's name is one of a kept original's only if that is called like a copy: ``a.png`` and ``a_n1.png``.
    """

    def __init__(self, samples: Samples) -> None:
        self._samples, self._options = samples, samples.options
        self._copied, self._kept, self._like_copies = array("Q"), array("Q"), array("Q")

    def add(self, part: Part) -> None:
        """Take in a member of a sample."""
        copied, *kept = self._names_of(part)
        self._copied.append(_hash(copied))
        if self._options.keep_original:
            self._kept.append(_hash(kept[0]))
            self._like_copies.extend(map(_hash, kept[1:]))

    def _names_of(self, part: Part) -> Iterator[str]:
        """Yield a member's name as a copy's, without number; its own; and, if that is like a copy's, without number."""
        yield f"{part.key}.{self._samples.new_extension(part)}"
        yield part.member.name
        match = _COPY.fullmatch(part.key)
        if match is not None and int(match[2]) <= self._options.copies:
            yield f"{match[1]}.{part.extension}"

    def check(self) -> None:
        """Raise `InputError` where two outputs would have one name."""
        clash = {*_twice(self._copied), *_twice(self._kept)}
        clash.update(np.intersect1d(np.array(self._copied), np.array(self._like_copies)).tolist())
        if not clash:
            return
        parts = (part for sample in self._samples for part in sample if part.key)
        found = (part for part in parts if clash & set(map(_hash, self._names_of(part))))
        name = next((told(part.member.name) for part in found), "")
        raise InputError(f"{name}: two members would have this name in the output, or a copy's; rename one of them")


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def _twice(hashes: array[int]) -> list[int]:
    """Return those that are there more than once."""
    ordered: NDArray[np.uint64] = np.sort(np.array(hashes, np.uint64))
    found: list[int] = ordered[1:][ordered[1:] == ordered[:-1]].tolist()
    return found
