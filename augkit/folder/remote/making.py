"""A run whose DST is a URL: its records are kept in a folder here, and published as they become true.

Objects cannot be appended to, so the journal goes out in pieces: one small object for the rows of some seconds. Two
runs at once in one DST are not kept apart, as stores have no locks: of one recipe they write the same bytes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from augkit.folder.make import Made
from augkit.folder.manifest import journal_line
from augkit.folder.plan import FAILURES, JOURNAL, METADATA, OWN, RECIPE, REPLACED
from augkit.folder.remote.store import Store
from augkit.folder.run import Making

_PIECES = f"{OWN}journal/"
_SECONDS, _MOST_ROWS = 5.0, 4096
"""What a kill may cost: the rows of a piece, whose outputs are made again."""


class Pieces:
    """The journal of a run, as a file here and in pieces in DST; rows are of outputs that are there for good."""

    def __init__(self, path: Path, store: Store, published: list[str]) -> None:
        self._file, self._store, self._published = path.open("ab"), store, published
        self._folder = path.parent
        self._run, self._number = secrets.token_hex(4), 0
        self._waiting: list[bytes] = []
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def commit_all(self, finished: Iterable[list[Made]]) -> Iterator[list[Made]]:
        """Yield the outputs of `finished`; their rows are published some seconds later at most, and at the end."""
        try:
            for outputs in finished:
                self._waiting += [
                    journal_line(made.index, made.row) for made in outputs if made.row is not None and not made.failure
                ]
                if len(self._waiting) >= _MOST_ROWS or time.monotonic() - self._since >= _SECONDS:
                    self._publish()
                yield outputs
        except (KeyboardInterrupt, GeneratorExit):
            self._publish()
            raise
        self._publish()

    def _publish(self) -> None:
        self._since = time.monotonic()
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._number += 1
        piece = self._folder / f"{OWN}piece"
        piece.write_bytes(data)
        name = f"{_PIECES}{self._run}-{self._number:06}.jsonl"
        self._store.put(piece, name)
        self._published.append(name)
        piece.unlink()
        self._file.write(data)
        self._file.flush()


class RemoteMaking(Making):
    """A run over a plan, whose root is the folder that stands in for DST."""

    _store: Store
    _there: dict[str, int]
    _pieces: list[str]

    def _begin(self, recipe: bytes) -> dict[int, bytes]:
        """Take the records that are in DST, go on as with those of a folder, and publish what has become of them."""
        remote = self._job.remote
        assert remote is not None and remote.dst is not None  # noqa: S101
        self._store = Store(remote.dst, remote.run)
        again = self._how.resume or self._how.overwrite
        self._there = self._store.sizes() if again else {}
        self._store.delete_leftovers(self._there)
        for name in (RECIPE, METADATA, FAILURES, REPLACED):
            if name in self._there:
                self._store.get(name, self._root / name, self._there[name])
        self._pieces = sorted(name for name in self._there if name.startswith(_PIECES))
        self._take_pieces()
        earlier = super()._begin(recipe)
        if not self._how.resume:
            self._publish([REPLACED, METADATA, FAILURES, JOURNAL, RECIPE])
        return earlier

    def _take_pieces(self) -> None:
        with (self._root / JOURNAL).open("wb") as journal:
            piece = self._root / f"{OWN}piece"
            for name in self._pieces:
                self._store.get(name, piece, self._there[name])
                journal.write(piece.read_bytes())
                piece.unlink()

    def _size_of(self, name: str) -> int:
        if name not in self._there:
            raise FileNotFoundError(name)
        return self._there[name]

    def _committer(self, journal: str) -> Pieces:
        return Pieces(self._root / journal, self._store, self._pieces)

    def _publish(self, names: Sequence[str]) -> None:
        """Write to DST what is here of some files, and delete there what is not."""
        for name in names:
            path = self._root / name
            if name == JOURNAL:  # which is in pieces there, and has had its time
                self._store.delete(self._pieces)
                self._pieces.clear()
            elif path.exists():
                self._store.put(path, name)
                self._there[name] = path.stat().st_size
            elif name in self._there:
                self._store.delete([name])
                del self._there[name]

    def _remove(self, names: Collection[str]) -> None:
        self._store.delete(name for name in names if name in self._there)
