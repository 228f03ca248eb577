"""What is to be done to one recording: its signal, its noise, what the output can hold, and what was asked for."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from augkit.audio.blocks import Source
from augkit.audio.dither import TriangularDither
from augkit.audio.loudness import RMS, Definition, Place
from augkit.audio.mix import Grid, Heard, Noise, Piece
from augkit.audio.survey import Pair, channel_means
from augkit.level import Level
from augkit.noise.keys import Key
from augkit.unit_noise import noise_dtype

OnClip: TypeAlias = Literal["clip", "attenuate", "float", "error"]
OnSilence: TypeAlias = Literal["skip", "absolute", "error"]

_OFFSET_COUNTS = ("rms", "per-channel", "active", "segmental")


class Wish(msgspec.Struct, frozen=True, eq=False):
    """What was asked for.

    Attributes
    ----------
    level : Level
        A fixed one.
    definition : Definition
        Of the SNR.
    ignore_dc : bool
        Whether the signal is measured without the mean of each channel.
    on_clip : str or None
        What happens beyond the limits; None clips where there are any.
    on_silence : str
        What happens where an SNR means nothing.
    dither : str or None
        What is added before rounding: "tpdf".
    """

    level: Level
    definition: Definition = RMS
    ignore_dc: bool = False
    on_clip: OnClip | None = None
    on_silence: OnSilence = "error"
    dither: str | None = None

    @property
    def is_relative(self) -> bool:
        """Whether the level is a ratio, to something that has to be measured."""
        return self.level.kind in ("snr_db", "psnr_db")

    @property
    def counts_offset(self) -> bool:
        """Whether a DC offset of the signal goes into the SNR."""
        return self.level.kind == "snr_db" and not self.ignore_dc and self.definition.name in _OFFSET_COUNTS


class Task(msgspec.Struct, frozen=True, eq=False):
    """A signal with its noise, what the output can hold, and what was asked for.

    Attributes
    ----------
    dither : Noise or None
        In the unit of one step.
    is_unrounded : bool
        Whether the signal lies between the steps of the output, so that it changes even without noise.
    """

    pair: Pair
    grid: Grid
    wish: Wish
    dither: Noise | None = None
    is_unrounded: bool = False

    def dither_of(self, rows: slice) -> Piece | None:
        """Return the dither of some rows."""
        return None if self.dither is None else self.dither.rows(rows)


def task_for(
    source: Source,
    noise: Noise,
    place: Place,
    grid: Grid,
    wish: Wish,
    *,
    key: Key,
    threads: int = 1,
    heard: Heard | None = None,
    is_unrounded: bool = False,
) -> Task:
    """Put a task together.

    Parameters
    ----------
    source, noise : Source, Noise
        As many frames of noise as the source has.
    key : Key
        Of the output; it names the dither.
    threads : int
        For a source in memory.
    heard : Heard or None
        Where the noise is measured; None for everywhere.
    is_unrounded : bool
        Whether the samples of the source are still to be rounded to those that the output can hold.
    """
    means = channel_means(source, place) if wish.ignore_dc and wish.level.kind == "snr_db" else None
    dither = None
    if wish.dither is not None and grid.is_rounded:
        dither = TriangularDither(key, source.frames, place.channels, noise_dtype(grid.dtype))
    if wish.on_clip is None and grid.limits is not None:
        wish = replace(wish, on_clip="clip")
    return Task(Pair(source, noise, place, means, threads, heard), grid, wish, dither, is_unrounded)
