"""Camera noise on images in memory: shot noise, speckle, salt and pepper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from numpy.typing import ArrayLike

from augkit.dependent import Model, SaltAndPepper, Shot, Speckle
from augkit.errors import UsageError
from augkit.images.arguments import DataRange, checked_sharing, request_of
from augkit.images.array import add_to_any
from augkit.images.pixels import ByValue
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.keys import Rng, as_key
from augkit.noise.mixing import Sharing

ImageT = TypeVar("ImageT")
Where = ArrayLike | Sequence[ArrayLike] | None


def add_shot_noise(
    image: ImageT,
    *,
    photons: float,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    rng: Rng = None,
) -> ImageT:
    """Return a copy with photon shot noise: each value is the mean of a Poisson count.

    Parameters
    ----------
    image, channels, where, data_range, rng
        As for `augkit.images.add_noise`.
    photons : float
        Mean count at full scale: the fewer, the noisier. A share v of full range gets a variance of v / photons.

    Returns
    -------
    The same type, dtype, shape and mode as `image`, rounded and saturated.

    Raises
    ------
    UsageError
        For `photons` of 0 or less, and as `augkit.images.add_noise`.
    """
    return _add(image, Shot(photons), channels, where, data_range, rng=rng)


def add_speckle(
    image: ImageT,
    noise: str | Distribution = "gaussian",
    *,
    std: float | None = None,
    scale: float | None = None,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    rng: Rng = None,
) -> ImageT:
    """Return a copy with multiplicative noise: v + v z.

    Parameters
    ----------
    image, channels, where, data_range, rng
        As for `augkit.images.add_noise`.
    noise : str or Distribution
        The law of z.
    std, scale : float
        Its standard deviation or its scale; exactly one.

    Returns
    -------
    The same type, dtype, shape and mode as `image`, rounded and saturated.

    Raises
    ------
    UsageError
        For a level missing or given twice, or a `std` of a law that has none, and as `augkit.images.add_noise`.
    """
    law = as_distribution(noise)
    if (std is None) == (scale is None):
        raise UsageError("speckle: exactly one of std and scale is needed")
    if scale is None:
        if law.std == float("inf"):
            raise UsageError(f"std={std}: {law} noise has no finite variance; give scale")
        scale = float(std or 0.0) / law.std
    return _add(image, Speckle(law, float(scale)), channels, where, data_range, rng=rng)


def add_salt_and_pepper(
    image: ImageT,
    *,
    amount: float,
    salt: float = 0.5,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    rng: Rng = None,
) -> ImageT:
    """Return a copy of which some values became white or black.

    Parameters
    ----------
    image, channels, where, data_range, rng
        As for `augkit.images.add_noise`; with shared channels whole pixels are hit.
    amount : float
        Share of the values that are hit, 0 to 1.
    salt : float
        Share of white among them.

    Returns
    -------
    The same type, dtype, shape and mode as `image`.

    Raises
    ------
    UsageError
        For a share out of range, and as `augkit.images.add_noise`.
    """
    return _add(image, SaltAndPepper(amount, salt), channels, where, data_range, rng=rng)


def _add(image: ImageT, model: Model, channels: Sharing, where: Where, data_range: DataRange, *, rng: Rng) -> ImageT:
    request = request_of(ByValue(model, checked_sharing(channels)), data_range)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy
