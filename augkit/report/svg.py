"""Charts as SVG that stands in a page: colours come from its style sheet, so that they follow dark mode and print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 42
_TICKS = 5


class Axis(NamedTuple):
    """One axis: its ends in the unit of the data, and whether it is logarithmic."""

    low: float
    high: float
    log: bool = False

    def share(self, values: Array) -> Array:
        """Return places from 0 to 1."""
        low, high = (math.log10(end) if self.log else end for end in self[:2])
        found: Array = ((np.log10(values) if self.log else values) - low) / ((high - low) or 1.0)
        return found

    def ticks(self) -> list[float]:
        """Return round numbers along the axis."""
        if self.log and self.high / self.low >= 10:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**k for k in range(first, last + 1, max(1, (last - first) // _TICKS))]
        rough = (self.high - self.low) / _TICKS or 1.0
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * (1 - 1e-9))
        return [k * step for k in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def axis_of(values: Array, *, log: bool = False) -> Axis:
    """Return an axis that holds all values, with some room."""
    low, high = float(values.min()), float(values.max())
    if log:
        return Axis(low / 1.2, high * 1.2, log=True)
    room = max(0.06 * (high - low), 0.05 * max(abs(low), abs(high))) or 1.0
    return Axis(low - room, high + room)


CLIP = (
    f'<svg class="hidden" width="0" height="0" aria-hidden="true"><clipPath id="plot"><rect x="{_LEFT}" y="{_TOP}" '
    f'width="{_WIDTH - _LEFT - _RIGHT}" height="{_HEIGHT - _TOP - _BOTTOM}"/></clipPath></svg>'
)
"""What charts are clipped by; stands once in a page."""


class Chart(msgspec.Struct, frozen=True):
    """An empty chart of two axes."""

    title: str
    x: Axis
    y: Axis
    x_title: str
    y_title: str

    def line(self, x: Array, y: Array, kind: str) -> str:
        """Return a curve; `kind` is its class in the style sheet."""
        return f'<path class="line {kind}" d="{_path(*self._places(x, y))}"/>'

    def stairs(self, edges: Array, heights: Array, kind: str) -> str:
        """Return a histogram."""
        return self.line(edges.repeat(2)[1:-1], heights.repeat(2), kind)

    def dots(self, x: Array, y: Array, kind: str) -> str:
        """Return points."""
        places = zip(*self._places(x, y), strict=True)
        return f'<path class="dots {kind}" d="{"".join(f"M{left:.1f} {top:.1f}h0" for left, top in places)}"/>'

    def drawn(self, parts: Iterable[str]) -> str:
        """Return the chart with its parts, which are clipped to it."""
        return (
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f'{self._frame()}<g clip-path="url(#plot)">{"".join(parts)}</g></svg>'
        )

    def _places(self, x: Array, y: Array) -> tuple[Array, Array]:
        wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        with np.errstate(divide="ignore", invalid="ignore"):
            across = np.nan_to_num(self.x.share(np.asarray(x, np.float64)), nan=-1.0, posinf=2.0, neginf=-1.0)
            up = np.nan_to_num(self.y.share(np.asarray(y, np.float64)), nan=-1.0, posinf=2.0, neginf=-1.0)
        return _LEFT + wide * np.clip(across, -1, 2), _TOP + high * (1 - np.clip(up, -1, 2))

    def _frame(self) -> str:
        parts = []
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for value in self.x.ticks():
            left = float(self._places(np.array([value]), np.array([self.y.low]))[0][0])
            parts.append(f'<path class="grid" d="M{left:.1f} {_TOP}V{bottom}"/>')
            parts.append(f'<text x="{left:.1f}" y="{bottom + 15}" class="middle">{number(value)}</text>')
        for value in self.y.ticks():
            top = float(self._places(np.array([self.x.low]), np.array([value]))[1][0])
            parts.append(f'<path class="grid" d="M{_LEFT} {top:.1f}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{top + 4:.1f}" class="end">{number(value)}</text>')
        across, down = (_LEFT + right) / 2, (_TOP + bottom) / 2
        parts.append(f'<text x="{across}" y="{_HEIGHT - 8}" class="middle">{escape(self.x_title)}</text>')
        parts.append(f'<text transform="translate(13 {down}) rotate(-90)" class="middle">{escape(self.y_title)}</text>')
        return "".join(parts)


def number(value: float) -> str:
    """Return a short form of a number, with a proper minus."""
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}".replace("-", "\u2212")


def _path(x: Array, y: Array) -> str:
    return "M" + "L".join(f"{left:.1f} {top:.1f}" for left, top in zip(x, y, strict=True))


def scatter(title: str, points: Sequence[tuple[float, float]], unit: str) -> str:
    """Return the chart of what was asked for against what was reached, with the line where the two are equal."""
    asked, reached = (np.array(part) for part in zip(*points, strict=True))
    both = np.concatenate([asked, reached])
    log = bool(both.min() > 0 and both.max() / both.min() > 30)
    axis = axis_of(both, log=log)
    chart = Chart(title, axis, axis, f"asked for ({unit})", f"reached ({unit})")
    ends = np.array(axis[:2])
    return chart.drawn([chart.line(ends, ends, "before"), chart.dots(asked, reached, "after")])


def overlay(title: str, clean: Array, noisy: Array) -> str:
    """Return two curves over the number of the row, in a view that a script may zoom into."""
    both = np.concatenate([clean, noisy])
    both = both[np.isfinite(both)]
    low, high = (float(both.min()), float(both.max())) if both.size else (0.0, 1.0)
    parts = []
    for values, kind in ((noisy, "after"), (clean, "before")):
        shares = (values - low) / ((high - low) or 1.0)
        known = np.flatnonzero(np.isfinite(shares))
        parts.append(f'<path class="line {kind}" d="{_path(known.astype(np.float64), 98 - 96 * shares[known])}"/>')
    return (
        f'<svg class="overlay" viewBox="0 0 {max(1, len(clean) - 1)} 100" preserveAspectRatio="none" role="img" '
        f'data-rows="{max(1, len(clean) - 1)}" aria-label="{escape(title)}">{"".join(parts)}</svg>'
        f'<p class="range">from {number(low)} to {number(high)}</p>'
    )
