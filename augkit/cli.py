"""The command line: parses, calls and prints; no logic."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from augkit import cli_options as options
from augkit._version import __version__
from augkit.errors import AugkitError, UsageError, nearest, printable
from augkit.folder.remote.urls import libraries_of

EXIT_DONE, EXIT_SOME_FAILED, EXIT_USAGE, EXIT_NOTHING_WRITTEN, EXIT_INTERNAL, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130


class _Group(click.Group):
    """A group that suggests the nearest command for one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"no such command {args[0]!r}{nearest(args[0], self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="augkit")
@click.pass_context
def cli(context: click.Context) -> None:
    """Add noise to images, audio and sensor series, and change nothing else."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command()
@options.IMAGES
def images(src: Path | str, dst: Path | str, **given: Any) -> int:
    """Add noise to the images in SRC: --std 0.1 is a share of full range, 25/255 is understood.

    Besides a law, --noise takes a noise of cameras with its level in it: shot:photons=30, speckle:std=0.2,
    salt-and-pepper:amount=0.05, sensor:full_well=10000,read_noise=5.
    """
    return _run_folder("images", src, dst, given)


@cli.command()
@options.AUDIO
def audio(src: Path | str, dst: Path | str, **given: Any) -> int:
    """Add noise to the recordings in SRC: --snr 10 is in dB."""
    return _run_folder("audio", src, dst, given)


@cli.command()
@options.SERIES
def series(src: Path | str, dst: Path | str, **given: Any) -> int:
    """Add noise to the series in SRC: --std 0.1sd is relative to each column, plain numbers are in its unit."""
    _read_series_options(given)
    return _run_folder("series", src, dst, given)


def _read_series_options(given: dict[str, Any]) -> None:
    """Put in place of lists of names, and of files of sensors and faults, what they hold."""
    for name in ("columns", "exclude_columns"):
        given[name] = [part.strip() for text in given[name] for part in text.split(",")]
    if given["sensor"] is not None:
        from augkit.series.sensors.files import sensor_tables

        given["sensor"] = sensor_tables(given["sensor"])
    if given["faults"]:
        from augkit.series.faults.files import fault_tables

        given["faults"] = fault_tables(given["faults"])


def _of_every_domain(command: click.Command) -> click.Command:
    """Give a command the options of all domains, besides its own, which stand in place of theirs."""
    own = {option.name for option in command.params}
    theirs = {option.name: option for domain in (images, audio, series) for option in domain.params}
    command.params += [option for name, option in theirs.items() if name not in own]
    return command


@_of_every_domain
@cli.command()
@options.PLACES
@click.option("--domain", type=click.Choice(["images", "audio", "series"]), help="What SRC holds; found by default.")
@click.option(
    "--noise", multiple=True, metavar="LAW", help="gaussian (default), student-t:df=3...; repeat it for more."
)
@click.option("--std", metavar="LEVELS", help="Standard deviations, a tree each: 0.02,0.05,0.1")
@click.option("--scale", metavar="LEVELS", help="Scales of the law, in the unit of --std.")
@click.option("--snr", "snr_db", metavar="LEVELS", help="Signal-to-noise ratios in dB: 20,10,0")
@click.option("--psnr", "psnr_db", metavar="LEVELS", help="Peak signal-to-noise ratios in dB.")
@click.option("--preset", metavar="NAME", help="Instead: imagenet-c/shot_noise, or imagenet-c/* for all of them.")
def sweep(src: Path | str, dst: Path | str, domain: str | None, **given: Any) -> int:
    """Make a tree of outputs for each noise and level: DST/gaussian/0.05/..., with shared random numbers.

    DST/metadata.jsonl has the rows of all trees. The other options are those of augkit images, audio or series,
    whichever SRC holds.
    """
    from augkit.swept import domain_of

    if domain is None:
        if isinstance(src, str):
            raise UsageError(f"{src}: --domain tells what a URL holds: images, audio or series")
        domain = domain_of(src)
    if domain == "series":
        _read_series_options(given)
    return _run_folder(domain, src, dst, given | {"sweep": True})


_HOW = (
    *("jobs", "timeout", "max_memory", "executor", "shard", "resume", "overwrite"),
    *("dry_run", "report", "as_json", "quiet"),
)


def _run_folder(domain: str, src: Path | str, dst: Path | str, given: dict[str, Any]) -> int:
    from augkit.folder import forks

    gc.disable()  # what is loaded and planned stays: collections would find nothing, and take a tenth of the start
    own = given["jobs"] != 1 and not given["dry_run"] and not given["executor"]
    if own and forks.worth_serving(src, dst):
        with suppress(OSError, EOFError):  # it loads beside this process, which still has its own to load
            forks.start_server(domain, libraries_of(src, dst))
    from augkit import recipe
    from augkit.cli_run import run_recipe

    how = {name: given.pop(name) for name in _HOW}
    seed = given.pop("seed")
    table = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    table = {name: value for name, value in table.items() if value not in (None, [])}
    section = recipe.make_section(domain, str(src), str(dst), table)
    return run_recipe(recipe.Recipe(seed=seed, sections=(section,)), f"augkit resume {dst}", **how)


@cli.command()
@click.argument("recipe_file", metavar="RECIPE.toml", type=options.LOCAL)
@options.HOW
def run(recipe_file: Path, **how: Any) -> int:
    """Do what a recipe says; every run writes the recipe that it followed."""
    from augkit.cli_run import run_recipe
    from augkit.recipe import load_recipe

    return run_recipe(load_recipe(recipe_file), f"augkit run {recipe_file} --resume", **how)


@cli.command()
@click.argument("dst", type=options.PLACE)
@options.together(*options.BUDGET, *options.WORKERS)
@options.REPORT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
def resume(dst: Path | str, on_error: str | None, max_errors: str | None, **how: Any) -> int:
    """Go on with the run that DST holds: recipe and seed lie there. Only the error budget may be another one."""
    from augkit.cli_run import run_recipe
    from augkit.folder.plan import RECIPE
    from augkit.recipe import with_budget
    from augkit.running import recipe_in

    found = recipe_in(dst if isinstance(dst, str) else str(dst))
    if found is None:
        raise UsageError(f"{dst}: nothing to resume here, there is no {RECIPE}")
    whole = with_budget(found, on_error, max_errors)
    for section in whole.sections:
        same = section.dst == dst if isinstance(dst, str) else os.path.realpath(section.dst) == os.path.realpath(dst)
        if not same:
            raise UsageError(f"{dst}/{RECIPE}: dst: the folder of this recipe was expected, got {section.dst}")
    return run_recipe(whole, f"augkit resume {dst}", resume=True, overwrite=False, dry_run=False, **how)


@cli.command()
@click.argument("clean", type=options.LOCAL)
@click.argument("noisy", type=options.LOCAL)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw histogram and quantiles: PNG, SVG, PDF."
)
def measure(clean: Path, noisy: Path, as_json: bool, plot: Path | None) -> int:
    """Tell what noise lies between two files, or between two folders: levels, the law that fits best, the colour.

    Of a DST, each output is compared with the source that its manifest names.
    """
    from augkit import show
    from augkit.comparison.files import measured_pair
    from augkit.comparison.trees import measured_trees
    from augkit.report.measured import measured_lines

    found = measured_trees(clean, noisy) if clean.is_dir() and noisy.is_dir() else measured_pair(clean, noisy)
    if plot is not None:
        from augkit.report.noise_plot import plot_noise

        plot_noise(found.looks, plot)
    if as_json:
        click.echo(show.as_json([found.told]))
    else:
        click.echo("\n".join(measured_lines(found.told)))
    return EXIT_SOME_FAILED if found.told.get("failures") else EXIT_DONE


@cli.command()
@click.argument("file", type=options.LOCAL)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="PNG", help="The sheet; FILE-preview.png here.")
@click.option("--noise", "noises", multiple=True, metavar="LAW", help="A row of the sheet; repeat it for more.")
@click.option("--std", metavar="LEVELS", help="Standard deviations, a column each: 0.02,0.05,0.1")
@click.option("--scale", metavar="LEVELS", help="Scales of the law, in the unit of --std.")
@click.option("--snr", "snr_db", metavar="LEVELS", help="Signal-to-noise ratios in dB.")
@click.option("--psnr", "psnr_db", metavar="LEVELS", help="Peak signal-to-noise ratios in dB.")
@click.option("--preset", metavar="NAME", help="Instead: imagenet-c/shot_noise, or imagenet-c/* for all of them.")
@options.COLOR
@click.option("--columns", multiple=True, metavar="NAMES", help="Columns of a series to be noised; the first is shown.")
@click.option("--seed", type=click.IntRange(min=0), default=0, metavar="N", help="Of the noise; 0 by default.")
def preview(file: Path, out: Path | None, noises: tuple[str, ...], seed: int, **given: Any) -> int:
    """Draw a contact sheet of one image, recording or series: levels across, laws or presets down.

    Each cell tells the level that it reached in every unit. Nothing else is written.
    """
    from augkit.report.preview import preview as draw

    given["columns"] = [part.strip() for text in given["columns"] for part in text.split(",")]
    given = {name: value for name, value in given.items() if value not in (None, [])}
    sheet = out or Path(f"{file.stem}-preview.png")
    draw(file, sheet, given, noises=noises, seed=seed)
    click.echo(printable(str(sheet)))
    return EXIT_DONE


@cli.command(name="report")
@click.argument("dst", type=options.LOCAL)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="HTML", help="The page; DST-report.html here.")
@click.option("--src", type=options.LOCAL, metavar="SRC", help="Where the sources lie now.")
def report_command(dst: Path, out: Path | None, src: Path | None) -> int:
    """Write one self-contained HTML page about the run in DST: levels, failures, outputs to look at and listen to."""
    from augkit.report.page import write_report

    page = out or Path(f"{dst.resolve().name}-report.html")
    write_report([dst], page, src=src)
    click.echo(printable(str(page)))
    return EXIT_DONE


@cli.command()
@click.argument("dst", type=options.LOCAL)
@click.option("--src", type=options.LOCAL, metavar="SRC", help="Where the sources lie now.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes; one a core by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Print errors only.")
def verify(dst: Path, src: Path | None, jobs: int | None, as_json: bool, quiet: bool) -> int:
    """Make the outputs in DST again, elsewhere, and compare: exit code 0 if all are the same, 1 if some differ.

    What differs is told with the reason: missing, changed since (tampered), the same samples in other bytes (recoded),
    its source changed, made by another version, its row changed, or it cannot be made again (failed).
    """
    from augkit import show
    from augkit.comparison.verify import verify as compare
    from augkit.report.verified import verified_lines

    with show.progress_shown("verify", quiet=quiet or as_json) as progress:
        found = compare(dst, src=src, jobs=jobs, progress=progress)
    if as_json:
        click.echo(show.as_json(found))
    elif not quiet:
        click.echo("\n".join(line for one in found for line in verified_lines(one)))
    return max(one.exit_code for one in found)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def formats(as_json: bool) -> int:
    """List what can be read and written here, and what each format keeps."""
    from augkit import show
    from augkit.compiled import library
    from augkit.folder.domains import DOMAINS, load_domain

    known = {name: list(load_domain(name).formats()) for name in DOMAINS}
    if as_json:
        click.echo(show.as_json([known]))
    else:
        for name, infos in known.items():
            click.echo("\n".join(show.format_lines(name, infos)))
        click.echo(f"compiled noise: {'in use' if library() else 'none here, NumPy makes the same'}")
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; whatever happens, a person reads one line."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy would start threads, of which nothing here makes use
    try:
        return _run(argv)
    finally:
        gc.enable()


def _run(argv: Sequence[str] | None) -> int:
    try:
        code = cli.main(list(argv) if argv is not None else None, prog_name="augkit", standalone_mode=False)
    except click.ClickException as error:
        _complain(error.format_message())
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except UsageError as error:
        _complain(str(error))
        return EXIT_USAGE
    except (AugkitError, OSError) as error:
        _complain(_told(error))
        return EXIT_NOTHING_WRITTEN
    except Exception as error:
        if os.environ.get("AUGKIT_TRACEBACK"):
            raise
        _complain(f"internal error: {type(error).__name__}: {error}; please report it, with AUGKIT_TRACEBACK=1 set")
        return EXIT_INTERNAL
    return int(code or EXIT_DONE)


def _told(error: AugkitError | OSError) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _complain(message: str) -> None:
    print(f"augkit: error: {printable(' '.join(message.split()))}", file=sys.stderr)
