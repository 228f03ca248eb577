"""What a sweep is asked for: which trees it has, where they lie, and the options of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from augkit.errors import UsageError
from augkit.folder.domains import DOMAINS, load_domain
from augkit.folder.walk import walk
from augkit.level import KINDS, NoiseOptions, parse_level

SWEPT = ("noise", "preset", *KINDS)
"""The options that may be several."""

_UNPORTABLE = re.compile(r"[^a-z0-9_.,=+-]+")


class Variant(msgspec.Struct, frozen=True):
    """One tree of a sweep.

    Attributes
    ----------
    options : NoiseOptions
        Its own, as a run by itself has them.
    level : float or None
        The number of its level, or the severity of a preset; None where the noise carries its own.
    """

    options: NoiseOptions
    level: float | None


class Swept(msgspec.Struct, frozen=True):
    """What a section sweeps over.

    Attributes
    ----------
    table : dict
        The options that are several, in the one form in which a recipe holds them.
    trees : dict of Variant
        By their places below DST, such as ``student-t-df=3/10dB``.
    """

    table: dict[str, Any]
    trees: dict[str, Variant]


class _Tree(NamedTuple):
    """The place of a tree, its level, and the options that it has in place of those that are swept."""

    place: str
    level: float | None
    table: dict[str, Any]


def as_swept(given: Mapping[str, Any], make: Callable[[dict[str, Any]], NoiseOptions]) -> Swept:
    """Read a table of options in which ``noise``, one level and ``preset`` may be several; `make` reads that of a tree.

    The place of a tree is NOISE/LEVEL. Of the noise's text, what is no letter, digit or one of ``_.,=+-`` becomes a
    hyphen; a level has its unit (``0.1sd``, ``10dB``), and 25/255 is ``25-255``. A preset lies where its set has it.

    Raises
    ------
    UsageError
        For nothing to sweep over, a range, levels of single columns, two trees of one place, or what `make` refuses.
    """
    trees = list(_of_presets(given)) if given.get("preset") is not None else list(_of_levels(given))
    twice = [place for place, count in Counter(tree.place for tree in trees).items() if count > 1]
    if twice:
        raise UsageError(f"sweep: two of its trees would both be {twice[0]}; name each noise and each level once")
    common = {key: value for key, value in given.items() if key not in SWEPT}
    return Swept(_table(given), {tree.place: Variant(make(common | tree.table), tree.level) for tree in trees})


def _of_presets(given: Mapping[str, Any]) -> Iterator[_Tree]:
    from augkit.images.presets import parse_presets

    if not isinstance(given["preset"], str):
        raise UsageError(f"preset={given['preset']!r}: text was expected, such as imagenet-c/*")
    own = {name: given[name] for name in ("noise", *KINDS) if given.get(name) is not None}
    for preset in parse_presets(given["preset"]):
        yield _Tree(preset.folder, float(preset.severity), own | {"preset": str(preset)})


def _of_levels(given: Mapping[str, Any]) -> Iterator[_Tree]:
    kinds = [kind for kind in KINDS if given.get(kind) is not None]
    noises = _entries(given.get("noise"))
    if len(kinds) > 1:
        raise UsageError(f"a sweep is over one kind of level, got {' and '.join(kinds)}")
    if not kinds and not noises:
        raise UsageError("a sweep needs levels, of std, scale, snr_db or psnr_db, such as 0.05,0.1,0.2, or a preset")
    for noise in noises or [""]:
        folder = _folder(noise or ("gaussian" if given.get("backgrounds") is None else "backgrounds"))
        own = {"noise": noise} if noise else {}
        if not kinds:
            yield _Tree(folder, None, own)
        for level, name, text in _levels(kinds[0], given[kinds[0]]) if kinds else ():
            yield _Tree(f"{folder}/{name}", level, own | {kinds[0]: text})


def _levels(kind: str, given: Any) -> Iterator[tuple[float, str, float | str]]:
    """Yield each level with its number, the name of its folder, and as it was given."""
    entries = [part for entry in _entries(given) for part in (entry.split(",") if isinstance(entry, str) else [entry])]
    for entry in entries:
        text = str(entry).strip()
        if ".." in text:
            raise UsageError(
                f"{kind}={text}: a level is drawn from a range for each output, and a sweep has a tree for each "
                "level; list them, as in 0.05,0.1,0.2, or run without a sweep"
            )
        if "=" in text:
            raise UsageError(
                f"{kind}={text}: a sweep has one level for all columns; make a run for each where columns differ"
            )
    whole = parse_level(kind, [str(entry).strip() for entry in entries])
    for number, entry in zip(whole.values, entries, strict=True):
        text = str(entry).strip()
        name = f"{number + 0.0:.10g}{whole.unit}"  # no -0
        if "/" in text:
            name = text.lower().replace(" ", "").replace("/", "-").removesuffix("db")
        yield number + 0.0, name + ("dB" if kind.endswith("_db") else ""), text if isinstance(entry, str) else entry


def _entries(given: Any) -> list[Any]:
    if given is None:
        return []
    entries = list(given) if isinstance(given, list | tuple) else [given]
    if not all(isinstance(entry, str | int | float) and not isinstance(entry, bool) for entry in entries):
        raise UsageError(f"sweep: {given!r}: text or a list was expected")
    return entries


def _folder(noise: object) -> str:
    return _UNPORTABLE.sub("-", str(noise).strip().lower()).strip("-.") or "noise"


def _table(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("preset") is not None:
        return {"preset": given["preset"]}
    noises = _entries(given.get("noise"))
    table: dict[str, Any] = {"noise": noises if len(noises) > 1 else noises[0]} if noises else {}
    kinds = (kind for kind in KINDS if given.get(kind) is not None)
    return table | {kind: [text for _, _, text in _levels(kind, given[kind])] for kind in kinds}


def domain_of(src: Path) -> str:
    """Return the domain whose suffixes most files of SRC have.

    Raises
    ------
    UsageError
        For SRC that is not there, a tie, or no file of any domain.
    """
    if not src.exists():
        raise UsageError(f"{src}: no such file or folder")
    names = [file.name.lower() for file in walk(src)] if src.is_dir() else [src.name.lower()]
    counts = {domain: sum(name.endswith(tuple(load_domain(domain).suffixes())) for name in names) for domain in DOMAINS}
    most = max(counts.values())
    best = [domain for domain, count in counts.items() if count == most]
    if most == 0:
        raise UsageError(f"{src}: none of its {len(names)} files is an image, a recording or a series")
    if len(best) > 1:
        raise UsageError(f"{src}: it holds {most} files each of {' and '.join(best)}; say which by --domain")
    return best[0]
