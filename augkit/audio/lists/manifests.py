"""Manifests with one JSON object a line: NeMo's and their like, and Lhotse's recordings and supervisions."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, TypeAlias, TypeVar, cast

import msgspec

from augkit.errors import InputError
from augkit.sidecars.json_text import Change, decode, encode, spliced
from augkit.sidecars.names import Copies, Copy, Listing

MANIFESTS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".manifest")
_PATHS = ("audio_filepath", "audio_file", "audio_path", "audio", "wav", "path", "file_name", "filename")
"""Fields that name the recording, in the order in which they are looked for."""
_IDS = ("id", "utt_id", "utterance_id", "key")
_LINE_CAP = 1 << 26
_LOOKED_AT = 64
"""Lines in which a recording is looked for: the first may name something else."""

Fields: TypeAlias = Mapping[str, msgspec.Raw]
T = TypeVar("T")


def looks_like_manifest(path: Path) -> bool:
    """Tell from its first lines whether a file may be a manifest of recordings."""
    try:
        return _kind(path) is not None
    except InputError:
        return False


def open_manifest(path: Path) -> Listing | None:
    """Read a manifest; None for anything else.

    Raises
    ------
    InputError
        For one that is broken, or of a kind that holds more than can be followed.
    """
    kind = _kind(path)
    return None if kind is None else kind(path)


def _kind(path: Path) -> Callable[[Path], Listing] | None:
    """Return what reads a file, as its first lines say; None for no manifest."""
    if not path.name.lower().endswith(MANIFESTS):
        return None
    for fields in _first_fields(path):
        if "recording" in fields and "start" in fields:
            return _refuse_cuts
        if "sources" in fields and "sampling_rate" in fields:
            return Lhotse
        if "recording_id" in fields and "start" in fields:
            return Supervisions
        if _path_field(fields):
            return JsonLines
    return None


def _first_fields(path: Path) -> Iterator[Fields]:
    """Yield the objects in the first lines, as far as there are any."""
    with closing(_lines(path)) as lines:
        for line in islice((line for line in lines if line.strip()), _LOOKED_AT):
            try:
                yield decode(line, dict[str, msgspec.Raw])
            except InputError:  # one value over many lines, or no JSON
                return


def _refuse_cuts(path: Path) -> Listing:
    raise InputError(
        "Lhotse's cuts are not rewritten; give the recordings, beside the supervisions (lhotse cut decompose)"
    )


def _path_field(fields: Fields) -> str | None:
    from augkit.audio.files import suffixes

    known = tuple(f'{suffix}"'.encode() for suffix in suffixes())
    return next((name for name in _PATHS if name in fields and bytes(fields[name]).lower().endswith(known)), None)


class JsonLines:
    """A manifest that names a recording in each line; `augkit.sidecars.names.Listing` says what it offers."""

    home, by_stem, notices = "", False, ()

    def __init__(self, path: Path) -> None:
        self.folder, self.parts = path.parent, (path.name,)
        self._field = next(filter(None, map(_path_field, _first_fields(path))), _PATHS[0])
        entries = (fields for _, fields in _objects(path, dict[str, msgspec.Raw]))
        self.names: Sequence[str] = tuple(
            dict.fromkeys(_text(fields, self._field, number) for number, fields in enumerate(entries, 1))
        )

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield the manifest as it tells of the copies."""
        return _packed(part, self._copied(self.folder / part, copies))

    def _copied(self, path: Path, copies: Copies) -> Iterator[bytes]:
        for number, (line, fields) in enumerate(_objects(path, dict[str, msgspec.Raw]), 1):
            for copy in copies.get(_text(fields, self._field, number), ()):
                changes = [(fields[self._field], encode(copy.name))]
                changes += [_with_suffix(fields[name], copy) for name in _IDS if _is_text(fields.get(name))]
                yield spliced(line, changes)


class _Source(msgspec.Struct):
    type: str
    source: str


class _Recording(msgspec.Struct):
    id: str
    sources: list[_Source]


class _RawSource(msgspec.Struct):
    source: msgspec.Raw


class _RawRecording(msgspec.Struct):
    id: msgspec.Raw
    sources: list[_RawSource]


class _RawSupervision(msgspec.Struct):
    id: msgspec.Raw
    recording_id: msgspec.Raw


class _Supervision(msgspec.Struct):
    id: str
    recording_id: str


