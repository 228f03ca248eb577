"""Samples as WebDataset cuts them: members of one key that follow each other, a key ending at the first dot.

``n/0001.seg.png`` has the key ``n/0001`` and the extension ``seg.png``. Other members (folders, links, files without
extension, and ``__meta__`` files) belong to no sample, and interrupt none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from augkit.errors import InputError
from augkit.folder.domains import Domain
from augkit.folder.tars.members import Member, read_members, told
from augkit.folder.tars.options import TarOptions, suffix_of

_CUT = re.compile(r"^((?:.*/|)[^.]+)[.]([^/]*)$")
_META = re.compile(r"__[^/]*__($|/)")
_MOST_MEMBERS = 10_000


class Part(NamedTuple):
    """A member of a sample, or one of none between those of a sample, which has no key."""

    member: Member
    key: str = ""
    extension: str = ""
    is_noised: bool = False


def cut(name: str) -> tuple[str, str] | None:
    """Return the key and the extension of a name; None for one that belongs to no sample."""
    match = None if _META.match(name) else _CUT.match(name)
    return None if match is None else (match[1], match[2])


class Samples(msgspec.Struct, frozen=True):
    """The samples of a tar that is open at `file` and `length` bytes long; they may be gone through several times."""

    file: BinaryIO
    length: int
    domain: Domain
    options: TarOptions

    def __iter__(self) -> Iterator[list[Part]]:
        """Yield the members of each sample together with what stands between them, others one by one.

        Raises
        ------
        InputError
            For a broken tar, and a sample that is none.
        """
        sample, between = list[Part](), list[Part]()
        for part in self._parts():
            if not sample and not part.key:
                yield [part]
            elif not part.key:
                between.append(part)
            elif sample and part.key == sample[0].key:
                sample += [*between, part]
                between = []
            else:
                yield from _ended(sample, between)
                sample, between = [part], []
            if len(sample) > _MOST_MEMBERS:
                raise InputError(f"more than {_MOST_MEMBERS} members follow each other with the key {told(part.key)}")
            if len(between) > _MOST_MEMBERS:  # no more of it will come
                yield from _ended(sample, between)
                sample, between = [], []
        yield from _ended(sample, between)

    def _parts(self) -> Iterator[Part]:
        suffixes = self.suffixes
        for member in read_members(self.file, self.length):
            found = cut(member.name) if member.kind in {"file", "sparse"} else None
            yield Part(member) if found is None else Part(member, *found, self.options.chooses(found[1], suffixes))

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Those of the domain."""
        return tuple(self.domain.suffixes())

    def new_extension(self, part: Part) -> str:
        """Return the extension of a member in the output: its own, or that of the format that was asked for."""
        if not part.is_noised:
            return part.extension
        own = suffix_of(part.extension, self.suffixes)
        new = self.domain.output_suffix(own, self.options.options) if own else ""
        return part.extension if new == own else (f".{part.extension}"[: -len(own)] + new)[1:]


def _ended(sample: list[Part], between: list[Part]) -> Iterator[list[Part]]:
    if sample:
        yield sample
    yield from ([other] for other in between)
