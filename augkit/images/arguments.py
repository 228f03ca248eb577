"""What the array functions are asked for, checked: the noise, the range of the values, and the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from numbers import Real
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from augkit.errors import UsageError
from augkit.images.noises import CAMERA_NOISES, name_of
from augkit.images.picture import Pixels
from augkit.images.pixels import FULL_RANGE, Additive, NoiseSpec, Range, checked_grain, checked_level, integer_range
from augkit.level import LevelLike, check_level, one_level
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.distributions.base import Law
from augkit.noise.mixing import ChannelsLike, as_channels
from augkit.unit_noise import checked_threads

_OVERSHOOT = 0.25
"""By how much of the full range resampling may have pushed float values beyond its ends."""

DataRange = float | tuple[float, float] | None


class Request(msgspec.Struct, frozen=True):
    """Which noise, and the ends of the values' range where they were given."""

    recipe: NoiseSpec
    data_range: tuple[float, float] | None


def make_request(
    noise: str | Distribution,
    levels: tuple[LevelLike | None, ...],
    channels: ChannelsLike,
    data_range: DataRange,
    *,
    grain: float = 0.0,
    threads: int = 1,
) -> Request:
    """Return what was asked for; raise `UsageError` where it means nothing."""
    if isinstance(noise, str) and (name := name_of(noise)) in CAMERA_NOISES:
        raise UsageError(f"noise={noise!r}: {name} is no additive noise; use its own function, beside add_noise")
    make = _additive if all(map(_is_plain, (noise, *levels, channels))) else _additive.__wrapped__
    return request_of(make(noise, levels, channels, grain, threads), data_range)  # type: ignore[arg-type]


def _is_plain(argument: Any) -> bool:
    return argument is None or (isinstance(argument, str | int | float | Law) and not isinstance(argument, bool))


@lru_cache(maxsize=256, typed=True)
def _additive(
    noise: str | Distribution,
    levels: tuple[LevelLike | None, ...],
    channels: ChannelsLike,
    grain: float,
    threads: int,
) -> Additive:
    """Return additive noise; the same few words and numbers come again and again in a training loop."""
    law = as_distribution(noise)
    std, scale, snr_db, psnr_db = levels
    level = checked_level(one_level(std=std, scale=scale, snr_db=snr_db, psnr_db=psnr_db))
    check_level(law, level)
    return Additive(law, level, as_channels(channels), checked_grain(law, grain), checked_threads(threads))


def request_of(recipe: NoiseSpec, data_range: DataRange) -> Request:
    """Return a request for any recipe, with the ends of the values' range checked."""
    return Request(recipe, None if data_range is None else _ends(data_range))


def _ends(data_range: float | tuple[float, float]) -> tuple[float, float]:
    ends = tuple(data_range) if isinstance(data_range, tuple | list) else (0.0, data_range)
    numbers = all(isinstance(end, Real) for end in ends)
    if len(ends) != 2 or not numbers or not all(map(math.isfinite, ends)) or ends[0] >= ends[1]:
        raise UsageError(f"data_range={data_range!r}: expected white, or (black, white), with white above black")
    return float(ends[0]), float(ends[1])


def masks_of(where: Any, images: Sequence[Any]) -> list[Any]:
    """Return the mask of each image of a list: one each, in a list or as an array (N, H, W), or one for all.

    Raises
    ------
    UsageError
        Where there is another number of masks than of images.
    """
    if isinstance(where, list | tuple):
        if len(where) != len(images):
            raise UsageError(f"where: expected one mask for each of {len(images)} images, got {len(where)}")
        return list(where)
    shape = np.shape(where)
    if len(shape) in (3, 4) and shape[0] == len(images) and all(shape[1:3] == _height_and_width(one) for one in images):
        return list(np.asarray(where))
    return [where] * len(images)


def _height_and_width(image: Any) -> tuple[int, ...] | None:
    """Return the size of an array or a Pillow image, rows first."""
    return image.shape[:2] if isinstance(image, np.ndarray) else getattr(image, "size", ())[::-1] or None


def mask_of(where: Any, pixels: Pixels) -> NDArray[np.bool_] | None:
    """Return where pixels may change, shape (H, W) or (H, W, 1) or (H, W, C); floats that are no numbers never do."""
    mask = None
    if where is not None:
        mask = np.asarray(where)
        if mask.dtype != np.bool_:
            raise UsageError(f"where: expected a bool array, got {mask.dtype}; write where > 0")
        if mask.shape in (pixels.shape[:2], (*pixels.shape[:2], 1)):
            mask = mask.reshape(*pixels.shape[:2], *(1,) * (pixels.ndim - 2))
        elif mask.shape != pixels.shape:
            raise UsageError(f"where: expected the shape {pixels.shape[:2]} of the image, got {np.shape(where)}")
    if pixels.dtype.kind == "f" and not (finite := np.isfinite(pixels)).all():
        mask = finite if mask is None else finite & mask
    return mask


def range_of(pixels: Pixels, request: Request) -> Range:
    """Return the range of an array's values: that which was given, or that of its type."""
    dtype = pixels.dtype.newbyteorder("=")
    if dtype in FULL_RANGE and request.data_range is None:
        return integer_range(dtype)
    if dtype.kind == "f":
        low, high = request.data_range or (0.0, 1.0)
        most = float(np.finfo(dtype).max)
        if max(-low, high, high - low) > most:
            raise UsageError(f"data_range={request.data_range}: {dtype} holds up to {most:.6g}")
    elif dtype.kind not in "iu" or dtype.itemsize > 4:
        raise UsageError(f"image: expected integers of up to 32 bits or floats, got {dtype}; convert it with astype()")
    elif request.data_range is None:
        raise UsageError(f"image: {dtype} does not say what white is; give it, as in data_range=65535")
    else:
        low, high = request.data_range
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        if low < least or high > most:
            raise UsageError(f"data_range={request.data_range}: {dtype} holds {least} to {most}")
    return _widened(Range(low, high, (low, high)), pixels)


def _widened(values: Range, pixels: Pixels) -> Range:
    """Return a range that cuts nothing off the clean values, which resampling may have pushed over the edge."""
    finite = pixels
    lowest, highest = (float(pixels.min()), float(pixels.max())) if pixels.size else values.limits
    if not np.isfinite((lowest, highest)).all():
        finite = pixels[np.isfinite(pixels)]
        lowest, highest = (float(finite.min()), float(finite.max())) if finite.size else values.limits
    if lowest < values.low - _OVERSHOOT * values.full_scale or highest > values.high + _OVERSHOOT * values.full_scale:
        raise UsageError(
            f"image: expected values within {values.low:g} to {values.high:g}, got {lowest:g} to {highest:g}; "
            "say what black and white are, as in data_range=255 or data_range=(-1, 1)"
        )
    return replace(values, limits=(min(values.low, lowest), max(values.high, highest)))
