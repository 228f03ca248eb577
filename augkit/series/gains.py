"""How strong the noise of each column is, in each group: levels made into scales, and what a manifest says of them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from augkit.errors import InputError
from augkit.level import Level
from augkit.noise.distributions import Distribution
from augkit.series.additive import geometric_snr_db, resolve
from augkit.series.nature import Column
from augkit.series.noised import NoSpreadError
from augkit.series.sizes import Sizes, Word
from augkit.series.sources import Facts

_LISTED = 64
"""Groups whose scales a manifest lists by name."""


class Gains(msgspec.Struct, frozen=True, eq=False):
    """The scales of one column.

    Attributes
    ----------
    column : Column
    level : Level
        Fixed.
    scales : dict of str to float
        By the name of the group; "" where there are none. A group without a scale gets no noise.
    reasons : dict of str to str
        Why the others have none.
    """

    column: Column
    level: Level
    scales: dict[str, float] = msgspec.field(default_factory=dict)
    reasons: dict[str, str] = msgspec.field(default_factory=dict)

    def resolve(
        self, law: Distribution, group: str, facts: Facts, learnt: Mapping[tuple[Word, str], Sizes], power: float
    ) -> None:
        """Find the scale of one group.

        Raises
        ------
        InputError
            Where nothing is known of the column in what its scale is to be learnt from.
        """
        sizes = learnt.get((self.column.word, group))
        relative = bool(self.level.unit) or self.level.kind == "snr_db"
        if relative and sizes is None and facts.count:
            of_group = f" in group {group!r}" if group else ""
            raise InputError(f"column {self.column.name!r}{of_group} is not in what its scale is to be learnt from")
        try:
            self.scales[group] = resolve(self.level, law, facts, sizes, power)
        except NoSpreadError as error:
            self.reasons[group] = str(error)

    def told(self, law: Distribution) -> dict[str, Any]:
        """Return ``std`` and ``scale`` in the column's unit, or those of each group."""
        if self.scales.keys() == {""}:
            return _pair(self.scales[""], law)
        if len(self.scales) <= _LISTED:
            return {"groups": {group: _pair(scale, law) for group, scale in self.scales.items()}}
        smallest, largest = min(self.scales.values()), max(self.scales.values())
        return {"groups": len(self.scales), "smallest": _pair(smallest, law), "largest": _pair(largest, law)}

    def expected_std(self, law: Distribution, counts: Mapping[str, int]) -> float | None:
        """Return the standard deviation of the noise over all rows; None for a law that has none."""
        total = sum(counts.values())
        if math.isinf(law.std) or not total:
            return None
        stds = {group: scale * law.std for group, scale in self.scales.items()}
        squares = math.fsum(counts[group] * (std * std) for group, std in stds.items())  # ** raises beyond floats
        return math.sqrt(squares / total)

    def notice(self) -> str | None:
        """Say which groups get no noise, and why."""
        if not self.reasons:
            return None
        reason = next(iter(self.reasons.values()))
        if reason == "constant":
            reason = "it is constant; a std in its own unit would move it"
        where = ""
        if self.reasons.keys() != {""}:
            names = ", ".join(map(repr, list(self.reasons)[:3])) + (", ..." if len(self.reasons) > 3 else "")
            where = f" in {len(self.reasons)} of {len(self.reasons) + len(self.scales)} groups ({names})"
        return f"column {self.column.name!r} gets no noise from {self.level.kind}={self.level}{where}: {reason}"


def _pair(scale: float, law: Distribution) -> dict[str, float | None]:
    return {"std": None if math.isinf(law.std) else scale * law.std, "scale": scale}


def needs_power(levels: Iterable[Level], law: Distribution) -> bool:
    """Tell whether the power of the noise has to be measured before its scale is known."""
    return math.isinf(law.std) or any(level.kind == "snr_db" for level in levels)


def overall_geometric_snr(
    gains: Gains, law: Distribution, facts: Mapping[str, Facts], powers: Mapping[str, float]
) -> float | None:
    """Return the geometric SNR of a column that is all of one group."""
    if len(gains.scales) != 1 or gains.reasons:
        return None
    ((group, scale),) = gains.scales.items()
    return geometric_snr_db(law, scale, facts[group].power, powers[group])


def units_of(levels: Mapping[int, Level], columns: Sequence[Column]) -> dict[Word, Collection[str]]:
    """Return the units that each column's level refers to."""
    return {column.word: {levels[column.position].unit} - {""} for column in columns if column.position in levels}
