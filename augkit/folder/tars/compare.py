"""What noise lies between two tars that hold the same members."""

from __future__ import annotations

import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

from augkit.errors import InputError
from augkit.folder.domains import Domain
from augkit.folder.tars.members import Member, read_members, told
from augkit.folder.tars.options import suffix_of
from augkit.folder.tars.packing import reading
from augkit.folder.tars.samples import cut

_PIECE = 2**20


def compare_tars(domain: Domain, clean: Path, noisy: Path) -> dict[str, Any]:
    """Return the levels between two tars: of all members that differ, the largest ``std``; None where it is unknown.

    Raises
    ------
    InputError
        Where they do not hold the same members, or one that is not of the domain differs.
    """
    largest: float | None = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="augkit-compare-") as place,
        reading(clean, Path(place, "clean")) as (first, length, _),
        reading(noisy, Path(place, "noisy")) as (second, other_length, _),
    ):
        for one, other in zip_longest(read_members(first, length), read_members(second, other_length)):
            if one is None or other is None or (one.name, one.kind) != (other.name, other.kind):
                raise InputError(f"{noisy}: {told((other or one).name)} is not where {clean} has it")
            if _same(first, one, second, other):
                continue
            found = cut(one.name)
            suffix = suffix_of(found[1], tuple(domain.suffixes())) if found else ""
            if suffix.lower() not in domain.suffixes():
                raise InputError(f"{noisy}: {told(one.name)} differs")
            paths = Path(place, f"clean{suffix}"), Path(place, f"noisy{suffix}")
            for path, file, member in zip(paths, (first, second), (one, other), strict=True):
                _take_out(file, member, path)
            levels = domain.compare(*paths)
            known = None if levels.get("columns") else levels.get("std")
            largest = None if largest is None or known is None else max(largest, known)
    return {"snr_db": None, "std": largest, "psnr_db": None, "clipped": None}


def _same(first: BinaryIO, one: Member, second: BinaryIO, other: Member) -> bool:
    if one.size != other.size:
        return False
    for begin in range(0, one.size, _PIECE):
        pieces = []
        for file, member in ((first, one), (second, other)):
            file.seek(member.data + begin)
            pieces.append(file.read(min(_PIECE, one.size - begin)))
        if pieces[0] != pieces[1]:
            return False
    return True


def _take_out(file: BinaryIO, member: Member, path: Path) -> None:
    file.seek(member.data)
    left = member.size
    with path.open("wb") as out:
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            out.write(piece)
            left -= len(piece)
