"""One self-contained page about finished runs: no network, no foreign script, everything from files escaped."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from augkit._version import __version__
from augkit.errors import UsageError, printable
from augkit.folder.plan import FAILURES, RECIPE
from augkit.folder.storage import write_atomically
from augkit.noise.keys import STREAM_VERSION
from augkit.recipe import Section, load_recipe
from augkit.report.figures import Figures, figures_of
from augkit.report.gallery import gallery
from augkit.report.residual import residual
from augkit.report.svg import CLIP, number, scatter

_SUFFIXES = (".html", ".htm")
_BUDGET = 7_000_000
_LIBRARIES = ("numpy", "scipy", "pillow", "soundfile", "pyarrow")
_SHOWN = 30
_TITLES = {
    "std": ("std", ""),
    "snr_db": ("SNR", "dB"),
    "psnr_db": ("PSNR", "dB"),
    "geometric_snr_db": ("geometric SNR, before clipping", "dB"),
    "clipped": ("clipped", "share of the samples"),
}


def write_report(folders: Sequence[Path | str], out: Path, *, src: Path | None = None) -> None:
    """Write one page about the runs in `folders`.

    Parameters
    ----------
    folders : sequence of path
        The DST of each run; of a sweep, the one above its trees.
    out : Path
        The page; one that is there is replaced.
    src : Path, optional
        Where the sources lie now, if that is not where the recipe says.

    Raises
    ------
    UsageError
        For a folder without a finished run, or a page that is not called .html.
    """
    check_name(out)
    sections = [section for folder in map(Path, folders) for section in _sections(folder, src)]
    body = "".join(_run(section, _BUDGET // len(sections)) for section in sections)
    page = _page(" ".join(dict.fromkeys(Path(section.dst).name for section in sections)), body)
    write_atomically(out, lambda temporary: temporary.write_text(page, "utf-8"))


def check_name(out: Path) -> None:
    """Raise `UsageError` for a name that no page has, before an hour of work."""
    if out.suffix.lower() not in _SUFFIXES or out.is_dir():
        raise UsageError(f"{out}: a page is a file called .html, got {out.suffix or 'no suffix'}")


def _sections(dst: Path, src: Path | None) -> list[Section]:
    """Return the section of a run, or one for each tree of a sweep."""
    import msgspec

    if not (dst / RECIPE).is_file():
        raise UsageError(f"{dst}: there is no {RECIPE} here; name the DST of a run")
    section = load_recipe(dst / RECIPE).sections[0]
    section = msgspec.structs.replace(section, dst=str(dst), src=section.src if src is None else str(src))
    return list(section.trees().values())


def _text(value: object) -> str:
    """Return text from a file as it may stand in a page."""
    return escape(printable(str(value)))


def _run(section: Section, budget: int) -> str:
    dst, src = Path(section.dst), Path(section.src)
    root = src.parent if src.is_file() else src
    figures = figures_of(dst)
    unit = "the column's unit" if section.domain == "series" else "share of full scale"
    parts = [f"<h2>{_text(section.domain)}: {_text(dst.name)}</h2>", _cards(figures), _levels(figures, unit)]
    parts.append(_requested(figures, unit))
    items: list[str] = []
    if not section.folder.webdataset:  # what lies in tars is told by its figures only
        parts.append(_noise(section.domain, root, dst, figures))
        items = list(gallery(section.domain, root, dst, figures.shown.kept, budget))
    if items:
        parts.append(
            f"<h3>Before and after</h3><p class='faint'>{len(items)} of {figures.rows} outputs</p>"
            f'<div class="gallery">{"".join(items)}</div>'
        )
    parts += [
        _failures(figures),
        _counted("Notices", figures.notices, "notice"),
        _counted("Noises", figures.noises, "law"),
    ]
    if set(figures.labels) != {""}:
        parts.append(_counted("Classes", figures.labels, "folder"))
    parts.append(f"<h3>What was run</h3>{_versions(figures)}<pre>{_recipe(dst)}</pre>")
    return "".join(parts)


def _cards(figures: Figures) -> str:
    cards = [
        ("outputs", f"{figures.rows}"),
        ("files failed", f"{figures.failed}"),
        ("left clean", f"{figures.clean}"),
        ("written", f"{figures.bytes_written / 1e6:.1f} MB"),
    ]
    clipped = figures.levels["clipped"].summary()
    if clipped is not None:
        cards.append(("clipped, on average", f"{clipped['mean']:.2%}"))
    if figures.unmeasured:
        cards.append(("not measured (lossy)", f"{figures.unmeasured}"))
    items = "".join(f"<li><b>{_text(value)}</b>{_text(name)}</li>" for name, value in cards)
    return f'<ul class="cards">{items}</ul>'


def _levels(figures: Figures, unit: str) -> str:
    rows = []
    for name, spread in figures.levels.items():
        summary = spread.summary()
        if summary is not None:
            title, own = _TITLES[name]
            cells = "".join(f'<td class="number">{number(summary[key])}</td>' for key in ("mean", "least", "greatest"))
            rows.append(f"<tr><th>{title}</th>{cells}<td>{own or unit}</td></tr>")
    if not rows:
        return "<p>No level was measured.</p>"
    head = "".join(f'<th class="number">{name}</th>' for name in ("mean", "least", "greatest"))
    return f"<h3>Levels that were reached</h3><table><tr><th></th>{head}<th></th></tr>{''.join(rows)}</table>"


def _requested(figures: Figures, unit: str) -> str:
    charts = []
    for kind, sample in figures.points.items():
        title, own = _TITLES[kind]
        charts.append(
            f"<figure class='item'>{scatter(f'{title} asked for and reached', sample.kept, own or unit)}"
            f"<figcaption>{title}: {len(sample.kept)} of {sample.seen}</figcaption></figure>"
        )
    if not charts:
        return ""
    return f'<h3>Asked for and reached</h3><div class="charts">{"".join(charts)}</div>'


def _noise(domain: str, src: Path, dst: Path, figures: Figures) -> str:
    seen = residual(domain, src, dst, figures.shown.kept)
    words = "".join(f"<p class='faint'>{_text(one)}</p>" for one in seen.words)
    return f'<h3>The noise</h3>{words}<div class="charts">{"".join(seen.charts)}</div>'


def _failures(figures: Figures) -> str:
    if not figures.failed:
        return ""
    rows = "".join(f"<tr><td>{_text(row.source)}</td><td>{_text(row.reason)}</td></tr>" for row in figures.failures)
    left = figures.failed - len(figures.failures)
    more = f"<p>... and {left} more, in {FAILURES}</p>" if left else ""
    return (
        f'<h3 class="bad">Failures</h3>{_table(figures.reasons, "reason", "files")}'
        f"<table><tr><th>source</th><th>reason</th></tr>{rows}</table>{more}"
    )


def _counted(title: str, counter: Counter[str], noun: str) -> str:
    return f"<h3>{title}</h3>{_table(counter, noun)}" if counter else ""


def _table(counter: Counter[str], noun: str, counted: str = "outputs") -> str:
    rows = "".join(
        f'<tr><td class="number">{count}</td><td>{_text(name) or "none"}</td></tr>'
        for name, count in counter.most_common(_SHOWN)
    )
    left = len(counter) - _SHOWN
    more = f"<p>... and {left} more kinds</p>" if left > 0 else ""
    return f'<table><tr><th class="number">{counted}</th><th>{noun}</th></tr>{rows}</table>{more}'


def _versions(figures: Figures) -> str:
    streams = ", ".join(figures.versions) or str(STREAM_VERSION)
    here = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"<p>Stream version {_text(streams)}. This page: augkit {__version__}, Python {sys.version.split()[0]}, "
        f"{_text(here)}.</p>"
    )


def _recipe(dst: Path) -> str:
    text = (dst / RECIPE).read_text("utf-8")
    return "\n".join(map(_text, text.splitlines()))


def _page(title: str, body: str) -> str:
    own = files("augkit.report")
    style, script = (own.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; media-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return "".join(_document(_text(title), policy, style, script, body))


def _document(title: str, policy: str, style: str, script: str, body: str) -> Iterator[str]:
    yield from _lines(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>augkit: {title}</title><style>{style}</style></head>",
            f"<body>{CLIP}<header><h1>augkit: {title}</h1></header><main>{body}</main>",
            f"<script>{script}</script></body></html>",
        )
    )


def _lines(parts: Iterable[str]) -> Iterator[str]:
    return (f"{part}\n" for part in parts)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
