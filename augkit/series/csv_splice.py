"""New cells put into old bytes; all else is copied as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.series.csv_arrow import as_binary, is_wide, of_texts, raw, taken
from augkit.series.csv_cells import Bytes, Places

if TYPE_CHECKING:
    import pyarrow as pa

KEEP = -1


class Texts(msgspec.Struct, frozen=True, eq=False):
    """Texts that stand one behind the other, with or without something between them.

    Attributes
    ----------
    data : ndarray of uint8
    begins, ends : ndarray of int, shape (texts,)
    """

    data: Bytes
    begins: Places
    ends: Places

    def __len__(self) -> int:
        return int(self.begins.size)


def texts_of(array: pa.Array) -> Texts:
    """Return the texts of an Arrow array."""
    places, data = raw(array)
    return Texts(data, places[:-1], places[1:])


class Changed(msgspec.Struct, frozen=True, eq=False):
    """The cells of one column.

    Attributes
    ----------
    starts, ends : ndarray of int, shape (rows,)
        Their edges.
    choice : ndarray of int, shape (rows,)
        For each cell, the number of its new text, counted through all texts; `KEEP` to keep the old one.
    """

    starts: Places
    ends: Places
    choice: NDArray[np.int64]


def splice(data: Bytes, columns: Sequence[Changed], texts: Sequence[Texts]) -> memoryview:
    """Return `data` with some of its cells replaced.

    The old bytes and all new texts, one behind the other, are seen as one Arrow array of texts, cut at the edges of the
    cells; one `take` then puts the pieces together, and the data buffer of its result is the new text.

    Parameters
    ----------
    data : ndarray of uint8
        A batch of text.
    columns : sequence of Changed
        All with equally many rows; the cells of a row stand in this order in the text.
    texts : sequence of Texts
    """
    rows, width = columns[0].starts.size, len(columns)
    cells = rows * width
    wide = is_wide(data.size + sum(part.data.size for part in texts))
    first = 2 * cells + 2
    offsets = np.empty(first + 2 * sum(map(len, texts)), np.int64 if wide else np.int32)
    order = np.arange(2 * cells + 1, dtype=offsets.dtype)
    offsets[0], offsets[first - 1] = 0, data.size
    edges, pieces = offsets[1 : first - 1].reshape(rows, 2 * width), order[1:].reshape(rows, 2 * width)
    for place, column in enumerate(columns):
        edges[:, 2 * place], edges[:, 2 * place + 1] = column.starts, column.ends
        np.copyto(pieces[:, 2 * place], 2 * column.choice + first, where=column.choice != KEEP, casting="same_kind")
    begin = data.size
    for part in texts:
        end = first + 2 * len(part)
        np.add(part.begins, begin, out=offsets[first:end:2], casting="same_kind")
        np.add(part.ends, begin, out=offsets[first + 1 : end : 2], casting="same_kind")
        first, begin = end, begin + part.data.size
    joined = np.concatenate([data, *(part.data for part in texts)])
    return raw(taken(as_binary(of_texts(offsets, joined)), order))[1].data
