"""Kaldi data folders: every file of one is rewritten for the copies, and sorted as Kaldi asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from augkit.audio.lists.id_lines import check_text
from augkit.errors import InputError
from augkit.sidecars.names import Copies

_RECORDINGS, _SEGMENTS, _SPEAKERS, _OF_SPEAKER = "wav.scp", "segments", "utt2spk", "spk2utt"
_OF_CLEAN = ("feats.scp", "cmvn.scp", "vad.scp")
"""What was computed from the recordings without noise."""

Line: TypeAlias = tuple[bytes, bytes]
"""The key of a line, and the rest of it, from the blank on and without the line's end."""
Suffixes: TypeAlias = Mapping[bytes, Sequence[bytes]]
"""By id, what is put behind it for each of its copies."""


def kaldi_folder(path: Path) -> Path | None:
    """Return the data folder that a path is, or whose ``wav.scp`` it is; None for anything else."""
    folder = path.parent if path.name == _RECORDINGS else path
    return folder if (folder / _RECORDINGS).is_file() else None


class Kaldi:
    """A Kaldi data folder; `augkit.sidecars.names.Listing` says what it offers.

    The ids of a copy's recordings and utterances are those of its source with the suffix of the file (``_n1``) behind
    them, and its speaker is the same. So the speaker, with which utterance ids begin, stays in front, and a folder that
    is in one order by utterance and by speaker, as Kaldi asks, is so again.

    Raises
    ------
    InputError
        Where ``wav.scp`` holds commands or names that are no UTF-8, or segments of no recording.
    """

    by_stem = False

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder.resolve().name
        self._recordings = {
            key: rest.decode("utf-8", "surrogateescape").strip() for key, rest in self._lines(_RECORDINGS)
        }
        self._refuse_commands()
        self._utterances = {key: key for key in self._recordings}
        if (folder / _SEGMENTS).is_file():
            self._utterances = {
                key: rest.split(maxsplit=1)[0] if rest.strip() else b"" for key, rest in self._lines(_SEGMENTS)
            }
        stray = [key for key, recording in self._utterances.items() if recording not in self._recordings]
        if stray:
            raise InputError(f"{_SEGMENTS}: {_text(stray[0])} is of no recording in {_RECORDINGS}")
        has_speakers = (folder / _SPEAKERS).is_file()
        self._speakers = {key: rest.strip() for key, rest in self._lines(_SPEAKERS)} if has_speakers else {}
        self.names: Sequence[str] = tuple(dict.fromkeys(self._recordings.values()))
        check_text(self.names)
        self._kinds = self._sort_out()
        self.parts: Sequence[str] = tuple(self._kinds)
        self.notices: Sequence[str] = tuple(self._notices())

    def _lines(self, part: str) -> list[Line]:
        found = []
        for line in (self.folder / part).read_bytes().splitlines():
            key = line.split(maxsplit=1)[:1]
            if key:
                found.append((key[0], line.lstrip()[len(key[0]) :]))
        return found

    def _refuse_commands(self) -> None:
        commands = [key for key, path in self._recordings.items() if path.startswith("|") or path.endswith("|")]
        if commands:
            raise InputError(
                f"{_RECORDINGS}: {len(commands)} of {len(self._recordings)} entries are commands, such as "
                f"{_text(commands[0])}: {self._recordings[commands[0]]!r}; write their output to files first"
            )

    def _sort_out(self) -> dict[str, Iterable[bytes] | None]:
        """Return the files that will be written, each with the ids that its lines begin with; None for spk2utt."""
        speakers = set(self._speakers.values())
        kinds: dict[str, Iterable[bytes] | None] = {_RECORDINGS: self._recordings}
        for path in sorted(self.folder.iterdir()):
            if path.name in _OF_CLEAN or path.name.startswith(".") or not path.is_file():
                continue
            if path.name == _OF_SPEAKER:
                kinds[path.name] = None
                continue
            keys = {key for key, _ in self._lines(path.name)}
            for ids in (self._utterances, self._recordings, speakers):
                if keys and keys <= set(ids):
                    kinds.setdefault(path.name, ids)
        return kinds

    def _notices(self) -> Iterator[str]:
        left = [path.name for path in sorted(self.folder.iterdir()) if path.is_file() and path.name not in self._kinds]
        left = [name for name in left if not name.startswith(".")]
        if left:
            yield f"{self.home}: left out {', '.join(left)}, computed from clean recordings or of unknown contents"
        ids = sorted(self._speakers)
        for i, key in enumerate(ids):
            for other in ids[i + 1 :]:
                if not other.startswith(key):
                    break
                if self._speakers[other] != self._speakers[key]:
                    yield (
                        f"{self.home}: the id {_text(other)} begins with {_text(key)}, of another speaker, so the "
                        "order of the copies' ids is not that of speakers, as Kaldi asks"
                    )
                    return

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield one of the files as it tells of the copies."""
        recordings = {
            key: [copy.suffix.encode() for copy in copies.get(path, ())] for key, path in self._recordings.items()
        }
        utterances = {key: recordings[recording] for key, recording in self._utterances.items()}
        if part == _RECORDINGS:
            made = self._copied_recordings(copies)
        elif part == _SEGMENTS:
            made = _copied_segments(self._lines(part), utterances)
        elif part == _OF_SPEAKER:
            made = self._copied_speakers(utterances)
        elif self._kinds[part] is self._utterances or self._kinds[part] is self._recordings:
            of = utterances if self._kinds[part] is self._utterances else recordings
            made = ((key + suffix, rest) for key, rest in self._lines(part) for suffix in of[key])
        else:
            left = {speaker for key, speaker in self._speakers.items() if utterances.get(key)}
            made = ((key, rest) for key, rest in self._lines(part) if key in left)
        return (key + rest + b"\n" for key, rest in sorted(made, key=lambda line: line[0]))

    def _copied_recordings(self, copies: Copies) -> Iterator[Line]:
        for key, path in self._recordings.items():
            for copy in copies.get(path, ()):
                yield key + copy.suffix.encode(), b" " + copy.name.encode("utf-8", "surrogateescape")

    def _copied_speakers(self, utterances: Suffixes) -> Iterator[Line]:
        of_speaker: dict[bytes, list[bytes]] = defaultdict(list)
        given = self._speakers or {utt: key for key, rest in self._lines(_OF_SPEAKER) for utt in rest.split()}
        for key, speaker in given.items():
            of_speaker[speaker] += [key + suffix for suffix in utterances.get(key, ())]
        return ((speaker, b" " + b" ".join(sorted(keys))) for speaker, keys in of_speaker.items() if keys)


def _copied_segments(lines: Iterable[Line], utterances: Suffixes) -> Iterator[Line]:
    for key, rest in lines:
        recording, _, span = rest.strip().partition(b" ")
        for suffix in utterances[key]:
            yield key + suffix, b" " + recording + suffix + b" " + span.strip()


def _text(key: bytes) -> str:
    return key.decode("utf-8", "replace")
