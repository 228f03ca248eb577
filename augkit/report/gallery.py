"""Some outputs to be looked at, listened to, and zoomed into, beside what they were made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import msgspec

from augkit.comparison.rows import Row
from augkit.errors import AugkitError, printable
from augkit.report.excerpt import excerpt, inside
from augkit.report.media import picture, sound, spectrograms
from augkit.report.preview import captioned
from augkit.report.sheet import AudioPair, ImagePair, SeriesPair
from augkit.report.svg import overlay

_MOST = {"images": 280, "audio": 130_000, "series": 1500}


def gallery(domain: str, src: Path, dst: Path, rows: Sequence[Row], budget: int) -> Iterator[str]:
    """Yield items as HTML, of outputs spread evenly over the rows, until they have as many characters as the budget."""
    used, count = 0, max(1, min(len(rows), budget // 400_000, 12))
    for row in rows[:: max(1, len(rows) // count)]:
        item = _item(domain, src, dst, row)
        used += len(item)
        if used > budget:
            return
        yield item


def _item(domain: str, src: Path, dst: Path, row: Row) -> str:
    name = escape(printable(row.file_name))
    try:
        pair = excerpt(domain, inside(src, row.source), inside(dst, row.file_name), title="", most=_MOST[domain])
    except (AugkitError, OSError, StopIteration) as error:
        reason = getattr(error, "strerror", None) or str(error) or "nothing is in it"
        lost = f'<p class="lost">{escape(printable(reason))}</p>'
        return f'<figure class="item">{lost}<figcaption>{name}</figcaption></figure>'
    if isinstance(pair, ImagePair):
        body = _slider(name, pair)
    elif isinstance(pair, AudioPair):
        body = _players(name, pair)
    else:
        body = _curves(name, pair)
    levels = captioned(msgspec.to_builtins(row.achieved), pair.title if isinstance(pair, SeriesPair) else "")
    return (
        f'<figure class="item {domain}">{body}<figcaption><b>{name}</b><br>{escape(printable(str(row.noise)))}: '
        f"{escape(levels)}</figcaption></figure>"
    )


def _slider(name: str, pair: ImagePair) -> str:
    height, width = pair.clean.shape[:2]
    size = f'width="{width}" height="{height}"'
    after, before = (
        f'<img class="{when}" {size} src="{picture(pixels)}" alt="{name}, {when}">'
        for when, pixels in (("after", pair.noisy), ("before", pair.clean))
    )
    return (
        f'<div class="slider"><div class="stack">{after}{before}</div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="before and after of {name}"></div>'
    )


def _players(name: str, pair: AudioPair) -> str:
    clean, noisy = (one if one.ndim == 2 else one[:, None] for one in (pair.clean, pair.noisy))
    parts = []
    what = f"<small>0 to {pair.samplerate / 2000:.4g} kHz over {len(clean) / pair.samplerate:.3g} s</small>"
    pictures = spectrograms(clean, noisy, pair.samplerate)
    for samples, image, when in zip((clean, noisy), pictures, ("before", "after"), strict=True):
        heard = sound(samples, pair.samplerate)
        player = (
            f'<audio controls preload="metadata" aria-label="{name}, {when}" src="{heard}"></audio>'
            if heard is not None
            else f"<p>{pair.samplerate} Hz is no sample rate that a browser plays.</p>"
        )
        shown = f'<img src="{image}" alt="spectrogram of {name}, {when}">'
        parts.append(f'<div><b class="{when}">{when}</b> {what}{shown}{player}</div>')
    return f'<div class="pair">{"".join(parts)}</div>'


def _curves(name: str, pair: SeriesPair) -> str:
    rows = max(2, len(pair.clean))
    column = escape(printable(pair.title))
    return (
        f'<div class="zoom"><span>{column}: <b class="before">before</b>, <b class="after">after</b></span>'
        f"{overlay(f'{pair.title} before and after', pair.clean, pair.noisy)}"
        f'<label>from row <input type="range" class="from" min="0" max="100" value="0" '
        f'aria-label="first row of {name}"></label><label>shown <input type="range" class="span" min="2" max="100" '
        f'value="100" aria-label="share of {name} that is shown"></label><output>rows 0 to {rows - 1}</output></div>'
    )
