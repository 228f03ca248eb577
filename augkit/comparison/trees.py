"""What noise lies between two trees: levels of all files, the law and the colour of some of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from augkit.comparison.files import Measured, looks_at
from augkit.comparison.look import Look, found_in, law_told
from augkit.comparison.rows import Row, read_rows
from augkit.errors import AugkitError, UsageError
from augkit.folder.domains import DOMAINS, load_domain
from augkit.folder.plan import METADATA, RESERVED
from augkit.folder.tally import Spread

LOOKED_AT = 12
"""Files of which the law is looked at: a dozen tell what thousands of one run do."""

_LEVELS = ("std", "snr_db", "psnr_db", "clipped")


class _Pair(NamedTuple):
    name: str
    clean: Path
    noisy: Path
    is_coded: bool


def measure_trees(clean: Path, noisy: Path) -> dict[str, Any]:
    """Measure the noise between two folders of files.

    An output is compared with the source that the manifest in `noisy` names; without a manifest, with the file of the
    same relative name. Levels are those of all files; the law is that which a dozen files, spread evenly, have in
    common, each at a level of its own: lossless ones, where the manifest tells them.

    Returns
    -------
    dict
        ``domain``, ``files``, the mean, least and greatest of each level; ``law`` and ``color``; ``rows``, one a file;
        ``failures``, those that could not be compared; ``only_clean`` and ``only_noisy``, how many have no partner.

    Raises
    ------
    UsageError
        Where no two files belong together.
    """
    return measured_trees(clean, noisy).told


def measured_trees(clean: Path, noisy: Path) -> Measured:
    """Do as `measure_trees`, and return the looks that were taken too."""
    domain, pairs, lone = _paired(clean, noisy)
    compare, rows, failures = load_domain(domain).compare, list[dict[str, Any]](), list[dict[str, str]]()
    good = list[_Pair]()
    for pair in pairs:
        try:
            rows.append({"file_name": pair.name, **compare(pair.clean, pair.noisy)})
            good.append(pair)
        except AugkitError as error:
            failures.append({"file_name": pair.name, "reason": str(error)})
    looks: dict[str, Look] = {}
    exact = [pair for pair in good if not pair.is_coded] or good
    for pair in exact[:: max(1, -(-len(exact) // LOOKED_AT))]:
        for column, look in looks_at(domain, pair.clean, pair.noisy).items():
            if look.cells is not None and len(looks) < 2 * LOOKED_AT:
                looks[f"{pair.name} {column}".strip()] = look
    told = {
        "domain": domain,
        "files": len(good),
        **{name: _spread(rows, name) for name in _LEVELS},
        "law": _law_of(looks),
        "color": _colour_of(looks),
        "only_clean": lone[0],
        "only_noisy": lone[1],
        "failures": failures,
        "rows": rows,
    }
    return Measured(told, looks)


def _law_of(looks: Mapping[str, Look]) -> dict[str, Any] | None:
    kinds = {look.of for look in looks.values()}
    if len(kinds) != 1:  # some coloured and some white: no law is common to them
        return None
    return law_told(found_in(list(looks.values()), as_shares=True), kinds.pop(), None)


def _colour_of(looks: Mapping[str, Look]) -> dict[str, Any] | None:
    """Return the colour in the middle of those that were found."""
    colours = [look.colour for look in looks.values() if look.colour is not None]
    if not colours:
        return None
    middle = statistics.median_low(colour.exponent for colour in colours)
    told: dict[str, Any] = msgspec.to_builtins(next(colour for colour in colours if colour.exponent == middle))
    return told


def _spread(rows: list[dict[str, Any]], name: str) -> dict[str, float] | None:
    spread = Spread()
    for row in rows:
        own = [row[name]] if row.get(name) is not None else [c.get(name) for c in row.get("columns", {}).values()]
        for value in own:
            spread.add(value)
    return spread.summary()


def _paired(clean: Path, noisy: Path) -> tuple[str, list[_Pair], tuple[int, int]]:
    """Return the domain, the files that belong together and how many are alone in each folder."""
    for path in (clean, noisy):
        if not path.is_dir():
            raise UsageError(f"{path}: two files or two folders were expected, this is no folder")
    rows = {row.file_name: row for row in read_rows(noisy / METADATA, Row)}
    ours = {path.relative_to(noisy).as_posix() for path in _files(noisy)} - {*RESERVED}
    theirs = {path.relative_to(clean).as_posix() for path in _files(clean)}
    known = {name: rows[name].source if name in rows else name for name in ours}
    best, chosen = "", dict[str, str]()
    for domain in DOMAINS:
        suffixes = tuple(load_domain(domain).suffixes())
        fitting = {
            name: source
            for name, source in known.items()
            if source in theirs and name.lower().endswith(suffixes) and source.lower().endswith(suffixes)
        }
        if len(fitting) > len(chosen):
            best, chosen = domain, fitting
    if not chosen:
        raise UsageError(f"{clean} and {noisy}: no two files of one name, of images, audio or series, were found")
    suffixes = tuple(load_domain(best).suffixes())
    alone = [
        sum(name.lower().endswith(suffixes) and name not in used for name in names)
        for names, used in ((theirs, set(chosen.values())), (ours, chosen))
    ]
    pairs = [
        _Pair(name, clean / source, noisy / name, is_coded=name in rows and rows[name].is_coded)
        for name, source in sorted(chosen.items())
    ]
    return best, pairs, (alone[0], alone[1])


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
