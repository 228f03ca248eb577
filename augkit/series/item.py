"""One table, ready to be written with noise any number of times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augkit.level import Level
from augkit.noise.colour import as_color
from augkit.noise.keys import Key
from augkit.outcome import Outcome
from augkit.series.assigned import ALL
from augkit.series.chain import Chain
from augkit.series.columns import own_values
from augkit.series.editing import Editor, MakeSource
from augkit.series.gains import Gains, needs_power, overall_geometric_snr, units_of
from augkit.series.limits import converters_of, limits_of, unshown_step
from augkit.series.links import Extras, assign_extras, make_chain
from augkit.series.making import Maker
from augkit.series.nature import Column
from augkit.series.options import SeriesOptions
from augkit.series.reached import Reached
from augkit.series.sizes import Sizes, Word, learn
from augkit.series.study import Study
from augkit.series.table import Table
from augkit.series.tape import AHEAD
from augkit.writing import copied

if TYPE_CHECKING:
    from augkit.series.mask import MaskFile

Learnt = Mapping[tuple[Word, str], Sizes]

_LISTED = 12
"""Columns that a notice names."""


class SeriesItem:
    """One table, ready to be written with noise any number of times.

    Parameters
    ----------
    table : Table
    options : SeriesOptions
    path : Path
        Of the file.
    learnt : mapping or None
        What relative levels refer to, by column and group, where that was learnt elsewhere.
    """

    def __init__(self, table: Table, options: SeriesOptions, path: Path, learnt: Learnt | None = None) -> None:
        self._path, self._options = path, options
        self._law, self._color = options.law(), as_color(options.color)
        self._study = Study(table, options, path)
        self._levels = options.levels()
        self._limits = limits_of(self._study.table.columns, options)
        self._extras = self._assigned()
        if learnt is None:
            learnt = learn([self._study.member()], self._units())
        self._learnt = learnt

    def _assigned(self) -> Extras:
        """Return what happens to each column besides noise of the law."""
        options, columns, chosen = self._options, self._study.table.columns, self._study.chosen
        return assign_extras(
            chosen,
            options.sensors(),
            options.fault_list(),
            converters_of(columns, options),
            multiplicative=options.multiplicative,
            samplerate=options.samplerate,
        )

    def _units(self) -> dict[Word, Collection[str]]:
        """Return the units that each column's level and the sizes of its faults refer to."""
        units = units_of(self._levels_of(self._levels), self._study.chosen)
        for column in self._study.chosen:
            own = self._extras.units(column.position)
            if own:
                units[column.word] = {*units.get(column.word, ()), *own}
        return units

    def _levels_of(self, levels: Mapping[str, Level]) -> dict[int, Level]:
        return own_values(self._study.table.columns, levels)

    def write(self, target: Path, key: Key, *, measure: bool, saved: Mapping[str, Path] | None = None) -> Outcome:
        """Write the noised file to `target` and say what was reached; tables lose nothing, so it is always measured."""
        del measure
        table, study, extras = self._study.table, self._study, self._extras
        drawn = {
            n: lv.draw(key.child("level") if n == ALL else key.child("level", n)) for n, lv in self._levels.items()
        }
        maker = Maker(study, self._law, self._color, key, channels=self._options.sharing())
        powers = maker.powers(study.chosen) if needs_power(drawn.values(), self._law) else {}
        gains = self._gains(drawn, powers)
        scaled = {position for position, own in gains.items() if own.scales}
        made = [column for column in study.chosen if column.position in scaled or extras.touches(column.position)]
        reached = Reached(self._limits)
        with self._mask(saved) as mask:
            editor = Editor(study, self._sources(maker, gains), reached, mask)
            table.rewrite(target, editor, [column.position for column in made], study.entities.positions)
        if not reached.has_changed and not table.is_exact:
            copied(self._path, target)
        found = self._achieved(made, gains, powers, reached)
        for column in made:
            if column.position in extras.faults:
                found["columns"][column.name]["faulty"] = editor.faulty_cells(column.position)
        return Outcome(
            noise=self._name(),
            color=str(self._color) if self._levels else None,
            requested=self._requested(),
            drawn=self._told(drawn) | {"columns": {column.name: self._told_of(column, gains) for column in made}},
            achieved=found,
            format=table.facts | self._facts(gains, made),
            notices=(*table.notices, *self._notices(gains, made, found), *editor.notices),
        )

    def save_unchanged(self, saved: Mapping[str, Path]) -> None:
        """Write the mask of an output that is the unchanged source: none of its cells is faulty."""
        study = self._study
        firsts = {column.part: column for column in reversed(study.chosen)}
        with self._mask(saved) as mask:
            for part, column in sorted(firsts.items()):
                left = sum(study.rows(column, group) for group in range(len(study.groups)))
                while mask is not None and left:
                    rows = min(left, AHEAD)
                    mask.add({}, rows, part)
                    left -= rows

    def _mask(self, saved: Mapping[str, Path] | None) -> AbstractContextManager[MaskFile | None]:
        if not saved:
            return nullcontext()
        from augkit.series.mask import MaskFile

        return MaskFile(saved["mask"], [c for c in self._study.chosen if c.position in self._extras.faults])

    def _name(self) -> str:
        parts = {str(self._law): self._levels, "sensor": self._extras.sensors, "faults": self._extras.faults}
        return " + ".join(name for name, there in parts.items() if there) or "none"

    def _told_of(self, column: Column, gains: Mapping[int, Gains]) -> dict[str, Any]:
        own = gains.get(column.position)
        return (own.told(self._law) if own and own.scales else {}) | self._extras.told(column.position)

    def _sources(self, maker: Maker, gains: Mapping[int, Gains]) -> MakeSource:
        """Return what makes the source of each entity."""
        extras, limits = self._extras, dict(self._limits)
        for column in self._study.chosen:
            if column.position in extras.converters:  # it has a range of its own
                limits.pop(column.position, None)
                limits |= {} if column.ends is None else {column.position: column.ends}

        def make(part: int, group: int) -> tuple[Chain, dict[int, str]]:
            entity, name = maker.entity(part, group), self._study.groups[group]
            scales = {position: own.scales[name] for position, own in gains.items() if name in own.scales}

            def size_of(column: Column, unit: str) -> float:
                sizes = self._learnt.get((column.word, name))
                return 0.0 if sizes is None else sizes.of(unit)

            heard = maker.hearing(entity) if scales else {}
            return make_chain(entity, heard, scales, limits, extras=extras, size_of=size_of)

        return make

    def _gains(self, drawn: Mapping[str, Level], powers: Mapping[int, Mapping[str, float]]) -> dict[int, Gains]:
        levels = self._levels_of(drawn)
        gains = {}
        for column in self._study.chosen:
            if column.position not in levels:
                continue
            own = gains[column.position] = Gains(column, levels[column.position])
            for number, group in enumerate(self._study.groups):
                power = powers[column.position][group] if powers else 0.0
                own.resolve(self._law, group, self._study.facts(column, number), self._learnt, power)
        return gains

    def _achieved(
        self,
        made: list[Column],
        gains: Mapping[int, Gains],
        powers: Mapping[int, Mapping[str, float]],
        reached: Reached,
    ) -> dict[str, Any]:
        study = self._study
        levels = reached.columns({column.position: study.power(column) for column in made})
        columns = dict[str, Any]()
        for column in made:
            columns[column.name] = levels[column.position]
            if powers and column.position in gains:
                facts = {group: study.facts(column, number) for number, group in enumerate(study.groups)}
                own = gains[column.position]
                geometric = overall_geometric_snr(own, self._law, facts, powers[column.position])
                if geometric is not None:
                    columns[column.name]["geometric_snr_db"] = geometric
        only: dict[str, Any] = next(iter(columns.values())) if len(columns) == 1 else {"std": None, "snr_db": None}
        return {**only, "psnr_db": None, "clipped": reached.clipped, "columns": columns}

    def _requested(self) -> dict[str, Any]:
        if self._levels.keys() == {ALL}:
            return {self._levels[ALL].kind: str(self._levels[ALL])}
        kinds = {level.kind for level in self._levels.values()}
        return {kind: getattr(self._options, kind) for kind in sorted(kinds)}

    @staticmethod
    def _told(drawn: Mapping[str, Level]) -> dict[str, Any]:
        told = {name: {lv.kind: lv.value} | ({"unit": lv.unit} if lv.unit else {}) for name, lv in drawn.items()}
        return told[ALL] if told.keys() == {ALL} else {"levels": told} if told else {}

    def _facts(self, gains: Mapping[int, Gains], made: list[Column]) -> dict[str, Any]:
        study, options = self._study, self._options
        asked = gains.keys() | {column.position for column in made}
        idle = {c.name: "nothing is asked for it" for c in study.chosen if c.position not in asked}
        still = {g.column.name: next(iter(g.reasons.values())) for g in gains.values() if not g.scales}
        facts: dict[str, Any] = {"columns": [column.name for column in made], "left": {**study.left, **idle, **still}}
        if options.group_by is not None:
            facts["groups"] = {"column": options.group_by, "count": len(study.groups)}
        times = study.times(0)
        if times is not None and times.interval:
            facts["time"] = {"column": options.time, "interval": times.interval, "even": times.is_even}
        return facts

    def _notices(self, gains: Mapping[int, Gains], made: list[Column], found: Mapping[str, Any]) -> list[str]:
        notices = [notice for own in gains.values() if (notice := own.notice())]
        study = self._study
        lost = []
        for column in made:
            if self._extras.touches(column.position) or column.position not in gains:
                if column.position in self._extras.sensors and not found["columns"][column.name]["std"]:
                    lost.append(column.name)
                continue
            counts = {group: study.facts(column, number).count for number, group in enumerate(study.groups)}
            asked, got = gains[column.position].expected_std(self._law, counts), found["columns"][column.name]["std"]
            if asked and not 0.5 < (got or 0) / asked < 1.5:
                lost.append(column.name)
        if lost:
            names = ", ".join(lost[:_LISTED]) + (f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else "")
            notices.append(
                f"rounding to the decimals of {names} changes the noise much or takes all of it; see achieved"
            )
        converters = self._extras.converters
        steps = [unshown_step(c, converters[c.position], self._options) for c in made if c.position in converters]
        notices += [notice for notice in steps if notice]
        times = study.times(0)
        if made and times is not None and not times.is_even and self._color.filter(study.rows(made[0], 0)) is not None:
            notices.append(
                f"color={self._color} takes rows as evenly spaced, but the intervals of {self._options.time!r} go from "
                f"{times.shortest:.6g} to {times.longest:.6g} s"
            )
        return notices
