"""Noise on images in memory: NumPy arrays and Pillow images, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from augkit.errors import UsageError
from augkit.images.arguments import DataRange, Request, make_request, mask_of, masks_of, range_of
from augkit.images.modes import put_together, take_apart
from augkit.images.picture import Pixels, over_channels
from augkit.images.pixels import Noisy, add_to_pixels, measured
from augkit.level import LevelLike
from augkit.noise.distributions import Distribution
from augkit.noise.keys import Key
from augkit.noise.mixing import ChannelsLike
from augkit.noise.rng import Rng, as_key
from augkit.signal import refuse_masked

ImageT = TypeVar("ImageT")


def add_noise(
    image: ImageT,
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    psnr_db: LevelLike | None = None,
    channels: ChannelsLike = "independent",
    where: ArrayLike | Sequence[ArrayLike] | None = None,
    data_range: DataRange = None,
    grain: float = 0.0,
    threads: int = 1,
    rng: Rng = None,
) -> ImageT:
    """Return a noisy copy of an image, or of each image of a batch.

    Parameters
    ----------
    image : ndarray, PIL.Image.Image, or list or tuple of them
        An array of uint8, uint16, floats or, with a `data_range`, other integers, of shape (H, W) or (H, W, C), or a
        batch of shape (N, H, W, C). A Pillow image of mode L, LA, RGB, RGBA, CMYK, YCbCr, I;16, F or, with a
        `data_range`, I; alpha is left alone. All channels of an array are given noise.
    noise : str or Distribution
        The law, such as ``"gaussian"`` or ``"student-t:df=3"``.
    std, scale : number, text or list
        Standard deviation, or scale as `scipy.stats` means it, of the noise before clipping, as a share of full range:
        0.1, ``"25/255"``, a range ``"0.05..0.2"`` that each image draws from, or a list that it chooses from. Zero
        gives an unchanged copy.
    snr_db, psnr_db : number, text or list
        Instead of them: the ratio of the image's power, or of full range, to that of the noise. For laws without
        variance, `snr_db` is the geometric SNR.
    channels : {"independent", "shared"}, float or array of shape (C, C)
        "shared" gives all channels of a pixel the same noise; a number is the correlation of every two channels, a
        matrix that of each two.
    where : bool array, shape (H, W) or (H, W, 1) or (H, W, C), or one for each image of a batch
        True where the image may change; None for everywhere.
    data_range : float or (float, float), optional
        Black and white, or white alone. By default the range of the integer type, and [0, 1] for floats.
    grain : float
        Radius in pixels of the grain: neighbouring pixels correlate, and every pixel keeps the level asked for. 0 for
        noise that is independent from pixel to pixel.
    threads : int
        Threads for a large array; the noise is the same for any number.
    rng : None, int, SeedSequence or Generator
        The same seed gives the same noise. Each image of a batch has a stream of its own.

    Returns
    -------
    The same type, dtype, shape and mode as `image`. Values are rounded and saturate at the data range; float images
    that overshoot it are not cut below their own extremes.

    Raises
    ------
    UsageError
        For a level missing or given twice, a std or scale above 1, an unknown law, a type, dtype, mode or shape that is
        not listed above, or float values far outside the data range.
    InputError
        For an `snr_db` of an image that is black all over.
    """
    request = make_request(noise, (std, scale, snr_db, psnr_db), channels, data_range, grain=grain, threads=threads)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy


def add_noise_with_info(
    image: ImageT,
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    snr_db: LevelLike | None = None,
    psnr_db: LevelLike | None = None,
    channels: ChannelsLike = "independent",
    where: ArrayLike | Sequence[ArrayLike] | None = None,
    data_range: DataRange = None,
    grain: float = 0.0,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[ImageT, Any]:
    """Do as `add_noise` does, and say what was reached.

    Returns
    -------
    image
        As from `add_noise` with the same `rng`.
    info : dict, or list of dict for a batch
        ``noise``: the law; ``requested`` and ``drawn``: the level, by its kind; ``achieved``: ``snr_db``, ``std``,
        ``psnr_db`` and ``clipped``, measured between the two images (where `where` is True).
    """
    request = make_request(noise, (std, scale, snr_db, psnr_db), channels, data_range, grain=grain, threads=threads)
    return add_to_any(image, where, as_key(rng), request, measure=True)


def add_to_any(image: Any, where: Any, key: Key, request: Request, *, measure: bool) -> tuple[Any, Any]:
    """Return the noisy image or batch, and the info of each where `measure` asks for it."""
    if isinstance(image, list | tuple):
        pairs = [
            add_to_any(one, mask, key.child("item", number), request, measure=measure)
            for number, (one, mask) in enumerate(zip(image, masks_of(where, image), strict=True))
        ]
        noisy = [one for one, _ in pairs]
        return tuple(noisy) if isinstance(image, tuple) else noisy, [info for _, info in pairs]
    if isinstance(image, Image.Image):
        return _pillow(image, where, key, request, measure=measure)
    if not isinstance(image, np.ndarray):
        raise UsageError(f"image: expected a NumPy array, a Pillow image or a list of them, got {type(image).__name__}")
    refuse_masked("image", image)
    if image.ndim == 4:
        return _batch(image, where, key, request, measure=measure)
    if image.ndim not in (2, 3):
        raise UsageError(f"image: expected the shape (H, W), (H, W, C) or (N, H, W, C), got {image.shape}")
    done, info = _pixels(image, where, key, request, measure=measure)
    return done.pixels, info


def _batch(
    images: Pixels, where: Any, key: Key, request: Request, *, measure: bool
) -> tuple[Pixels, list[dict[str, Any] | None]]:
    mask = None if where is None else np.asarray(where)
    own_masks = mask is not None and mask.shape[:3] == images.shape[:3]
    noisy = np.empty(images.shape, images.dtype)
    infos = []
    for number, image in enumerate(images):
        chosen = mask[number] if mask is not None and own_masks else mask
        done, info = _pixels(image, chosen, key.child("item", number), request, measure=measure)
        noisy[number] = done.pixels
        infos.append(info)
    return noisy, infos


def _pillow(
    image: Image.Image, where: Any, key: Key, request: Request, *, measure: bool
) -> tuple[Image.Image, dict[str, Any] | None]:
    colour, rest = take_apart(image, request.recipe)
    done, info = _pixels(colour, where, key, request, measure=measure)
    return put_together(done.pixels, rest, image), info


def _pixels(
    pixels: Pixels, where: Any, key: Key, request: Request, *, measure: bool
) -> tuple[Noisy, dict[str, Any] | None]:
    mask = mask_of(where, pixels)
    values = range_of(pixels, request)
    done = add_to_pixels(pixels, request.recipe, key, values, mask)
    if not measure:
        return done, None
    if mask is not None and mask.shape != pixels.shape:
        mask = over_channels(mask.reshape(pixels.shape[:2]), pixels)
    reached = measured(pixels, done.pixels, values, mask)
    if done.geometric_snr_db is not None:
        reached["geometric_snr_db"] = done.geometric_snr_db
    return done, {**done.told, "achieved": reached}
