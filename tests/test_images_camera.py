"""Camera noise through the array API: types kept, alpha untouched, levels as asked for."""

import numpy as np
import pytest
from PIL import Image

import augkit
from augkit.errors import UsageError

CALLS = {
    "shot": lambda image, **more: augkit.images.add_shot_noise(image, photons=100, **more),
    "speckle": lambda image, **more: augkit.images.add_speckle(image, std=0.1, **more),
    "salt and pepper": lambda image, **more: augkit.images.add_salt_and_pepper(image, amount=0.2, **more),
}
EXPECTED = {"shot": np.sqrt(0.4 / 100), "speckle": 0.04, "salt and pepper": np.sqrt(0.1 * 0.6**2 + 0.1 * 0.4**2)}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("name", CALLS)
def test_levels_and_types(name, dtype):
    full = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    image = np.full((200, 200, 3), 0.4 * full).astype(dtype)
    noisy = CALLS[name](image, rng=1)
    assert noisy.dtype == dtype
    noise = (noisy.astype(float) - image) / full
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(EXPECTED[name], rel=0.03)
    assert np.array_equal(noisy, CALLS[name](image, rng=1))
    assert not np.array_equal(noisy, CALLS[name](image, rng=2))
    shared = CALLS[name](image, rng=1, channels="shared")
    assert np.array_equal(shared[..., 0], shared[..., 2])
    where = np.zeros((200, 200), bool)
    where[:50] = True
    masked = CALLS[name](image, rng=1, where=where)
    assert np.array_equal(masked[50:], image[50:])
    assert not np.array_equal(masked[:50], image[:50])


@pytest.mark.parametrize("name", CALLS)
def test_pillow_images_keep_mode_and_alpha(name):
    rgba = np.full((40, 40, 4), 100, np.uint8)
    rgba[..., 3] = np.arange(40)
    noisy = CALLS[name](Image.fromarray(rgba), rng=1)
    assert noisy.mode == "RGBA"
    assert np.array_equal(np.asarray(noisy)[..., 3], rgba[..., 3])
    assert not np.array_equal(np.asarray(noisy)[..., :3], rgba[..., :3])


def test_batches_have_streams_of_their_own():
    batch = np.full((2, 30, 30, 3), 90, np.uint8)
    noisy = augkit.images.add_shot_noise(batch, photons=50, rng=1)
    assert noisy.shape == batch.shape
    assert not np.array_equal(noisy[0], noisy[1])


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda image: augkit.images.add_shot_noise(image, photons=0), "photons"),
        (augkit.images.add_speckle, "exactly one"),
        (lambda image: augkit.images.add_speckle(image, "cauchy", std=0.1), "no finite variance"),
        (lambda image: augkit.images.add_salt_and_pepper(image, amount=2), "amount"),
        (lambda image: augkit.images.add_salt_and_pepper(image, amount=0.1, channels="both"), "channels"),
    ],
)
def test_mistakes_are_refused(call, hint):
    with pytest.raises(UsageError, match=hint):
        call(np.zeros((4, 4), np.uint8))
