"""A contact sheet of one file at several levels and with several noises, before anything else is written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

from augkit.errors import UsageError
from augkit.folder.domains import DOMAINS, load_domain
from augkit.folder.storage import write_atomically
from augkit.level import KINDS, NoiseOptions
from augkit.noise.keys import Key
from augkit.recipe import make_section
from augkit.report.excerpt import excerpt
from augkit.report.sheet import Pair

LEVELS: Mapping[str, tuple[str, str]] = {
    "images": ("std", "0.02,0.05,0.1,0.2"),
    "audio": ("snr_db", "20,10,5,0"),
    "series": ("std", "0.05sd,0.1sd,0.2sd,0.5sd"),
}
"""What is shown unless something else is asked for."""

LAWS = ("gaussian", "laplace", "student-t:df=3")

_MOST = {"images": 192, "audio": 0, "series": 400}
_SECONDS = 3.0
_LEAST_CLIPPED = 0.001
_CELLS = 60


class Cell(NamedTuple):
    """One level of one noise: what to show, and what was reached."""

    column: str
    pair: Pair
    caption: str


class Sheet(NamedTuple):
    """Rows of cells, by the name of their noise."""

    title: str
    domain: str
    rows: dict[str, list[Cell]]


def preview(path: Path, out: Path, given: Mapping[str, Any], *, noises: Sequence[str], seed: int) -> None:
    """Write a contact sheet of `path` to the PNG `out`.

    Every cell is made as a run makes its outputs, in a temporary folder, and read back.

    Parameters
    ----------
    given : mapping
        Options of a run; the level may be a list, of which each entry gets a column.
    noises : sequence of str
        Laws, or noises of cameras, of which each gets a row; none for the usual ones.
    seed : int
        Of the noise.

    Raises
    ------
    UsageError
        For a file of no domain, or options that mean nothing for it.
    InputError
        For a file that cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"{path}: a file was expected" + (", not a folder" if path.is_dir() else ", none is there"))
    if out.suffix.lower() != ".png":
        raise UsageError(f"{out}: the sheet is written as .png, got {out.suffix or 'no suffix'}")
    if out.exists() and (not out.is_file() or out.samefile(path)):
        raise UsageError(f"{out}: the sheet cannot be written there; name another file with -o")
    domain = _domain_of(path)
    with tempfile.TemporaryDirectory(prefix="augkit-preview-") as place:
        sheet = Sheet(path.name, domain, _rows(domain, path, Path(place), _wanted(domain, given, noises), seed))
    if domain == "images":
        from augkit.report.preview_images import draw_images as draw
    else:
        from augkit.report.preview_plots import draw_plots as draw
    write_atomically(out, lambda temporary: draw(sheet, temporary))


def _domain_of(path: Path) -> str:
    for name in DOMAINS:
        if path.name.lower().endswith(tuple(load_domain(name).suffixes())):
            return name
    raise UsageError(f"{path}: an image, a recording or a series was expected; see augkit formats")


def _wanted(domain: str, given: Mapping[str, Any], noises: Sequence[str]) -> dict[str, dict[str, NoiseOptions]]:
    """Return the options of each cell, by row and column."""
    if given.get("preset") is not None:
        return _presets(domain, given, noises)
    levels = {name: str(value) for name, value in given.items() if name in KINDS}
    others = {name: value for name, value in given.items() if name not in KINDS}
    if len(levels) > 1:
        raise UsageError(f"{' and '.join(levels)} were given; the sheet has levels of one kind")
    kind, text = next(iter(levels.items()), LEVELS[domain])
    rows: dict[str, dict[str, NoiseOptions]] = {}
    for noise in noises or LAWS:
        own_level = ":" in noise and not levels and _carries_level(domain, noise, others)
        entries = [""] if own_level else [part.strip() for part in text.split(",")]
        rows[noise] = {
            _title(kind, entry): _options(domain, {**others, "noise": noise, **({kind: entry} if entry else {})})
            for entry in entries
        }
    return _bounded(rows)


def _bounded(rows: dict[str, dict[str, NoiseOptions]]) -> dict[str, dict[str, NoiseOptions]]:
    count = sum(map(len, rows.values()))
    if count > _CELLS:
        raise UsageError(f"{count} cells are too many for one sheet; ask for at most {_CELLS}")
    return rows


def _carries_level(domain: str, noise: str, others: Mapping[str, Any]) -> bool:
    """Tell whether a noise makes sense without a level, as those of cameras do."""
    try:
        _options(domain, {**others, "noise": noise})
    except UsageError:
        return False
    return True


def _presets(domain: str, given: Mapping[str, Any], noises: Sequence[str]) -> dict[str, dict[str, NoiseOptions]]:
    if noises:
        raise UsageError("--preset and --noise were given; a preset has a noise and a level of its own")
    options = _options(domain, given)
    rows: dict[str, dict[str, NoiseOptions]] = {}
    for place, own in options.variants().items():
        name, _, severity = place.rpartition("/")
        rows.setdefault(name or str(given["preset"]), {})[f"severity {severity}" if severity else ""] = own
    return _bounded(rows)


def _options(domain: str, table: Mapping[str, Any]) -> NoiseOptions:
    return make_section(domain, "", "", table).options


def _title(kind: str, entry: str) -> str:
    """Return what stands above a column: the level that is asked for; nothing for a noise that carries its own."""
    return {"snr_db": f"SNR {entry} dB", "psnr_db": f"PSNR {entry} dB"}.get(kind, f"{kind} {entry}") if entry else ""


def _rows(
    domain: str, path: Path, place: Path, wanted: Mapping[str, Mapping[str, NoiseOptions]], seed: int
) -> dict[str, list[Cell]]:
    files = load_domain(domain)
    rows: dict[str, list[Cell]] = {}
    for noise, columns in wanted.items():
        for column, options in columns.items():
            target = place / path.name
            item = files.open_item(path, options)
            outcome = item.write(target, Key(seed, path=(path.name, 1)), measure=True)
            most = _MOST[domain] or int(_SECONDS * outcome.format["samplerate"])
            pair = excerpt(domain, path, target, title="", most=most)
            caption = captioned(outcome.achieved, pair.title)
            rows.setdefault(noise, []).append(Cell(column, pair, caption))
            target.unlink()
    return rows


def captioned(achieved: Mapping[str, Any], column: str) -> str:
    """Return the level that was reached in every unit."""
    levels = achieved.get("columns", {}).get(column, achieved)
    parts = []
    for name, form in (("std", "std {:.4g}"), ("snr_db", "SNR {:.1f} dB"), ("psnr_db", "PSNR {:.1f} dB")):
        value = levels.get(name)
        parts += [form.format(value)] if value is not None else []
    geometric = levels.get("geometric_snr_db", achieved.get("geometric_snr_db"))
    parts += [f"geometric SNR {geometric:.1f} dB"] if geometric is not None else []
    clipped = achieved.get("clipped")
    parts += [f"clipped {clipped:.1%}" if clipped >= _LEAST_CLIPPED else "clipped under 0.1%"] if clipped else []
    return "  ".join(parts) if levels.get("std") else "no noise" if levels.get("std") == 0 else "level not measured"


def in_lines(caption: str, width: int) -> list[str]:
    """Break a caption between its levels."""
    kept = "  ".join(part.replace(" ", "\xa0") for part in caption.split("  "))
    return [line.replace("\xa0", " ") for line in wrap(kept, width)]
