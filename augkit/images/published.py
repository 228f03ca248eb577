"""The noise of published sets on images in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from numpy.typing import ArrayLike

from augkit.images.arguments import DataRange, request_of
from augkit.images.array import add_to_any
from augkit.images.presets import preset_noise
from augkit.noise.mixing import Sharing
from augkit.noise.rng import Rng, as_key

ImageT = TypeVar("ImageT")
Where = ArrayLike | Sequence[ArrayLike] | None


def add_preset(
    image: ImageT,
    preset: str,
    *,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> ImageT:
    """Return a copy with the noise of a published set, such as ImageNet-C (Hendrycks and Dietterich 2019).

    Parameters
    ----------
    image, channels, where, data_range, threads, rng
        As for `augkit.images.add_noise`; channels do not correlate. The sets have three colours of 8 bits and one size;
        here the noise is that of the values of any image, gray, 16-bit and floats as well.
    preset : str
        ``"imagenet-c/gaussian_noise:3"``: one of the sets imagenet-c, cifar-10-c and tiny-imagenet-c, one of their
        corruptions gaussian_noise, shot_noise, impulse_noise and speckle_noise, and a severity of 1 to 5. Integers are
        rounded; with ``:compat`` at the end they are cut off as the originals did, which darkens by half a step.

    Returns
    -------
    The same type, dtype, shape and mode as `image`, saturated. With one seed all severities share their random numbers.

    Raises
    ------
    UsageError
        For an unknown preset, naming the nearest, or several; modes whose values are no amounts of light; and as
        `augkit.images.add_noise`.
    """
    request = request_of(preset_noise(preset, channels, threads), data_range)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy


def add_preset_with_info(
    image: ImageT,
    preset: str,
    *,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[ImageT, Any]:
    """Do as `add_preset` does, and say what was reached, as `augkit.images.add_noise_with_info` does."""
    request = request_of(preset_noise(preset, channels, threads), data_range)
    return add_to_any(image, where, as_key(rng), request, measure=True)
