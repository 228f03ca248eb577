"""The same container with float samples: for what is not to be clipped."""

from __future__ import annotations

from msgspec.structs import replace

from augkit.audio.formats.convert import fitted, recoded
from augkit.audio.formats.recording import Container, Recording
from augkit.audio.formats.splice import Place
from augkit.errors import InputError


def as_float(recording: Recording, container: Container) -> Recording:
    """Return the recording in the float subtype that holds all its bits, among the same chunks.

    Raises
    ------
    InputError
        If the container has none.
    """
    source = recording.encoding
    subtype = "DOUBLE" if source.coding.kind == "pcm" and source.coding.bits > 24 else "FLOAT"
    if subtype not in container.subtypes:
        raise InputError(
            f"samples would be clipped, and {container.info.name} holds no float samples; give format='wav', or "
            "on_clip='attenuate'"
        )
    encoding = fitted(replace(source, subtype=subtype, valid_bits=None), recording.frames, container)
    rest, notices = recording.rest, recording.notices
    rest = rest.around if isinstance(rest, Place) and encoding.major == source.major else None
    if encoding.major == "RF64" != source.major:
        notices += ("the samples are too many for WAV; written as RF64",)
    if rest is None and recording.others:
        notices += (f"not kept among float samples: {', '.join(recording.others)}",)
    decoded = recoded(recording, encoding)
    return replace(recording, encoding=encoding, decoded=decoded, rest=rest, notices=notices)
