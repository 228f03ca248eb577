"""Audio files for tests: one of every kind that libsndfile writes, and the chunks that it does not write."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

SUFFIX = {"WAV": ".wav", "WAVEX": ".wav", "RF64": ".wav", "AIFF": ".aiff", "FLAC": ".flac", "OGG": ".ogg"}
SUFFIX |= {"W64": ".w64", "CAF": ".caf", "AU": ".au", "NIST": ".sph", "MP3": ".mp3"}
REFUSED = {("WAV", "MPEG_LAYER_III"), ("AIFF", "DWVW_12"), ("CAF", "ALAC_32")}
REFUSED |= {("MP3", "MPEG_LAYER_I"), ("MP3", "MPEG_LAYER_II")}
"""libsndfile lists these, but cannot write and read them back in these containers."""
APART = {"DWVW_16", "DWVW_24", "ALAC_20", "ALAC_24"}
"""soundfile itself cannot read these to their end, or libsndfile garbles some noise in them."""

LOSSY = {"ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "VORBIS", "OPUS"}
LOSSY |= {"NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32", "G723_24", "G723_40", "MPEG_LAYER_III"}
MONO = {"GSM610", "G721_32", "G723_24", "G723_40", "NMS_ADPCM_16", "NMS_ADPCM_24", "NMS_ADPCM_32"}
TAGS = {"title": "Tïtle", "artist": "A. Rtist", "comment": "a note", "date": "1999"}


class Kind(NamedTuple):
    major: str
    subtype: str
    endian: str

    @property
    def lossless(self) -> bool:
        return self.subtype not in LOSSY

    @property
    def channels(self) -> int:
        return 1 if self.subtype in MONO else 2

    def __str__(self) -> str:
        return "-".join(self)


KINDS = [
    Kind(major, subtype, endian)
    for major in SUFFIX
    for subtype in soundfile.available_subtypes(major)
    for endian in ("FILE", "LITTLE", "BIG")
    if soundfile.check_format(major, subtype, endian) and (major, subtype) not in REFUSED and subtype not in APART
    if endian == "FILE" or subtype in ("PCM_16", "PCM_24", "FLOAT")
]
"""Everything that libsndfile writes in these containers, in other byte orders too."""


def music(frames: int, channels: int, seed: int = 0) -> np.ndarray:
    """Return a tone with a little of everything, at about -12 dB of full scale, the channels unlike each other."""
    time = np.arange(frames)[:, np.newaxis] / 8000
    pitch = 220 * (1 + np.arange(channels))
    hiss = np.random.default_rng(seed).standard_normal((frames, channels))
    return 0.25 * np.sin(2 * np.pi * pitch * time) + 0.002 * hiss


def write(folder: Path, kind: Kind, frames: int = 4000, samples: np.ndarray | None = None, **tags: str) -> Path:
    """Write a file of this kind with `soundfile` alone."""
    path = folder / f"source-{kind}{SUFFIX[kind.major]}"
    data = music(frames, kind.channels) if samples is None else samples
    rate = 16000 if kind.subtype == "OPUS" else 8000
    channels = 1 if data.ndim == 1 else data.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, kind.subtype, kind.endian, kind.major) as file:
        for name, text in tags.items():
            with suppress(soundfile.LibsndfileError):  # some containers hold no text
                setattr(file, name, text)
        file.write(data)
    return path


def read(path: Path) -> np.ndarray:
    """Return the decoded samples as float64, which holds every subtype exactly."""
    with soundfile.SoundFile(path) as file:
        whole = file.read(file.frames, dtype="float64", always_2d=True)
        is_gsm = (file.format, file.subtype) == ("WAV", "GSM610")
    return whole[: gsm_frames(path)] if is_gsm else whole


def gsm_frames(path: Path) -> int:
    """Return the frames of a WAV file with GSM 6.10: libsndfile decodes one block more where their number is odd."""
    raw = path.read_bytes()
    order = ">" if raw[:4] == b"RIFX" else "<"
    size: int = struct.unpack(order + "I", raw[raw.index(b"data") + 4 :][:4])[0]
    return size // 65 * 320


def describe(path: Path) -> tuple[object, ...]:
    with soundfile.SoundFile(path) as file:
        return file.format, file.subtype, file.endian, file.samplerate, file.channels, file.copy_metadata()


def snr_db(clean: np.ndarray, noisy: np.ndarray) -> float:
    """Return the SNR by mean power over all samples and channels."""
    return float(10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2)))


def chunk(name: bytes, payload: bytes, order: str = "little") -> bytes:
    return name + len(payload).to_bytes(4, order) + payload + bytes(len(payload) % 2)


def with_chunks(path: Path, before: bytes, after: bytes) -> None:
    """Put chunks behind the header and at the end of a RIFF or AIFF file, and correct its size."""
    raw = path.read_bytes()
    order = "big" if raw[:4] in (b"FORM", b"RIFX") else "little"
    body = raw[12:] + bytes(len(raw) % 2)
    path.write_bytes(raw[:4] + (4 + len(before + body + after)).to_bytes(4, order) + raw[8:12] + before + body + after)
