"""Signal and noise become an output block: gains, rounding, dither and limits."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from augkit.audio.blocks import Powers, Samples
from augkit.compiled import samples as compiled

Piece = NDArray[np.floating]


class Noise(Protocol):
    """Noise for the frames of one recording, before its gain: of a law, from a background, of bursts.

    It gives the same samples however it is read. Where it can be kept in memory, `keep` does so.
    """

    @property
    def std(self) -> float | None:
        """The standard deviation that a level of "std" is about; inf for none; None: that of its samples."""
        ...

    @property
    def in_order(self) -> bool:
        """Whether its rows are to be read one after another, by one thread."""
        ...

    def keep(self) -> Piece | None:
        """Make all of it at once, where it is little enough to be kept, and return it."""
        ...

    def foreseen(self) -> tuple[float, float] | None:
        """Return its mean power and a bound of its samples, where these are known to 0.01 dB without making it."""
        ...

    def rows(self, rows: slice, /) -> Piece:
        """Return some frames, not to be changed: (frames, channels), or (frames, 1) where all channels share it.

        float32 for samples of up to 16 bits and float32, float64 for others.
        """
        ...


class Heard(Protocol):
    """In which frames there is noise, where it is not in all: its level is measured in these alone."""

    @property
    def heard_frames(self) -> int:
        """The number of such frames."""
        ...

    def heard(self, rows: slice, /) -> NDArray[np.bool_]:
        """Return which of some frames are such, shape (frames, 1)."""
        ...


class Grid(msgspec.Struct, frozen=True):
    """What an output can hold.

    Attributes
    ----------
    dtype : dtype
        Of the samples.
    full_scale : float
        What a level of 1.0 means in their unit.
    limits : (low, high) or None
        Where they saturate.
    """

    dtype: np.dtype[Any]
    full_scale: float
    limits: tuple[float, float] | None

    @property
    def is_rounded(self) -> bool:
        """Whether samples are whole numbers."""
        return self.dtype.kind in "iu"


class Gains(msgspec.Struct, frozen=True, eq=False):
    """What signal and noise are multiplied by.

    Attributes
    ----------
    noise : float64 ndarray, shape (1,) or (channels,)
    whole : float
        Of signal and noise together, at most 1.
    """

    noise: Powers
    whole: float = 1.0

    @property
    def are_zero(self) -> bool:
        """Whether nothing is added."""
        return not any(self.noise.tolist())


def total(
    clean: Samples, unit: Piece, gains: Gains, grid: Grid, *, dither: Piece | None = None, out: Piece | None = None
) -> Piece:
    """Return ``whole * (clean + noise)``, rounded where the grid is, but not clipped.

    Parameters
    ----------
    clean : ndarray, shape (frames, channels)
        On the grid, or floats between its steps.
    unit : float ndarray, shape (frames, channels) or (frames, 1)
        The noise before its gain.
    dither : ndarray or None
        Added before rounding, in the unit of the grid.
    out : ndarray or None
        Where the result may go; `unit` itself may.
    """
    place = out if out is not None and out.shape == unit.shape else None
    if gains.whole != 1 and not grid.is_rounded:  # the sum of two floats that can be told apart
        made = scaled(unit, gains, place)
        return np.add(attenuated(clean, gains, grid), made, out=made if made.shape == clean.shape else None)
    made = scaled(unit, gains if gains.whole == 1 else replace(gains, whole=1.0), place)
    is_whole = gains.whole == 1 and clean.dtype.kind in "iu"
    if is_whole:
        made = _rounded(made, grid, dither)  # whole numbers plus whole numbers stay whole
    made = np.add(clean, made, out=made if made.shape == clean.shape else None, dtype=made.dtype)
    if gains.whole != 1:
        np.multiply(made, made.dtype.type(gains.whole), out=made)
    return made if is_whole else _rounded(made, grid, dither)


def summed(clean: Samples, unit: Piece, gains: Gains, grid: Grid, *, dither: Piece | None) -> tuple[Samples, Piece]:
    """Return signal and noise together, as the grid holds them, and the noise, rounded.

    As `total`, on a rounded grid, with no gain of the whole and where nothing is clipped: the noise is what was added.
    """
    if dither is None and len(gains.noise) == 1 and clean.dtype == grid.dtype == np.int16:
        made = compiled.mixed(clean, unit, float(gains.noise[0]))
        if made is not None:
            return made
    noise = _rounded(scaled(unit, gains), grid, dither)
    return held(np.add(clean, noise, dtype=noise.dtype), grid), noise


def scaled(unit: Piece, gains: Gains, out: Piece | None = None) -> Piece:
    """Return the noise at its gain, shape (frames, channels) or (frames, 1)."""
    gain = gains.noise if gains.whole == 1 else gains.noise * gains.whole
    with np.errstate(over="ignore", invalid="ignore"):
        if len(gain) == 1:
            return np.multiply(unit, unit.dtype.type(gain[0]), out=out)
        made = np.empty((len(unit), len(gain)), unit.dtype) if out is None or unit.shape[1] != len(gain) else out
        for channel, one in enumerate(gain.tolist()):
            np.multiply(unit[:, channel % unit.shape[1]], unit.dtype.type(one), out=made[:, channel])
        return made


def _rounded(made: Piece, grid: Grid, dither: Piece | None) -> Piece:
    if not grid.is_rounded:
        return made
    if dither is not None:
        made = made + dither
    return np.rint(made, out=made)


def beyond(made: Piece, limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which samples lie beyond the limits."""
    low, high = limits
    return (made < low) | (made > high)


def clip(made: Piece, clean: Samples, limits: tuple[float, float]) -> None:
    """Take samples into the limits, in place; what is not finite in the signal stays as it is."""
    np.clip(made, *limits, out=made)
    if clean.dtype.kind == "f":
        np.copyto(made, clean, where=~np.isfinite(clean), casting="same_kind")


def held(made: Piece, grid: Grid) -> Samples:
    """Return samples as the grid holds them."""
    if grid.is_rounded:
        return made.astype(grid.dtype)
    if grid.dtype == np.float16:  # an impulse of a heavy tail is no infinity
        largest = float(np.finfo(np.float16).max)
        made = np.where(np.isfinite(made), np.clip(made, -largest, largest), made)
    with np.errstate(over="ignore"):
        return made.astype(grid.dtype, copy=False)


def attenuated(clean: Samples, gains: Gains, grid: Grid) -> Samples:
    """Return the signal at the gain of the whole, as the grid holds it."""
    if gains.whole == 1 and (clean.dtype.kind in "iu" or not grid.is_rounded):
        return clean
    made = _rounded(np.multiply(clean, gains.whole, dtype=np.float64), grid, None)
    return held(np.clip(made, *grid.limits) if grid.is_rounded and grid.limits is not None else made, grid)


def added(noisy: Samples, clean: Samples, gains: Gains, dtype: np.dtype[np.floating]) -> Piece:
    """Return what was added: the output less the signal at its gain."""
    with np.errstate(invalid="ignore", over="ignore"):
        if gains.whole == 1:
            return np.subtract(noisy, clean, dtype=dtype)
        scaled = np.multiply(clean, gains.whole, dtype=dtype)
        return np.subtract(noisy, scaled, out=scaled, dtype=dtype)
