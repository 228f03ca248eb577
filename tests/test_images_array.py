"""`augkit.images.add_noise` on arrays, Pillow images and batches."""

import numpy as np
import pytest
from PIL import Image
from scipy import stats

import augkit
from augkit.errors import InputError, UsageError
from augkit.images import add_noise, add_noise_with_info
from augkit.noise.distributions import StudentT
from tests.pictures import image, pixels

LEVEL = 0.05


def gray(dtype, shape=(40, 60)):
    """Return mid-gray pixels of a type, and its full scale."""
    full = {"uint8": 255, "uint16": 65535}.get(dtype, 1.0)
    return np.full(shape, full * 0.5 if full == 1.0 else full // 2, dtype), full


ARRAYS = [
    (dtype, shape) for dtype in ("uint8", "uint16", "float16", "float32", "float64") for shape in ((), (1,), (3,))
]


@pytest.mark.parametrize(("dtype", "channels"), [*ARRAYS, ("uint8", (7,))])
def test_arrays_keep_type_and_shape_and_get_the_level(dtype, channels):
    clean, full = gray(dtype, (80, 60, *channels))
    before = clean.copy()
    noisy = add_noise(clean, std=LEVEL, rng=1)
    assert type(noisy) is np.ndarray
    assert (noisy.dtype, noisy.shape) == (clean.dtype, clean.shape)
    np.testing.assert_array_equal(clean, before)
    noise = (noisy.astype(float) - clean.astype(float)) / full
    assert noise.std() == pytest.approx(LEVEL, rel=5 / np.sqrt(2 * noise.size))
    assert abs(noise.mean()) < 5 * LEVEL / np.sqrt(noise.size)
    np.testing.assert_array_equal(add_noise(clean, std=LEVEL, rng=1), noisy)
    assert (add_noise(clean, std=LEVEL, rng=2) != noisy).any()


def test_the_noise_is_the_law_that_was_asked_for():
    """A chi-square test of all differences of 8-bit pixels; a right sampler fails it once in a million runs."""
    clean, _ = gray("uint8", (400, 500))
    for law, reference in (("gaussian", stats.norm()), (StudentT(df=3), stats.t(3))):
        scale = 0.02 * 255
        noise = add_noise(clean, law, scale=0.02, rng=5).astype(int) - clean
        edges = np.arange(-12, 13) - 0.5
        expected = np.diff(reference.cdf(np.concatenate([[-np.inf], edges, [np.inf]]) / scale)) * noise.size
        observed = np.histogram(noise, np.concatenate([[-1000], edges, [1000]]))[0]
        assert stats.chisquare(observed, expected).pvalue > 1e-6


@pytest.mark.parametrize("order", ["F", "strided", "reversed", "read-only"])
def test_memory_layout_does_not_matter(order):
    clean = pixels("RGB")
    odd = {
        "F": np.asfortranarray(clean),
        "strided": np.repeat(clean, 2, axis=1)[:, ::2],
        "reversed": clean[::-1].copy()[::-1],
        "read-only": np.frombuffer(clean.tobytes(), np.uint8).reshape(clean.shape),
    }[order]
    np.testing.assert_array_equal(add_noise(odd, std=LEVEL, rng=3), add_noise(clean, std=LEVEL, rng=3))
    deep = clean.astype(np.float32)[::-1, ::2] / 255
    np.testing.assert_array_equal(add_noise(deep, std=LEVEL, rng=3), add_noise(deep.copy(), std=LEVEL, rng=3))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "I;16", "I;16B"])
def test_pillow_images_keep_mode_alpha_and_info(mode):
    clean = image("I;16" if mode == "I;16B" else mode)
    if mode == "I;16B":
        clean = Image.frombytes(mode, clean.size, np.asarray(clean).astype(">u2").tobytes())
    clean.info["dpi"] = (72, 72)
    before = clean.tobytes()
    noisy, info = add_noise_with_info(clean, std=LEVEL, rng=1)
    assert isinstance(noisy, Image.Image)
    assert (noisy.mode, noisy.size, noisy.info) == (clean.mode, clean.size, clean.info)
    assert clean.tobytes() == before
    assert info["achieved"]["std"] == pytest.approx(LEVEL, rel=0.08)
    if mode in ("LA", "RGBA"):
        assert noisy.getchannel("A").tobytes() == clean.getchannel("A").tobytes()
        colour = np.asarray(clean)[..., :-1]
        np.testing.assert_array_equal(np.asarray(noisy)[..., :-1], add_noise(colour, std=LEVEL, rng=1))
    noisy.putpixel((0, 0), noisy.getpixel((1, 1)))


