"""Noise on the colour samples of one image: what full range means, and where the noise may go."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from augkit.achieved import achieved
from augkit.errors import UsageError
from augkit.images.picture import Pixels
from augkit.level import Level
from augkit.noise.distributions import Distribution
from augkit.noise.grain import Grain
from augkit.noise.keys import Key
from augkit.noise.mixing import Channels
from augkit.perturb import Perturbed, perturb
from augkit.signal import Signal

FULL_RANGE = {np.dtype(np.uint8): (0.0, 255.0), np.dtype(np.uint16): (0.0, 65535.0)}


class Range(msgspec.Struct, frozen=True):
    """The values that an image can have.

    Attributes
    ----------
    low, high : float
        Black and white; a level of 1.0 is the distance between them.
    limits : (float, float)
        Where noisy samples saturate.
    """

    low: float
    high: float
    limits: tuple[float, float]

    @property
    def full_scale(self) -> float:
        """The distance from black to white."""
        return self.high - self.low


class Noisy(msgspec.Struct, frozen=True, eq=False):
    """Noisy pixels, and what is known only while they are made: ``noise``, ``requested`` and ``drawn`` of a row."""

    pixels: Pixels
    told: dict[str, Any]
    perturbed: Perturbed | None = None

    @property
    def geometric_snr_db(self) -> float | None:
        """For laws of infinite variance: the geometric SNR before clipping and rounding, measured when it is asked."""
        return self.perturbed.geometric_snr_db if self.perturbed else None


class NoiseSpec(Protocol):
    """Which noise, and how much of it."""

    def takes(self, mode: str) -> bool:
        """Tell whether this noise has a meaning on the values of pixels of a mode, as Pillow calls it."""
        ...

    def add(self, signal: Signal, key: Key, black: float, width: int, frame: int = 0) -> Noisy:
        """Return noisy samples of the shape of the signal's; `black` is the value without light.

        `width` is the number of pixels in a row. All frames of an animation draw one level, and noise of their own.
        """
        ...


def noise_key(key: Key, frame: int) -> Key:
    """Return the key of the noise on a frame; the first has that of a still picture."""
    return key.child("noise", "frame", frame) if frame else key.child("noise")


class Additive(msgspec.Struct, frozen=True):
    """Noise of a law at a level, the same for every value."""

    law: Distribution
    level: Level
    channels: Channels = "independent"
    grain: float = 0.0
    threads: int = 1

    def takes(self, mode: str) -> bool:
        """Refuse single bits, which noise of a level would have to flip."""
        return mode != "1"

    def add(self, signal: Signal, key: Key, black: float, width: int, frame: int = 0) -> Noisy:
        """Return noisy samples, with the level that was drawn."""
        drawn = self.level.draw(key.child("level"))
        made = perturb(
            signal,
            self.law,
            drawn,
            noise_key(key, frame),
            channels=self.channels,
            grain=Grain(self.grain, width) if self.grain else None,
            threads=self.threads,
        )
        told = {
            "noise": _as_text(self.law),
            "requested": {self.level.kind: _as_text(self.level)},
            "drawn": {self.level.kind: drawn.value},
        }
        return Noisy(made.samples, told, made)


@lru_cache(maxsize=64)
def _as_text(of: Distribution | Level) -> str:
    return str(of)


def checked_level(level: Level) -> Level:
    """Return a level that makes sense for images.

    Raises
    ------
    UsageError
        For a std or scale beyond full range, or one with a unit of series.
    """
    if level.unit:
        raise UsageError(
            f"{level.kind}={level}: the unit {level.unit!r} is for series; images take a share of full range"
        )
    if level.kind in ("std", "scale") and max(level.values) > 1:
        most = max(level.values)
        raise UsageError(
            f"{level.kind}={level}: image levels are shares of full range, expected at most 1; "
            f"for a level in 8-bit steps write {most:.10g}/255"
        )
    return level


def checked_grain(law: Distribution, radius: float) -> float:
    """Return the radius of a grain, 0 for none; raise `UsageError` where there is none of it, or for this law."""
    if radius:
        Grain(radius, 1).check(law)
    return radius


def integer_range(dtype: np.dtype[Any]) -> Range:
    """Return the full range of uint8 or uint16 samples."""
    low, high = FULL_RANGE[dtype]
    return Range(low, high, (low, high))


def add_to_pixels(
    pixels: Pixels,
    recipe: NoiseSpec,
    key: Key,
    values: Range,
    where: NDArray[np.bool_] | None = None,
    *,
    frame: int = 0,
    power: float | None = None,
) -> Noisy:
    """Return noisy copies of colour samples of shape (H, W) or (H, W, C).

    Parameters
    ----------
    where : bool ndarray, shape (H, W), (H, W, 1) or (H, W, C), or None
        True where samples may change.
    power : float or None
        The mean square that an `snr_db` refers to; None for that of these samples.
    """
    count = pixels.shape[0] * pixels.shape[1]
    mask = None if where is None else where.reshape(count, *where.shape[2:] or (1,) * (pixels.ndim - 2))
    samples = np.ascontiguousarray(pixels).reshape(count, *pixels.shape[2:])
    signal = Signal(samples, values.full_scale, values.limits, mask, power)
    noisy = recipe.add(signal, key, values.low, pixels.shape[1], frame)
    return Noisy(noisy.pixels.reshape(pixels.shape), noisy.told, noisy.perturbed)


def measured(
    clean: Pixels, noisy: Pixels, values: Range, where: NDArray[np.bool_] | None = None
) -> dict[str, float | None]:
    """Return what noise lies between two arrays of pixels, as `achieved` does."""
    return achieved(clean, noisy, full_scale=values.full_scale, limits=values.limits, where=where)
