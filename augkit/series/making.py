"""From scales to sources: what makes the noise of each entity of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from augkit.noise.colour import Color
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.noise.mixing import Channels
from augkit.series.chain import mixed
from augkit.series.links import Hearing, hear
from augkit.series.nature import Column
from augkit.series.sources import Entity
from augkit.series.study import Study
from augkit.series.tape import AHEAD, Piece, Power, Tape
from augkit.series.vector import Strand

_AHEAD_IN_ALL = 2**21
"""Samples of all columns and groups together that are made at a time."""

_LEAST_AHEAD = 2**10


class Maker:
    """Makes the noise of a law for the entities of one table.

    Parameters
    ----------
    study : Study
    law, color
    channels : {"independent", "shared"}, float or matrix
        How the columns of an entity share their noise.
    key : Key
        Of the output.
    """

    def __init__(self, study: Study, law: Distribution, color: Color, key: Key, *, channels: Channels) -> None:
        self._study, self._law, self._color, self._key, self._channels = study, law, color, key, channels
        tapes = max(1, len(study.chosen) * len(study.groups))
        self._ahead = int(min(max(_AHEAD_IN_ALL // tapes, _LEAST_AHEAD), AHEAD))

    def entity(self, part: int, group: int) -> Entity:
        """Return the rows of one group of a part of the table."""
        study = self._study
        columns = [column for column in study.chosen if column.part == part]
        name = study.groups[group]
        key = self._key.child("group", name) if name else self._key
        facts = {column.position: study.facts(column, group) for column in columns}
        return Entity(columns, study.rows(columns[0], group), key, facts, name or None, study.times(group))

    def hearing(self, entity: Entity) -> Hearing:
        """Return the noise of each column of an entity at unit scale, from its first row on."""
        dtypes = {column.position: column.dtype for column in entity.columns}
        return hear(entity, self._law, self._color, self._channels, dtypes, ahead=self._ahead)

    def powers(self, columns: Sequence[Column]) -> dict[int, dict[str, float]]:
        """Return the power of the noise at unit scale that reaches a finite value, by column and group.

        It is the geometric power of laws of infinite variance. Columns without gaps need no pass over the table.
        """
        geometric = math.isinf(self._law.std)
        gappy = [c for c in columns if any(self._has_gaps(c, group) for group in range(len(self._study.groups)))]
        found: dict[tuple[int, int], Power] = {}
        for column in columns:
            for group in range(len(self._study.groups)):
                meter = found[column.position, group] = Power(geometric=geometric)
                if column not in gappy:
                    self._measure(meter, column, group)
        if gappy:
            self._measure_on(found, gappy)
        names = self._study.groups
        return {c.position: {name: found[c.position, i].value() for i, name in enumerate(names)} for c in columns}

    def _has_gaps(self, column: Column, group: int) -> bool:
        facts = self._study.facts(column, group)
        return 0 < facts.count < facts.rows

    def _measure(self, meter: Power, column: Column, group: int) -> None:
        entity = self.entity(column.part, group)
        tapes, left = self.hearing(entity)[column.position], entity.rows
        while left:
            count = min(left, self._ahead)
            meter.add(mixed(tapes, {}, count))
            left -= count

    def _measure_on(self, meters: Mapping[tuple[int, int], Power], columns: Sequence[Column]) -> None:
        """Go over the table to measure the noise where it has numbers."""
        entities, tapes = self._study.entities, dict[tuple[int, int], Hearing]()
        positions = [column.position for column in columns]
        entities.restart()
        for batch in self._study.table.batches(positions, entities.positions):
            for group, _, rows in entities.split(batch):
                if (batch.part, group) not in tapes:
                    tapes[batch.part, group] = self.hearing(self.entity(batch.part, group))
                taken: dict[Tape | Strand, Piece] = {}
                for position, values in rows.values.items():
                    noise = mixed(tapes[batch.part, group][position], taken, values.size)
                    meters[position, group].add(noise[np.isfinite(values)])
