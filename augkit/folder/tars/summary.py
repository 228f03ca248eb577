"""What the row of a tar tells of its members: how many, and the least, middle and greatest of what was reached."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from augkit.outcome import Outcome

_LEVELS = ("snr_db", "std", "psnr_db", "clipped", "geometric_snr_db")
_NUMBER = re.compile(r"\d[\d.,]*")
_NOTICES = 20
_OTHERS = "several"


class Summary:
    """Sums up the outcomes of members; eight bytes a level and member are all that it keeps."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._levels: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self._common: dict[str, Any] = {}
        self._several: set[str] = set()
        self._notices: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a member."""
        self.counts["noised"] += 1
        for name in ("noise", "color", "requested", "drawn"):
            value = getattr(outcome, name)
            if self._common.setdefault(name, value) != value:
                self._several.add(name)
        for name in _LEVELS:
            for value in _reached(outcome.achieved, name):
                self._levels[name].append(value)
        for notice in outcome.notices:
            self.notice(notice)

    def notice(self, text: str) -> None:
        """Take in a notice; those that differ in numbers only count as one."""
        kind = _NUMBER.sub("#", text)
        if kind in self._notices or len(self._notices) < _NOTICES:
            self._notices[kind] += 1
            self._examples.setdefault(kind, text)
        else:
            self.counts["other notices"] += 1

    def common(self, name: str, otherwise: Any) -> Any:
        """Return what all members have in common."""
        return otherwise if name in self._several else self._common.get(name, otherwise)

    @property
    def noise(self) -> str | None:
        """The law of all; None where nothing got noise."""
        return self.common("noise", _OTHERS if self._common else None)  # type: ignore[no-any-return]

    def achieved(self) -> dict[str, Any]:
        """Return the median of each level that was reached, with the least and the greatest; None for unknown."""
        least, middle, greatest = {}, dict[str, float | None](), {}
        for name in _LEVELS:
            values = np.array(self._levels[name])
            if values.size:
                middle[name] = float(np.median(values))
                least[name], greatest[name] = float(values.min()), float(values.max())
            elif name != _LEVELS[-1]:
                middle[name] = None
        return {**middle, "least": least, "greatest": greatest}

    def notices(self) -> tuple[str, ...]:
        """Return the notices, each once, with how many members have it."""
        told = [
            f"1 member: {text}" if count == 1 else f"{count} members, such as: {text}"
            for text, count in ((self._examples[kind], count) for kind, count in self._notices.items())
        ]
        more = self.counts["other notices"]
        return (*told, *([f"{more} members: other notices, in the rows of the members"] if more else []))


def _reached(achieved: dict[str, Any], name: str) -> Iterator[float]:
    """Yield the value of a level, or those of columns, which have units of their own but decibels in common."""
    own = achieved.get(name)
    if own is not None:
        yield own
    elif name.endswith("snr_db"):
        values = (column.get(name) for column in achieved.get("columns", {}).values())
        yield from (value for value in values if value is not None)
