"""Arrays become addresses: they are looked at before, as the library takes on trust what it is given."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def address(array: NDArray[Any], dtype: str, *, written: bool = False) -> int:
    """Return where the elements of an array begin; raise `TypeError` for one that the library cannot walk through."""
    flags = array.flags
    if array.dtype != dtype or not flags.c_contiguous or not flags.aligned or (written and not flags.writeable):
        raise TypeError(f"expected a contiguous array of {dtype}, got {array.dtype} with\n{flags}")
    return array.ctypes.data