class Lhotse:
    """Lhotse's recordings, with the supervisions beside them that have their name.

    A copy of a recording, or of a supervision, has the id of its source with the suffix of the file behind it.

    Raises
    ------
    InputError
        For recordings that are no files, or have one id, and for supervisions that are broken.
    """

    home, by_stem = "", False

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self._recordings: dict[str, list[str]] = {}
        for _, recording in _objects(path, _Recording):
            other = next((source.type for source in recording.sources if source.type != "file"), None)
            if other is not None:
                raise InputError(f"the recording {recording.id} is no file but a {other}; save it as one first")
            if recording.id in self._recordings:
                raise InputError(f"the recording {recording.id} stands there twice; give each an id of its own")
            self._recordings[recording.id] = [source.source for source in recording.sources]
        names = (name for sources in self._recordings.values() for name in sources)
        self.names: Sequence[str] = tuple(dict.fromkeys(names))
        beside = path.with_name(path.name.replace("recordings", "supervisions"))
        has_supervisions = beside != path and beside.is_file()
        if has_supervisions and _kind(beside) is not Supervisions:
            raise InputError(f"{beside.name}, which has its name, holds no supervisions; mend or move it")
        self.parts = (path.name, beside.name) if has_supervisions else (path.name,)
        strays = Supervisions(beside).names if has_supervisions else ()
        stray = sum(name not in self._recordings for name in strays)
        self.notices = (f"{beside.name}: {stray} recordings are not in {path.name} and were left out",) if stray else ()

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield the recordings or the supervisions as they tell of the copies."""
        path = self.folder / part
        if part == self.parts[0]:
            return _packed(part, self._copied(path, copies))
        of_recording = {name: [made[0] for made in self._made(name, copies)] for name in self._recordings}
        return _packed(part, _copied_supervisions(path, of_recording))

    def _made(self, recording: str, copies: Copies) -> Iterator[list[Copy]]:
        """Yield the files of each copy of a recording, of which all must be there."""
        of_sources = [{copy.number: copy for copy in copies.get(name, ())} for name in self._recordings[recording]]
        for number in sorted(set.intersection(*(set(made) for made in of_sources))) if of_sources else ():
            yield [made[number] for made in of_sources]

    def _copied(self, path: Path, copies: Copies) -> Iterator[bytes]:
        for line, raw in _objects(path, _RawRecording):
            for made in self._made(decode(raw.id, str), copies):
                files = [(old.source, encode(new.name)) for old, new in zip(raw.sources, made, strict=True)]
                yield spliced(line, [_with_suffix(raw.id, made[0]), *files])


class Supervisions:
    """Lhotse's supervisions without recordings; their recordings are called by the stems of their files."""

    home, by_stem, notices = "", True, ()

    def __init__(self, path: Path) -> None:
        self.folder, self.parts = path.parent, (path.name,)
        self.names: Sequence[str] = tuple(dict.fromkeys(one.recording_id for _, one in _objects(path, _Supervision)))

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield the supervisions as they tell of the copies."""
        return _packed(part, _copied_supervisions(self.folder / part, copies))


def _copied_supervisions(path: Path, copies: Copies) -> Iterator[bytes]:
    for line, raw in _objects(path, _RawSupervision):
        for copy in copies.get(decode(raw.recording_id, str), ()):
            yield spliced(line, [_with_suffix(raw.id, copy), _with_suffix(raw.recording_id, copy)])


def _with_suffix(value: msgspec.Raw, copy: Copy) -> Change:
    return value, encode(decode(value, str) + copy.suffix)


def _is_text(value: msgspec.Raw | None) -> bool:
    return value is not None and bytes(value).startswith(b'"')


def _text(fields: Fields, name: str, number: int) -> str:
    if not _is_text(fields.get(name)):
        raise InputError(f"line {number}: {name}: a text was expected")
    return cast(str, decode(fields[name], str))


def _objects(path: Path, kind: type[T]) -> Iterator[tuple[bytes, T]]:
    """Yield each line, and the object in it."""
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            yield line, decode(line, kind)
        except InputError as error:
            raise InputError(f"line {number}: {error}") from None


def _lines(path: Path) -> Generator[bytes]:
    """Yield the lines of a file, one that is packed as well, each with its end."""
    try:
        with cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            while line := file.readline(_LINE_CAP):
                if len(line) == _LINE_CAP:
                    raise InputError(f"a line is longer than {_LINE_CAP} bytes")
                yield line if line.endswith(b"\n") else line + b"\n"
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"no gzip that can be read: {error}") from None


def _packed(part: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, packed where the name of the file says so, always in the same way."""
    if not part.lower().endswith(".gz"):
        yield from lines
        return
    packer = zlib.compressobj(wbits=31)
    for line in lines:
        yield packer.compress(line)
    yield packer.flush()
