"""What a person sees of a run: a progress bar on a terminal, log lines elsewhere, and the summary at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from textwrap import wrap
from time import monotonic

import msgspec

from augkit.errors import printable
from augkit.folder.plan import Plan
from augkit.folder.run import Progress
from augkit.folder.tally import Report, Tally
from augkit.outcome import FormatInfo

_LOG_SECONDS = 30.0
_WIDTH = 96
_FAILURES_SHOWN = 5
_NOTICES_SHOWN = 5


def as_json(parts: Sequence[object]) -> str:
    """Return one object: that of the one section, or all under ``sections``."""
    return msgspec.json.encode(parts[0] if len(parts) == 1 else {"sections": parts}).decode()


@contextmanager
def progress_shown(title: str, *, quiet: bool) -> Iterator[Progress | None]:
    """Give a progress callback: a bar where stderr is a terminal, a line every half minute where it is not."""
    if quiet or sys.stderr is None:
        yield None
    elif sys.stderr.isatty():
        with _bar(title) as show:
            yield show
    else:
        yield _Log(title)


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    # without a thread of its own for the bar, workers can be forked from this process
    with Bar(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        rows: list[TaskID] = []
        began = monotonic()

        def show(tally: Tally, plan: Plan) -> None:
            pace = _pace(tally, monotonic() - began)
            if not rows:  # what an earlier run made is no speed of this one
                rows.append(bar.add_task(title, total=plan.outputs, completed=_done(tally), pace=pace))
            bar.update(rows[0], total=plan.outputs, completed=_done(tally), pace=pace, refresh=True)

        yield show


class _Log:
    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._last = monotonic()

    def __call__(self, tally: Tally, plan: Plan) -> None:
        now = monotonic()
        if now - self._last >= _LOG_SECONDS:
            self._last = now
            line = f"{self._title}: {_done(tally)} of {plan.outputs}, {_pace(tally, now - self._began)}"
            with suppress(OSError):  # nobody reads it any more; the run goes on
                print(line + _left(tally, plan, now - self._began), file=sys.stderr, flush=True)


def _pace(tally: Tally, seconds: float) -> str:
    """Return bytes, rates and failures so far."""
    megabytes, seconds = tally.bytes_written / 1e6, max(seconds, 1e-3)
    failed = f", {tally.failed} failed" if tally.failed else ""
    return f"{megabytes:,.1f} MB, {tally.outputs / seconds:,.1f} files/s, {megabytes / seconds:.1f} MB/s{failed}"


def _left(tally: Tally, plan: Plan, seconds: float) -> str:
    """Return how long it may still take, where that can be told."""
    made = tally.outputs + tally.failed_outputs
    if not made:
        return ""
    left = round((plan.outputs - _done(tally)) * seconds / made)
    return f", {timedelta(seconds=max(left, 0))} left"


def _done(tally: Tally) -> int:
    return tally.outputs + tally.resumed + tally.failed_outputs


def summary(report: Report) -> str:
    """Return the lines that end a run: files, failures, rate, achieved level, notices."""
    seconds = max(report.seconds, 1e-3)
    files, rate = report.outputs / seconds, report.bytes_written / 1e6 / seconds
    kept = f" ({report.resumed} were there)" if report.resumed else ""
    lines = [
        f"{report.domain}: {_count(report.files, 'file')} -> {_count(report.outputs, 'output')}{kept} in {report.dst}",
        f"  time      {report.seconds:.2f} s, {files:,.1f} files/s, {rate:.1f} MB/s",
        f"  bytes     {report.bytes_read / 1e6:.1f} MB of sources, {report.bytes_written / 1e6:.1f} MB written",
    ]
    lines += [f"  achieved  {line}" for line in _achieved(report)]
    if report.columns is not None:
        noised, left = report.columns
        lines += [f"  noised    {noised}"] + ([f"  left      {left}"] if left else [])
    lines.append(f"  seed      {report.seed}")
    if report.ignored:
        lines.append(f"  left out  {_count(report.ignored, 'other file')} (--copy-others takes them along)")
    lines += [f"  hint      {hint}" for hint in report.hints]
    notices = list(report.notices.items())
    lines += [f"  notice    {count} x {text}" for text, count in notices[:_NOTICES_SHOWN]]
    if len(notices) > _NOTICES_SHOWN:
        lines.append("  notice    ... more in metadata.jsonl")
    if report.failed:
        lines.append(f"  failed    {_count(report.failed, 'file')}, listed in failures.jsonl:")
        lines += [f"            {row['source']}: {row['reason']}" for row in report.failures[:_FAILURES_SHOWN]]
        if report.failed > _FAILURES_SHOWN:
            lines.append(f"            ... and {report.failed - _FAILURES_SHOWN} more")
    if report.stopped:
        lines.append(f"  stopped   the error budget is spent; augkit resume {report.dst} --max-errors N goes on")
    return "\n".join(map(printable, lines))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _achieved(report: Report) -> list[str]:
    forms = {
        "std": ("std", "{:.4g}", 1.0),
        "snr_db": ("SNR", "{:.2f} dB", 1.0),
        "geometric_snr_db": ("geometric SNR, before clipping,", "{:.2f} dB", 1.0),
        "clipped": ("clipped", "{:.2f} %", 100.0),
    }
    lines = []
    for name, (title, form, factor) in forms.items():
        spread = report.achieved.get(name)
        if spread is not None:
            mean, least, greatest = (form.format(spread[key] * factor) for key in ("mean", "least", "greatest"))
            lines.append(f"{title} {mean}" + (f" ({least} to {greatest})" if least != greatest else ""))
    return lines


def plan_lines(plan: Plan, *, in_tars: bool = False) -> Iterator[str]:
    """Yield one line for each output of a dry run, and one for each fault; in tars, how little that tells."""
    return map(printable, _plan_lines(plan, "tar" if in_tars else "file"))


def _plan_lines(plan: Plan, noun: str) -> Iterator[str]:
    for task in plan.tasks:
        for output in task.outputs:
            yield f"{task.source} -> {output.name}" + (" (copied)" if output.copy == 0 else "")
            yield from (f"{label.source} -> {label.name} ({label.made or 'label'})" for label in output.labels)
    for planned in plan.lists:
        yield from (f"{planned.path} -> {name} (list, rewritten)" for name in planned.outputs)
    for fault in plan.faults:
        yield f"{fault.source}: would fail: {fault.reason}"
    yield from plan.hints
    more = "; members are counted while they are read" if noun == "tar" else ""
    tasks, outputs = _count(len(plan.tasks), noun), _count(plan.outputs, "output")
    yield f"{tasks}, {outputs}, {plan.size / 1e6:.1f} MB to read{more}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns as wide as their widest cell."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )


def format_lines(domain: str, formats: Sequence[FormatInfo]) -> Iterator[str]:
    """Yield the lines of ``augkit formats`` for one domain: what each format keeps, then its table of modes."""
    for row in formats:
        yield f"{domain}: {row.name} ({' '.join(row.suffixes)})"
        for title, text in (("keeps", row.keeps), ("but", row.limits)):
            if text:
                yield from wrap(f"{title:6}{text}", _WIDTH, initial_indent="  ", subsequent_indent=8 * " ")
    kinds = list(dict.fromkeys(kind for row in formats for kind in row.modes))
    if kinds:
        yield f"{domain}: = exactly, ~ the codec changes it, - refused; else the mode that it is written in"
        heads = [row.suffixes[0][1:] for row in formats]
        cells = [[kind, *(_cell(row.modes.get(kind, "refused")) for row in formats)] for kind in kinds]
        yield from table(["", *heads], cells).splitlines()


def _cell(fate: str) -> str:
    return {"exact": "=", "lossy": "~", "refused": "-"}.get(fate, fate.removeprefix("as "))
