"""The works that are measured: augkit's way first, then its peers', with the figures that are to be reached."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import peers
from harness import AbsentError, Call, Contender, Target, Work
from numpy.typing import NDArray

from augkit import audio, images, series
from augkit.errors import UsageError
from augkit.noise.distributions import Distribution, as_distribution
from augkit.noise.rng import as_key
from augkit.noise.strips import fill

STD, CAUCHY_SCALE, PHOTONS, SNR_DB, SAMPLERATE = 0.1, 0.05, 30, 10, 16_000
GAUSSIAN, STUDENT_T, CAUCHY, STABLE = "gaussian", "student-t:df=3", "cauchy", "alpha-stable:alpha=1.5"


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Return a smooth colour image that holds all values."""
    down, across = np.mgrid[:height, :width]
    ramps = across / width, down / height, (across + down) / (width + height)
    return np.ascontiguousarray(np.rint(255 * np.stack(ramps, axis=-1)).astype(np.uint8))


def recording(seconds: int) -> NDArray[np.float32]:
    """Return a tone that swells and fades."""
    time = np.arange(seconds * SAMPLERATE) / SAMPLERATE
    return (0.3 * np.sin(2 * np.pi * 440 * time) * (1 + 0.5 * np.sin(time))).astype(np.float32)


def our_image(image: NDArray[np.uint8], noise: str, **level: Any) -> Call:
    """Return augkit on an image; a Generator is passed, as by a training loop, so that each call differs."""
    rng = np.random.default_rng(1)
    return lambda: images.add_noise(image, _law(noise), rng=rng, **level)


def our_shot(image: NDArray[np.uint8], photons: float) -> Call:
    """Return augkit's shot noise on an image."""
    add = getattr(images, "add_shot_noise", None)
    if add is None:
        raise AbsentError("not there yet")
    rng = np.random.default_rng(1)
    return lambda: add(image, photons=photons, rng=rng)


def our_audio(samples: NDArray[np.float32], noise: str, snr_db: float) -> Call:
    """Return augkit on a recording."""
    rng = np.random.default_rng(1)
    return lambda: audio.add_noise(samples, _law(noise), snr_db=snr_db, rng=rng)


def our_series(values: NDArray[np.float64], **level: Any) -> Call:
    """Return augkit on a series."""
    rng = np.random.default_rng(1)
    return lambda: series.add_noise(values, rng=rng, **level)


def our_samples(count: int, noise: str) -> Call:
    """Return augkit's float sampler, into memory that is there already."""
    law, rng, out = _law(noise), np.random.default_rng(1), np.empty(count, np.float32)
    try:
        fill(out[:1], law, as_key(rng))
    except UsageError as error:
        raise AbsentError("not there yet") from error
    return lambda: fill(out, law, as_key(rng))


def _law(noise: str) -> Distribution:
    try:
        return as_distribution(noise)
    except UsageError as error:
        raise AbsentError("not there yet") from error


def works() -> list[Work]:
    """Return all works that are timed."""
    return [*_large_images(), *_small_images(), *_samples(), _recording(), _series()]


def _large_images() -> list[Work]:
    image = picture(1080, 1920)
    gaussian = partial(our_image, image, GAUSSIAN, std=STD)
    student_t = partial(our_image, image, STUDENT_T, std=STD)
    cauchy = partial(our_image, image, CAUCHY, scale=CAUCHY_SCALE)
    own = Contender("augkit gaussian", gaussian, Target(1.15, at_least=False))
    return [
        Work(
            "image gaussian",
            image.size,
            (
                Contender("augkit", gaussian),
                Contender("AlbumentationsX", partial(peers.albumentations_gauss, image, STD, STD), Target(3.0)),
                Contender("OpenCV", partial(peers.opencv_gauss, image, STD), Target(1.4)),
                Contender("scikit-image", partial(peers.skimage_gauss, image, STD)),
            ),
        ),
        Work("image student-t", image.size, (Contender("augkit", student_t), own)),
        Work("image cauchy", image.size, (Contender("augkit", cauchy), own)),
        Work(
            "image shot",
            image.size,
            (
                Contender("augkit", partial(our_shot, image, PHOTONS)),
                Contender("AlbumentationsX", partial(peers.albumentations_shot, image, PHOTONS), Target(5.0)),
                Contender("NumPy by hand", partial(peers.numpy_shot, image, PHOTONS)),
            ),
        ),
    ]


def _small_images() -> list[Work]:
    image = picture(224, 224)
    return [
        Work(
            "small image gaussian",
            image.size,
            (
                Contender("augkit", partial(our_image, image, GAUSSIAN, std=STD)),
                Contender("AlbumentationsX", partial(peers.albumentations_gauss, image, STD, STD), Target(2.0)),
                Contender("OpenCV", partial(peers.opencv_gauss, image, STD)),
            ),
        ),
        Work(
            "small image, std drawn anew",
            image.size,
            (
                Contender("augkit", partial(our_image, image, GAUSSIAN, std="0.05..0.2")),
                Contender("AlbumentationsX", partial(peers.albumentations_gauss, image, 0.05, 0.2)),
            ),
        ),
    ]


def _samples() -> list[Work]:
    many, some = 4_000_000, 1_000_000
    return [
        Work(
            "float32 gaussian",
            many,
            (
                Contender("augkit", partial(our_samples, many, GAUSSIAN)),
                Contender("NumPy standard_normal", partial(peers.numpy_normal, many), Target(2.0)),
            ),
        ),
        Work(
            "float32 student-t",
            some,
            (
                Contender("augkit", partial(our_samples, some, STUDENT_T)),
                Contender("NumPy standard_t", partial(peers.numpy_student_t, some, 3), Target(6.0)),
            ),
        ),
        Work(
            "float32 alpha-stable",
            some,
            (
                Contender("augkit", partial(our_samples, some, STABLE)),
                Contender("SciPy levy_stable", partial(peers.scipy_stable, some, 1.5), Target(4.0)),
            ),
        ),
    ]


def _recording() -> Work:
    samples = recording(60)
    return Work(
        "audio 60 s at 10 dB",
        samples.size,
        (
            Contender("augkit", partial(our_audio, samples, GAUSSIAN, SNR_DB)),
            Contender("audiomentations", partial(peers.audiomentations_snr, samples, SAMPLERATE, SNR_DB), Target(3.0)),
        ),
    )


def _series() -> Work:
    values = np.random.default_rng(1).normal(20, 1, 1_000_000)
    return Work(
        "series, 1e6 samples",
        values.size,
        (
            Contender("augkit", partial(our_series, values, std=STD)),
            Contender("tsaug", partial(peers.tsaug_noise, values, STD), Target(2.0)),
            Contender("RATSpy", partial(peers.ratspy_noise, values, STD), Target(1.0)),
            Contender("RATSpy, in place", partial(peers.ratspy_in_place, values, STD), Target(1.0)),
        ),
    )
