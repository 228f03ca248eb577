"""What a run does, as data: recipes in TOML.

A recipe has a seed and one section for each folder, under the name of its domain::

    seed = 7

    [[images]]
    src = "photos"
    dst = "photos-noisy"
    noise = "student-t:df=3"
    std = "0.02..0.2"
    copies = 2

With ``sweep = true`` the noises and levels that a section lists get a tree of outputs each, as `as_swept` reads them.
Paths are relative to the recipe. Each DST holds the recipe of its own section, which repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from augkit._version import __version__
from augkit.errors import UsageError, nearest
from augkit.folder.options import FolderOptions
from augkit.folder.remote.urls import as_place, is_url
from augkit.level import NoiseOptions
from augkit.swept import SWEPT, Swept, as_swept

VERSION = 1
SWEEP = "sweep"
SIZE_CAP = 1_000_000
"""Bytes of the largest recipe that is read."""

_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "images": "augkit.images.options:ImageOptions",
        "audio": "augkit.audio.options:AudioOptions",
        "series": "augkit.series.options:SeriesOptions",
    }
)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of a recipe: its domain, its places (absolute) and its options, of a sweep those of the first tree."""

    domain: str
    src: str
    dst: str
    options: NoiseOptions
    folder: FolderOptions = FolderOptions()
    swept: Swept | None = None

    def trees(self) -> dict[str, Section]:
        """Return the section of each tree of outputs by its place below DST: this one under "" where it is alone."""
        variants = self.options.variants()
        if self.swept is not None:
            variants = {place: variant.options for place, variant in self.swept.trees.items()}
        elif len(variants) == 1:
            return {"": self}
        return {
            place: msgspec.structs.replace(self, dst=str(Path(self.dst) / place), options=options, swept=None)
            for place, options in variants.items()
        }


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A seed, None where none is given, and sections."""

    seed: int | None
    sections: tuple[Section, ...]


def options_type(domain: str) -> type[NoiseOptions]:
    """Return the struct of a domain's own options."""
    from importlib import import_module

    module, _, name = _OPTIONS[domain].partition(":")
    chosen: type[NoiseOptions] = getattr(import_module(module), name)
    return chosen


def make_section(domain: str, src: str, dst: str, given: Mapping[str, Any], where: str = "") -> Section:
    """Build a section from a flat table of options, strictly.

    Raises
    ------
    UsageError
        For an unknown key (with the nearest known one), a wrong type or a value out of range; `where` begins it.
    """
    own = options_type(domain)
    known = (*own.__struct_fields__, *FolderOptions.__struct_fields__, SWEEP)
    for key in given:
        if key not in known:
            raise UsageError(f"{where}{key}: no such option of {domain}{nearest(key, known)}")
    ours = {key: value for key, value in given.items() if key in FolderOptions.__struct_fields__}
    theirs = {key: value for key, value in given.items() if key not in ours and key != SWEEP}
    try:
        folder = msgspec.convert(ours, FolderOptions)
        folder.check()
        asked = msgspec.convert({SWEEP: given.get(SWEEP, False)}, _Flag).sweep
        swept = as_swept(theirs, lambda table: _checked(own, table)) if asked else None
        options = next(iter(swept.trees.values())).options if swept else _checked(own, theirs)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}{_fault(error)}") from None
    except UsageError as error:
        raise UsageError(f"{where}{error}") from None
    places = {"src": as_place(src), "dst": as_place(dst)}
    return Section(domain=domain, **places, options=options, folder=folder, swept=swept)


class _Flag(msgspec.Struct):
    sweep: bool


def _checked(own: type[NoiseOptions], table: Mapping[str, Any]) -> NoiseOptions:
    options = msgspec.convert(table, own)
    options.check()
    return options


def _fault(error: msgspec.ValidationError) -> str:
    text, _, path = str(error).partition(" - at `$")
    name = path.rstrip("`").lstrip(".")
    return f"{name}: {text[0].lower()}{text[1:]}" if name else text


def load_recipe(path: Path, url: str | None = None) -> Recipe:
    """Read and check a recipe file; `url` is where it was fetched from, if it was, so that its paths must be absolute.

    Raises
    ------
    UsageError
        With the path of the fault.
    """
    import tomllib

    try:
        if not path.is_file() or path.stat().st_size > SIZE_CAP:
            if path.exists() and not path.is_file():
                raise UsageError(f"{path}: a file was expected")
            path.stat()
            raise UsageError(f"{path}: a recipe of at most {SIZE_CAP} bytes was expected")
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no recipe could be read: {getattr(error, 'strerror', None) or error}") from None
    where = path if url is None else url
    version, seed = data.pop("version", VERSION), data.pop("seed", None)
    if version != VERSION:
        raise UsageError(f"{where}: version: this augkit reads version {VERSION}, got {version!r}")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
        raise UsageError(f"{where}: seed: an integer of 0 or more was expected, got {seed!r}")
    sections = tuple(_sections(where, data))
    if not sections:
        raise UsageError(f"{where}: a section was expected, one of [[images]], [[audio]], [[series]]")
    return Recipe(seed=seed, sections=sections)


