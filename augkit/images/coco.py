"""COCO's JSON: one entry for each copy of an image, with its annotations; all other bytes stay as they are."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias, TypeVar

import msgspec

from augkit.errors import InputError
from augkit.sidecars.json_text import decode, encode, joined, span
from augkit.sidecars.names import Copies, Copy, last_part, with_last_part

_GLANCE = 65536
_KEYS = (b'"images"', b'"annotations"', b'"categories"')

Id: TypeAlias = int | str
T = TypeVar("T")


class _Image(msgspec.Struct):
    id: Id
    file_name: str


class _Annotation(msgspec.Struct):
    image_id: Id
    id: Id | None = None
    file_name: str | None = None


class _Ids:
    """The ids of one kind of entry, and those of copies: numbers above the greatest, or the old text with a suffix.

    They depend on the place of the entry and the number of the copy alone. So they are the same in every list of the
    same images, and whichever of the outputs failed.
    """

    def __init__(self) -> None:
        self._greatest, self._texts = 0, set[str]()

    def add(self, one: Id | None) -> None:
        if isinstance(one, int):
            self._greatest = max(self._greatest, one)
        elif one is not None:
            self._texts.add(one)

    def of_copy(self, old: Id, place: int, copy: Copy, most: int) -> Id:
        if not copy.suffix:
            return old
        if isinstance(old, int):
            return self._greatest + place * most + copy.number
        new = old + copy.suffix
        while new in self._texts:
            new += "_"
        return new


class Coco:
    """A COCO file; `augkit.sidecars.names.Listing` says what it offers.

    The file is mapped, not read. Besides, about 100 bytes are taken for each of its entries.

    Raises
    ------
    InputError
        Where images or annotations cannot be read.
    """

    home, by_stem = "", False

    def __init__(self, path: Path) -> None:
        self.folder, self.parts, self._path = path.parent, (path.name,), path
        self._image_ids, self._annotation_ids = _Ids(), _Ids()
        self._images: dict[Id, tuple[int, str]] = {}
        images, annotations = _entries(_mapped(path))
        for place, entry in enumerate(images):
            image = _read(entry, _Image, f"images[{place}]")
            if image.id in self._images:
                raise InputError(f"images[{place}]: an earlier image has the id {image.id!r} too")
            self._images[image.id] = (place, image.file_name)
            self._image_ids.add(image.id)
        stray = 0
        for place, entry in enumerate(annotations):
            annotation = _read(entry, _Annotation, f"annotations[{place}]")
            self._annotation_ids.add(annotation.id)
            stray += annotation.image_id not in self._images
        self.names: Sequence[str] = tuple(dict.fromkeys(name for _, name in self._images.values()))
        self.notices = (f"{path.name}: {stray} annotations of no image were left out",) if stray else ()

    def rewrite(self, part: str, copies: Copies, most: int) -> Iterator[bytes]:
        """Yield the file as it tells of the copies."""
        data = _mapped(self.folder / part)
        images, annotations = _entries(data)
        made = {"images": self._copied_images(images, copies, most)}
        made["annotations"] = self._copied_annotations(annotations, copies, most)
        whole = decode(data, dict[str, msgspec.Raw])
        end = 0
        for (begin, stop), key in sorted((span(whole[key], data), key) for key in made if key in whole):
            yield bytes(data[end:begin])
            yield from _array(data[begin:stop], images if key == "images" else annotations, made[key])
            end = stop
        yield bytes(data[end:])

    def _copied_images(self, entries: Sequence[msgspec.Raw], copies: Copies, most: int) -> Iterator[bytes]:
        for place, entry in enumerate(entries):
            image = decode(entry, _Image)
            new = (
                {"id": self._image_ids.of_copy(image.id, place, copy, most), "file_name": copy.name}
                for copy in copies.get(image.file_name, ())
            )
            yield from _written(entry, image, new)

    def _copied_annotations(self, entries: Sequence[msgspec.Raw], copies: Copies, most: int) -> Iterator[bytes]:
        for place, entry in enumerate(entries):
            annotation = decode(entry, _Annotation)
            yield from _written(entry, annotation, self._new_values(annotation, place, copies, most))

    def _new_values(self, annotation: _Annotation, place: int, copies: Copies, most: int) -> Iterator[dict[str, Any]]:
        image_place, name = self._images.get(annotation.image_id, (0, ""))
        for copy in copies.get(name, ()):
            values: dict[str, Any] = {"image_id": self._image_ids.of_copy(annotation.image_id, image_place, copy, most)}
            if annotation.id is not None:
                values["id"] = self._annotation_ids.of_copy(annotation.id, place, copy, most)
            if annotation.file_name is not None:
                values["file_name"] = _mask_name(annotation.file_name, copy)
            yield values


def _mask_name(name: str, copy: Copy) -> str:
    """Return the name of an annotation's own file, as panoptic sets have it: that of the mask that went along."""
    path = PurePosixPath(last_part(name))
    new = f"{path.stem}{copy.suffix}{path.suffix}"
    return with_last_part(name, new) if any(last_part(label) == new for label in copy.labels) else name


def _written(entry: msgspec.Raw, old: msgspec.Struct, copies: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield an entry once for each of its copies, with the values that differ replaced."""
    spans = None
    for new in copies:
        changed = {name: value for name, value in new.items() if getattr(old, name) != value}
        if changed and spans is None:
            fields = decode(entry, dict[str, msgspec.Raw])
            spans = {name: span(fields[name], entry) for name in new}
        yield joined(memoryview(entry), {spans[name]: encode(changed[name]) for name in changed} if spans else {})


def _array(old: memoryview, entries: Sequence[msgspec.Raw], new: Iterator[bytes]) -> Iterator[bytes]:
    """Yield an array of other entries, with what stood around and between the old ones."""
    if not entries:
        yield bytes(old)
        return
    spans = [span(entry, old) for entry in (*entries[:2], entries[-1])]
    between = bytes(old[spans[0][1] : spans[1][0]]) if len(entries) > 1 else b", "
    begun = False
    for entry in new:
        yield between if begun else bytes(old[: spans[0][0]])
        yield entry
        begun = True
    yield bytes(old[spans[-1][1] :]) if begun else b"[]"


def _entries(data: memoryview) -> tuple[list[msgspec.Raw], list[msgspec.Raw]]:
    whole = decode(data, dict[str, msgspec.Raw])
    images, annotations = (decode(whole.get(key, b"[]"), list[msgspec.Raw]) for key in ("images", "annotations"))
    return images, annotations


def _read(entry: msgspec.Raw, kind: type[T], where: str) -> T:
    try:
        found: T = decode(entry, kind)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return found


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def looks_like_coco(path: Path) -> bool:
    """Tell from its first bytes whether a file may be COCO's."""
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as file:
        head = file.read(_GLANCE)
    return any(key in head for key in _KEYS)


def open_coco(path: Path) -> Coco | None:
    """Read a COCO file; None where a file is something else.

    Raises
    ------
    InputError
        For one that is broken.
    """
    if not path.is_file() or not looks_like_coco(path):
        return None
    data = _mapped(path)
    if bytes(data[:_GLANCE]).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return None
    keys = decode(data, dict[str, msgspec.Raw])
    return Coco(path) if "images" in keys and ("annotations" in keys or "categories" in keys) else None
