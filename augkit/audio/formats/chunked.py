"""What WAV, AIFF, W64 and CAF share: chunks that are odd are told, and samples in blocks are put among the others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from typing import IO, BinaryIO

from augkit.audio.formats import encoder, outdated, splice
from augkit.audio.formats.chunks import Around, Chunk, Chunks, walk
from augkit.audio.formats.coding import Samples
from augkit.audio.formats.recording import KEPT, Recording

PEAK = b"PEAK"
"""The highest samples, which noise changes, and the time of writing, which must not go into an output."""

_PADDING = (b"JUNK", b"junk", b"PAD ", b"FLLR", b"free", b"ds64")
_OUTDATED = (b"levl", b"MD5 ", b"md5 ", b"ovvw")
_TAGS = (b"id3 ", b"ID3 ", b"iXML", b"axml", b"_PMX", b"info")
"""Chunks of tags, which may tell of loudness."""


def others(chunks: Chunks, own: Collection[bytes]) -> tuple[str, ...]:
    """Return the labels of the chunks that only a file of this kind holds."""
    known = (chunks.data.name, *own, PEAK)
    labels = [chunk.label for chunk in chunks.chunks if chunk.name not in known and chunk.name[:4] not in _PADDING]
    return tuple(label for label in labels if label != "LIST INFO")


def oddities(chunks: Chunks, file: IO[bytes], *, kept: bool) -> Iterator[str]:
    """Say what is odd about the chunks of a file; `kept` tells whether the bytes outside of them are."""
    for chunk in chunks.chunks:
        if chunk.name[:4] in _OUTDATED:
            yield f"the chunk {chunk.label} describes the samples before the noise; kept as it is"
    yield from outdated.notices(_loudness(chunks, file))
    if chunks.cut_short:
        yield f"the chunk {chunks.chunks[-1].label} after the samples is cut short; kept as it is"
    if chunks.loose > (chunks.layout.align == 1):  # CAF has no padding, yet libsndfile adds a byte
        outcome = "kept as they are" if kept else "left out"
        yield f"{chunks.loose} bytes at the end of the file belong to no chunk; {outcome}"


def _loudness(chunks: Chunks, file: IO[bytes]) -> Iterator[str]:
    """Yield what chunks tell of loudness; of several with one name only the first counts to readers."""
    seen = set[bytes]()
    for chunk in chunks.chunks:
        name = chunk.name[:4]
        if name in seen or not (name == b"bext" or name in _TAGS):
            continue
        seen.add(name)
        file.seek(chunk.start)
        payload = file.read(max(0, min(chunk.size, outdated.SEARCHED)))
        yield from outdated.fields_of_bext(payload) if name == b"bext" else outdated.named_in(payload)


def write(recording: Recording, blocks: Iterable[Samples], file: BinaryIO) -> None:
    """Write a file: the source's own bytes or chunks around new samples, where the source was of this container."""
    rest = recording.rest
    if isinstance(rest, splice.Place):
        splice.write(recording, blocks, file)
    elif isinstance(rest, Around):
        with tempfile.SpooledTemporaryFile(KEPT) as made, recording.path.open("rb") as source:
            encoder.write_checked(made, blocks, recording.encoding)
            made.seek(0, os.SEEK_END)
            new = walk(made, made.tell(), rest.chunks.layout, rest.chunks.data.name)
            _graft(new, made, rest, source, file)
    else:
        encoder.write(file, blocks, recording.encoding, recording.tags)


def _graft(new: Chunks, made: IO[bytes], rest: Around, source: BinaryIO, file: BinaryIO) -> None:
    """Write the source's chunks, with new ones for the samples and for what describes them."""
    kept, layout = rest.chunks, new.layout
    fresh = {chunk.name: chunk for chunk in new.chunks if chunk.name in rest.own} | {new.data.name: new.data}
    added = [chunk for name, chunk in fresh.items() if kept.named(name) is None]
    splice.copy(made, file, 0, layout.first)
    for chunk in kept.chunks:
        if chunk is kept.data:
            for other in added:
                _copy(other, made, new, file)
        if chunk.name in fresh:
            _copy(fresh[chunk.name], made, new, file)
        elif chunk.name != PEAK:
            _copy(chunk, source, kept, file)
    if layout.beyond is not None:
        length = file.tell() - layout.beyond
        file.seek(layout.name)
        file.write(length.to_bytes(layout.size, layout.order))


def _copy(chunk: Chunk, origin: IO[bytes], chunks: Chunks, file: BinaryIO) -> None:
    """Copy a chunk; one that is cut short gets the size of what is there."""
    layout, end = chunks.layout, min(chunk.start + chunk.size, chunks.length)
    size = end - chunk.start
    declared = size + layout.header if layout.inclusive else size
    file.write(chunk.name + declared.to_bytes(layout.size, layout.order))
    splice.copy(origin, file, chunk.start, end)
    file.write(bytes(-size % layout.align))
