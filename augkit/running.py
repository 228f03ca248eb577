"""Recipes carried out: all sections planned and checked, then run one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from augkit.errors import UsageError
from augkit.folder.engines.base import opened
from augkit.folder.engines.chosen import as_engine
from augkit.folder.limits import Limits, as_bytes
from augkit.folder.options import Job
from augkit.folder.plan import RECIPE, Plan
from augkit.folder.remote.urls import as_place, check_apart, check_local, is_url
from augkit.folder.run import HowToRun, Progress, Stop, check_job, run_job
from augkit.folder.shards import as_shard
from augkit.folder.tally import Report
from augkit.recipe import SIZE_CAP, Recipe, Section, dump_section, load_recipe
from augkit.sweep import Sweep

if TYPE_CHECKING:
    from augkit.folder.remote.room import Room

_SEED_BITS = 53  # what every reader of JSON holds exactly


def fresh_seed() -> int:
    """Draw a seed from the system's entropy."""
    return SystemRandom().getrandbits(_SEED_BITS)


def seed_for(recipe: Recipe, how: HowToRun) -> int:
    """Return the seed of a run: the one given, the one of a run that is resumed, or a fresh one.

    Raises
    ------
    UsageError
        For a shard without one, as all shards need the same.
    """
    recorded = (recipe_in(section.dst) for section in recipe.sections if how.resume)
    seeds = [found.seed for found in recorded if found is not None]
    given = [seed for seed in (recipe.seed, *seeds) if seed is not None]
    if how.shard is not None and not given:
        raise UsageError(f"shard {how.shard}: its sisters need the same seed; give all of them one --seed")
    return given[0] if given else fresh_seed()


def as_job(section: Section, seed: int, room: Room | None = None) -> Job:
    """Turn a section into the job of a folder run; `room` is where those are that stand in for URLs."""
    src = Path(section.src)
    places: dict[str, Any] = {"src": section.src, "dst": section.dst}
    if room is not None:
        places = room.places(section.src, section.dst)
    elif not src.is_dir() and os.path.lexists(src):
        places |= {"src": str(src.parent), "only": src.name}
    domain, folder, options = section.domain, section.folder, cast(Any, section.options)
    if folder.webdataset:
        from augkit.folder.tars.options import in_tars

        domain, options, folder = in_tars(domain, options, folder)
    return Job(domain=domain, seed=seed, options=options, folder=folder, **places)


def room_for(section: Section) -> Room | None:
    """Return a room for the work of a section with URLs; None for one of folders only."""
    if not (is_url(section.src) or is_url(section.dst)):
        return None
    from augkit.folder.remote.room import Room

    return Room()


def recipe_in(dst: str) -> Recipe | None:
    """Return the recipe that DST holds, if there is one.

    Raises
    ------
    UsageError
        For one that cannot be read.
    """
    if not is_url(dst):
        path = Path(dst) / RECIPE
        return load_recipe(path) if path.is_file() else None
    from augkit.folder.remote.room import Room
    from augkit.folder.remote.store import Store

    with Room() as room:
        store = Store(as_place(dst), room.path.name)
        entry = store.entry(RECIPE)
        if entry is None:
            return None
        if entry.size > SIZE_CAP:
            raise UsageError(f"{dst}/{RECIPE}: a recipe of at most {SIZE_CAP} bytes was expected")
        store.get(RECIPE, room.path / RECIPE, entry.size)
        return load_recipe(room.path / RECIPE, f"{dst}/{RECIPE}")


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
    room: Room | None = None

    def close(self) -> None:
        """Take away what was fetched for it."""
        if self.room is not None:
            self.room.close()


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
                _check_apart(section.dst, other.dst, "another section's DST")
                if is_url(other.src) or Path(other.src).is_dir():
                    _check_apart(section.dst, other.src, "another section's SRC")
    planned = []
    for section in sections:
        _check_paths(section)
        begun = len(sections) == 1 or not how.resume or recipe_in(section.dst) is not None
        own = msgspec.structs.replace(how, resume=how.resume and begun)
        trees = section.trees()
        planned += [_plan(section, seed, own)] if "" in trees else _plan_sweep(section, trees, seed, own)
    return planned


