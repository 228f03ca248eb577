"""Columns of Arrow tables as numbers and back: nulls, nullable integers and decimals keep what they are.

Where a cell may be null, integers are worked on as floats with NaN for what is not there; they come back as integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from augkit.errors import InputError
from augkit.series.columns import unique_names
from augkit.series.nature import Column
from augkit.series.spread import Values

_MOST_DIGITS = 15
"""Digits of a decimal that float64 holds for sure."""

_EXACT = 2.0**53

Flags = NDArray[np.bool_]


def columns_of(schema: pa.Schema) -> list[Column]:
    """Return the columns of a schema, with what their types say of them."""
    names = unique_names(schema.names)
    return [
        _column(field, name, position, len(names))
        for position, (name, field) in enumerate(zip(names, schema, strict=True))
    ]


def _column(field: pa.Field, name: str, position: int, width: int) -> Column:
    kind, nature = field.type, _nature(field)
    return Column(
        name=name,
        header=field.name,
        position=position,
        numeric=nature is None,
        whole=pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0),
        resolution=10.0**-kind.scale if pa.types.is_decimal(kind) else 0.0,
        nature=nature,
        place=position,
        width=width,
        dtype=_dtype(field) if nature is None else np.dtype(np.float64),
        ends=_ends(kind) if nature is None else None,
    )


def _nature(field: pa.Field) -> str | None:
    """Say why a type carries no signal; None where it holds numbers."""
    types, kind = pa.types, field.type
    if types.is_decimal(kind):
        digits = f"decimals of {kind.precision} digits, which floats do not hold"
        return None if kind.precision <= _MOST_DIGITS and types.is_decimal128(kind) else digits
    if types.is_nested(kind):
        return f"nested ({', '.join(_inner(field))})"
    return next((nature for is_one, nature in _NATURES if is_one(kind)), str(kind))


_NATURES: Sequence[tuple[Callable[[pa.DataType], bool], str | None]] = (
    (pa.types.is_integer, None),
    (pa.types.is_floating, None),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_temporal, "time stamps"),
    (pa.types.is_dictionary, "label (a dictionary)"),
    (pa.types.is_null, "empty"),
    (pa.types.is_string, "text"),
    (pa.types.is_large_string, "text"),
)


def _inner(field: pa.Field) -> list[str]:
    """Return the names of the fields within a struct, or what else is nested."""
    if pa.types.is_struct(field.type):
        return [f"{field.name}.{inner.name}" for inner in field.type]
    return [str(field.type).partition("<")[0]]


def _dtype(field: pa.Field) -> np.dtype[Any]:
    if pa.types.is_floating(field.type) or (pa.types.is_integer(field.type) and not field.nullable):
        native: np.dtype[Any] = np.dtype(field.type.to_pandas_dtype())
        return native
    return np.dtype(np.float64)


def _ends(kind: pa.DataType) -> tuple[float, float] | None:
    """Return the ends of a type whose numbers are worked on as floats."""
    if pa.types.is_integer(kind):
        info = np.iinfo(kind.to_pandas_dtype())
        return float(info.min), float(np.nextafter(info.max, 0) if info.max > _EXACT else info.max)
    if pa.types.is_decimal(kind):
        most = (10**kind.precision - 1) / 10**kind.scale
        return -most, most
    return None


def numbers(array: pa.Array, column: Column) -> Values:
    """Return the numbers of a column, NaN where there is none."""
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    found, valid = _stored(array), _valid(array)
    if column.dtype.kind == "f" and found.dtype.kind != "f":
        found = found.astype(np.float64)
    return found if valid is None else np.where(valid, found, np.asarray(np.nan, found.dtype))


def _stored(array: pa.Array) -> Values:
    """Return what an array of numbers holds, whatever that is in its empty cells; without a copy, or pandas."""
    dtype = np.dtype(array.type.to_pandas_dtype())
    if not len(array):
        return np.empty(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)


def _valid(array: pa.Array) -> Flags | None:
    """Return which cells of an array hold something; None for all."""
    if not array.null_count:
        return None
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    first = array.offset // 8
    flags = np.unpackbits(bits[first:], count=array.offset % 8 + len(array), bitorder="little")
    return flags[array.offset % 8 :].view(np.bool_)


def check_exact(values: Values, array: pa.Array, column: Column) -> None:
    """Raise `InputError` for integers that floats do not hold, in a column where cells may be missing."""
    if pa.types.is_integer(array.type) and column.dtype.kind == "f" and array.type.bit_width == 64:
        held, valid = _stored(array), _valid(array)
        held = held if valid is None else held[valid]
        if held.size and max(-int(held.min()), int(held.max())) > _EXACT:
            raise InputError(
                f"column {column.name!r} holds integers beyond 2**53 where cells may be null; floats would round them"
            )


def replaced(array: pa.Array, old: Values, new: Values, missing: Flags | None) -> tuple[pa.Array, Values]:
    """Return a column with new numbers where they differ from the old ones, and the numbers that it holds now.

    Parameters
    ----------
    array : Arrow array
        The column as it was.
    old, new : ndarray, shape (rows,)
        As `numbers` returned them, and as they are to be.
    missing : ndarray of bool or None
        Which cells are to hold nothing: NaN where they are floats, and null where not.
    """
    kind = array.type
    changed = (new != old) & np.isfinite(old) & np.isfinite(new)
    written = np.where(changed, new, old)
    if pa.types.is_decimal(kind):
        written, data = _decimals(written, old, kind)
    elif pa.types.is_integer(kind):
        written, data = _integers(written, old, array)
    else:
        data = written
    known = _valid(array)
    valid = np.ones(len(array), np.bool_) if known is None else known
    if missing is not None and missing.any():
        written = np.where(missing, np.nan, written.astype(np.float64, copy=False))
        if pa.types.is_floating(kind):
            data = np.where(missing, np.asarray(np.nan, data.dtype), data)
        else:
            valid = valid & ~missing
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bits, pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(kind, len(array), buffers, int(np.count_nonzero(~valid))), written


def _integers(new: Values, old: Values, array: pa.Array) -> tuple[Values, Values]:
    """Return whole numbers as a reader gets them and in their own type; what does not change keeps all its digits."""
    dtype = np.dtype(array.type.to_pandas_dtype())
    if new.dtype.kind != "f":
        return new, new
    info = np.iinfo(dtype)
    top = np.nextafter(float(info.max), 0) if info.max > _EXACT else float(info.max)
    whole = np.clip(np.rint(new), float(info.min), top)
    known, kept = _valid(array), _stored(array)
    kept = kept if known is None else np.where(known, kept, 0)
    same = ~(whole != old) | np.isnan(new)
    return np.where(np.isnan(old), old, whole), np.where(same, kept, np.nan_to_num(whole).astype(dtype))


def _decimals(new: Values, old: Values, kind: pa.DataType) -> tuple[Values, Values]:
    """Return numbers rounded to a decimal's scale, and the 128-bit integers that stand for them."""
    power = 10.0**kind.scale
    most = float(10**kind.precision - 1)
    scaled = np.clip(np.rint(np.nan_to_num(new) * power), -most, most).astype(np.int64)
    return np.where(np.isnan(old), old, scaled / power), np.stack([scaled, scaled >> 63], axis=1)
