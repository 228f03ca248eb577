"""The records of a run, read one after the other, as those who look at its outputs need them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from augkit.errors import UsageError

T = TypeVar("T")

_CODED = ("before coding", "is lossy")


class Levels(msgspec.Struct):
    """What was reached, of an output or of one of its columns."""

    std: float | None = None
    snr_db: float | None = None
    psnr_db: float | None = None
    geometric_snr_db: float | None = None
    clipped: float | None = None
    columns: dict[str, Levels] = {}


class Row(msgspec.Struct):
    """What is read of a row of a manifest."""

    file_name: str
    source: str
    label: str | None = None
    noise: str | None = None
    drawn: dict[str, Any] | None = None
    achieved: Levels = msgspec.field(default_factory=Levels)
    notices: list[str] = []
    bytes: int = 0
    stream_version: int | None = None

    @property
    def is_coded(self) -> bool:
        """Whether a lossy codec took part of the noise, and with it its law."""
        unknown = self.achieved.std is None and not self.achieved.columns
        return unknown or any(word in notice for notice in self.notices for word in _CODED)


class Failure(msgspec.Struct):
    """What is read of a row of failures.jsonl."""

    source: str
    reason: str


def read_rows(path: Path, kind: type[T]) -> Iterator[T]:
    """Yield the rows of a file; none where it is not there.

    Raises
    ------
    UsageError
        Naming the row that cannot be read.
    """
    if not path.is_file():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = decoder.decode(line)
            except (msgspec.DecodeError, ValueError, RecursionError) as error:
                raise UsageError(f"{path}: row {number} cannot be read: {error}") from None
            yield row
