"""Parts of a run that machines do apart: which sources are whose, their records, and who puts those together.

Every shard has a journal of its own in the one DST, and leaves a list of its failures when it has ended; which of them
ends last, as those lists tell, merges the journals in the plan's order. A shared lock on DST keeps a run of the whole
out while shards are at work; merging takes it alone, and a file that one process only can create stands for it where a
file system has no locks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import msgspec
from msgspec.structs import replace

from augkit.blake2 import blake2b
from augkit.errors import UsageError
from augkit.folder.manifest import Row, read_failures, write_failures
from augkit.folder.plan import Plan
from augkit.folder.storage import sync_folders

_MERGING = ".augkit-merging"
_RECORD = re.compile(r"\.augkit-(journal|failures)-(\d+)-of-(\d+)\.jsonl")


class Shard(msgspec.Struct, frozen=True):
    """One of so many parts of a run, counted from 1."""

    number: int
    count: int

    @property
    def journal(self) -> str:
        """The name of its journal."""
        return f".augkit-journal-{self.number}-of-{self.count}.jsonl"

    @property
    def failures(self) -> str:
        """The name of the list that tells that it has ended."""
        return f".augkit-failures-{self.number}-of-{self.count}.jsonl"

    def __str__(self) -> str:
        """Return it as it is asked for."""
        return f"{self.number}/{self.count}"

    def part_of(self, plan: Plan) -> Plan:
        """Return what this shard is to do: sources by a hash of their names, wherever else in SRC there are more."""
        tasks = tuple(task for task in plan.tasks if self._takes(task.source))
        faults = tuple(fault for fault in plan.faults if self._takes(fault.source))
        return replace(plan, tasks=tasks, faults=faults, lists=())

    def _takes(self, source: str) -> bool:
        digest = blake2b(normalize("NFC", source).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % self.count == self.number - 1


def as_shard(text: str | None) -> Shard | None:
    """Return the shard that is asked for as ``2/3``; raise `UsageError` for anything else."""
    if text is None:
        return None
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 10**6):
        raise UsageError(f"shard={text}: expected I/N, such as 2/3 for the second of three")
    return Shard(int(number), int(count))


def records(root: Path) -> list[Path]:
    """Return the records of all shards in DST."""
    return [path for path in root.iterdir() if _RECORD.fullmatch(path.name)] if root.is_dir() else []


def check_sisters(root: Path, shard: Shard, *, resume: bool) -> None:
    """Raise `UsageError` for a shard that was begun already, or whose sisters were cut in another way."""
    for path in records(root):
        match = _RECORD.fullmatch(path.name)
        if match is not None and int(match[3]) != shard.count:
            raise UsageError(f"{root}: its shards are of {match[3]}, not of {shard.count}; use the same I/N for all")
        if path.name == shard.journal and not resume:
            raise UsageError(f"{root}: shard {shard} was begun already; use --resume to go on with it")


def begin(root: Path, shard: Shard) -> None:
    """Take away the sign that a shard has ended, before it goes on."""
    (root / shard.failures).unlink(missing_ok=True)


def end(root: Path, shard: Shard, failures: Sequence[Row]) -> None:
    """Leave the sign that a shard has ended: the list of what failed, be it empty."""
    write_failures(root / shard.failures, failures, empty=True)
    sync_folders([root], root)


def all_ended(root: Path, count: int) -> bool:
    """Tell whether all shards have ended."""
    return all((root / Shard(number + 1, count).failures).exists() for number in range(count))


def journals_of_all(root: Path) -> list[Path]:
    """Return the journals of all shards."""
    return sorted(path for path in records(root) if "journal" in path.name)


def failures_of_all(root: Path) -> list[Row]:
    """Return what failed in any shard."""
    return [row for path in records(root) if "failures" in path.name for row in read_failures(path)]


def forget(root: Path) -> None:
    """Delete the records of shards, when those of the whole run hold what they held."""
    for path in [*records(root), root / _MERGING]:
        path.unlink(missing_ok=True)


@contextmanager
def merging(root: Path) -> Iterator[bool]:
    """Be the one process that puts the records together; yield whether it is this one."""
    path = root / _MERGING
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)
