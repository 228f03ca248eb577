"""Runs from the command line: planned, told of while they go, and summed up.

All that a run needs is loaded with this file, before anything is planned: what is loaded later can fail with the disk.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from augkit import running, show
from augkit.errors import UsageError, printable
from augkit.folder.engines.base import opened
from augkit.folder.remote.urls import check_local
from augkit.folder.run import HowToRun
from augkit.folder.tally import Report
from augkit.folder.workers import keep_memory
from augkit.interruption import Interruption
from augkit.recipe import Recipe
from augkit.running import Planned


def run_recipe(
    whole: Recipe,
    again: str,
    *,
    executor: str | None,
    shard: str | None,
    dry_run: bool,
    report: Path | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Do what a recipe says, as `how_to_run` reads what else was given, and return the exit code.

    `again` is the command that goes on where a run is interrupted.
    """
    if report is not None:
        from augkit.report import page

        page.check_name(report)
        for section in whole.sections:
            check_local(section.dst, "--report: dst")
    if report is not None and shard is not None:
        raise UsageError("--report and --shard: the page is about all shards; augkit report DST writes it afterwards")
    how = running.how_to_run(executor=executor, shard=shard, **given)
    with running.closing_all(running.plan_sections(whole.sections, running.seed_for(whole, how), how)) as planned:
        if dry_run:
            return _print_plans(planned, how, as_json=as_json)
        again += f" --shard {shard}" if shard else ""
        again += f" --executor {executor}" if executor else ""
        with opened(how.engine):
            return _carry_out(planned, again, report, as_json=as_json, quiet=quiet)


def _print_plans(planned: Sequence[Planned], how: HowToRun, *, as_json: bool) -> int:
    plans = [how.shard.part_of(one.plan) if how.shard else one.plan for one in planned]
    if as_json:
        click.echo(show.as_json(plans))
        return 0
    for one, plan in zip(planned, plans, strict=True):
        above = [printable(f"{one.section.dst}:")] if one.sweep is not None else []
        click.echo("\n".join([*above, *show.plan_lines(plan, in_tars=one.section.folder.webdataset)]))
    return 0


def _carry_out(planned: Sequence[Planned], again: str, report: Path | None, *, as_json: bool, quiet: bool) -> int:
    keep_memory()  # this process is a worker too, where files are few
    gc.freeze()
    gc.enable()
    reports: list[Report] = []
    interruption = Interruption()
    for one in planned:
        try:
            with interruption, show.progress_shown(one.section.domain, quiet=quiet or as_json) as progress:
                reports.append(running.run_planned(one, progress, interruption.wanted))
        except KeyboardInterrupt:
            click.echo(f"augkit: interrupted; {printable(again)} goes on from here", err=True)
            return interruption.exit_code
        if not quiet and not as_json:
            with suppress(OSError):  # a pipe that nobody reads takes nothing from what was done
                click.echo(show.summary(reports[-1]))
    if as_json:
        click.echo(show.as_json(reports))
    if report is not None:
        from augkit.report import page

        page.write_report(
            [one.section.dst for one, done in zip(planned, reports, strict=True) if not done.stopped], report
        )
    return max(done.exit_code for done in reports)
