"""What noise lies between two files of one domain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from augkit.comparison.gathered import gather
from augkit.comparison.look import Look, found_in, geometric_snr_db, look_at, told_of
from augkit.errors import UsageError
from augkit.folder.domains import DOMAINS, load_domain

IN_ORDER = ("audio", "series")
"""The domains whose samples follow each other in time."""


class Measured(NamedTuple):
    """What is told of the noise between two files, and a look at it for each column that differs."""

    told: dict[str, Any]
    looks: Mapping[str, Look]


def measure_files(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between two files of one domain; the domain follows from the suffix.

    Returns
    -------
    dict
        ``domain``; the levels, as `augkit.measure` tells them; ``law`` and ``color``, which are None where they cannot
        be told; ``geometric_snr_db`` where the law has no variance; of series all this for each of ``columns``.

    Raises
    ------
    UsageError
        For a missing file, or one that no domain reads.
    InputError
        For files that cannot be compared.
    """
    return measured_pair(clean, noisy).told


def measured_pair(clean: Path, noisy: Path) -> Measured:
    """Do as `measure_files`, and return the looks that were taken too."""
    name = domain_of(clean, noisy)
    told = {"domain": name, **load_domain(name).compare(clean, noisy)}
    looks = looks_at(name, clean, noisy)
    own = told.get("columns")
    for column, look in looks.items():
        levels = told if own is None else own[column]
        levels |= told_of(look, found_in([look]))
        geometric = geometric_snr_db(levels, levels["law"])
        if geometric is not None:
            levels["geometric_snr_db"] = geometric
    return Measured(told, looks)


def looks_at(domain: str, clean: Path, noisy: Path) -> dict[str, Look]:
    """Take a closer look at the noise of each column that differs; of images and recordings at all of it."""
    gathered = gather(load_domain(domain).side_by_side(clean, noisy))
    looks = {name: look_at(one, in_order=domain in IN_ORDER) for name, one in gathered.items()}
    return {name: look for name, look in looks.items() if not name or gathered[name].differs}


def domain_of(clean: Path, noisy: Path) -> str:
    """Return the domain of two files.

    Raises
    ------
    UsageError
        Where there is none.
    """
    for path in (clean, noisy):
        if not path.is_file():
            raise UsageError(
                f"{path}: a file was expected" + (", not a folder" if path.is_dir() else ", none is there")
            )
    for name in DOMAINS:
        suffixes = tuple(load_domain(name).suffixes())
        if clean.name.lower().endswith(suffixes) and noisy.name.lower().endswith(suffixes):
            return name
    raise UsageError(f"{clean} and {noisy}: two images, two recordings or two series were expected; see augkit formats")
