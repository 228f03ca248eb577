"""What was added, and the signal that it was added to, as files of their own: clean + noise = noisy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from msgspec.structs import replace

from augkit.audio.formats import Container, Encoding, Recording
from augkit.audio.formats.coding import CODINGS, Samples
from augkit.audio.formats.convert import fitted
from augkit.audio.formats.wav import WAV
from augkit.audio.render import Rendering
from augkit.errors import InputError
from augkit.writing import copied, writer

NOISE_SUFFIX = ".wav"


def saved_name(what: str, folder: str, output: str) -> str:
    """Return the name in DST of what is saved beside an output: noise is a WAV file, clean is like the output."""
    path = PurePosixPath(folder, output)
    return str(path.with_suffix(NOISE_SUFFIX) if what == "noise" else path)


def check_exact(encoding: Encoding) -> None:
    """Raise `InputError` for an output of which a decoder gets other samples than those that were summed."""
    if encoding.coding.kind == "lossy":
        raise _lossy(encoding.subtype)


def check_exact_container(container: Container) -> None:
    """Raise `InputError` for a container of which that goes for all outputs."""
    if all(CODINGS[subtype].kind == "lossy" for subtype in container.subtypes):
        raise _lossy(container.info.name)


def _lossy(name: str) -> InputError:
    return InputError(
        f"{name} is lossy, so clean + noise would not be what a decoder gets; leave save_noise and save_clean, or give "
        "format='wav' or 'flac'"
    )


def noise_encoding(recording: Recording, *, wide: bool) -> Encoding:
    """Return an encoding that holds every difference of two samples of a recording, as a share of the same full scale.

    The difference may be twice full scale, which no integers hold. Of integers it takes a bit more than they have,
    which is its sign in a float, so 24 bits go into 32. Floats are as deep as the samples, unless they are `wide`.
    """
    coding = recording.encoding.coding
    double = coding.bits > 32 or wide if coding.kind == "float" else coding.bits > 24
    subtype = "DOUBLE" if double else "FLOAT"
    encoding = replace(recording.encoding, major=WAV.majors[0], subtype=subtype, endian="FILE", valid_bits=None)
    return fitted(encoding, recording.frames, WAV)


def save_noise(recording: Recording, rendering: Rendering | None, target: Path) -> tuple[str, ...]:
    """Write what was added; with no rendering, that is nothing. Return what is to be told of it."""
    encoding = noise_encoding(recording, wide=rendering is not None and rendering.is_wide)
    coding, own = encoding.coding, recording.encoding.coding
    missed = 0

    def blocks() -> Iterator[Samples]:
        nonlocal missed
        if rendering is None:
            for block in recording.blocks():
                yield np.zeros(block.shape, coding.dtype)
            return
        for clean, noise, noisy in rendering.parts():
            if own.kind == "float":
                with np.errstate(invalid="ignore"):
                    summed = np.add(clean, noise, dtype=noise.dtype).astype(noisy.dtype)
                missed += int(np.count_nonzero((summed != noisy) & ~np.isnan(noisy)))
                yield noise
            else:
                yield (noise / own.full_scale).astype(coding.dtype)

    with writer(target) as file:
        WAV.write(Recording(target, encoding, recording.frames, recording.decoded), blocks(), file)
    return (f"{missed} samples of clean + noise differ from noisy in the last bit",) if missed else ()


def save_clean(recording: Recording, container: Container, rendering: Rendering | None, target: Path) -> None:
    """Write the signal that the noise was added to; with no rendering, that is the source itself."""
    if rendering is None:
        copied(recording.path, target)
        return
    with writer(target) as file:
        container.write(recording, (clean for clean, _, _ in rendering.parts()), file)
