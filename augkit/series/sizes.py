"""How large one unit of a level is for each column: standard deviation, MAD, range or spread of first differences.

They are learnt from one table, or from all tables of a folder together; where there are groups, for each by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.series.groups import Groups
from augkit.series.medians import Medians
from augkit.series.moments import Codes, Floats, Moments
from augkit.series.steps import Steps
from augkit.series.table import Table

_NORMAL_MAD = 1.4826022185056018
"""Standard deviation over median absolute deviation of a Gaussian."""

Word: TypeAlias = str | int
Counts: TypeAlias = NDArray[np.int64]


class Member(msgspec.Struct, frozen=True, eq=False):
    """One table of those that units are learnt from.

    Attributes
    ----------
    open : callable
        Returns the table; called anew for each time that it is gone over.
    words : mapping
        Positions of its columns by what names them.
    moments : mapping of int to Moments
        Of these columns.
    groups : Groups or None
        Of its rows, all met already.
    rows : ndarray of int64, shape (groups,)
        How many each group has.
    label : str
        The name of the one group of a table without groups.
    """

    open: Callable[[], Table]
    words: Mapping[Word, int]
    moments: Mapping[int, Moments]
    groups: Groups | None
    rows: Counts
    label: str = ""

    @property
    def names(self) -> Sequence[str]:
        """The names of its groups."""
        return (self.label,) if self.groups is None else self.groups.names


class Sizes(msgspec.Struct, frozen=True):
    """What is known of one column in one group.

    Attributes
    ----------
    power : float
        Its AC power.
    low, high : float
    units : dict of str to float
        How large "mad" and "diff" are, where these were asked for; "sd" and "range" follow from the others.
    """

    power: float
    low: float
    high: float
    units: dict[str, float] = msgspec.field(default_factory=dict)

    def of(self, unit: str) -> float:
        """Return how large a unit is, rounded to float32; 1 for "" and 0 where all values are the same."""
        if not unit:
            return 1.0
        if self.low == self.high:
            return 0.0
        made = {"sd": math.sqrt(self.power), "range": self.high - self.low}.get(unit)
        return float(np.float32(self.units[unit] if made is None else made))


def learn(members: Sequence[Member], units: Mapping[Word, Collection[str]]) -> dict[tuple[Word, str], Sizes]:
    """Return the sizes of each column and group, over all members together.

    Parameters
    ----------
    units : mapping
        Of each column by what names it: the units that are asked for.

    Returns
    -------
    dict
        By column and name of the group, which is "" where there are none.
    """
    names = _group_names(members)
    codes = [_codes_among(member, names) for member in members]
    learnt: dict[tuple[Word, str], Sizes] = {}
    moments = {word: _joined(members, codes, word) for word in units}
    robust = {
        unit: _Robust(members, codes, [word for word in units if unit in units[word]], moments, unit).sizes()
        for unit in ("mad", "diff")
        if any(unit in asked for asked in units.values())
    }
    for word, moment in moments.items():
        power = moment.power()
        for group, number in names.items():
            if number < len(moment.count) and moment.count[number]:
                found = {unit: float(sizes[word][number]) for unit, sizes in robust.items() if word in sizes}
                low, high = float(moment.low[number]), float(moment.high[number])
                learnt[word, group] = Sizes(float(power[number]), low + moment.origin, high + moment.origin, found)
    return learnt


def _group_names(members: Sequence[Member]) -> dict[str, int]:
    names: dict[str, int] = {}
    for member in members:
        for name in member.names:
            names.setdefault(name, len(names))
    return names


def _codes_among(member: Member, names: Mapping[str, int]) -> Codes:
    return np.array([names[name] for name in member.names], np.intp)


def _joined(members: Sequence[Member], codes: Sequence[Codes], word: Word) -> Moments:
    joined = Moments()
    for member, own in zip(members, codes, strict=True):
        moments = member.moments.get(member.words.get(word, -1))
        if moments is not None:
            joined.join(moments, own[: len(moments.count)])
    return joined


class _Robust:
    """The median absolute deviations of some columns, or of their first differences."""

    def __init__(
        self,
        members: Sequence[Member],
        codes: Sequence[Codes],
        words: Sequence[Word],
        moments: Mapping[Word, Moments],
        unit: str,
    ) -> None:
        self._members, self._codes, self._words, self._moments = members, codes, words, moments
        self._steps = unit == "diff"
        self._groups = 1 + max((int(own.max(initial=0)) for own in codes), default=0)

    def sizes(self) -> dict[Word, Floats]:
        """Return the sizes of each column by group."""
        middle = self._medians({})
        return {word: _NORMAL_MAD * found for word, found in self._medians(middle).items()}

    def _medians(self, about: Mapping[Word, Floats]) -> dict[Word, Floats]:
        """Return the medians of the values, or of how far they are from those given."""
        counts = self._counted()
        medians = {word: Medians(counts[word], len(self._words)) for word in self._words}
        while any(not median.is_done for median in medians.values()):
            for word, values, codes in self._values([word for word in self._words if not medians[word].is_done]):
                if about:
                    values = np.abs(values - (about[word][0] if codes is None else about[word][codes]))  # noqa: PLW2901
                medians[word].add(values, codes)
            for median in medians.values():
                median.finish_pass()
        return {word: np.nan_to_num(median.values()) for word, median in medians.items()}

    def _counted(self) -> dict[Word, Counts]:
        """Return how many finite values, or differences, there are of each column by group."""
        if not self._steps:
            return {word: _padded(self._moments[word].count, self._groups) for word in self._words}
        counts = {word: np.zeros(self._groups, np.int64) for word in self._words}
        gappy = set()
        for member, own in zip(self._members, self._codes, strict=True):
            for word in self._words:
                moments = member.moments.get(member.words.get(word, -1))
                if moments is None:
                    continue
                found = _padded(moments.count, len(own))
                counts[word][own] += np.maximum(found - 1, 0)
                if not np.array_equal(found, member.rows):
                    gappy.add(word)
        counts.update({word: np.zeros(self._groups, np.int64) for word in gappy})
        for word, values, codes in self._values(sorted(gappy, key=str)):
            counts[word] += np.bincount(
                np.zeros(values.size, np.intp) if codes is None else codes, minlength=self._groups
            )
        return counts

    def _values(self, words: Sequence[Word]) -> Iterator[tuple[Word, Floats, Codes | None]]:
        """Yield the finite values, or differences, of each column batch by batch, with the groups of all members."""
        if not words:
            return
        for member, own in zip(self._members, self._codes, strict=True):
            present = {member.words[word]: word for word in words if member.words.get(word) in member.moments}
            steps = {position: Steps() for position in present}
            groups = member.groups
            for batch in member.open().batches(list(present), () if groups is None else (groups.position,)):
                codes = None if groups is None else groups.codes(batch)
                for position, column in batch.values.items():
                    word = present[position]
                    floats, among = self._moments[word].floats(column), codes
                    if self._steps:
                        floats, order = steps[position].next(floats, codes)
                        floats = floats / math.sqrt(2)
                        among = codes if codes is None or order is None else codes[order]
                    yield word, *self._finite(floats, among, own)

    def _finite(self, floats: Floats, codes: Codes | None, own: Codes) -> tuple[Floats, Codes | None]:
        good = np.isfinite(floats)
        if not good.all():
            floats, codes = floats[good], None if codes is None else codes[good]
        if codes is None and self._groups == 1:
            return floats, None
        return floats, np.full(floats.size, own[0]) if codes is None else own[codes]


def _padded(counts: Counts, groups: int) -> Counts:
    return np.concatenate([counts, np.zeros(groups - len(counts), np.int64)])
