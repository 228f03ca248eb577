"""From one container to another: the nearest subtype, and a word on what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import soundfile
from msgspec.structs import replace

from augkit.audio.formats import encoder, sndfile
from augkit.audio.formats.cells import WIDTHS
from augkit.audio.formats.coding import CODINGS, Coding, Samples, recode, rescaled
from augkit.audio.formats.recording import Container, Encoding, Kept, Pass, Recording
from augkit.audio.formats.splice import Place
from augkit.errors import InputError

_FASTEST, _MOST_CHANNELS = 200_000, 255
"""Beyond these libsndfile's lossy encoders crash the process instead of refusing."""


def convert(recording: Recording, target: Container, *, saturates: bool = True) -> Recording:
    """Return the recording as `target` will hold it: samples in the unit of its subtype, notices of what was changed.

    Parameters
    ----------
    saturates : bool
        Whether floats beyond full scale are clipped where the new subtype ends there.

    Raises
    ------
    InputError
        If there is nothing to encode, or samples that are not finite would have to become integers.
    """
    source, name = recording.encoding, target.info.name
    if not recording.frames:
        raise InputError(f"the file holds no frames, so it cannot be converted to {name}; leave its format")
    encoding = replace(source, major=target.majors[0], subtype=_subtype(source, target), endian="FILE", valid_bits=None)
    encoding = fitted(encoding, recording.frames, target)
    target.check_writable(encoding)
    if encoding.coding.kind == "lossy" and (encoding.samplerate > _FASTEST or encoding.channels > _MOST_CHANNELS):
        raise InputError(
            f"{name} takes at most {_FASTEST} Hz and {_MOST_CHANNELS} channels, got {encoding.samplerate} Hz and "
            f"{encoding.channels}; choose flac or wav"
        )
    notices = list(recording.notices)
    if encoding.subtype != source.subtype:
        notices.append(f"{source.subtype} samples written as {encoding.subtype}")
    if encoding.major == "RF64":
        notices.append("the samples are too many for WAV; written as RF64")
    tags = recording.tags or ({} if _is_bare(recording) else sndfile.text_tags(recording.path))
    lost = [*recording.others, *encoder.changed_tags(tags, encoding)]
    if lost:
        notices.append(f"not kept in {name}: {', '.join(lost)}")
    return Recording(
        recording.path, encoding, recording.frames, recoded(recording, encoding, saturates=saturates), tags,
        notices=tuple(notices), is_unrounded=encoding.coding.is_coarser(source.coding),
    )  # fmt: skip


def _is_bare(recording: Recording) -> bool:
    place = recording.rest
    return isinstance(place, Place) and place.around is not None and place.around.is_bare


def fitted(encoding: Encoding, frames: int, target: Container) -> Encoding:
    """Return the encoding, with RF64 for a WAV file that would be too large.

    Raises
    ------
    InputError
        If another container would be.
    """
    size = frames * encoding.channels * WIDTHS.get(encoding.subtype, 1)
    if target.largest is None or size <= target.largest or encoding.major == "RF64":
        return encoding
    if encoding.major not in ("WAV", "WAVEX") or encoding.subtype not in WIDTHS:
        raise InputError(f"{size:,} bytes of samples are too many for {target.info.name}; choose flac, w64 or wav")
    return replace(encoding, major="RF64", endian="FILE")


def recoded(recording: Recording, encoding: Encoding, *, saturates: bool = True) -> Pass:
    """Return a pass over a recording in the unit of another encoding; on its grid unless that is coarser."""
    decoded = _Recoded(recording.decoded, recording.encoding.coding, encoding.coding, encoding.subtype, saturates)
    if isinstance(recording.decoded, Kept):
        return Kept(np.concatenate(list(decoded(recording.frames))))
    return decoded


class _Recoded(msgspec.Struct, frozen=True, eq=False):
    """A pass over a recording in the unit of another encoding."""

    decoded: Pass
    source: Coding
    target: Coding
    subtype: str
    saturates: bool

    def __call__(self, frames: int) -> Iterator[Samples]:
        for block in self.decoded(frames):
            if self.source.kind != "pcm" and self.target.kind != "float" and not np.isfinite(block).all():
                raise InputError(f"samples that are not finite cannot be held by {self.subtype}; leave the format")
            is_coarser = self.target.is_coarser(self.source)
            if not is_coarser and (self.saturates or self.target.kind != "lossy"):
                yield recode(block, self.source, self.target)
                continue
            made = rescaled(block, self.source, self.target)
            made = self.target.clipped(made) if self.saturates else made
            yield made if is_coarser else made.astype(self.target.dtype)

    def part(self, begin: int, frames: int) -> _Recoded:
        """Return a pass over some of the frames."""
        return replace(self, decoded=self.decoded.part(begin, frames))


def _subtype(source: Encoding, target: Container) -> str:
    """Return the source's own subtype where the target knows it, or else the first that holds all its bits."""
    if soundfile.check_format(target.majors[0], source.subtype) and source.subtype not in target.read_only:
        return source.subtype
    deep_enough = [name for name in target.subtypes if CODINGS[name].bits >= source.coding.bits]
    return (deep_enough or target.subtypes[-1:])[0]
