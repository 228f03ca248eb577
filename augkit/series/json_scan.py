"""JSON Lines in batches: where the values of each field are, found with NumPy on the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from augkit.errors import InputError
from augkit.series.csv_arrow import as_binary, texts
from augkit.series.csv_bytes import TextFile
from augkit.series.csv_cells import BATCH, Bytes, Places

_LONGEST = 2**27
"""Bytes of the longest line."""

_QUOTE, _ESCAPE, _COMMA, _COLON, _NEWLINE = b'"\\,:\n'
_DEEPER = np.zeros(256, np.int8)
_DEEPER[list(b"{[")], _DEEPER[list(b"}]")] = 1, -1
_MARKS = np.zeros(256, np.bool_)
_MARKS[list(b"{}[],:\n")] = True
_BLANK = np.zeros(256, np.bool_)
_BLANK[list(b" \t\r")] = True

_NOT_JSON = re.compile(rb"(?<=[:,\[ ])(-?Infinity|NaN)(?=[,\]} \r\n])")
"""Numbers that are not finite, as Python writes them; no JSON, but often met with."""


class Found(msgspec.Struct, frozen=True, eq=False):
    """The values of one field in a batch.

    Attributes
    ----------
    rows, starts, ends : ndarray of int, shape (values,)
        The row of each within the batch, and its edges in the text.
    """

    rows: Places
    starts: Places
    ends: Places


class Objects(msgspec.Struct, frozen=True, eq=False):
    """Some lines of a file, each one object.

    Attributes
    ----------
    data : ndarray of uint8
        Ends with a line end.
    added : int
        Bytes at its end that the file does not have.
    first_row, rows : int
        Number of the first row, from 0, and how many there are.
    fields : dict of str to Found
        In the order in which they are met.
    """

    data: Bytes
    added: int
    first_row: int
    rows: int
    fields: dict[str, Found]


def scan(file: TextFile, size: int = BATCH) -> Iterator[Objects]:
    """Yield all lines of a file.

    Raises
    ------
    InputError
        With the row and the line, for one that is no object.
    """
    row = line = 0
    for text, added in _line_batches(file.pieces(size)):
        made = _objects(text, added, row, line)
        yield made
        row, line = row + made.rows, line + text.count(b"\n")


def _line_batches(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    rest = b""
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            yield rest + piece[:end], 0
            rest = piece[end:]
        else:
            rest += piece
            if len(rest) > _LONGEST:
                raise InputError(f"a line has more than {_LONGEST:,} bytes; expected one object a line")
    if rest:
        yield rest + b"\n", 1


def _objects(text: bytes, added: int, row: int, line: int) -> Objects:
    _check(text, row, line)
    data = np.frombuffer(text, np.uint8)
    quotes = _quotes(data)
    marks = np.flatnonzero(_MARKS[data])
    if quotes.size:
        marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    kinds = data[marks]
    depth = np.cumsum(_DEEPER[kinds], dtype=np.int32)
    closing = (depth == 0) & (_DEEPER[kinds] == -1)
    opening = (depth == 1) & (_DEEPER[kinds] == 1)
    outer = np.flatnonzero(((depth == 1) & ((kinds == _COLON) | (kinds == _COMMA))) | closing)
    colons = np.flatnonzero(kinds[outer] == _COLON)
    begins, ends = marks[outer[colons]], marks[outer[colons + 1]]
    rows = np.searchsorted(marks[opening], begins) - 1
    fields = _fields(data, quotes, (begins, ends, rows), row)
    return Objects(data, added, row, int(np.count_nonzero(opening)), fields)


def _check(text: bytes, row: int, line: int) -> None:
    """Raise `InputError` unless each line is an object, or blank."""
    for checked in (text, None):
        try:
            found = _ANY.decode_lines(_NOT_JSON.sub(_as_digits, text) if checked is None else checked)
            break
        except (msgspec.DecodeError, RecursionError):
            continue
    else:
        raise _fault(text, row, line)
    if not all(bytes(raw)[:1] == b"{" for raw in found):
        raise _fault(text, row, line)


_ANY = msgspec.json.Decoder(msgspec.Raw)


def _as_digits(match: re.Match[bytes]) -> bytes:
    return b"1" * len(match[0])


def _fault(text: bytes, row: int, line: int) -> InputError:
    for one in text.split(b"\n"):
        line += 1
        if one.strip():
            row += 1
            try:
                if _ANY.decode(_NOT_JSON.sub(_as_digits, one + b"\n")) and not one.lstrip().startswith(b"{"):
                    return InputError(f"row {row} (line {line}): expected an object, got {one.strip()[:20]!r}")
            except RecursionError:
                return InputError(f"row {row} (line {line}): objects and lists are nested too deeply")
            except msgspec.DecodeError as error:
                return InputError(f"row {row} (line {line}): expected an object in JSON; {error}")
    return InputError(f"row {row} (line {line}): expected an object in JSON")


def _quotes(data: Bytes) -> Places:
    """Return the places of all quotes that begin or end a string."""
    quotes = np.flatnonzero(data == _QUOTE)
    before = quotes - 1
    escapes = np.zeros(quotes.size, np.int64)
    while (step := (before >= 0) & (data[before] == _ESCAPE)).any():
        escapes += step
        before = np.where(step, before - 1, -1)
    real: Places = quotes[escapes % 2 == 0]
    return real


def _fields(data: Bytes, quotes: Places, values: tuple[Places, Places, Places], row: int) -> dict[str, Found]:
    """Return the values behind each key, of which the colon before, the mark behind and the row are given."""
    begins, ends, rows = values
    if not begins.size:
        return {}
    closing = np.searchsorted(quotes, begins) - 1
    keys = as_binary(texts(data, quotes[closing - 1] + 1, quotes[closing])).dictionary_encode()
    codes = np.asarray(keys.indices.to_numpy(zero_copy_only=False))
    starts, stops = _trimmed(data, begins + 1, ends)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(keys.dictionary) + 1))
    fields: dict[str, Found] = {}
    for number, key in enumerate(keys.dictionary.to_pylist()):
        name = msgspec.json.decode(b'"' + key + b'"') if b"\\" in key else key.decode("utf-8", "replace")
        chosen = order[edges[number] : edges[number + 1]]
        twice = np.flatnonzero(np.diff(rows[chosen]) == 0)
        if twice.size or name in fields:
            at = int(rows[chosen][twice[0]]) if twice.size else int(rows[chosen][0])
            raise InputError(f"row {row + at + 1}: field {name!r} is there twice; expected each once")
        fields[name] = Found(rows[chosen], starts[chosen], stops[chosen])
    return fields


def _trimmed(data: Bytes, starts: Places, ends: Places) -> tuple[Places, Places]:
    while (step := _BLANK[data[starts]] & (starts < ends)).any():
        starts = starts + step
    while (step := _BLANK[data[ends - 1]] & (starts < ends)).any():
        ends = ends - step
    return starts, ends
