"""Arrays become addresses: they are looked at before, as the library takes on trust what it is given."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def address(array: NDArray[Any], dtype: str, shape: tuple[int, ...], *, written: bool = False) -> int:
    """Return where an array begins; raise `TypeError` for one that the library cannot walk through."""
    flags = array.flags
    walkable = in_one_piece(array) and (flags.writeable or not written)
    if array.dtype != dtype or array.shape != shape or not walkable:
        raise TypeError(
            f"expected a contiguous {dtype} array of shape {shape}, got {array.dtype}, {array.shape}\n{flags}"
        )
    return array.ctypes.data


def in_one_piece(array: NDArray[Any]) -> bool:
    """Tell whether the library can walk through an array."""
    return array.flags.c_contiguous and array.flags.aligned
