"""One member with noise: taken out of its tar into a file without its name, opened by its domain, and written again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import msgspec

from augkit.errors import AugkitError, InputError
from augkit.folder.domains import Item
from augkit.folder.make import describe, is_measured
from augkit.folder.storage import remove_quietly, temporary_beside
from augkit.folder.tars.members import is_utf8
from augkit.folder.tars.options import suffix_of
from augkit.folder.tars.samples import Part, Samples
from augkit.folder.tars.tape import Tape
from augkit.noise.keys import Key
from augkit.outcome import Outcome, fields


class MemberError(AugkitError):
    """A member that cannot be noised, with why; `is_source` where it cannot even be opened."""

    def __init__(self, part: Part, reason: str, *, is_source: bool) -> None:
        super().__init__(reason)
        self.part, self.reason, self.is_source = part, reason, is_source


class Noisy(msgspec.Struct, frozen=True):
    """A member with noise, in a file of its own until its sample is complete; unchanged where it has no outcome."""

    path: Path
    size: int
    outcome: Outcome | None

    def row(self, name: str, source: str, copy: int) -> dict[str, Any]:
        """Return what is told of it, under the names of a row of metadata.jsonl."""
        return {"file_name": name, "source": source, "copy": copy, **fields(self.outcome), "bytes": self.size}


class Noiser:
    """Makes noisy members of one tar.

    Parameters
    ----------
    key : Key
        Of the tar's output, whose path ends with its name and a copy.
    share : float
        Of the lossy members that are decoded to be measured.
    beside : Path
        The output, beside which temporary files lie, under names that a run knows as such.
    """

    def __init__(self, samples: Samples, tape: Tape, key: Key, *, share: float, beside: Path) -> None:
        self._domain, self._options, self._suffixes = samples.domain, samples.options, samples.suffixes
        self._tape, self._key, self._share, self._beside = tape, key, share, beside
        self._opened: tuple[Part, Path, Item] | None = None

    def make(self, part: Part, copy: int) -> Noisy:
        """Write a member with the noise that follows from the names of its tar and its own, and from the copy.

        Raises
        ------
        MemberError
            Where that cannot be done.
        OSError
            Where the disk is what fails.
        """
        item = self._open(part)
        place = self._scratch(part)
        try:
            outcome = self._write(part, item, copy, place)
            return Noisy(place, place.stat().st_size, outcome)
        except BaseException as error:
            remove_quietly([place])
            self._raise(error, part, place, is_source=False)

    def close(self) -> None:
        """Forget the member that was opened last."""
        if self._opened is not None:
            remove_quietly([self._opened[1]])
            self._opened = None

    def _write(self, part: Part, item: Item, copy: int, place: Path) -> Outcome | None:
        name = part.member.name
        key = Key(self._key.entropy, self._key.spawn_key, (*self._key.path[:-1], name, copy))
        share = self._options.probability
        if share < 1 and key.child("probability").uniform() >= share:
            with place.open("wb") as file:
                self._tape.copy(part.member.data, part.member.size, file)
            return None
        return item.write(place, key, measure=is_measured(key, self._share))

    def _open(self, part: Part) -> Item:
        """Return the decoded member; that which was opened last serves for all its copies."""
        if self._opened is not None and self._opened[0] is part:
            return self._opened[2]
        self.close()
        path = self._scratch(part)
        try:
            _check_whole(part)
            with path.open("wb") as file:
                self._tape.copy(part.member.data, part.member.size, file)
            item = self._domain.open_item(path, self._options.options)
        except BaseException as error:
            remove_quietly([path])
            self._raise(error, part, path, is_source=True)
        self._opened = part, path, item
        return item

    def _raise(self, error: BaseException, part: Part, path: Path, *, is_source: bool) -> NoReturn:
        """Raise why a member failed; what is no fault of its own, such as a full disk or a limit, as it is."""
        if isinstance(error, MemoryError) or not isinstance(error, Exception):
            raise error
        if (fault := _of_the_system(error)) is not None:
            fault.filename = fault.filename2 = None  # the output is told instead
            raise fault
        reason = describe(error)
        for own in (path, *([self._opened[1]] if self._opened else [])):
            reason = reason.removeprefix(f"{own}: ").replace(str(own), part.member.name)
        raise MemberError(part, reason, is_source=is_source) from error

    def _scratch(self, part: Part) -> Path:
        """Create an empty file for a member, under a name that tells its format only."""
        return Path(temporary_beside(self._beside, suffix_of(part.extension, self._suffixes)))


def _of_the_system(error: BaseException | None) -> OSError | None:
    """Return what the system said, where that is behind an error: it may be gone when the tar is tried again."""
    while error is not None and not (isinstance(error, OSError) and error.errno is not None):
        error = error.__cause__ or error.__context__
    return error


def _check_whole(part: Part) -> None:
    if not is_utf8(part.member.name):
        raise InputError("the name is no UTF-8, so no manifest can hold it; rename it")
    if part.member.kind == "sparse":
        raise InputError("it is stored without its holes; pack it without --sparse")
