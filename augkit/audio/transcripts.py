"""What belongs to a recording: transcripts and labels beside it, lists of many, and how they tell of its copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from augkit.audio.lists.id_lines import COLUMNS, IdLines, column_of, lines_edited
from augkit.audio.lists.kaldi import Kaldi, kaldi_folder
from augkit.audio.lists.manifests import MANIFESTS, looks_like_manifest, open_manifest
from augkit.sidecars.json_text import decode, names_followed, spliced
from augkit.sidecars.names import Edited, Listing, parallel_places

_SUFFIXES = (
    ".txt",
    ".lab",
    ".textgrid",
    ".json",
    ".srt",
    ".vtt",
    ".phn",  # TIMIT
    ".wrd",
    *(suffix for suffix in COLUMNS if suffix != ".trans.txt"),
)
_TREES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "txt": ("wav48", "wav48_silence_trimmed", "wav", "wavs"),  # VCTK
        "lab": ("wav", "wavs"),
        "TextGrid": ("wav", "wavs"),
        "textgrid": ("wav", "wavs"),
    }
)


def label_suffixes() -> Sequence[str]:
    """Return the lower-case suffixes of files that may belong to one recording."""
    return _SUFFIXES


def source_places(place: str) -> Iterator[tuple[str, str]]:
    """Yield (tree, place) of the recordings in other folders that a transcript at `place` may belong to."""
    return parallel_places(place, _TREES)


def is_edited(name: str) -> bool:
    """Tell whether a label may hold the recording's name, so that copies of it differ."""
    return name.lower().endswith(".json") or column_of(name) is not None


def edited(name: str, data: bytes, old: Path, new: Path) -> Edited:
    """Return a label of the recording `old` as it tells of its copy `new`.

    Raises
    ------
    InputError
        For one that is malformed.
    """
    column = column_of(name)
    if column is not None:
        return Edited(lines_edited(data, column, old.stem, new.stem))
    decode(data, msgspec.Raw)
    return Edited(spliced(data, names_followed(data, old, new)))


def may_be_list(name: str) -> bool:
    """Tell whether a file has the name of a list of recordings."""
    own = name.rpartition("/")[2]
    return own == "wav.scp" or column_of(own) is not None or own.lower().endswith(MANIFESTS)


def looks_like_list(path: Path) -> bool:
    """Tell at a glance whether a file may be a list of recordings."""
    return path.name == "wav.scp" or column_of(path.name) is not None or looks_like_manifest(path)


def open_list(path: Path) -> Listing | None:
    """Read a Kaldi data folder, lines by utterance, a JSON-lines or a Lhotse manifest; None for anything else.

    Raises
    ------
    InputError
        For one that is broken, or that names what is no file.
    """
    folder = kaldi_folder(path)
    if folder is not None:
        return Kaldi(folder)
    if not path.is_file():
        return None
    column = column_of(path.name)
    return open_manifest(path) if column is None else IdLines(path, column)
