"""What relative levels refer to, learnt from other files than that which gets noise: a reference, or a whole folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from augkit.errors import InputError
from augkit.series.columns import own_values
from augkit.series.faults.model import Drift, Spike
from augkit.series.options import SeriesOptions
from augkit.series.sizes import Member, Sizes, Word, learn
from augkit.series.study import Study
from augkit.series.table import Table

Opener = Callable[[Path, SeriesOptions], Table]


class LearntOptions(SeriesOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options with what was learnt for them; they go from process to process, and into no recipe.

    Attributes
    ----------
    learnt : dict
        Sizes by column and name of the group.
    """

    learnt: dict[tuple[Word, str], Sizes]


def with_learnt(
    options: SeriesOptions, paths: Iterable[Path], open_table: Opener, *, passing_over: bool = False
) -> LearntOptions:
    """Return options with what was learnt from all of some files together.

    Parameters
    ----------
    passing_over : bool
        Whether files that cannot be read are left out.

    Raises
    ------
    InputError
        For a file that cannot be read.
    """
    members, units = list[Member](), dict[Word, set[str]]()
    for path in paths:
        try:
            study = Study(open_table(path, options), options, path)
        except (InputError, OSError):
            if not passing_over:
                raise
            continue
        study.table.forget()
        for word, own in _units(study, options).items():
            units.setdefault(word, set()).update(own)
        members.append(study.member())
    given = {name: getattr(options, name) for name in options.__struct_fields__}
    return LearntOptions(**given, learnt=learn(members, units))


def _units(study: Study, options: SeriesOptions) -> dict[Word, set[str]]:
    """Return the units that each column's level, and the sizes of its faults, refer to."""
    levels = own_values(study.table.columns, options.levels())
    moving = [fault for fault in options.fault_list() if isinstance(fault, Drift | Spike)]
    units: dict[Word, set[str]] = {}
    for column in study.chosen:
        own = {fault.sizes.unit for fault in moving if fault.strikes(column.name)}
        own |= {levels[column.position].unit} if column.position in levels else set()
        units[column.word] = own - {""}
    return units
