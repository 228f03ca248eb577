"""Camera noise through the array API: types kept, levels drawn and told, masks and odd numbers left alone."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augkit
from augkit import images
from augkit.dependent.apply import _lattice
from augkit.errors import UsageError
from augkit.images.noises import camera_noise
from augkit.images.pixels import add_to_pixels, integer_range
from augkit.noise.keys import BLOCK, Key

CALLS = {
    "add_shot_noise": {"photons": 100},
    "add_sensor_noise": {"full_well": 5000, "read_noise": 30, "gain": 4},
    "add_speckle": {"std": 0.1},
    "add_salt_and_pepper": {"amount": 0.2},
    "add_preset": {"preset": "imagenet-c/gaussian_noise:1"},
}
EXPECTED = {
    "add_shot_noise": np.sqrt(0.4 / 100),
    "add_speckle": 0.04,
    "add_salt_and_pepper": np.sqrt(0.1 * 0.6**2 + 0.1 * 0.4**2),
    "add_preset": 0.08,
}
FULL = {"uint8": 255, "uint16": 65535, "float16": 1, "float32": 1, "float64": 1}
NEUTRAL = {
    "add_speckle": {"std": 0},
    "add_salt_and_pepper": {"amount": 0},
    "add_shot_noise": {"photons": 1e12},
    "add_sensor_noise": {"full_well": 1e8, "read_noise": 0, "transfer": "linear"},
}


def call(name, image, **more):
    return getattr(images, name)(image, **{**CALLS[name], **more})


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("name", CALLS)
def test_types_levels_and_seeds(name, dtype):
    image = np.full((150, 150, 3), 0.4 * FULL[dtype]).astype(dtype)
    before = image.copy()
    noisy = call(name, image, rng=1)
    assert (noisy.dtype, noisy.shape) == (image.dtype, image.shape)
    np.testing.assert_array_equal(image, before)
    if name in EXPECTED:
        noise = (noisy.astype(float) - image) / FULL[dtype]
        assert np.sqrt(np.mean(noise**2)) == pytest.approx(EXPECTED[name], rel=0.04)
    np.testing.assert_array_equal(noisy, call(name, image, rng=1))
    assert not np.array_equal(noisy, call(name, image, rng=2))
    where = np.zeros((150, 150), bool)
    where[:50] = True
    masked = call(name, image, rng=1, where=where)
    np.testing.assert_array_equal(masked[50:], image[50:])
    np.testing.assert_array_equal(masked[:50], noisy[:50])


@pytest.mark.parametrize("name", CALLS)
def test_the_twin_does_the_same_and_tells(name):
    image = np.full((60, 60), 90, np.uint8)
    noisy, info = getattr(images, f"{name}_with_info")(image, **CALLS[name], rng=3)
    np.testing.assert_array_equal(noisy, call(name, image, rng=3))
    assert info["achieved"] == augkit.measure(image, noisy)
    assert info["noise"]
    assert info["requested"]
    assert info["drawn"]


@pytest.mark.parametrize(
    ("name", "level", "requested", "low", "high"),
    [
        ("add_shot_noise", {"photons": "10..60"}, {"photons": "10..60"}, 10, 60),
        ("add_shot_noise", {"photons": "10..600:log"}, {"photons": "10..600:log"}, 10, 600),
        ("add_speckle", {"std": "0.1..0.3"}, {"relative_std": "0.1..0.3"}, 0.1, 0.3),
        ("add_salt_and_pepper", {"amount": [0.1, 0.2, 0.4]}, {"amount": "0.1,0.2,0.4", "salt": "0.5"}, 0.1, 0.4),
        (
            "add_sensor_noise",
            {"full_well": 9000, "read_noise": 5, "gain": "1..16"},
            {"full_well": "9000", "read_noise": "5", "gain": "1..16"},
            1,
            16,
        ),
    ],
)
def test_each_item_draws_its_own_level(name, level, requested, low, high):
    batch = np.full((6, 20, 20, 3), 128, np.uint8)
    noisy, infos = getattr(images, f"{name}_with_info")(batch, **level, rng=5)
    assert noisy.shape == batch.shape
    assert len({one.tobytes() for one in noisy}) == 6
    kind = next(key for key, text in requested.items() if ".." in text or "," in text)
    drawn = [info["drawn"][kind] for info in infos]
    assert all(low <= value <= high for value in drawn)
    assert len(set(drawn)) >= 2
    assert all(info["requested"] == requested for info in infos)
    one, info = getattr(images, f"{name}_with_info")(list(batch), **level, rng=5)
    np.testing.assert_array_equal(np.stack(one), noisy)
    assert [each["drawn"] for each in info] == [each["drawn"] for each in infos]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_number_stays(name, dtype):
    image = np.full((30, 30), 0.5, dtype)
    image[3, 4], image[5, 6], image[7, 8] = np.nan, np.inf, -np.inf
    noisy = call(name, image, rng=1)
    assert np.isnan(noisy[3, 4])
    assert (noisy[5, 6], noisy[7, 8]) == (np.inf, -np.inf)
    rest = np.isfinite(image)
    assert np.isfinite(noisy[rest]).all()
    assert (noisy[rest] != 0.5).mean() > 0.15


@pytest.mark.parametrize("dtype", FULL)
@pytest.mark.parametrize("name", NEUTRAL)
def test_levels_of_no_noise_change_nothing(name, dtype):
    ramp = (np.linspace(0, FULL[dtype], 256 * 4).reshape(32, 32)).astype(dtype)
    same = getattr(images, name)(ramp, **NEUTRAL[name], rng=1)
    assert not np.shares_memory(same, ramp)
    if name in ("add_speckle", "add_salt_and_pepper"):
        np.testing.assert_array_equal(same, ramp)
    elif name == "add_shot_noise":
        tolerance = {"uint8": 0, "uint16": 0, "float16": 0}.get(dtype, 1e-5)
        np.testing.assert_allclose(same.astype(float), ramp.astype(float), atol=tolerance)
    else:
        np.testing.assert_allclose(same.astype(float), ramp.astype(float), atol=6e-4 * FULL[dtype])


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3)])
def test_masks_of_pixels_serve_all_channels(shape):
    clean = np.full((20, 30, 3), 90, np.uint8)
    where = np.zeros(shape, bool)
    where[:7] = True
    spec = camera_noise("shot", "independent", {"photons": 20})
    noisy = add_to_pixels(clean, spec, Key(1), integer_range(clean.dtype), where).pixels
    np.testing.assert_array_equal(noisy[7:], clean[7:])
    assert (noisy[:7] != clean[:7]).mean() > 0.5


def test_impulses_hit_all_or_leave_the_very_value():
    odd = np.linspace(0.1, 0.9, 999).reshape(27, 37) * 255
    noisy = images.add_salt_and_pepper(odd, amount=0.5, data_range=255, rng=1)
    kept = (noisy != 0) & (noisy != 255)
    np.testing.assert_array_equal(noisy[kept], odd[kept])
    assert images.add_salt_and_pepper(odd, amount=1, salt=1, data_range=255).min() == 255
    assert images.add_salt_and_pepper(np.full((9, 9), 7, np.uint8), amount=1, salt=0).max() == 0


def test_black_has_no_photons_and_white_saturates():
    assert images.add_shot_noise(np.zeros((50, 50), np.uint8), photons=3, rng=1).max() == 0
    white = images.add_shot_noise(np.full((50, 50), 1.0), photons=3, rng=1)
    assert white.max() == 1
    assert white.min() < 1


@pytest.mark.parametrize("data_range", [(-1, 1), 255, (64.0, 1023.0)])
def test_black_and_white_give_the_level_its_meaning(data_range):
    low, high = data_range if isinstance(data_range, tuple) else (0, data_range)
    dtype = np.uint16 if low == 64 else np.float32
    clean = np.full((200, 200), low + 0.5 * (high - low)).astype(dtype)
    noisy = images.add_shot_noise(clean, photons=200, data_range=data_range, rng=1)
    noise = (noisy.astype(float) - clean) / (high - low)
    assert noise.std() == pytest.approx(np.sqrt(0.5 / 200), rel=0.03)
    assert (noisy.min(), noisy.max()) >= (low, low)
    assert noisy.max() <= high


def test_whole_numbers_of_32_bits_say_what_white_is():
    clean = np.full((100, 100), 20_000, np.int32)
    noisy = images.add_shot_noise(clean, photons=100, data_range=40_000, rng=1)
    assert noisy.dtype == np.int32
    assert (noisy.astype(float) - clean).std() / 40_000 == pytest.approx(np.sqrt(0.5 / 100), rel=0.05)
    added = images.add_noise(clean, std=0.01, data_range=40_000, rng=1)
    assert (added.astype(float) - clean).std() == pytest.approx(400, rel=0.05)
    with pytest.raises(UsageError, match="int32 does not say what white is"):
        images.add_shot_noise(clean, photons=100)
    with pytest.raises(UsageError, match="int16 holds -32768 to 32767"):
        images.add_noise(clean.astype(np.int16), std=0.1, data_range=65535)


@st.composite
def arrays(draw):
    dtype = np.dtype(draw(st.sampled_from(["u1", "<u2", ">u2", "f2", "<f4", ">f4", "f8"])))
    channels = draw(st.sampled_from([(), (1,), (3,), (4,)]))
    shape = (draw(st.integers(0, 9)), draw(st.integers(0, 9)), *channels)
    full = np.iinfo(dtype).max if dtype.kind == "u" else 1
    values = np.random.default_rng(draw(st.integers(0, 99))).uniform(0, 1, shape) * full
    image = values.astype(dtype)
    layout = draw(st.sampled_from(["C", "F", "reversed", "read-only"]))
    if layout == "F":
        image = np.asfortranarray(image)
    elif layout == "reversed":
        image = image[::-1].copy()[::-1]
    elif layout == "read-only":
        image.setflags(write=False)
    return image


@settings(max_examples=60, deadline=None)
@given(image=arrays(), name=st.sampled_from(list(CALLS)), channels=st.sampled_from(["independent", "shared"]))
def test_any_array_keeps_its_form(image, name, channels):
    before = image.copy()
    noisy = call(name, image, channels=channels, rng=7)
    assert (noisy.dtype, noisy.shape) == (image.dtype, image.shape)
    np.testing.assert_array_equal(image, before)
    full = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    assert ((noisy >= 0) & (noisy <= full)).all()
    np.testing.assert_array_equal(noisy, call(name, np.ascontiguousarray(before), channels=channels, rng=7))
    if channels == "shared" and image.ndim == 3 and image.size and name in ("add_preset", "add_salt_and_pepper"):
        equal = np.repeat(image[..., :1], image.shape[2], axis=2)
        made = call(name, equal, channels=channels, rng=7)
        np.testing.assert_array_equal(made, np.repeat(made[..., :1], image.shape[2], axis=2))


@pytest.mark.parametrize("channels", ["independent", "shared"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_memory_is_the_output_and_a_few_blocks(dtype, channels):
    image = np.full((1200, 800, 3), 0.4 * FULL[dtype]).astype(dtype)
    small = call("add_sensor_noise", image[:4], channels=channels, rng=1)
    assert small.shape == (4, 800, 3)
    tracemalloc.start()
    noisy = call("add_sensor_noise", image, channels=channels, rng=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < noisy.nbytes + 30 * BLOCK * 8


MISTAKES = [
    (lambda image: images.add_shot_noise(image, photons=0), "photons=0: expected a number above 0"),
    (lambda image: images.add_shot_noise(image, photons=float("inf")), "photons=inf"),
    (lambda image: images.add_shot_noise(image, photons="0..5"), "photons=0:"),
    (lambda image: images.add_shot_noise(image, photons="many"), "photons=many.*no level"),
    (lambda image: images.add_shot_noise(image, photons="5sd"), "unknown unit 'sd'"),
    (images.add_speckle, "exactly one of std, scale"),
    (lambda image: images.add_speckle(image, std=0.1, scale=0.1), "exactly one of std, scale"),
    (lambda image: images.add_speckle(image, "cauchy", std=0.1), "no finite variance; give scale"),
    (lambda image: images.add_speckle(image, std=-0.1), "std=-0.1"),
    (lambda image: images.add_salt_and_pepper(image, amount=2), "amount=2"),
    (lambda image: images.add_salt_and_pepper(image, amount=0.1, salt=[0.5, 1.5]), "salt=1.5"),
    (lambda image: images.add_salt_and_pepper(image, amount=0.1, channels="both"), "channels=both"),
    (lambda image: images.add_salt_and_pepper(image, amount=0.1, channels=0.5), "correlations are for additive noise"),
    (lambda image: images.add_sensor_noise(image, full_well=0, read_noise=1), "full_well=0"),
    (lambda image: images.add_sensor_noise(image, full_well=1e9, read_noise=1), "full_well=1e"),
    (lambda image: images.add_sensor_noise(image, full_well=1e4, read_noise=-1), "read_noise=-1"),
    (lambda image: images.add_sensor_noise(image, full_well=1e4, read_noise=1, gain=0.5), "gain=0.5"),
    (lambda image: images.add_sensor_noise(image, full_well=1e4, read_noise=1, transfer="srbg"), "did you mean 'srgb'"),
    (lambda image: images.add_noise(image, "shot:photons=30", std=0.1), "no additive noise; use its own function"),
]


@pytest.mark.parametrize(("wrong", "hint"), MISTAKES)
def test_mistakes_are_refused(wrong, hint):
    with pytest.raises(UsageError, match=hint):
        wrong(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("channels", ["independent", "shared"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_threads_change_nothing(name, dtype, channels):
    image = (np.resize(np.linspace(0.1, 0.9, 997), (300, 301, 3)) * FULL[dtype]).astype(dtype)
    one, two, three = (call(name, image, rng=3, channels=channels, threads=threads) for threads in (1, 2, 3))
    assert np.array_equal(one, two)
    assert np.array_equal(one, three)
    with pytest.raises(UsageError, match="threads=0"):
        call(name, image[:2], threads=0)
    info = getattr(images, f"{name}_with_info")(image, **CALLS[name], rng=3, channels=channels, threads=2)
    assert np.array_equal(info[0], one)


@pytest.mark.parametrize(
    ("name", "numbers"), [("add_shot_noise", {"photons": "20..40"}), ("add_speckle", {"std": "0.1..0.2"})]
)
def test_drawn_levels_of_small_images_build_no_table(name, numbers):
    """A table takes several milliseconds; it is made for levels that come again, and for large images."""
    image = np.resize(np.arange(256, dtype=np.uint8), (32, 32, 3))
    before = _lattice.cache_info().misses
    made = [getattr(images, name)(image, **numbers, rng=seed) for seed in range(10)]
    assert _lattice.cache_info().misses == before
    assert len({one.tobytes() for one in made}) == 10
    getattr(images, name)(image, **dict.fromkeys(numbers, 0.1234), rng=1)
    assert _lattice.cache_info().misses == before + 1
