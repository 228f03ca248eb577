"""What happened to one output: the part of its manifest row that only its domain knows."""

from __future__ import annotations

from typing import Any

import msgspec


class Lost(msgspec.Struct, frozen=True):
    """A part of a source that failed by itself: its name within the source, the copy of it, and why."""

    name: str
    copy: int
    reason: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """How one output was made and what was reached.

    Attributes
    ----------
    noise : str or None
        The law as text, such as ``"student-t:df=3"``; None where no part of the source got any.
    color : str or None
        The spectrum of the noise; the law is that of its innovations. None where it has that of a recording.
    requested, drawn : dict
        The level as asked for (``{"std": "0.05..0.2"}``) and as drawn for this output
        (``{"std": 0.113}``).
    achieved : dict
        ``snr_db``, ``std``, ``clipped`` and more, measured on what a decoder of the output gets; None for unknown.
    format : dict
        Name, mode or subtype, and dimensions of the written file.
    notices : tuple of str
        What was converted or not kept, in words.
    failures : tuple of Lost
        Parts of the source that are left out of the output.
    """

    noise: str | None
    requested: dict[str, Any]
    drawn: dict[str, Any]
    achieved: dict[str, Any]
    format: dict[str, Any]
    color: str | None = "white"
    notices: tuple[str, ...] = ()
    failures: tuple[Lost, ...] = ()


def fields(outcome: Outcome | None) -> dict[str, Any]:
    """Return what a row of metadata.jsonl tells of an output; None stands for one that is the unchanged source."""
    if outcome is None:
        unknown = dict.fromkeys(("noise", "color", "requested", "drawn"))
        reached = {"snr_db": None, "std": 0.0, "psnr_db": None, "clipped": 0.0}
        return {**unknown, "achieved": reached, "format": None, "notices": ["left clean: the unchanged source"]}
    return {
        "noise": outcome.noise,
        "color": outcome.color,
        "requested": outcome.requested,
        "drawn": outcome.drawn,
        "achieved": outcome.achieved,
        "format": outcome.format,
        "notices": list(outcome.notices),
    }


def missed(drawn: dict[str, Any], achieved: dict[str, Any]) -> tuple[str, ...]:
    """Return a notice where a lossless output misses its level by more than 5 % or 0.5 dB."""
    for kind, title, unit in (("std", "std", ""), ("snr_db", "SNR", " dB"), ("psnr_db", "PSNR", " dB")):
        asked, reached = drawn.get(kind), achieved.get(kind)
        if asked is None or reached is None:
            continue
        off = abs(reached - asked) > (0.5 if unit else 0.05 * asked)
        if off and achieved.get("geometric_snr_db") is None:
            return (f"{title} {reached:.4g}{unit} was reached, not {asked:.4g}{unit}, after saturation and rounding",)
    return ()


class FormatInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``augkit formats``: what is read and written, and what of it is kept.

    `modes` tells what becomes of each kind of samples: "exact", "lossy", "as ..." or "refused"; of those with a table.
    """

    name: str
    suffixes: tuple[str, ...]
    keeps: str
    limits: str = ""
    modes: dict[str, str] = {}
