"""New cells put into old bytes; all else is copied as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from augkit.series.csv_arrow import is_wide, of_numbers, raw
from augkit.series.csv_cells import Bytes, Places

KEEP = -1


def splice(
    data: Bytes, starts: Places, ends: Places, texts: Sequence[pa.Array], choice: NDArray[np.int64]
) -> memoryview:
    """Return `data` with some of its cells replaced.

    The old bytes and all new texts, one behind the other, are seen as one Arrow array of texts, cut at the edges of the
    cells; one `take` then puts the pieces together, and the data buffer of its result is the new text.

    Parameters
    ----------
    data : ndarray of uint8
        A batch of text.
    starts, ends : ndarray, shape (cells,)
        Edges of the cells, in the order of the text.
    texts : sequence of Arrow arrays
        New texts.
    choice : ndarray of int64, shape (cells,)
        For each cell, the number of its new text, counted through all arrays; `KEEP` to keep the old one.
    """
    cells = starts.size
    if not cells:
        return data.data
    parts = [raw(array) for array in texts]
    size = data.size + sum(octets.size for _, octets in parts)
    wide = is_wide(size)
    offsets = np.empty(2 * cells + 2 + sum(places.size - 1 for places, _ in parts), np.int64 if wide else np.int32)
    offsets[0] = 0
    offsets[1 : 2 * cells + 1 : 2], offsets[2 : 2 * cells + 1 : 2] = starts, ends
    offsets[2 * cells + 1] = data.size
    place, begin = 2 * cells + 2, data.size
    for places, octets in parts:
        np.add(places[1:], begin, out=offsets[place : place + places.size - 1], casting="same_kind")
        place, begin = place + places.size - 1, begin + octets.size
    order = np.arange(2 * cells + 1, dtype=offsets.dtype)
    np.add(choice, 2 * cells + 1, out=order[1::2], where=choice != KEEP, casting="same_kind")
    joined = np.concatenate([data, *(octets for _, octets in parts)])
    kind = pa.large_binary() if wide else pa.binary()
    pieces = pa.Array.from_buffers(kind, offsets.size - 1, [None, pa.py_buffer(offsets), pa.py_buffer(joined)])
    return raw(pieces.take(of_numbers(order)))[1].data
