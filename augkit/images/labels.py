"""What belongs to an image: labels beside it and in parallel trees, and how they tell of its copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from augkit.errors import InputError
from augkit.images.coco import Coco, looks_like_coco, open_coco
from augkit.sidecars.json_text import Change, decode, encode, names_followed, spliced, text_of
from augkit.sidecars.names import Edited, followed, parallel_places, with_last_part

_SUFFIXES = (".txt", ".caption", ".tags", ".pts", ".xml", ".json")
_EDITED = (".xml", ".json")
_TREES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "labels": ("images", "JPEGImages"),  # YOLO; its scripts put them beside VOC's images too
        "annotations": ("images",),
        "masks": ("images",),
        "Annotations": ("JPEGImages",),  # Pascal VOC
        "SegmentationClass": ("JPEGImages",),
        "SegmentationObject": ("JPEGImages",),
    }
)


def label_suffixes() -> Sequence[str]:
    """Return the lower-case suffixes of files that may belong to one image."""
    return _SUFFIXES


def source_places(place: str) -> Iterator[tuple[str, str]]:
    """Yield (tree, place) of the images in other folders that a label, or a mask, at `place` may belong to."""
    return parallel_places(place, _TREES)


def is_edited(name: str) -> bool:
    """Tell whether a label may hold the image's name, so that copies of it differ."""
    return name.lower().endswith(_EDITED)


def edited(name: str, data: bytes, old: Path, new: Path) -> Edited:
    """Return a label of the image `old` as it tells of its copy `new`.

    Raises
    ------
    InputError
        For a label that is malformed, or that no program should read.
    """
    if not name.lower().endswith(".xml"):
        return _json_edited(data, old, new)
    from augkit.images.voc import voc_edited  # what reads XML takes long to load

    return voc_edited(data, old, new)


_NULL = msgspec.Raw(b"null")


class _LabelMe(msgspec.Struct, rename="camel"):
    shapes: msgspec.Raw
    image_path: msgspec.Raw
    image_data: msgspec.Raw = _NULL


def _json_edited(data: bytes, old: Path, new: Path) -> Edited:
    """Let every text that names the image name its copy; LabelMe's embedded picture, which has no noise, goes."""
    changes = names_followed(data, old, new)
    try:
        label = decode(data, _LabelMe)
    except InputError:
        decode(data, msgspec.Raw)  # an error of its own where it is no JSON at all
        return Edited(spliced(data, changes))
    named = text_of(label.image_path)
    if named is None:
        raise InputError("imagePath: a text was expected")
    path: Change = (label.image_path, encode(followed(named, old, new) or with_last_part(named, new.name)))
    if bytes(label.image_data) == b"null":
        return Edited(spliced(data, [*changes, path]))
    notice = "the picture within LabelMe's JSON, which has no noise, was left out (imageData is null)"
    return Edited(spliced(data, [*changes, path, (label.image_data, b"null")]), (notice,))


def may_be_list(name: str) -> bool:
    """Tell whether a file has the name of a COCO JSON."""
    return name.lower().endswith(".json")


def looks_like_list(path: Path) -> bool:
    """Tell at a glance whether a file may be a list of images."""
    return looks_like_coco(path)


def open_list(path: Path) -> Coco | None:
    """Read a COCO JSON; None for any other file.

    Raises
    ------
    InputError
        For one that is broken.
    """
    return open_coco(path)
