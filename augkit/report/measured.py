"""The lines in which ``augkit measure`` tells what noise lies between two files or trees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from augkit.errors import printable

_WIDTH = 10
_FAILURES_SHOWN = 5
_FORMS = {
    "std": ("std", "{:.4g}", 1.0),
    "snr_db": ("SNR", "{:.2f} dB", 1.0),
    "geometric_snr_db": ("geometric", "{:.2f} dB SNR, before clipping, by the law", 1.0),
    "psnr_db": ("PSNR", "{:.2f} dB", 1.0),
    "clipped": ("clipped", "{:.2f} %", 100.0),
}


def measured_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was measured as lines for a terminal."""
    return map(printable, _lines(told))


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    yield _line("domain", told["domain"])
    if "files" in told:
        yield _line("files", f"{told['files']} compared" + _alone(told))
    yield from _levels(told)
    for name, column in told.get("columns", {}).items():
        yield f"column {name}"
        yield from (f"  {line}" for line in _levels(column))
    if told.get("unchanged"):
        yield _line("unchanged", ", ".join(told["unchanged"]))
    failures = told.get("failures", [])
    yield from (_line("failed", row["reason"]) for row in failures[:_FAILURES_SHOWN])
    if len(failures) > _FAILURES_SHOWN:
        yield _line("", f"... and {len(failures) - _FAILURES_SHOWN} more, see --json")


def _line(title: str, text: str) -> str:
    return f"{title:{_WIDTH}} {text}"


def _alone(told: Mapping[str, Any]) -> str:
    parts = [
        f"{told[name]} only in {side}"
        for name, side in (("only_clean", "CLEAN"), ("only_noisy", "NOISY"))
        if told[name]
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _levels(levels: Mapping[str, Any]) -> Iterator[str]:
    split = "columns" in levels and len(levels["columns"]) != 1
    for name, (title, form, factor) in _FORMS.items():
        value = levels.get(name)
        if isinstance(value, Mapping):
            least, mean, greatest = (form.format(value[key] * factor) for key in ("least", "mean", "greatest"))
            yield _line(title, mean + (f" ({least} to {greatest})" if least != greatest else ""))
        elif value is not None:
            yield _line(title, form.format(value * factor))
        elif name == "snr_db" and not split and levels.get("std") == 0:
            yield _line(title, "no noise")
    if levels.get("law"):
        yield from _law(levels["law"])
    if levels.get("color"):
        colour = levels["color"]
        yield _line("color", f"{colour['color']} (exponent {colour['exponent']:.2f} +- {colour['error']:.2f})")


def _law(law: Mapping[str, Any]) -> Iterator[str]:
    what = "the innovations of coloured noise" if law["of"] == "innovations" else "all"
    name = f"{law['noise']}, scale {law['scale']:.4g}"
    if law["verdict"] == "none of these":
        names = ", ".join(one["noise"].partition(":")[0] for one in law["laws"])
        yield _line("law", f"none of {names}")
        yield _line("", f"nearest is {name}, {law['misfit']:.3g} nats a sample from the histogram")
        return
    if law["verdict"] == "undecided":
        yield _line("law", f"undecided: {name}, or {law['next']}")
    else:
        yield _line("law", name)
    ahead = f"{law['gap']:.2g} nats a sample ahead of {law['next']}"
    looked = f"{law['samples']} samples" + ("" if what == "all" else f", {what}")
    yield _line("", f"confidence {_sure(law['confidence'])}: {ahead}; {looked}")


def _sure(confidence: float) -> str:
    """Return a probability whose digits tell how far it is from certainty."""
    doubt = 1 - confidence
    return "over 0.999999" if doubt < 1e-6 else f"{confidence:.{max(2, 1 - math.floor(math.log10(doubt)))}f}"
