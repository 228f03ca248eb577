"""The options of the commands, in the groups that they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from augkit.errors import UsageError
from augkit.folder.remote.urls import as_place, is_url

Command = Callable[..., int]


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command several options, in their order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class _Place(click.ParamType[Path | str]):
    """A path, or a URL, which stays text."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        if isinstance(value, Path):
            return value
        place = as_place(value)
        return place if is_url(place) else Path(place)


class _Local(click.Path):
    """A path of this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if is_url(value):
            raise UsageError(f"{value}: a path of this machine was expected; copy it here, and name the copy")
        return super().convert(value, param, ctx)


PLACE, LOCAL = _Place(), _Local(path_type=Path)
PLACES = together(
    click.argument("src", type=PLACE),
    click.argument("dst", type=PLACE),
)
NOISE = together(
    click.option("--noise", metavar="LAW", help="gaussian (default), laplace, student-t:df=3, cauchy..."),
    click.option("--std", metavar="LEVEL", help="Standard deviation."),
    click.option("--scale", metavar="LEVEL", help="Scale of the law, in the unit of --std."),
    click.option("--snr", "snr_db", metavar="LEVEL", help="Signal-to-noise ratio in dB."),
    click.option("--psnr", "psnr_db", metavar="LEVEL", help="Peak signal-to-noise ratio in dB."),
    click.option("--channels", metavar="HOW", help="independent (default), shared, or the correlation of channels."),
)
COLOR = click.option(
    "--color", metavar="COLOR", help="white (default), pink, brown, blue, violet, exponent:1.5, ar:0.9"
)
BUDGET = (
    click.option("--on-error", type=click.Choice(["skip", "stop"]), help="What a failed file does."),
    click.option("--max-errors", metavar="N|P%", help="Failures after which the run ends."),
)
FOLDER = together(
    click.option("--copies", type=int, metavar="N", help="Noisy outputs of each source."),
    click.option("--probability", type=float, metavar="P", help="Share of the outputs that get noise."),
    click.option("--include", multiple=True, metavar="GLOB", help="Only these names."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Not these names."),
    click.option("--files-from", type=click.Path(), metavar="LIST", help="Only what this list names."),
    click.option("--keep-original", is_flag=True, default=None, help="Put the unchanged source into DST too."),
    click.option("--copy-others", is_flag=True, default=None, help="Copy files of other kinds."),
    click.option(
        "--labels", type=click.Choice(["leave", "copy"]), help="What belongs to a source follows its outputs."
    ),
    click.option(
        "--annotations", multiple=True, type=click.Path(), metavar="PATH", help="Lists, or labels, elsewhere."
    ),
    click.option("--webdataset", is_flag=True, default=None, help="SRC holds tars; their members get noise."),
    click.option("--members", multiple=True, metavar="EXT", help="Extensions of those members: jpg,left.jpg,*.png"),
    *BUDGET,
    click.option(
        "--measure", type=click.Choice(["all", "sample", "none"]), help="Lossy outputs to decode and measure."
    ),
    click.option("--seed", type=click.IntRange(min=0), metavar="N", help="The same seed gives the same outputs."),
)
WORKERS = (
    click.option(
        "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes; one a core by default."
    ),
    click.option("--timeout", type=float, metavar="SECONDS", help="Most time for one file, which fails beyond it."),
    click.option("--max-memory", metavar="SIZE", help="Most memory for one file, such as 2G; it fails beyond it."),
    click.option("--executor", metavar="ENGINE", help="Where to run instead: dask:ADDRESS or ray:ADDRESS."),
    click.option("--shard", metavar="I/N", help="Do one of N parts; others do theirs in the same DST. Needs --seed."),
)
REPORT = click.option(
    "--report", type=click.Path(path_type=Path), metavar="HTML", help="Write a page about the run when it is done."
)
HOW = together(
    *WORKERS,
    click.option("--resume", is_flag=True, help="Go on with what DST holds."),
    click.option("--overwrite", is_flag=True, help="Replace what DST holds."),
    click.option("--dry-run", is_flag=True, help="Print the plan and write nothing."),
    REPORT,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("--quiet", is_flag=True, help="Print errors only."),
)
IMAGES = together(
    PLACES,
    NOISE,
    click.option("--preset", metavar="NAME", help="A published noise: imagenet-c/shot_noise:3; :1-5 for a tree each."),
    click.option("--masks", multiple=True, type=click.Path(), metavar="DIR", help="Masks, which follow without noise."),
    click.option("--format", metavar="EXT", help="Format of the outputs, such as png; the source's by default."),
    click.option("--grain", type=float, metavar="RADIUS", help="Correlation of neighbouring pixels, in pixels."),
    click.option("--frames", type=click.Choice(["own", "shared"]), help="Noise of each frame, or page."),
    click.option("--quality", type=int, metavar="Q", help="Quality of lossy formats; the source's by default."),
    click.option("--data-range", metavar="LOW..HIGH", help="Black and white; by default the type's, 0..1 for floats."),
    click.option("--max-pixels", type=int, metavar="N", help="Refuse images of more pixels, all frames together."),
    FOLDER,
    HOW,
)
AUDIO = together(
    PLACES,
    NOISE,
    COLOR,
    click.option(
        "--snr-definition",
        metavar="NAME",
        help="How --snr is meant: rms (default), per-channel, active, a-weighted, lufs, segmental.",
    ),
    click.option("--snr-ignore-dc", is_flag=True, default=None, help="Measure the signal without its DC offset."),
    click.option("--on-clip", metavar="HOW", help="Beyond full scale: clip (default), attenuate, float, error."),
    click.option("--on-silence", metavar="HOW", help="An SNR of silence: skip (default), absolute, error."),
    click.option("--dither", metavar="KIND", help="Before rounding: tpdf."),
    click.option("--backgrounds", type=click.Path(), metavar="DIR", help="Recordings that are the noise, not a law."),
    click.option("--backgrounds-at-once", metavar="N", help="How many of them sound together: 1 (default), 3..7."),
    click.option("--bursts", metavar="HOW", help="Short noises: rate=20,duration=0.1..0.5 (/min, s); clicks:rate=60."),
    click.option("--save-noise", metavar="DIR", help="Save what was added too, in this folder of DST."),
    click.option("--save-clean", metavar="DIR", help="Save the aligned clean signal too, in this folder of DST."),
    click.option("--format", metavar="EXT", help="Format of the outputs, such as flac; the source's by default."),
    FOLDER,
    HOW,
)
SERIES = together(
    PLACES,
    NOISE,
    COLOR,
    click.option("--columns", multiple=True, metavar="NAMES", help="Columns to be noised: names, globs, positions."),
    click.option("--exclude-columns", multiple=True, metavar="NAMES", help="Columns to be left alone."),
    click.option("--group-by", metavar="NAME", help="A column, or folder key=; each value has a scale and noise."),
    click.option("--time", metavar="NAME", help="The column with the time of each row."),
    click.option("--time-unit", type=click.Choice(["s", "ms", "us", "ns"]), help="Of times that are numbers."),
    click.option("--scale-over", type=click.Choice(["file", "folder"]), help="Where relative levels are learnt."),
    click.option("--scale-from", type=click.Path(), metavar="FILE", help="A file to learn relative levels from."),
    click.option("--decimals", metavar="N|full", help="Decimals of new numbers; those of their column by default."),
    click.option("--range", metavar="LOW..HIGH", help="Where new values saturate; ax=-16..16,adc=0..4095 for each."),
    click.option("--sensor", type=click.Path(path_type=Path), metavar="FILE", help="Data sheets of sensors, in TOML."),
    click.option("--faults", multiple=True, metavar="HOW", help="spike:rate=2/min,size=5sd, dropout:..., or a TOML."),
    click.option("--save-mask", is_flag=True, default=None, help="Save which cells are faulty beside each output."),
    click.option("--samplerate", type=float, metavar="HZ", help="Rows per second, where no --time tells it."),
    click.option("--step", metavar="STEP", help="Of the converter: clipped to --range, then rounded to it; adc=1."),
    click.option("--multiplicative", is_flag=True, default=None, help="The level is a share of each value."),
    click.option("--delimiter", metavar="CHAR", help="Delimiter of text tables."),
    click.option("--decimal", metavar="CHAR", help="Decimal mark of text tables."),
    click.option("--header/--no-header", default=None, help="Whether the first row holds names."),
    FOLDER,
    HOW,
)
