"""Noise in albumentations and audiomentations, as one transform among theirs."""

import pickle
import random
import warnings

import albumentations
import audiomentations
import numpy as np
import pytest

import augkit
from augkit.errors import UsageError
from augkit.integrations.albumentations import AddNoise as ImageNoise
from augkit.integrations.audiomentations import AddNoise as AudioNoise

pytestmark = pytest.mark.slow

GREY = np.full((40, 30, 3), 128, np.uint8)
TONE = np.sin(np.arange(8000) * 0.3).astype(np.float32)


def pipeline(seed, *transforms):
    return albumentations.Compose([*transforms, albumentations.HorizontalFlip(p=0.5)], seed=seed)


def test_images_get_noise_and_masks_stay():
    mask = np.eye(40, 30, dtype=np.uint8)
    done = albumentations.Compose([ImageNoise(std=0.1, p=1)], seed=1)(image=GREY, mask=mask)
    assert done["image"].dtype == np.uint8
    assert (done["image"] - 128.0).std() == pytest.approx(25.5, rel=0.06)
    assert np.array_equal(done["mask"], mask)
    assert (GREY == 128).all()
    floats = albumentations.Compose([ImageNoise("cauchy", scale="0.01..0.05", p=1)])(image=GREY / np.float32(255))
    assert floats["image"].dtype == np.float32
    shot = albumentations.Compose([ImageNoise(augkit.images.add_shot_noise, photons=30, p=1)])(image=GREY)["image"]
    assert 20 < shot.std() < 40


def test_the_seed_of_the_pipeline_is_that_of_the_noise():
    one, two, other = (
        pipeline(3, ImageNoise(std=0.1)),
        pipeline(3, ImageNoise(std=0.1)),
        pipeline(4, ImageNoise(std=0.1)),
    )
    runs = [[made(image=GREY)["image"] for _ in range(10)] for made in (one, two, other)]
    assert all(np.array_equal(left, right) for left, right in zip(runs[0], runs[1], strict=True))
    assert not all(np.array_equal(left, right) for left, right in zip(runs[0], runs[2], strict=True))
    noised = [image for image in runs[0] if image.std()]
    assert 1 <= len(noised) <= 9, "half of them"
    assert len({image.tobytes() for image in noised}) == len(noised)
    again = pickle.loads(pickle.dumps(pipeline(3, ImageNoise(std=0.1))))  # noqa: S301
    assert np.array_equal(again(image=GREY)["image"], runs[0][0])
    twice = pipeline(5, ImageNoise(std=0.1, p=1), ImageNoise(std=0.1, p=1))(image=GREY)["image"] - 128.0
    assert twice.std() == pytest.approx(25.5 * 2**0.5, rel=0.05), "two of them add up, they are not the same"


@pytest.mark.parametrize("channels", [0, 2])
def test_recordings_get_the_snr_asked_for(channels):
    samples = np.stack([TONE, TONE / 2]) if channels else TONE
    random.seed(1)
    noisy = audiomentations.Compose([AudioNoise(snr_db=10, p=1)])(samples=samples, sample_rate=8000)
    assert noisy.shape == samples.shape
    assert noisy.dtype == np.float32
    noise = noisy - samples
    assert 10 * np.log10(np.sum(samples**2) / np.sum(noise**2)) == pytest.approx(10, abs=0.01)
    random.seed(1)
    assert np.array_equal(
        audiomentations.Compose([AudioNoise(snr_db=10, p=1)])(samples=samples, sample_rate=8000), noisy
    )


def test_colours_know_the_rate_and_parameters_can_be_frozen():
    transform = AudioNoise("laplace", snr_db="0..20", color="pink", p=1)
    one, two = transform(TONE, 8000), transform(TONE, 8000)
    assert not np.array_equal(one, two)
    expected = augkit.audio.add_noise(
        TONE, "laplace", snr_db="0..20", color="pink", samplerate=8000, rng=transform.parameters["seed"]
    )
    assert np.array_equal(two, expected)
    transform.freeze_parameters()
    assert np.array_equal(transform(TONE, 8000), two)
    assert transform.serialize_parameters()["should_apply"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "laplace" in repr(transform)


def test_mistakes_are_named():
    with pytest.raises(UsageError, match="stdd"):
        ImageNoise(stdd=0.1)
    with pytest.raises(UsageError, match="snr"):
        AudioNoise(snr=10)
    with pytest.raises(UsageError, match="25/255"):
        albumentations.Compose([ImageNoise(std=25, p=1)])(image=GREY)
