"""A contact sheet: clean beside noisy, for images, audio and series, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_WIDTH, _ROW = 11.0, 2.5
CLEAN, NOISY = "#1f4e79", "#d1602c"
"""Colours of what was before the noise, and after it."""


class ImagePair(msgspec.Struct, frozen=True, eq=False):
    """Two uint8 arrays of shape (H, W) or (H, W, 3 or 4)."""

    title: str
    clean: NDArray[np.uint8]
    noisy: NDArray[np.uint8]


class AudioPair(msgspec.Struct, frozen=True, eq=False):
    """Two float arrays of shape (frames,) or (frames, channels), and their rate in Hz."""

    title: str
    clean: NDArray[np.float64]
    noisy: NDArray[np.float64]
    samplerate: int


class SeriesPair(msgspec.Struct, frozen=True, eq=False):
    """Two float arrays of shape (rows,), and what they are called."""

    title: str
    clean: NDArray[np.float64]
    noisy: NDArray[np.float64]


Pair: TypeAlias = ImagePair | AudioPair | SeriesPair


def contact_sheet(title: str, pairs: Sequence[Pair], path: Path) -> None:
    """Draw one row for each pair and write the sheet as PNG to `path`.

    An image is shown before, after, and as their difference, enlarged to be seen; a recording as its waveform and two
    spectrograms; a series as two curves.

    Raises
    ------
    UsageError
        Where matplotlib is not installed.
    """
    figure = new_figure((_WIDTH, _ROW * len(pairs) + 0.5))
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    rows = np.atleast_1d(figure.subfigures(len(pairs), 1, squeeze=True))  # type: ignore[arg-type]
    for row, pair in zip(rows, pairs, strict=True):
        row.suptitle(pair.title, fontsize=9, x=0.01, ha="left")
        if isinstance(pair, ImagePair):
            _draw_image(row, pair)
        elif isinstance(pair, AudioPair):
            _draw_audio(row, pair)
        else:
            _draw_series(row, pair)
    figure.savefig(path, dpi=130, format="png")


def _draw_image(row: Figure | SubFigure, pair: ImagePair) -> None:
    colours = slice(0, 3) if pair.clean.ndim == 3 else slice(None)
    difference = pair.noisy[..., colours].astype(np.int16) - pair.clean[..., colours]
    if pair.clean.shape[2:] == (4,):
        difference[pair.clean[..., 3] == 0] = 0  # what nobody sees
    gain = max(1, round(35 / max(1.0, float(difference.std()))))
    shown = np.clip(128 + gain * difference, 0, 255).astype(np.uint8)
    pictures = (("before", pair.clean), ("after", pair.noisy), (f"difference x {gain}", shown))
    for axes, (name, picture) in zip(row.subplots(1, 3), pictures, strict=True):
        axes.imshow(picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(name, fontsize=8)


def _draw_audio(row: Figure | SubFigure, pair: AudioPair) -> None:
    wave, before, after = row.subplots(1, 3)
    clean, noisy = (samples if samples.ndim == 1 else samples.mean(axis=1) for samples in (pair.clean, pair.noisy))
    seconds = np.arange(len(clean)) / pair.samplerate
    wave.plot(seconds, noisy, color=NOISY, linewidth=0.4, label="after")
    wave.plot(seconds, clean, color=CLEAN, linewidth=0.4, label="before")
    wave.set_xlabel("s", fontsize=7)
    wave.legend(fontsize=6, loc="upper right", frameon=False)
    wave.set_title("waveform", fontsize=8)
    top = None
    for axes, samples, name in ((before, clean, "before"), (after, noisy, "after")):
        image, extent = spectrogram(samples, pair.samplerate)
        top = float(image.max()) if top is None else top
        axes.imshow(image, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=top - 80, vmax=top)
        axes.set_title(f"spectrogram {name}, kHz over s", fontsize=8)
    for axes in (wave, before, after):
        small_ticks(axes)


def spectrogram(samples: NDArray[np.float64], samplerate: int) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Return power in dB, shape (frequencies, frames), and its extent in s and kHz."""
    size = 512 if len(samples) >= 2048 else 64
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    decibels: NDArray[np.float64] = 10 * np.log10(power.T + 1e-12)
    return decibels, (0, len(samples) / samplerate, 0, samplerate / 2000)


def _draw_series(row: Figure | SubFigure, pair: SeriesPair) -> None:
    axes = row.subplots(1, 1)
    axes.plot(pair.noisy, color=NOISY, linewidth=0.9, label="after")
    axes.plot(pair.clean, color=CLEAN, linewidth=1.1, label="before")
    axes.margins(x=0.01)
    axes.set_xlabel("row", fontsize=7)
    axes.legend(fontsize=7, loc="upper right", frameon=False, ncols=2)
    small_ticks(axes)


def small_ticks(axes: Axes) -> None:
    """Make the ticks small and leave the frame open."""
    axes.tick_params(labelsize=6)
    keep: Any = axes.spines
    keep[["top", "right"]].set_visible(False)
