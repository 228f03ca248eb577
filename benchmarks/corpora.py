"""The folders that are noised: photographs and small pictures, cut from those of scikit-image; recordings.

``python corpora.py NAME FOLDER`` makes one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOGRAPHS, SMALL_PICTURES, RECORDINGS = 300, 3_000, 570
_SOURCES = ("astronaut", "coffee", "chelsea", "rocket")


def photographs(folder: Path) -> None:
    """Write JPEG files of 640 x 480 pixels, of quality 90."""
    rng = np.random.default_rng(4)
    sources = _pictures()
    for number in range(PHOTOGRAPHS):
        _cut(sources[number % len(sources)], rng, (640, 480)).save(folder / f"{number:04}.jpg", quality=90)


def small_pictures(folder: Path) -> None:
    """Write PNG files of 32 to 128 pixels a side: by turns RGBA with an alpha channel, and palette."""
    rng = np.random.default_rng(5)
    sources = _pictures()
    for number in range(SMALL_PICTURES):
        width, height = (int(side) for side in rng.integers(32, 129, 2))
        picture = _cut(sources[number % len(sources)], rng, (width, height))
        if number % 2:
            picture = picture.quantize(64)
        else:
            across = np.linspace(0, 255, width).astype(np.uint8)
            picture.putalpha(Image.fromarray(np.broadcast_to(across, (height, width)).copy()))
        picture.save(folder / f"{number:04}.png")


def _pictures() -> list[Image.Image]:
    from skimage import data

    return [Image.fromarray(getattr(data, name)()) for name in _SOURCES]


def _cut(source: Image.Image, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    share = rng.uniform(0.6, 1.0)
    width, height = (round(side * share) for side in source.size)
    left, top = (int(rng.integers(0, most + 1)) for most in (source.size[0] - width, source.size[1] - height))
    return source.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.LANCZOS)


def recordings(folder: Path) -> None:
    """Write WAV files of 2 to 3 s at 8 kHz, PCM_16: noise in the rhythm and with the spectrum of speech."""
    import soundfile

    rng = np.random.default_rng(6)
    for number in range(RECORDINGS):
        frames = int(rng.integers(16_000, 24_001))
        time = np.arange(frames) / 8_000
        voice = (
            np.sin(2 * np.pi * 120 * time) + 0.5 * np.sin(2 * np.pi * 600 * time) + 0.2 * rng.standard_normal(frames)
        )
        syllables = np.clip(np.sin(2 * np.pi * 4 * time + rng.uniform(0, 6)), 0, None)
        soundfile.write(folder / f"{number:04}.wav", 0.1 * voice * syllables, 8_000, subtype="PCM_16")


def long_wav(folder: Path) -> None:
    """Write one WAV file of 10 minutes at 16 kHz, PCM_16."""
    _long(folder / "long.wav")


def long_flac(folder: Path) -> None:
    """Write one FLAC file of 10 minutes at 16 kHz, PCM_16."""
    _long(folder / "long.flac")


def _long(path: Path) -> None:
    import soundfile

    time = np.arange(600 * 16_000) / 16_000
    hiss = np.random.default_rng(7).standard_normal(time.size)
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * 220 * time) * np.sin(time) + 0.01 * hiss, 16_000, subtype="PCM_16")


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
