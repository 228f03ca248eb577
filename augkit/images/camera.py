"""Camera noise on images in memory: shot noise, the noise of a sensor, speckle, salt and pepper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from numpy.typing import ArrayLike

from augkit.dependent.transfer import Transfer
from augkit.images.arguments import DataRange, request_of
from augkit.images.array import add_to_any
from augkit.images.noises import camera_noise
from augkit.level import LevelLike
from augkit.noise.distributions import Distribution
from augkit.noise.mixing import Sharing
from augkit.noise.rng import Rng, as_key

ImageT = TypeVar("ImageT")
Where = ArrayLike | Sequence[ArrayLike] | None


def add_shot_noise(
    image: ImageT,
    *,
    photons: LevelLike,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> ImageT:
    """Return a copy with photon shot noise: each value is the mean of a Poisson count.

    Parameters
    ----------
    image, channels, where, data_range, threads, rng
        As for `augkit.images.add_noise`; channels do not correlate.
    photons : number, text or list
        Mean count at full scale: the fewer, the noisier. A share v of full range gets a variance of v / photons. It may
        be a range ``"10..60"`` that each image draws from, or a list that it chooses from.

    Returns
    -------
    The same type, dtype, shape and mode as `image`, rounded and saturated.

    Raises
    ------
    UsageError
        For `photons` of 0 or less, modes whose values are no amounts of light, and as `augkit.images.add_noise`.
    """
    given = {"photons": photons}
    request = request_of(camera_noise("shot", channels, given, threads), data_range)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy


def add_shot_noise_with_info(
    image: ImageT,
    *,
    photons: LevelLike,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[ImageT, Any]:
    """Do as `add_shot_noise` does, and say what was reached, as `augkit.images.add_noise_with_info` does."""
    given = {"photons": photons}
    request = request_of(camera_noise("shot", channels, given, threads), data_range)
    return add_to_any(image, where, as_key(rng), request, measure=True)


def add_sensor_noise(
    image: ImageT,
    *,
    full_well: LevelLike,
    read_noise: LevelLike,
    gain: LevelLike = 1.0,
    transfer: Transfer = "srgb",
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> ImageT:
    """Return a copy with the noise of an image sensor: shot noise and read noise, in linear light.

    The linear camera model of EMVA Standard 1288, which is the Poisson-Gaussian model of Foi, Trimeche, Katkovnik and
    Egiazarian (2008): values are taken to linear light; electrons are counted, and read; what saturates is cut off; and
    light is taken back to values, which are rounded. White is at ``full_well / gain`` electrons, and a share v of it in
    linear light has the variance ``v / white + (read_noise / white)**2``.

    Parameters
    ----------
    image, channels, where, data_range, threads, rng
        As for `augkit.images.add_noise`; channels do not correlate.
    full_well : number, text or list
        Electrons at full scale at a gain of 1, up to 1e8: the saturation capacity of EMVA 1288. All numbers may be
        ranges or lists, which each image draws from.
    read_noise : number, text or list
        Standard deviation of the temporal dark noise, in electrons at the sensor; 0 for none.
    gain : number, text or list
        Analogue gain over the base gain, 1 or more; for a photograph, ISO over base ISO.
    transfer : {"srgb", "linear"} or float
        How values stand for light: by the curve of sRGB (IEC 61966-2-1), as photographs have it, and as floats do that
        were made of them; "linear" for raw and high-dynamic-range data; or the exponent of a plain power, 1 to 4.

    Returns
    -------
    The same type, dtype, shape and mode as `image`, rounded and saturated. A float result is the same on every machine:
    the curves are computed by the four operations that IEEE 754 rounds exactly.

    Raises
    ------
    UsageError
        For numbers out of range, modes whose values are no amounts of light, and as `augkit.images.add_noise`.
    """
    given = {"full_well": full_well, "read_noise": read_noise, "gain": gain, "transfer": transfer}
    request = request_of(camera_noise("sensor", channels, given, threads), data_range)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy


def add_sensor_noise_with_info(
    image: ImageT,
    *,
    full_well: LevelLike,
    read_noise: LevelLike,
    gain: LevelLike = 1.0,
    transfer: Transfer = "srgb",
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[ImageT, Any]:
    """Do as `add_sensor_noise` does, and say what was reached, as `augkit.images.add_noise_with_info` does."""
    given = {"full_well": full_well, "read_noise": read_noise, "gain": gain, "transfer": transfer}
    request = request_of(camera_noise("sensor", channels, given, threads), data_range)
    return add_to_any(image, where, as_key(rng), request, measure=True)


def add_speckle(
    image: ImageT,
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> ImageT:
    """Return a copy with multiplicative noise: v + v z.

    Parameters
    ----------
    image, channels, where, data_range, threads, rng
        As for `augkit.images.add_noise`; channels do not correlate.
    noise : str or Distribution
        The law of z.
    std, scale : number, text or list
        Its standard deviation or its scale; exactly one.

    Returns
    -------
    The same type, dtype, shape and mode as `image`, rounded and saturated.

    Raises
    ------
    UsageError
        For a level missing or given twice, a `std` of a law that has none, modes whose values are no amounts of light,
        and as `augkit.images.add_noise`.
    """
    given = {"law": noise, "std": std, "scale": scale}
    request = request_of(camera_noise("speckle", channels, given, threads), data_range)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy


def add_speckle_with_info(
    image: ImageT,
    noise: str | Distribution = "gaussian",
    *,
    std: LevelLike | None = None,
    scale: LevelLike | None = None,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[ImageT, Any]:
    """Do as `add_speckle` does, and say what was reached, as `augkit.images.add_noise_with_info` does."""
    given = {"law": noise, "std": std, "scale": scale}
    request = request_of(camera_noise("speckle", channels, given, threads), data_range)
    return add_to_any(image, where, as_key(rng), request, measure=True)


def add_salt_and_pepper(
    image: ImageT,
    *,
    amount: LevelLike,
    salt: LevelLike = 0.5,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> ImageT:
    """Return a copy of which some values became white or black.

    Parameters
    ----------
    image, channels, where, data_range, threads, rng
        As for `augkit.images.add_noise`; with shared channels whole pixels are hit. Pillow images of mode 1 are taken.
    amount : number, text or list
        Share of the values that are hit, 0 to 1.
    salt : number, text or list
        Share of white among them.

    Returns
    -------
    The same type, dtype, shape and mode as `image`.

    Raises
    ------
    UsageError
        For a share out of range, modes whose values are no amounts of light, and as `augkit.images.add_noise`.
    """
    given = {"amount": amount, "salt": salt}
    request = request_of(camera_noise("salt-and-pepper", channels, given, threads), data_range)
    noisy: ImageT = add_to_any(image, where, as_key(rng), request, measure=False)[0]
    return noisy


def add_salt_and_pepper_with_info(
    image: ImageT,
    *,
    amount: LevelLike,
    salt: LevelLike = 0.5,
    channels: Sharing = "independent",
    where: Where = None,
    data_range: DataRange = None,
    threads: int = 1,
    rng: Rng = None,
) -> tuple[ImageT, Any]:
    """Do as `add_salt_and_pepper` does, and say what was reached, as `augkit.images.add_noise_with_info` does."""
    given = {"amount": amount, "salt": salt}
    request = request_of(camera_noise("salt-and-pepper", channels, given, threads), data_range)
    return add_to_any(image, where, as_key(rng), request, measure=True)
