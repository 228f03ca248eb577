"""What a run does, as data: recipes in TOML, and running them.

A recipe has a seed and one section for each folder, under the name of its domain::

    seed = 7

    [[images]]
    src = "photos"
    dst = "photos-noisy"
    noise = "student-t:df=3"
    std = "0.02..0.2"
    copies = 2

Paths are relative to the recipe. Each DST holds the recipe of its own section, which repeats it.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from augkit._version import __version__
from augkit.errors import UsageError, nearest
from augkit.folder.limits import Limits, as_bytes
from augkit.folder.options import FolderOptions, Job
from augkit.folder.plan import RECIPE, Plan
from augkit.folder.run import HowToRun, Progress, Stop, check_job, run_job
from augkit.folder.shards import as_shard
from augkit.folder.tally import Report
from augkit.level import NoiseOptions
from augkit.sweep import Sweep

VERSION = 1
_SIZE_CAP = 1_000_000
_SEED_BITS = 53  # what every reader of JSON holds exactly

_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "images": "augkit.images.options:ImageOptions",
        "audio": "augkit.audio.options:AudioOptions",
        "series": "augkit.series.options:SeriesOptions",
    }
)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One folder of a recipe: its domain, its places (absolute) and its options."""

    domain: str
    src: str
    dst: str
    options: NoiseOptions
    folder: FolderOptions = FolderOptions()


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
    known = (*own.__struct_fields__, *FolderOptions.__struct_fields__)
    for key in given:
        if key not in known:
            raise UsageError(f"{where}{key}: no such option of {domain}{nearest(key, known)}")
    ours = {key: value for key, value in given.items() if key in FolderOptions.__struct_fields__}
    theirs = {key: value for key, value in given.items() if key not in ours}
    try:
        folder = msgspec.convert(ours, FolderOptions)
        options = msgspec.convert(theirs, own)
        folder.check()
        options.check()
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}{_fault(error)}") from None
    except UsageError as error:
        raise UsageError(f"{where}{error}") from None
    return Section(domain=domain, src=src, dst=dst, options=options, folder=folder)


def _fault(error: msgspec.ValidationError) -> str:
    text, _, path = str(error).partition(" - at `$")
    name = path.rstrip("`").lstrip(".")
    return f"{name}: {text[0].lower()}{text[1:]}" if name else text


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe file.

    Raises
    ------
    UsageError
        With the path of the fault.
    """
    try:
        if not path.is_file() or path.stat().st_size > _SIZE_CAP:
            if path.exists() and not path.is_file():
                raise UsageError(f"{path}: a file was expected")
            path.stat()
            raise UsageError(f"{path}: a recipe of at most {_SIZE_CAP} bytes was expected")
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no recipe could be read: {getattr(error, 'strerror', None) or error}") from None
    version, seed = data.pop("version", VERSION), data.pop("seed", None)
    if version != VERSION:
        raise UsageError(f"{path}: version: this augkit reads version {VERSION}, got {version!r}")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
        raise UsageError(f"{path}: seed: an integer of 0 or more was expected, got {seed!r}")
    sections = tuple(_sections(path, data))
    if not sections:
        raise UsageError(f"{path}: a section was expected, one of [[images]], [[audio]], [[series]]")
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


def _sections(path: Path, data: Mapping[str, Any]) -> list[Section]:
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


def _place(recipe: Path, where: str, name: str, value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise UsageError(f"{where}{name}: a path was expected, got {value!r}")
    return os.path.normpath(os.path.join(os.path.realpath(recipe.parent), value))  # noqa: PTH118


def dump_section(section: Section, seed: int) -> bytes:
    """Return the recipe.toml of one section, with paths relative to its DST and only what is not a default."""
    import tomli_w

    dst = os.path.realpath(section.dst)
    src = Path(section.src)
    # of a file only the folder is resolved: a symbolic link keeps its own name
    real = os.path.realpath(src) if src.is_dir() else os.path.join(os.path.realpath(src.parent), src.name)  # noqa: PTH118
    table: dict[str, Any] = {"src": Path(os.path.relpath(real, dst)).as_posix(), "dst": "."}
    for part in (section.options, section.folder):
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
            if value != default:
                table[field.name] = value
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


def _relative(path: str, folder: str) -> str:
    parent, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    return os.path.relpath(os.path.join(os.path.realpath(parent), name), folder)  # noqa: PTH118


def fresh_seed() -> int:
    """Draw a seed from the system's entropy."""
    return secrets.randbits(_SEED_BITS)


def seed_for(recipe: Recipe, how: HowToRun) -> int:
    """Return the seed of a run: the one given, the one of a run that is resumed, or a fresh one.

    Raises
    ------
    UsageError
        For a shard without one, as all shards need the same.
    """
    recorded = [Path(section.dst) / RECIPE for section in recipe.sections]
    seeds = [load_recipe(path).seed for path in recorded if how.resume and path.is_file()]
    given = [seed for seed in (recipe.seed, *seeds) if seed is not None]
    if how.shard is not None and not given:
        raise UsageError(f"shard {how.shard}: its sisters need the same seed; give all of them one --seed")
    return given[0] if given else fresh_seed()


