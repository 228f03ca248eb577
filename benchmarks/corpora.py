"""The folders that are noised: photographs and small pictures, cut from those of scikit-image; recordings; tables.

``python corpora.py NAME FOLDER [SCALE]`` makes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PHOTOGRAPHS, SMALL_PICTURES, RECORDINGS = 300, 3_000, 570
TABLES, TABLE_ROWS, LARGE_BYTES = 4, 200_000, 10**9
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


def long_stereo(folder: Path, scale: float = 1.0) -> None:
    """Write one stereo WAV file at 48 kHz, PCM_16, of an hour times `scale`, and noise as long beside the folder."""
    import soundfile

    rng, rate = np.random.default_rng(8), 48_000
    tone = 6_000 * np.sin(2 * np.pi * np.arange(rate)[:, np.newaxis] / rate * [220, 330])
    paths = folder / "long.wav", folder.with_name(f"{folder.name}_noise.wav")
    signal, noise = (soundfile.SoundFile(path, "w", rate, 2, "PCM_16") for path in paths)
    with signal, noise:
        for _ in range(round(3_600 * scale)):
            hiss = rng.standard_normal((2, rate, 2), np.float32)
            signal.write((tone + 300 * hiss[0]).astype(np.int16))
            noise.write((1_350 * hiss[1]).astype(np.int16))


_SIGNALS = {"ax": (0, 1), "ay": (9.81, 0.3), "az": (20, 5), "gx": (1013, 4), "gy": (-3, 100), "gz": (0.5, 0.01)}
"""Where the signals of a table lie and how far they spread; all have four decimals."""


def logged_csv(folder: Path) -> None:
    """Write CSV tables as a logger does, with four decimals in each cell of a signal."""
    for number in range(TABLES):
        with (folder / f"{number}.csv").open("w", encoding="ascii") as file:
            file.writelines(_lines(_columns(number, 0), header=True))


def exported_csv(folder: Path) -> None:
    """Write the same tables as pandas exports them: numbers without the zeros at their ends."""
    import pandas as pd

    for number in range(TABLES):
        pd.DataFrame(_columns(number, 0)).to_csv(folder / f"{number}.csv", index=False)


def tables_parquet(folder: Path) -> None:
    """Write the same tables as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for number in range(TABLES):
        table = pa.table({name: column.tolist() for name, column in _columns(number, 0).items()})
        pq.write_table(table, folder / f"{number}.parquet")


def large_csv(folder: Path, scale: float = 1.0) -> None:
    """Write one CSV table as a logger does, of a gigabyte times `scale`."""
    left, number = LARGE_BYTES * scale, 0
    with (folder / "large.csv").open("w", encoding="ascii") as file:
        while left > 0:
            written = file.tell()
            file.writelines(_lines(_columns(number, number * TABLE_ROWS), header=not number))
            left, number = left - (file.tell() - written), number + 1


def _columns(number: int, row: int) -> dict[str, Any]:
    """Return the columns of a table: time, device, six signals, label and note."""
    rng = np.random.default_rng(number)
    columns: dict[str, Any] = {
        "time": 1.7e9 + (row + np.arange(TABLE_ROWS)) / 100,
        "device_id": np.char.mod("%04d", rng.integers(0, 50, TABLE_ROWS)),
    }
    for name, (mean, spread) in _SIGNALS.items():
        drift = np.cumsum(rng.standard_normal(TABLE_ROWS)) / 50
        columns[name] = np.round(mean + spread * (drift + rng.standard_normal(TABLE_ROWS)), 4)
    labels = rng.integers(0, 4, TABLE_ROWS)
    return columns | {"label": labels, "note": np.array(["", "ok", "warm", "moved by hand"])[labels]}


def _lines(columns: dict[str, Any], *, header: bool) -> Iterator[str]:
    if header:
        yield ",".join(columns) + "\n"
    form = ",".join(["%.2f", "%s", *["%.4f"] * len(_SIGNALS), "%d", "%s\n"])
    yield from (form % row for row in zip(*(column.tolist() for column in columns.values()), strict=True))


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]), *map(float, sys.argv[3:]))
