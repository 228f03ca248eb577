"""What augkit is measured against, each called as a careful user calls it, and set to the same noise.

Everything that a user makes once (transforms, generators) is made outside the timed call.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Call
from numpy.random import SFC64, Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def albumentations_gauss(image: Image, low: float, high: float) -> Call:
    """GaussNoise as shares of full range, independent in each channel (which is not its default)."""
    albumentations = _albumentations()
    return _composed(albumentations.GaussNoise(std_range=(low, high), per_channel=True, p=1), image)


def albumentations_shot(image: Image, photons: float) -> Call:
    """ShotNoise, whose scale is the reciprocal of the photons at white; it works in linear light, gamma 2.2."""
    albumentations = _albumentations()
    return _composed(albumentations.ShotNoise(scale_range=(1 / photons, 1 / photons), p=1), image)


def opencv_gauss(image: Image, std: float) -> Call:
    """OpenCV randn to float32, flat, then add with rounding and saturation: the fastest of its ways, and exact."""
    cv2 = _opencv()

    def call() -> object:
        noise = np.empty(image.size, np.float32)
        cv2.randn(noise, 0, std * 255)
        return cv2.add(image.reshape(-1), noise, dtype=cv2.CV_8U).reshape(image.shape)

    return call


def skimage_gauss(image: Image, std: float) -> Call:
    """Return scikit-image's random_noise, which returns floats, taken back to uint8."""
    from skimage.util import random_noise

    generator = _generator()

    def call() -> object:
        noisy = random_noise(image, mode="gaussian", var=std**2, rng=generator)
        return np.rint(noisy * 255).astype(np.uint8)

    return call


def numpy_shot(image: Image, photons: float) -> Call:
    """NumPy's Poisson numbers of photons, scaled back, rounded and saturated."""
    generator = _generator()

    def call() -> object:
        noisy = generator.poisson(image * (photons / 255)) * np.float32(255 / photons)
        return np.minimum(np.rint(noisy), 255).astype(np.uint8)

    return call


def numpy_normal(count: int) -> Call:
    """NumPy's standard_normal in float32, into memory that is there already."""
    generator, out = _generator(), np.empty(count, np.float32)
    return lambda: generator.standard_normal(dtype=np.float32, out=out)


def numpy_student_t(count: int, df: float) -> Call:
    """NumPy's standard_t, which only has float64; the conversion is left out."""
    generator = _generator()
    return lambda: generator.standard_t(df, count)


def scipy_stable(count: int, alpha: float) -> Call:
    """SciPy's levy_stable.rvs, symmetric, in float64; the conversion is left out."""
    from scipy.stats import levy_stable

    generator = _generator()
    return lambda: levy_stable.rvs(alpha, 0, size=count, random_state=generator)


def audiomentations_snr(samples: NDArray[np.float32], samplerate: int, snr_db: float) -> Call:
    """AddGaussianSNR at one SNR, which it meets in expectation; augkit meets it in the noise that it adds."""
    from audiomentations import AddGaussianSNR

    transform = AddGaussianSNR(min_snr_db=snr_db, max_snr_db=snr_db, p=1)
    return lambda: transform(samples, sample_rate=samplerate)


def tsaug_noise(samples: NDArray[np.float64], std: float) -> Call:
    """AddNoise in the unit of the samples; by its default it would be a share of their range."""
    from tsaug import AddNoise

    transform = AddNoise(scale=std, normalize=False)
    return lambda: transform.augment(samples)


def ratspy_noise(samples: NDArray[np.float64], std: float) -> Call:
    """RATSpy's Gaussian AddNoise, which returns a new array."""
    transform = _ratspy_noise(std)
    return lambda: transform.augment_one(samples)


def ratspy_in_place(samples: NDArray[np.float64], std: float) -> Call:
    """Gaussian AddNoise of RATSpy on a Dataset that is made once: each call adds noise to that of the call before."""
    from ratspy import Dataset

    transform, dataset = _ratspy_noise(std), Dataset(samples[np.newaxis].copy(), ["a"])
    return lambda: transform.augment_batch(dataset, parallel=False)


def _ratspy_noise(std: float) -> Any:
    from ratspy import AddNoise, NoiseType

    return AddNoise(NoiseType.Gaussian, mean=0.0, std_dev=std)


def _generator() -> Generator:
    return Generator(SFC64(1))


def _composed(transform: Any, image: Image) -> Call:
    """Return a call of a transform within Compose, which is how its users call it, and no slower than alone."""
    compose = _albumentations().Compose([transform])
    return lambda: compose(image=image)["image"]


def _albumentations() -> Any:
    import albumentations
    import torch

    torch.set_num_threads(1)
    _opencv()
    return albumentations


def _opencv() -> Any:
    import cv2

    cv2.setNumThreads(1)
    return cv2