def test_batches_give_each_item_a_stream_of_its_own():
    batch = np.stack([gray("uint8", (20, 30, 3))[0]] * 3)
    noisy = add_noise(batch, std=LEVEL, rng=4)
    assert noisy.shape == batch.shape
    assert (noisy[0] != noisy[1]).any()
    assert (noisy[1] != noisy[2]).any()
    listed = add_noise(list(batch), std=LEVEL, rng=4)
    assert isinstance(listed, list)
    np.testing.assert_array_equal(np.stack(listed), noisy)
    prefix = add_noise(list(batch[:2]), std=LEVEL, rng=4)
    np.testing.assert_array_equal(np.stack(prefix), noisy[:2])
    mixed = add_noise((batch[0], image("RGBA"), pixels("I;16")), std=LEVEL, rng=4)
    assert [type(one) for one in mixed] == [np.ndarray, Image.Image, np.ndarray]
    assert isinstance(mixed, tuple)
    np.testing.assert_array_equal(mixed[0], noisy[0])
    assert add_noise([], std=LEVEL) == []
    assert add_noise(batch[:0], std=LEVEL).shape == (0, 20, 30, 3)


def test_each_item_draws_its_own_level():
    batch = np.stack([gray("uint8")[0][..., None]] * 4)
    _, infos = add_noise_with_info(batch, std="0.01..0.2", rng=2)
    drawn = [info["drawn"]["std"] for info in infos]
    assert len(set(drawn)) == 4
    for info in infos:
        assert info["requested"] == {"std": "0.01..0.2"}
        assert info["achieved"]["std"] == pytest.approx(info["drawn"]["std"], rel=0.1)


def test_info_agrees_with_measure_and_with_plain_numpy():
    clean = pixels("RGB")
    noisy, info = add_noise_with_info(clean, "laplace", snr_db=18, rng=9)
    assert info["noise"] == "laplace"
    assert info["achieved"] == augkit.measure(clean, noisy)
    noise = noisy.astype(float) - clean
    assert info["achieved"]["snr_db"] == pytest.approx(
        10 * np.log10(np.mean(clean.astype(float) ** 2) / np.mean(noise**2))
    )
    np.testing.assert_array_equal(noisy, add_noise(clean, "laplace", snr_db=18, rng=9))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_where_limits_the_noise(mode):
    clean = image(mode)
    mask = np.zeros(clean.size[::-1], bool)
    mask[5:30, 10:50] = True
    noisy, info = add_noise_with_info(clean, std=LEVEL, where=mask, rng=1)
    changed = np.asarray(noisy) != np.asarray(clean)
    assert not changed[~mask].any()
    assert changed[mask].mean() > 0.5
    assert info["achieved"]["std"] == pytest.approx(LEVEL, rel=0.12)
    by_image = add_noise(clean, std=LEVEL, where=Image.fromarray(mask), rng=1)
    assert by_image.tobytes() == noisy.tobytes()


def test_where_for_batches_and_channels():
    batch = np.stack([pixels("RGB")] * 2)
    masks = np.zeros(batch.shape[:3], bool)
    masks[0, :9], masks[1, 20:] = True, True
    for where in (masks, list(masks)):
        noisy = add_noise(batch if where is masks else list(batch), std=LEVEL, where=where, rng=1)
        for number in range(2):
            assert (noisy[number][~masks[number]] == batch[number][~masks[number]]).all()
            assert (noisy[number][masks[number]] != batch[number][masks[number]]).any()
    channel = np.zeros(batch.shape[1:], bool)
    channel[..., 1] = True
    changed = add_noise(batch[0], std=LEVEL, where=channel, rng=1) != batch[0]
    assert changed[..., 1].any()
    assert not changed[..., 0].any()
    assert not changed[..., 2].any()


def test_floats_saturate_at_their_range_but_lose_nothing_clean():
    ramp = np.linspace(0, 1, 4000, dtype=np.float32).reshape(40, 100)
    noisy = add_noise(ramp, std=0.2, rng=1)
    assert (noisy.min(), noisy.max()) == (0, 1)
    overshoot = ramp.copy()
    overshoot[0, 0], overshoot[0, 1] = -0.04, 1.03
    np.testing.assert_array_equal(add_noise(overshoot, std=0, rng=1), overshoot)
    spread = add_noise(overshoot, std=0.2, rng=1)
    assert spread.min() >= np.float32(-0.04)
    assert spread.max() <= np.float32(1.03)


