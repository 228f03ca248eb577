"""Making outputs durable behind the workers, a group at a time, before their rows say that they are there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import msgspec

from augkit.folder.make import Made
from augkit.folder.manifest import journal_line
from augkit.folder.plan import JOURNAL
from augkit.folder.storage import not_written, remove_quietly, send_file, sync_file, sync_folders

_GROUP_OUTPUTS, _GROUP_SECONDS = 128, 0.5
_MOST_OUTPUTS = 4 * _GROUP_OUTPUTS
"""Outputs that wait for the group under way, before the workers do."""

_HANDS, _FEW = 4, 16
"""Files that are synced at a time, which the disk takes in one go; of few outputs one after the other."""


class Commits(Protocol):
    """What makes finished outputs durable and then tells of them in a journal."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the journal as it is, for a resumed run."""

    def commit_all(self, finished: Iterable[list[Made]]) -> Iterator[list[Made]]:
        """Yield the outputs of `finished` when they are durable; on an interrupt, what was finished is committed."""
        ...


class Committer:
    """One thread that syncs finished files and then appends their rows to the journal.

    Leaving the context commits nothing more, but waits for the group under way; the journal stays for a resumed run.
    """

    def __init__(self, root: Path, journal: str = JOURNAL) -> None:
        self._root, self._path = root, root / journal
        self._file = self._path.open("ab", buffering=0)  # nothing is left to be written when it is closed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="augkit-commit")
        self._hands = ThreadPoolExecutor(_HANDS, thread_name_prefix="augkit-sync")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        self._hands.shutdown()
        self._file.close()

    def commit_all(self, finished: Iterable[list[Made]]) -> Iterator[list[Made]]:
        """Yield the outputs of `finished` in groups, once they are durable.

        On an interrupt, what was finished is committed before it goes on its way.
        """
        group: list[Made] = []
        under_way: Future[list[Made]] | None = None
        since = time.monotonic()
        try:
            for outputs in finished:
                group += outputs
                busy = under_way is not None and not under_way.done()
                if len(group) < (_MOST_OUTPUTS if busy else _GROUP_OUTPUTS) and (
                    busy or time.monotonic() - since < _GROUP_SECONDS
                ):
                    continue
                if under_way is not None:
                    yield under_way.result()
                under_way, group, since = self._thread.submit(self._commit, group), [], time.monotonic()
        except KeyboardInterrupt:
            self._thread.submit(self._commit, group).result()
            raise
        if under_way is not None:
            yield under_way.result()
        if group:
            yield self._commit(group)

    def _commit(self, group: Sequence[Made]) -> list[Made]:
        """Sync files and folders, append the rows; return the group, with failures where a sync failed."""
        hands = _HANDS if len(group) >= _FEW else 1
        shares = [group[place::hands] for place in range(hands)]
        parts = self._hands.map(synced, repeat(self._root), shares) if hands > 1 else [synced(self._root, group)]
        settled = [made for part in parts for made in part]
        sync_folders_of(settled, self._root)
        lines = [journal_line(made.index, made.row) for made in settled if made.row is not None and not made.failure]
        if lines:
            self._append(b"".join(lines))
        return settled

    def _append(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise not_written(self._path, error, self._root) from None


def synced(root: Path, group: Sequence[Made]) -> list[Made]:
    """Return outputs when their files are on the disk; one that cannot be brought there is a failure, and goes.

    The system is told of all before any is waited for, so that one sync of its journal serves many.
    """
    for made in group if len(group) > 1 else ():
        for name in () if made.failure or made.durable else made.files:
            send_file(os.path.join(root, name))  # noqa: PTH118 - paths would take as long as the calls
    return [_synced(root, made) for made in group]


def _synced(root: Path, made: Made) -> Made:
    if made.failure or made.durable:
        return made
    try:
        for name in made.files:
            sync_file(os.path.join(root, name))  # noqa: PTH118
    except OSError as error:
        remove_quietly(root / name for name in made.files)
        reason = f"could not be synced to the disk: {error.strerror}"
        return msgspec.structs.replace(made, row=None, failure=reason)
    return made


def sync_folders_of(group: Iterable[Made], root: Path) -> None:
    """Wait until the names of the files of outputs are on the disk."""
    names = (name for made in group if not made.failure for name in made.files)
    sync_folders((root / folder for folder in {os.path.dirname(name) for name in names}), root)  # noqa: PTH120
