"""From one container to another: the nearest subtype, and a word on what is lost on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import soundfile

from augkit.audio.formats import sndfile
from augkit.audio.formats.coding import CODINGS, recode
from augkit.audio.formats.recording import Container, Encoding, Recording
from augkit.errors import InputError

_FASTEST, _MOST_CHANNELS = 200_000, 255
"""Beyond these libsndfile's lossy encoders crash the process instead of refusing."""


def convert(recording: Recording, target: Container) -> Recording:
    """Return the recording as `target` will hold it: samples on the new grid, and notices of what was changed.

    Raises
    ------
    InputError
        If there is nothing to encode, or samples that are not finite would have to become integers.
    """
    source, name = recording.encoding, target.info.name
    if not recording.samples.size:
        raise InputError(f"the file holds no frames, so it cannot be converted to {name}; leave its format")
    encoding = replace(source, major=target.majors[0], subtype=_subtype(source, target), endian="FILE", valid_bits=None)
    if encoding.coding.kind != "float" and not np.isfinite(recording.samples).all():
        raise InputError(f"samples that are not finite cannot be held by {encoding.subtype}; leave the format")
    if encoding.coding.kind == "lossy" and (encoding.samplerate > _FASTEST or encoding.channels > _MOST_CHANNELS):
        raise InputError(
            f"{name} takes at most {_FASTEST} Hz and {_MOST_CHANNELS} channels, got {encoding.samplerate} Hz and "
            f"{encoding.channels}; choose flac or wav"
        )
    notices = list(recording.notices)
    if encoding.subtype != source.subtype:
        notices.append(f"{source.subtype} samples written as {encoding.subtype}")
    lost = [*recording.others, *sndfile.changed_tags(recording.tags, encoding)]
    if lost:
        notices.append(f"not kept in {name}: {', '.join(lost)}")
    samples = recode(recording.samples, source.coding, encoding.coding)
    return Recording(recording.path, encoding, samples, recording.tags, notices=tuple(notices))


def _subtype(source: Encoding, target: Container) -> str:
    """Return the source's own subtype where the target knows it, or else the first that holds all its bits."""
    if soundfile.check_format(target.majors[0], source.subtype):
        return source.subtype
    deep_enough = [name for name in target.subtypes if CODINGS[name].bits >= source.coding.bits]
    return (deep_enough or target.subtypes[-1:])[0]