@pytest.mark.parametrize("data_range", [(-1, 1), 255, (0.0, 4095.0)])
def test_data_range_gives_the_level_its_meaning(data_range):
    low, high = data_range if isinstance(data_range, tuple) else (0, data_range)
    dtype = np.uint16 if high == 4095 else np.float32
    clean = np.full((80, 80), (low + high) / 2, dtype)
    noisy, info = add_noise_with_info(clean, std=LEVEL, data_range=data_range, rng=1)
    assert (noisy.astype(float) - clean).std() == pytest.approx(LEVEL * (high - low), rel=0.05)
    assert info["achieved"]["std"] == pytest.approx(LEVEL, rel=0.05)
    extreme = add_noise(clean, std=1, data_range=data_range, rng=1)
    assert (extreme.min(), extreme.max()) == (low, high)


def test_values_that_are_no_numbers_stay_and_do_not_spread():
    clean = np.full((30, 30), 0.5)
    clean[3, 4], clean[5, 6], clean[7, 8] = np.nan, np.inf, -np.inf
    noisy, info = add_noise_with_info(clean, std=LEVEL, rng=1)
    assert np.isnan(noisy[3, 4])
    assert (noisy[5, 6], noisy[7, 8]) == (np.inf, -np.inf)
    assert np.isfinite(np.delete(noisy.ravel(), [3 * 30 + 4, 5 * 30 + 6, 7 * 30 + 8])).all()
    assert info["achieved"]["std"] == pytest.approx(LEVEL, rel=0.12)


def test_level_zero_is_a_copy():
    for clean in (pixels("RGB"), pixels("I;16"), pixels("L") / np.float32(255)):
        same, info = add_noise_with_info(clean, std=0)
        assert same is not clean
        assert not np.shares_memory(same, clean)
        np.testing.assert_array_equal(same, clean)
        assert info["achieved"]["std"] == 0
        assert info["achieved"]["snr_db"] is None


def test_rng_follows_spec_7():
    clean = pixels("L")
    seeded = np.random.default_rng(3)
    first, second = (add_noise(clean, std=LEVEL, rng=seeded) for _ in range(2))
    assert (first != second).any()
    assert (add_noise(clean, std=LEVEL) != add_noise(clean, std=LEVEL)).any()
    np.testing.assert_array_equal(first, add_noise(clean, std=LEVEL, rng=np.random.default_rng(3)))


MISTAKES = [
    ({"std": 25}, "std=25: .*25/255"),
    ({"scale": 25}, "25/255"),
    ({}, "exactly one level"),
    ({"std": 0.1, "snr_db": 3}, "exactly one level"),
    ({"std": "0.1mad"}, "is for series"),
    ({"noise": "gausian", "std": 0.1}, "did you mean 'gaussian'"),
    ({"noise": "cauchy", "std": 0.1}, "no finite variance"),
    ({"std": 0.1, "channels": "all"}, "channels='all'"),
    ({"std": 0.1, "data_range": (1, 0)}, "white above black"),
    ({"std": 0.1, "data_range": "0..255"}, "white above black"),
    ({"std": 0.1, "threads": "2"}, "threads="),
    ({"std": True}, "std=True"),
    ({"std": 0.1, "data_range": 256}, "uint8 holds 0 to 255"),
    ({"std": 0.1, "where": np.ones((41, 67), np.uint8)}, "where > 0"),
    ({"std": 0.1, "where": np.ones((40, 67), bool)}, r"expected the shape \(41, 67\)"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        add_noise(pixels("RGB"), **options)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((4, 4), np.int32), "int32 does not say what white is.*data_range"),
        (np.zeros((4, 4), np.int64), "got int64; convert it"),
        (np.zeros((4, 4), bool), "got bool"),
        (np.zeros(4, np.uint8), r"expected the shape .* got \(4,\)"),
        (np.full((4, 4), 200.0), "data_range=255"),
        (np.linspace(-1, 1, 16).reshape(4, 4), r"data_range=\(-1, 1\)|data_range=255"),
        (Image.new("P", (4, 4)), r"got P; use image.convert"),
        (Image.new("HSV", (4, 4)), r"got HSV; use image.convert"),
        ("picture.png", "got str"),
        ([[1, 2], [3, 4]], "got int"),
    ],
)
def test_what_is_no_image_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        add_noise(wrong, std=0.1)


def test_a_black_image_has_no_snr():
    with pytest.raises(InputError, match="silent"):
        add_noise(np.zeros((4, 4), np.uint8), snr_db=10)


def test_a_range_beyond_the_type_is_refused():
    with pytest.raises(UsageError, match="float16 holds up to 65504"):
        add_noise(np.full((4, 4), 60000, np.float16), std=0.5, data_range=1e5)
