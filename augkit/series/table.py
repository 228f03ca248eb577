"""What a table is, whatever its format: read in batches of rows as often as need be, and written once for each copy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from augkit.series.nature import Column
from augkit.series.sources import Noisy
from augkit.series.spread import Values

if TYPE_CHECKING:
    import pyarrow as pa


class Batch(msgspec.Struct, frozen=True, eq=False):
    """Some rows of one part of a table, behind those of the batch before.

    Attributes
    ----------
    rows : int
    values : mapping of int to ndarray, shape (rows,)
        Numbers of the columns that were asked for, by position; NaN where there is none.
    raw : mapping of int to Arrow array
        Cells of the columns that were asked for as they are: texts, time stamps or numbers.
    part : int
        Arrays of one file that have lengths of their own are parts; most tables have one.
    """

    rows: int
    values: Mapping[int, Values]
    raw: Mapping[int, pa.Array] = msgspec.field(default_factory=dict)
    part: int = 0


class SurveyAgainError(Exception):
    """The pass over the whole file has to begin anew, as it turned out to be read in another way."""


class Look(Protocol):
    """What a pass shows each batch to."""

    def __call__(self, batch: Batch) -> None:
        """Take in the next batch."""
        ...


class Editor(Protocol):
    """Gives new values to the cells of a table, and hears what a reader will get of them."""

    def edit(self, batch: Batch) -> Noisy:
        """Return new values of some columns of the batch, by position, each of the dtype of the old ones."""
        ...

    def wrote(self, batch: Batch, written: Mapping[int, Values]) -> None:
        """Take in what a reader gets of these columns: NaN for what is missing, in float64 where some may be."""
        ...


class Table(Protocol):
    """One file, opened and checked: what a format's module offers.

    Every pass goes over the file anew, in batches whose sizes are the format's own affair.
    """

    @property
    def facts(self) -> dict[str, Any]:
        """``name`` of the format, ``rows`` and whatever else its row in the manifest holds."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, in order; what they are is known for sure once `survey` has been over the file."""
        ...

    @property
    def notices(self) -> Sequence[str]:
        """What the output does not keep, in words."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether an output without any new value has the file's very bytes."""
        ...

    def survey(self, look: Look, numbers: Collection[int], raw: Collection[int]) -> Sequence[Column]:
        """Go over the whole file once, check it, and return what its columns are.

        Parameters
        ----------
        look : callable
            Is shown every batch.
        numbers, raw : collection of int
            Positions of the columns to be shown as numbers (those that turn out to hold none may be missing), and as
            they are.

        Raises
        ------
        InputError
            For a file that is broken, with the row where there is one.
        SurveyAgainError
            Where all that was shown is to be forgotten, and this called once more.
        """
        ...

    def batches(self, numbers: Collection[int], raw: Collection[int] = ()) -> Iterator[Batch]:
        """Yield the file once more, batch by batch."""
        ...

    def forget(self) -> None:
        """Let go of what is kept in memory between two passes, as the next one may be long in coming."""
        ...

    def rewrite(self, target: Path, editor: Editor, numbers: Collection[int], raw: Collection[int]) -> None:
        """Write the file with new values in the columns `numbers`."""
        ...
