"""Recipes carried out: all sections planned and checked, then run one after the other."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from augkit.errors import UsageError
from augkit.folder.engines.base import opened
from augkit.folder.engines.chosen import as_engine
from augkit.folder.limits import Limits, as_bytes
from augkit.folder.options import Job
from augkit.folder.plan import RECIPE, Plan
from augkit.folder.run import HowToRun, Progress, Stop, check_job, run_job
from augkit.folder.shards import as_shard
from augkit.folder.tally import Report
from augkit.recipe import Recipe, Section, dump_section, load_recipe
from augkit.sweep import Sweep

_SEED_BITS = 53  # what every reader of JSON holds exactly


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
    domain, folder, options = section.domain, section.folder, cast(Any, section.options)
    if folder.webdataset:
        from augkit.folder.tars.options import in_tars

        domain, options, folder = in_tars(domain, options, folder)
    return Job(
        domain=domain,
        src=str(src.parent if single else src),
        dst=section.dst,
        only=src.name if single else None,
        seed=seed,
        options=options,
        folder=folder,
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
        trees = section.trees()
        planned += [_plan(section, seed, own)] if "" in trees else _plan_sweep(section, trees, seed, own)
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
    if path.is_file() and any("" not in section.trees() for section in load_recipe(path).sections):
        raise UsageError(f"{dst}: it holds the trees of a sweep, which would stay; remove it, or name another folder")


def _plan_sweep(section: Section, trees: Mapping[str, Section], seed: int, how: HowToRun) -> list[Planned]:
    sweep = sweep_of(section, seed)
    sweep.check(Path(section.src), trees, how)
    return [_plan(tree, seed, how, sweep) for tree in trees.values()]


def sweep_of(section: Section, seed: int) -> Sweep:
    """Return the folder above the trees of a section that sweeps."""
    levels = {place: variant.level for place, variant in section.swept.trees.items()} if section.swept else None
    return Sweep(Path(section.dst), dump_section(section, seed), levels)


def _check_apart(dst: Path, place: Path, what: str) -> None:
    here, there = os.path.realpath(dst), os.path.realpath(place)
    if os.path.commonpath([here, there]) in (here, there):
        raise UsageError(f"dst={dst}: it is, contains or lies inside {place}, {what}; name a folder apart from it")


def run_planned(planned: Planned, progress: Progress | None = None, stop: Stop | None = None) -> Report:
    """Run one section; `stop` is asked now and then whether it is to be interrupted."""
    if planned.sweep is not None:
        planned.sweep.begin()
    report = run_job(planned.job, planned.plan, planned.recipe, planned.how, progress, stop=stop)
    if planned.sweep is not None:
        planned.sweep.end(planned.job.target_root)
    return report


def run(
    recipe: Recipe | str | os.PathLike[str],
    src: str | os.PathLike[str] | None = None,
    dst: str | os.PathLike[str] | None = None,
    *,
    executor: str | Executor | None = None,
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
    src, dst : path, optional
        In place of those of a recipe of one section.
    executor : str or concurrent.futures.Executor, optional
        What does the work instead of worker processes: ``"dask:ADDRESS"``, ``"ray:ADDRESS"``, or any executor, which
        is not shut down. It excludes `jobs`, `timeout` and `max_memory`. The outputs are the same.
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
    whole = _placed(recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe)), src, dst)
    limits = Limits(seconds=timeout, memory=as_bytes(max_memory))
    how = HowToRun(
        jobs=jobs,
        resume=resume,
        overwrite=overwrite,
        limits=limits,
        shard=as_shard(shard),
        engine=as_engine(executor),
    )
    sections = plan_sections(whole.sections, seed_for(whole, how), how)
    with opened(how.engine):
        return [run_planned(planned, progress) for planned in sections]


def _placed(whole: Recipe, src: str | os.PathLike[str] | None, dst: str | os.PathLike[str] | None) -> Recipe:
    """Return a recipe with another SRC and DST, where they are given."""
    places = {name: os.fspath(place) for name, place in (("src", src), ("dst", dst)) if place is not None}
    if places and len(whole.sections) != 1:
        raise UsageError(f"{' and '.join(places)}: the recipe has {len(whole.sections)} sections, each with its own")
    sections = tuple(msgspec.structs.replace(section, **places) for section in whole.sections)
    return msgspec.structs.replace(whole, sections=sections)