def as_job(section: Section, seed: int) -> Job:
    """Turn a section into the job of a folder run."""
    src = Path(section.src)
    single = not src.is_dir() and os.path.lexists(src)
    return Job(
        domain=section.domain,
        src=str(src.parent if single else src),
        dst=section.dst,
        only=src.name if single else None,
        seed=seed,
        options=section.options,
        folder=section.folder,
    )


class Planned(NamedTuple):
    """A section that was checked and is ready to run, in its way: of several, those not begun yet are not resumed.

    A section that sweeps over several noises is planned as one for each, below the folder of the sweep.
    """

    section: Section
    job: Job
    plan: Plan
    recipe: bytes
    how: HowToRun
    sweep: Sweep | None = None


def plan_sections(sections: Sequence[Section], seed: int, how: HowToRun) -> list[Planned]:
    """Plan and check all sections, as nothing is written before all of them can be run.

    Raises
    ------
    UsageError
        For the first section that cannot be run, or two of them with one DST.
    """
    for section in sections:
        for other in sections:
            if other is not section:
                _check_apart(Path(section.dst), Path(other.dst), "another section's DST")
                if Path(other.src).is_dir():
                    _check_apart(Path(section.dst), Path(other.src), "another section's SRC")
    planned = []
    for section in sections:
        for name in section.options.PATHS:
            if value := getattr(section.options, name):
                _check_apart(Path(section.dst), Path(value), name)
        begun = len(sections) == 1 or (Path(section.dst) / RECIPE).is_file()
        own = msgspec.structs.replace(how, resume=how.resume and begun)
        variants = section.options.variants()
        planned += [_plan(section, seed, own)] if len(variants) == 1 else _plan_sweep(section, variants, seed, own)
    return planned


def _plan(section: Section, seed: int, how: HowToRun, sweep: Sweep | None = None) -> Planned:
    job, recipe = as_job(section, seed), dump_section(section, seed)
    if sweep is not None:
        how = sweep.way_of(job.target_root, recipe, how)
    elif how.overwrite:
        _refuse_sweep(job.target_root)
    return Planned(section, job, check_job(job, how), recipe, how, sweep)


def _refuse_sweep(dst: Path) -> None:
    """Raise `UsageError` where the trees of a sweep would stay beside what overwrites it."""
    path = dst / RECIPE
    if path.is_file() and any(len(section.options.variants()) > 1 for section in load_recipe(path).sections):
        raise UsageError(f"{dst}: it holds the trees of a sweep, which would stay; remove it, or name another folder")


def _plan_sweep(section: Section, variants: Mapping[str, NoiseOptions], seed: int, how: HowToRun) -> list[Planned]:
    sweep = Sweep(Path(section.dst), dump_section(section, seed))
    sweep.check(Path(section.src), variants, how)
    trees = [
        msgspec.structs.replace(section, dst=str(sweep.root / place), options=options)
        for place, options in variants.items()
    ]
    return [_plan(tree, seed, how, sweep) for tree in trees]


def _check_apart(dst: Path, place: Path, what: str) -> None:
    here, there = os.path.realpath(dst), os.path.realpath(place)
    if os.path.commonpath([here, there]) in (here, there):
        raise UsageError(f"dst={dst}: it is, contains or lies inside {place}, {what}; name a folder apart from it")


def run_planned(planned: Planned, progress: Progress | None = None, stop: Stop | None = None) -> Report:
    """Run one section; `stop` is asked now and then whether it is to be interrupted."""
    if planned.sweep is not None:
        planned.sweep.begin()
    return run_job(planned.job, planned.plan, planned.recipe, planned.how, progress, stop=stop)


def run(
    recipe: Recipe | str | os.PathLike[str],
    *,
    jobs: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    timeout: float | None = None,
    max_memory: int | str | None = None,
    shard: str | None = None,
    progress: Progress | None = None,
) -> list[Report]:
    """Run all sections of a recipe, or of a recipe file; all are planned and checked before the first byte is written.

    Parameters
    ----------
    recipe : Recipe or path
        What to do.
    jobs : int, optional
        Worker processes; one a core by default. The outputs are the same for any number.
    resume, overwrite : bool
        Go on with what DST holds, or replace it; otherwise a DST that holds files is refused.
    timeout : float, optional
        Seconds for one source with all its outputs; one that takes longer is a failure.
    max_memory : int or str, optional
        Memory for one source, in bytes or such as "2G"; one that wants more is a failure.
    shard : str, optional
        Such as "2/3": do the second of three parts of the run. Others may do theirs at the same time, anywhere, with
        the same recipe and seed; the last one to end merges their records.
    progress : callable, optional
        Called with the tally so far and the plan.

    Returns
    -------
    list of Report
        One for each section.

    Raises
    ------
    UsageError, OutputError
        For what cannot be run at all; a file that fails is in the report instead.
    """
    whole = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    limits = Limits(seconds=timeout, memory=as_bytes(max_memory))
    how = HowToRun(jobs=jobs, resume=resume, overwrite=overwrite, limits=limits, shard=as_shard(shard))
    seed = seed_for(whole, how)
    return [run_planned(planned, progress) for planned in plan_sections(whole.sections, seed, how)]
