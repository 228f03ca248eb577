"""Which rows belong together: the groups of a column's values, numbered as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from augkit.errors import InputError
from augkit.series.moments import Codes
from augkit.series.table import Batch

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 2**20
"""Groups of one file; a column with more distinct values names rows and no devices."""


class Groups:
    """The values of one column, each of which names a group of rows.

    Parameters
    ----------
    position : int
        Of the column.
    title : str
        Its name, for messages.

    Attributes
    ----------
    names : list of str
        Of the groups, in the order in which they were met.
    """

    def __init__(self, position: int, title: str) -> None:
        self.position, self._title = position, title
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def codes(self, batch: Batch) -> Codes:
        """Return the number of each row's group; a group that was not met before gets the next one.

        Raises
        ------
        InputError
            For more than `MOST` groups.
        """
        import pyarrow as pa

        cells = batch.raw[self.position]
        if pa.types.is_dictionary(cells.type):
            cells = cells.dictionary_decode()
        encoded = cells.dictionary_encode(null_encoding="encode")
        found = [self._number(_name(value)) for value in _plain(encoded.dictionary).to_pylist()]
        if len(self.names) > MOST:
            raise InputError(
                f"column {self._title!r} has more than {MOST:,} distinct values; group by what names a device"
            )
        codes: Codes = np.array(found, np.intp)[encoded.indices.to_numpy(zero_copy_only=False)]
        return codes

    def _number(self, name: str) -> int:
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number


def _plain(values: pa.Array) -> pa.Array:
    """Return texts as bytes, as those of a text table may be no UTF-8; all else as it is."""
    import pyarrow as pa

    kinds = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}
    return values.view(kinds[values.type]) if values.type in kinds else values


def _name(value: object) -> str:
    if not isinstance(value, bytes):
        return "" if value is None else str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
