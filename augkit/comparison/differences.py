"""Why an output is not what the run would make again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from augkit._version import __version__
from augkit.errors import AugkitError
from augkit.folder.domains import load_domain
from augkit.noise.keys import STREAM_VERSION

Kind = Literal["missing", "source", "version", "tampered", "recoded", "row", "failed"]

_BLOCK = 2**20
_WRITTEN_BY = re.compile(r"# written by augkit (\S+)")
_CLOSE = 1e-9


class Difference(msgspec.Struct, frozen=True):
    """One file of DST that is not what was to be there.

    Attributes
    ----------
    file_name : str
        Its name in DST.
    source : str or None
        What it was made of.
    kind : str
        "missing"; "source", where that has changed or is gone; "version", of the stream of random numbers; "tampered",
        for other contents; "recoded", for the same samples in other bytes; "row", where its record says something else;
        "failed", where it could not be made again.
    reason : str
        In words.
    """

    file_name: str
    source: str | None
    kind: Kind
    reason: str


def before_making(row: dict[str, Any], path: Path) -> tuple[Kind, str] | None:
    """Tell what is wrong with an output that shows without making it again."""
    if row.get("stream_version") != STREAM_VERSION:
        return (
            "version",
            f"made with stream version {row.get('stream_version')}; augkit {__version__} has {STREAM_VERSION}",
        )
    return is_there(path)


def is_there(path: Path) -> tuple[Kind, str] | None:
    """Tell where a file of DST is missing."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return "tampered", "no regular file stands there any more"
    return None if path.exists() else ("missing", "the file is missing")


def source_changed(row: dict[str, Any], again: dict[str, Any]) -> str | None:
    """Tell how the source of an output has changed since its row was written."""
    then, now = row.get("source_bytes"), again["source_bytes"]
    if then is not None and then != now:
        return f"its source has changed: {now} bytes, {then} when it was made"
    if row.get("source_crc32") not in (None, again["source_crc32"]):
        return "its source has changed: as many bytes, but others"
    return None


def output_changed(domain: str, row: dict[str, Any], again: Path, there: Path, maker: str) -> tuple[Kind, str] | None:
    """Compare an output with what was made again; None where the bytes are the same.

    Parameters
    ----------
    maker : str
        The version of augkit that made it.
    """
    if same_bytes(again, there):
        return None
    size = there.stat().st_size
    if size != row["bytes"]:
        return "tampered", f"it was changed after it was made: {size} bytes, its row says {row['bytes']}"
    try:
        levels = load_domain(domain).compare(again, there)
    except AugkitError as error:
        return "tampered", f"it was changed after it was made, and cannot be read: {error}"
    if levels.get("std") == 0 and not levels.get("columns"):
        return "recoded", "the same samples in other bytes: another build of the codec, or changed metadata"
    if maker != __version__:
        return (
            "version",
            f"other samples: it was made by augkit {maker}, this is {__version__}; or it was changed since",
        )
    return "tampered", "it was changed after it was made: as many bytes, but other samples"


def maker_of(recipe: Path) -> str:
    """Return the version of augkit that wrote a recipe; this one where it does not say."""
    found = _WRITTEN_BY.match(recipe.read_text("utf-8"))
    return found[1] if found else __version__


def same_bytes(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(_BLOCK):
            if block != second.read(_BLOCK):
                return False
    return True


def same_content(content: Iterable[bytes] | Path, there: Path) -> bool:
    """Tell whether a file holds what it should."""
    return same_bytes(content, there) if isinstance(content, Path) else b"".join(content) == there.read_bytes()


def row_changed(row: dict[str, Any], again: dict[str, Any]) -> str | None:
    """Tell in which fields a row is not the one that is written now."""
    made = msgspec.json.decode(msgspec.json.encode(again))
    reached = (one.get("achieved") for one in (row, made))
    unmeasured = any(isinstance(one, dict) and one.get("std") is None and not one.get("columns") for one in reached)
    passed = {"labels", "bytes", *(("achieved", "notices") if unmeasured else ())}
    names = [name for name in made if name in row and name not in passed and not _alike(row[name], made[name])]
    return f"its row says something else of {', '.join(names)}" if names else None


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(one == other)
