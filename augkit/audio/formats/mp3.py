"""MP3: encoded anew at the source's bit rate or quality, between the source's own tags."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from augkit.audio.formats import encoder, mpeg, outdated, splice
from augkit.audio.formats.coding import Samples
from augkit.audio.formats.recording import Container, Recording
from augkit.errors import InputError
from augkit.outcome import FormatInfo

_LOWEST = 0.999
"""The highest compression that LAME takes."""

_TAGGED = 200
"""Bytes of a frame that holds the header with the length; where all are smaller, a variable rate gets one that does."""

_SLACK = 2
"""Frames beyond those that a header tells of: itself, and one that some encoders leave out."""

_KNOWN = frozenset(b"TIT2 TPE1 COMM TALB TDRC TYER TRCK TCON TSSE TCOP TT2 TP1 COM TAL TYE TRK TCO TSS TCR".split())
"""ID3 frames that libsndfile reads as one of its text tags."""


class _Rest(msgspec.Struct, frozen=True):
    """What an MP3 source hands on: where its frames lie among its tags, and how closely it was encoded."""

    begin: int
    end: int
    length: int
    compression: float
    mode: mpeg.Mode


def _inspect(recording: Recording) -> Recording:
    with recording.path.open("rb") as file:
        found = mpeg.stream(file)
        if found is None:
            raise InputError("expected a frame of MPEG audio near the start, got none; restore the file")
        length = os.fstat(file.fileno()).st_size
        end = _end(file, length)
        notices = recording.notices
        samples, whole = mpeg.counted(file, found)
        if found.declared is None:
            notices += _check_length(recording, samples, whole)
        elif samples > (found.declared + _SLACK) * found.first.samples:
            raise _more(found.declared * found.first.samples, samples)
        others = tuple(dict.fromkeys(_id3_names(file)))
        frames = [name for name in others if name in outdated.FRAMES]
        notices += outdated.notices([*frames, *_loudness(file, found.begin, end)])
    rate = 8 * (end - found.begin) * recording.encoding.samplerate / max(1, recording.frames)
    mode, compression = _closeness(found, rate)
    rest = _Rest(found.begin, end, length, compression, mode)
    return replace(recording, rest=rest, others=others, notices=notices)


def _check_length(recording: Recording, samples: int, whole: bool) -> tuple[str, ...]:
    """Return a notice for a stream without a header; raise `InputError` where libsndfile guessed it too short."""
    if recording.frames < samples - 1152:  # the first frame may be one without sound
        raise _more(recording.frames, samples)
    odd = "" if whole else "; its last frame is cut short"
    return (f"no header tells the length, so a missing end cannot be seen{odd}",)


def _more(decoded: int, samples: int) -> InputError:
    return InputError(
        f"no header tells the whole length, so libsndfile decodes {decoded} of {samples} frames; give it one first, as "
        "in: ffmpeg -i name.mp3 -c copy new.mp3"
    )


def _end(file: BinaryIO, length: int) -> int:
    """Return where the frames end: in front of an APE or ID3v1 tag."""
    end = length
    file.seek(max(0, end - 128))
    if file.read(3) == b"TAG" and end >= 128:
        end -= 128
    file.seek(max(0, end - 32))
    footer = file.read(32)
    if footer[:8] == b"APETAGEX":
        size = int.from_bytes(footer[12:16], "little") + (32 if footer[23] & 0x80 else 0)
        end -= size if size <= end else 0
    return end


def _loudness(file: BinaryIO, begin: int, end: int) -> Iterator[str]:
    """Yield what the tags in front of the frames and behind them tell of loudness."""
    file.seek(0)
    yield from outdated.named_in(file.read(min(begin, outdated.SEARCHED)))
    file.seek(end)
    yield from outdated.named_in(file.read(outdated.SEARCHED))


def _id3_names(file: BinaryIO) -> Iterator[str]:
    """Yield the names of the ID3v2 frames that are none of the text tags that other containers can hold."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return
    end = 10 + mpeg.synchsafe(head[6:10])
    wide, base = (3, 256) if head[3] == 2 else (4, 128 if head[3] == 4 else 256)
    position = 10
    while position + 2 * wide <= end:
        file.seek(position)
        header = file.read(2 * wide)
        name = header[:wide]
        if not name.isalnum():
            return
        if name not in _KNOWN:
            yield name.decode("ascii", "replace")
        size = 0
        for byte in header[wide:]:
            size = size * base + byte
        position += 2 * wide + size + (2 if wide == 4 else 0)


def _closeness(found: mpeg.Stream, rate: float) -> tuple[mpeg.Mode, float]:
    """Return the mode and libsndfile's compression for the bit rate, in bit/s, or the quality of a stream."""
    mode = found.mode
    if mode == "VARIABLE" and found.quality is not None and found.quality <= 100:
        return mode, min((100 - found.quality) // 10 / 10, 0.9)
    if mode == "CONSTANT":
        rate = found.first.rate
        mode = mode if found.first.size >= _TAGGED else "AVERAGE"
    else:
        mode, rate = "AVERAGE", found.average or rate
    hertz = found.first.samplerate
    low, high = (32, 320) if hertz >= 32_000 else (8, 160) if hertz >= 16_000 else (8, 64)
    kilobits = rate / 1000 + 0.5  # libsndfile cuts fractions off
    return mode, min(max(0.0, (high - kilobits) / (high - low)), _LOWEST)


def _write(recording: Recording, blocks: Iterable[Samples], file: BinaryIO) -> None:
    rest: _Rest | None = recording.rest
    if rest is None:
        encoder.write(file, blocks, recording.encoding, recording.tags)
        return
    with recording.path.open("rb") as source:
        splice.copy(source, file, 0, rest.begin)
        sink = _Behind(file, rest.begin)
        encoder.write(sink, blocks, recording.encoding, compression=rest.compression, mode=rest.mode)
        file.seek(0, os.SEEK_END)
        splice.copy(source, file, rest.end, rest.length)


class _Behind:
    """A file of which libsndfile sees only what comes behind the first bytes."""

    def __init__(self, file: BinaryIO, begin: int) -> None:
        self._file, self._begin = file, begin
        self.write = file.write

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go elsewhere."""
        return self._file.seek(offset + (self._begin if whence == os.SEEK_SET else 0), whence) - self._begin

    def tell(self) -> int:
        """Return the present position."""
        return self._file.tell() - self._begin


MP3 = Container(
    majors=("MP3",),
    subtypes=("MPEG_LAYER_III",),
    inspect=_inspect,
    write=_write,
    info=FormatInfo(
        name="MP3",
        suffixes=(".mp3",),
        keeps="length, bit rate or quality, ID3 and APE tags with pictures byte for byte",
        limits="lossy; layers I and II are read only",
    ),
    read_only=("MPEG_LAYER_I", "MPEG_LAYER_II"),
)