def _check_paths(section: Section) -> None:
    check_apart(section.dst, section.src)
    for part in (section.folder, section.options):
        for name in part.PATHS:
            value = getattr(part, name)
            for path in value if isinstance(value, list) else filter(None, [value]):
                check_local(path, name)
    for name in section.options.PATHS:
        if value := getattr(section.options, name):
            _check_apart(section.dst, value, name)


def _plan(section: Section, seed: int, how: HowToRun, sweep: Sweep | None = None) -> Planned:
    room = room_for(section)
    try:
        job, recipe = as_job(section, seed, room), dump_section(section, seed)
        if sweep is not None:
            how = sweep.way_of(job.target_root, recipe, how)
        elif how.overwrite:
            _refuse_sweep(section.dst)
        return Planned(section, job, check_job(job, how), recipe, how, sweep, room)
    except BaseException:
        if room is not None:
            room.close()
        raise


def _refuse_sweep(dst: str) -> None:
    """Raise `UsageError` where the trees of a sweep would stay beside what overwrites it."""
    there = recipe_in(dst)
    if there is not None and any("" not in section.trees() for section in there.sections):
        raise UsageError(f"{dst}: it holds the trees of a sweep, which would stay; remove it, or name another folder")


def _plan_sweep(section: Section, trees: Mapping[str, Section], seed: int, how: HowToRun) -> list[Planned]:
    if is_url(section.dst):
        raise UsageError(
            f"{section.dst}: the trees of a sweep, or of several severities, need a local DST; copy them there, or run "
            "each noise and level by itself"
        )
    sweep = sweep_of(section, seed)
    sweep.check(None if is_url(section.src) else Path(section.src), trees, how)
    return [_plan(tree, seed, how, sweep) for tree in trees.values()]


def sweep_of(section: Section, seed: int) -> Sweep:
    """Return the folder above the trees of a section that sweeps."""
    levels = {place: variant.level for place, variant in section.swept.trees.items()} if section.swept else None
    return Sweep(Path(section.dst), dump_section(section, seed), levels)


def _check_apart(dst: str, place: str, what: str) -> None:
    if is_url(dst) or is_url(place):
        check_apart(dst, place, what)
        return
    here, there = os.path.realpath(dst), os.path.realpath(place)
    if os.path.commonpath([here, there]) in (here, there):
        raise UsageError(f"dst={dst}: it is, contains or lies inside {place}, {what}; name a folder apart from it")


@contextmanager
def closing_all(planned: Sequence[Planned]) -> Iterator[Sequence[Planned]]:
    """Have what was planned, and take away what was fetched for it."""
    try:
        yield planned
    finally:
        for one in planned:
            one.close()


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
    how = how_to_run(
        executor=executor, jobs=jobs, resume=resume, overwrite=overwrite,
        timeout=timeout, max_memory=max_memory, shard=shard,
    )  # fmt: skip
    seed = seed_for(whole, how)
    with closing_all(plan_sections(whole.sections, seed, how)) as planned, opened(how.engine):
        return [run_planned(one, progress) for one in planned]


def how_to_run(
    *,
    executor: str | Executor | None = None,
    jobs: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    timeout: float | None = None,
    max_memory: int | str | None = None,
    shard: str | None = None,
) -> HowToRun:
    """Read what a person gives of a run besides its recipe; the parameters are those of `run`."""
    return HowToRun(
        jobs=jobs,
        resume=resume,
        overwrite=overwrite,
        limits=Limits(seconds=timeout, memory=as_bytes(max_memory)),
        shard=as_shard(shard),
        engine=as_engine(executor),
    )


def _placed(whole: Recipe, src: str | os.PathLike[str] | None, dst: str | os.PathLike[str] | None) -> Recipe:
    """Return a recipe with another SRC and DST, where they are given."""
    places = {name: os.fspath(place) for name, place in (("src", src), ("dst", dst)) if place is not None}
    if places and len(whole.sections) != 1:
        raise UsageError(f"{' and '.join(places)}: the recipe has {len(whole.sections)} sections, each with its own")
    sections = tuple(msgspec.structs.replace(section, **places) for section in whole.sections)
    return msgspec.structs.replace(whole, sections=sections)