def with_budget(recipe: Recipe, on_error: str | None, max_errors: str | None) -> Recipe:
    """Return a recipe with another error budget, where one is given: of the outputs it changes nothing.

    Raises
    ------
    UsageError
        For a budget that means nothing.
    """
    if on_error is None and max_errors is None:
        return recipe
    budget = {"on_error": on_error or "skip", "max_errors": max_errors}
    sections = tuple(
        msgspec.structs.replace(section, folder=msgspec.structs.replace(section.folder, **budget))
        for section in recipe.sections
    )
    for section in sections:
        section.folder.check()
    return msgspec.structs.replace(recipe, sections=sections)


def _sections(path: Path | str, data: Mapping[str, Any]) -> list[Section]:
    sections = []
    streams: dict[tuple[str, str], str] = {}
    for domain, tables in data.items():
        if domain not in _OPTIONS:
            raise UsageError(
                f"{path}: {domain}: no such section{nearest(domain, _OPTIONS)}; known are {', '.join(_OPTIONS)}"
            )
        for number, table in enumerate(tables if isinstance(tables, list) else [tables]):
            where = f"{path}: {domain}[{number}]."
            if not isinstance(table, dict):
                raise UsageError(f"{where.rstrip('.')}: a table was expected, as in [[{domain}]]")
            table = dict(table)  # noqa: PLW2901
            given_src = table.get("src")
            src, dst = (_place(path, where, name, table.pop(name, None)) for name in ("src", "dst"))
            for name in (*FolderOptions.PATHS, *options_type(domain).PATHS):
                if isinstance(table.get(name), list):
                    table[name] = [_place(path, where, name, value) for value in table[name]]
                elif name in table:
                    table[name] = _place(path, where, name, table[name])
            # sources of one name in two sections must not get one noise, but levels of one source share theirs
            streams.setdefault((domain, src), str(given_src) if any(key[0] == domain for key in streams) else "")
            table.setdefault("stream", streams[domain, src])
            sections.append(make_section(domain, src, dst, table, where))
    return sections


def _place(recipe: Path | str, where: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise UsageError(f"{where}{name}: a path was expected, got {value!r}")
    place = as_place(value, "" if isinstance(recipe, str) else os.path.realpath(recipe.parent))
    if is_url(place):
        return place
    if isinstance(recipe, str):
        if not os.path.isabs(value):  # noqa: PTH117
            raise UsageError(f"{where}{name}: a URL or a path from the root was expected, got {value!r}")
        return os.path.normpath(value)
    return os.path.normpath(os.path.join(os.path.realpath(recipe.parent), place))  # noqa: PTH118


def dump_section(section: Section, seed: int) -> bytes:
    """Return the recipe.toml of one section, with paths relative to its DST and only what is not a default.

    URLs stay as they are; below one that is DST, paths are absolute.
    """
    import tomli_w

    dst = None if is_url(section.dst) else os.path.realpath(section.dst)
    table: dict[str, Any] = {"src": _told_source(section.src, dst), "dst": section.dst if dst is None else "."}
    for part in (section.options, section.folder):
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
            if value != default:
                table[field.name] = value
    if section.swept is not None:
        table = {name: value for name, value in table.items() if name not in SWEPT} | {SWEEP: True}
        table |= section.swept.table
    for name in table.keys() & {*FolderOptions.PATHS, *section.options.PATHS}:
        value = table[name]
        table[name] = [_relative(one, dst) for one in value] if isinstance(value, list) else _relative(value, dst)
    text = f"# written by augkit {__version__}\n" + tomli_w.dumps(
        {"version": VERSION, "seed": seed, section.domain: [table]}
    )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        line = text[text.rfind("\n", 0, error.start) + 1 :].partition("\n")[0]
        raise UsageError(f"{line}: a recipe holds UTF-8 only, and this name is none; rename it") from None


def _told_source(place: str, dst: str | None) -> str:
    if is_url(place):
        return place
    # of a file only the folder is resolved: a symbolic link keeps its own name
    return Path(_relative(os.path.realpath(place) if Path(place).is_dir() else place, dst)).as_posix()


def _relative(path: str, folder: str | None) -> str:
    parent, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    real = os.path.join(os.path.realpath(parent), name)  # noqa: PTH118
    return real if folder is None else os.path.relpath(real, folder)
