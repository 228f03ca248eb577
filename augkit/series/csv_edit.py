"""New texts for some cells of a batch, and the batch with them in place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np

from augkit.compiled import csv_calls, library
from augkit.series.csv_arrow import Floats, of_strings
from augkit.series.csv_cells import Bytes, Flags, Places
from augkit.series.csv_splice import KEEP, Changed, Texts, splice, texts_of
from augkit.series.csv_style import Style
from augkit.series.csv_text import as_asked, is_fixed, write


class Cells(msgspec.Struct, frozen=True, eq=False):
    """The cells of one column in a batch.

    Attributes
    ----------
    starts, ends : ndarray of int, shape (cells,)
        Their edges, in the order of the text.
    values : ndarray of float64, shape (cells,)
        Their numbers; NaN where there is none.
    scientific : ndarray of bool or None
        Which have an exponent; None where none do.
    """

    starts: Places
    ends: Places
    values: Floats
    scientific: Flags | None


class Form(msgspec.Struct, frozen=True):
    """How the numbers of a file are written.

    Attributes
    ----------
    decimal : str
        "." or ",".
    decimals : int, "full" or None
        The digits after the mark where they are not those of the column.
    """

    decimal: str = "."
    decimals: int | Literal["full"] | None = None


class Change(msgspec.Struct, frozen=True, eq=False):
    """What is to become of the cells of one column in a batch.

    Attributes
    ----------
    cells : Cells
    new : ndarray of float64, shape (cells,)
        Their new numbers; a cell whose number does not change keeps its bytes.
    style : Style
        Of the column.
    missing : ndarray of bool or None
        Which cells are to hold `gap` instead.
    gap : str
    """

    cells: Cells
    new: Floats
    style: Style
    missing: Flags | None = None
    gap: str = ""


def edited(data: Bytes, form: Form, changes: Sequence[Change]) -> tuple[memoryview, list[Floats]]:
    """Return the text of a batch with new numbers in it, and what a reader gets of them."""
    made = _edited_at_once(data, form, changes)
    if made is not None:
        return made
    edit = Edit(data, form)
    written = [edit.put(change) for change in changes]
    return edit.spliced(), written


def _edited_at_once(data: Bytes, form: Form, changes: Sequence[Change]) -> tuple[memoryview, list[Floats]] | None:
    """Do the same by the compiled library; None where there is none, or a number is written in another way."""
    kernel = library()
    if kernel is None or not changes:
        return None
    columns = []
    for change in changes:
        cells, style = change.cells, as_asked(change.style, form.decimals)
        is_missing = change.missing is not None and bool(change.missing.any())
        if is_missing or cells.starts.dtype != np.int32 or not is_fixed(style, cells.scientific):
            return None
        numbers = csv_calls.Numbers(
            *(cells.starts, cells.ends, cells.values, change.new),
            decimals=style.decimals,
            mark=style.mark,
            bare=style.bare,
            plus=style.plus,
        )
        columns.append(numbers)
    made = csv_calls.put_numbers(kernel, data, columns, form.decimal)
    return None if made is None else (made[0].data, made[1])


class Edit:
    """Gathers what is to change in a batch.

    Parameters
    ----------
    data : ndarray of uint8
    form : Form
    """

    def __init__(self, data: Bytes, form: Form) -> None:
        self._data, self._form = data, form
        self._changed: list[Changed] = []
        self._texts: list[Texts] = []
        self._count = 0

    def put(self, change: Change) -> Floats:
        """Put new numbers into the cells of a column, and return what a reader gets of them."""
        cells, new, missing, old = change.cells, change.new, change.missing, change.cells.values
        kept: Flags = ~((new != old) & np.isfinite(new) & np.isfinite(old))
        written: Floats = old.copy()
        choice = np.full(old.size, KEEP, np.int64)
        if not kept.all():
            form = self._form
            text = write(new, cells.scientific, change.style, decimal=form.decimal, decimals=form.decimals)
            kept |= text.values == old
            np.copyto(written, text.values, where=~kept)
            for places, texts in text.parts:
                choice[slice(None) if places is None else places] = np.arange(self._count, self._count + len(texts))
                self._add(texts)
            choice[kept] = KEEP
        if missing is not None and missing.any():
            choice[missing & ~np.isnan(old)] = self._count
            self._add(texts_of(of_strings([change.gap])))
            written[missing] = np.nan
        self._changed.append(Changed(cells.starts, cells.ends, choice))
        return written

    def _add(self, texts: Texts) -> None:
        self._texts.append(texts)
        self._count += len(texts)

    def spliced(self) -> memoryview:
        """Return the new text of the batch."""
        if not self._texts:
            return self._data.data
        return splice(self._data, _in_order(self._changed), self._texts)


def _in_order(columns: Sequence[Changed]) -> Sequence[Changed]:
    """Return columns whose cells stand row by row in their order, or else all cells as one column."""
    pairs = list(pairwise([*columns, columns[0]]))
    if len({column.starts.size for column in columns}) == 1 and all(
        bool((one.ends <= two.starts).all()) for one, two in pairs[:-1]
    ):
        last, first = pairs[-1]
        if bool((last.ends[:-1] <= first.starts[1:]).all()):
            return columns
    starts = np.concatenate([column.starts for column in columns])
    order = np.argsort(starts, kind="stable")
    ends, choice = (np.concatenate([getattr(c, name) for c in columns])[order] for name in ("ends", "choice"))
    return [Changed(starts[order], ends, choice)]
