"""Writing a tar again with noise on its members, a sample at a time: one that fails is left out as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

import msgspec

from augkit.errors import InputError
from augkit.folder.storage import remove_quietly
from augkit.folder.tars.headers import changed
from augkit.folder.tars.members import Member, told
from augkit.folder.tars.noisy import MemberError, Noiser, Noisy
from augkit.folder.tars.samples import Part, Samples
from augkit.folder.tars.summary import Summary
from augkit.folder.tars.tape import Tape
from augkit.outcome import Lost

_MOST_LOST = 10_000
_encode = msgspec.json.Encoder().encode


class Maker:
    """Writes the samples of one tar, one after the other.

    Attributes
    ----------
    summary : Summary
        Of what was written.
    lost : list of Lost
        Members that failed.
    """

    def __init__(self, samples: Samples, noiser: Noiser, tape: Tape, rows: BinaryIO) -> None:
        self._options, self._new_extension = samples.options, samples.new_extension
        self._noiser, self._tape, self._rows = noiser, tape, rows
        self._left_out: set[str] = set()
        self.summary, self.lost = Summary(), list[Lost]()

    def add(self, sample: list[Part]) -> None:
        """Write a sample, as often as there are to be copies of it, or a member that is in none."""
        self.summary.counts["members"] += len(sample)
        if not sample[0].key:
            self._add_other(sample[0].member)
            return
        self.summary.counts["samples"] += 1
        if not self._options.copied and not any(part.is_noised for part in sample):
            self._tape.keep(sample[0].member.begin, sample[-1].member.end)
            return
        try:
            failed = sum(not self._add_copy(sample, copy) for copy in range(1, self._options.copies + 1))
            self.summary.counts["left_out"] += failed > 0
        except MemberError as error:  # its source cannot be opened, for any of the copies
            self._lose(error, 1)
            self._leave_out(sample)
            self.summary.counts["left_out"] += 1
        finally:
            self._noiser.close()

    def _add_other(self, member: Member) -> None:
        """Write a member of no sample; a link to one that was left out goes with it."""
        if member.kind == "link" and member.link in self._left_out:
            self._append(Lost(told(member.name), 1, f"a hard link to {told(member.link)}, which was left out"))
        else:
            self._tape.keep(member.begin, member.end)

    def _add_copy(self, sample: list[Part], copy: int) -> bool:
        """Write a copy of a sample, before the first the original, where it is kept; return False for one that fails.

        Raises
        ------
        MemberError
            Where a source cannot be opened, before anything of the sample is written.
        """
        made: dict[int, Noisy] = {}
        failure: MemberError | None = None
        try:
            for part in sample:
                if part.is_noised:
                    made[part.member.begin] = self._noiser.make(part, copy)
        except MemberError as error:
            if error.is_source and copy == 1:
                self._forget(made)
                raise
            failure = error
        except BaseException:
            self._forget(made)
            raise
        try:
            if copy == 1 and self._options.keep_original:
                self._tape.keep(sample[0].member.begin, sample[-1].member.end)
            if failure is None:
                self._write_copy(sample, copy, made)
                return True
            self._lose(failure, copy)
            if not self._options.copied:
                self._leave_out(sample)
            elif copy == 1 and not self._options.keep_original:
                self._write_others(sample)
            return False
        finally:
            self._forget(made)

    def _write_others(self, sample: list[Part]) -> None:
        """Write what stands between the members of a sample and is none of it."""
        for part in sample:
            if not part.key:
                self._add_other(part.member)

    def _write_copy(self, sample: list[Part], copy: int, made: Mapping[int, Noisy]) -> None:
        others_too = copy == 1 and not self._options.keep_original
        for part in sample:
            if part.key:
                self._write_member(part, copy, made.get(part.member.begin))
            elif others_too:
                self._add_other(part.member)

    def _write_member(self, part: Part, copy: int, noisy: Noisy | None) -> None:
        member = part.member
        name = f"{part.key}{f'_n{copy}' if self._options.copied else ''}.{self._new_extension(part)}"
        new_name = name if name != member.name else None
        if noisy is None and new_name is None:
            self._tape.keep(member.begin, member.end)
            return
        headers = self._tape.read(member.begin, member.data)
        self._tape.write(changed(headers, name=new_name, size=noisy.size if noisy else None))
        if noisy is None:
            self._tape.keep(member.data, member.end)
            return
        self._tape.write_file(noisy.path, noisy.size)
        self._rows.write(_encode(noisy.row(name, member.name, copy)) + b"\n")
        if noisy.outcome is None:
            self.summary.counts["left_clean"] += 1
        else:
            self.summary.add(noisy.outcome)

    def _leave_out(self, sample: list[Part]) -> None:
        """Leave a sample out, but for what stands between its members and is none of it."""
        self._left_out.update(part.member.name for part in sample if part.key)
        self._write_others(sample)

    def _lose(self, error: MemberError, copy: int) -> None:
        self._append(Lost(told(error.part.member.name), copy, error.reason))

    def _append(self, lost: Lost) -> None:
        self.lost.append(lost)
        if len(self.lost) > _MOST_LOST:
            first = self.lost[0]
            raise InputError(f"more than {_MOST_LOST} of its members failed, such as {first.name}: {first.reason}")

    @staticmethod
    def _forget(made: dict[int, Noisy]) -> None:
        remove_quietly(noisy.path for noisy in made.values())
        made.clear()
