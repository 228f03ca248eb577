"""Writing a table anew: each batch of rows goes to the sources of its entities, and what came of it is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from augkit.series.chain import Chain, take_together
from augkit.series.faults.model import FaultKind
from augkit.series.moments import Codes
from augkit.series.reached import Reached
from augkit.series.sources import Noisy, Rows
from augkit.series.spread import Values
from augkit.series.study import Study
from augkit.series.table import Batch

if TYPE_CHECKING:
    from augkit.series.mask import MaskFile

MakeSource = Callable[[int, int], tuple[Chain, dict[int, str]]]


class Editor:
    """Hands the rows of a table to the sources of their entities, once from the first row to the last.

    Parameters
    ----------
    study : Study
    make : callable
        Returns the source of a group in a part, and which columns cannot have some of their faults there, and why.
    reached : Reached
        Is told what was written.
    mask : MaskFile or None
        Is told what is wrong with each cell.
    """

    def __init__(self, study: Study, make: MakeSource, reached: Reached, mask: MaskFile | None) -> None:
        self._study, self._make, self._reached, self._mask = study, make, reached, mask
        self._sources: dict[tuple[int, int], Chain] = {}
        self._left_out: dict[int, list[str]] = {}
        self._faulty: dict[int, dict[str, int]] = {}
        study.entities.restart()

    @property
    def notices(self) -> list[str]:
        """Which columns cannot have some of their faults, and why."""
        names = {column.position: column.name for column in self._study.chosen}
        return [
            f"column {names[position]!r}{f' in {len(reasons)} groups' if len(reasons) > 1 else ''} has not all of its "
            f"faults: {reasons[0]}"
            for position, reasons in self._left_out.items()
        ]

    def faulty_cells(self, position: int) -> dict[str, int]:
        """Return how many cells of a column have a fault of each kind."""
        return self._faulty.get(position, {})

    def edit(self, batch: Batch) -> Noisy:
        """Return the noised values of a batch."""
        noisy = self._edited(batch)
        for position, bits in noisy.faulty.items():
            counts = self._faulty.setdefault(position, {})
            for kind in FaultKind:
                cells = int(np.count_nonzero(bits & kind))
                if cells:
                    name = str(kind.name).lower()
                    counts[name] = counts.get(name, 0) + cells
        if self._mask is not None:
            self._mask.add(noisy.faulty, batch.rows, batch.part)
        return noisy

    def _edited(self, batch: Batch) -> Noisy:
        if not batch.values or not batch.rows:  # such as one of blank lines only
            return Noisy(dict(batch.values))
        entities = self._study.entities
        found = entities.sort(batch)
        if found is None:
            return self._source(batch.part, 0).take(Rows(batch.values, entities.seconds(batch)))
        groups, counts, places, rows = found
        noisy = take_together([self._source(batch.part, group) for group in groups.tolist()], counts, rows)
        return Noisy(*(_put_back(made, places) for made in (noisy.values, noisy.faulty, noisy.missing)))

    def wrote(self, batch: Batch, written: Mapping[int, Values]) -> None:
        """Measure what was written."""
        self._reached.add(batch, written)

    def _source(self, part: int, group: int) -> Chain:
        if (part, group) not in self._sources:
            self._sources[part, group], left_out = self._make(part, group)
            for position, reason in left_out.items():
                self._left_out.setdefault(position, []).append(reason)
        return self._sources[part, group]


def _put_back(made: Mapping[int, Values], places: Codes) -> dict[int, Values]:
    """Return columns whose rows are where they were before they were sorted."""
    back = {position: np.empty_like(values) for position, values in made.items()}
    for position, values in made.items():
        back[position][places] = values
    return back
