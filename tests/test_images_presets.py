"""The presets of published sets: the constants, and the very distribution that the published code gives.

The probabilities are made here from the formulas of the published scripts, in exact fractions where counts are
concerned. A right sampler fails one of the chi-square tests with a probability of `ALPHA` (1e-6).
"""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from skimage.util import random_noise

import augkit
from augkit.errors import UsageError
from augkit.images import add_preset, add_preset_with_info
from augkit.images.presets import SETS, parse_presets
from tests.truth import ALPHA, chi_square_p

PUBLISHED = {
    "imagenet-c": {
        "gaussian_noise": [0.08, 0.12, 0.18, 0.26, 0.38],
        "shot_noise": [60, 25, 12, 5, 3],
        "impulse_noise": [0.03, 0.06, 0.09, 0.17, 0.27],
        "speckle_noise": [0.15, 0.2, 0.35, 0.45, 0.6],
    },
    "cifar-10-c": {
        "gaussian_noise": [0.04, 0.06, 0.08, 0.09, 0.10],
        "shot_noise": [500, 250, 100, 75, 50],
        "impulse_noise": [0.01, 0.02, 0.03, 0.05, 0.07],
        "speckle_noise": [0.06, 0.1, 0.12, 0.16, 0.2],
    },
    "tiny-imagenet-c": {
        "gaussian_noise": [0.04, 0.08, 0.12, 0.15, 0.18],
        "shot_noise": [250, 100, 50, 30, 15],
        "impulse_noise": [0.01, 0.02, 0.05, 0.08, 0.14],
        "speckle_noise": [0.15, 0.2, 0.25, 0.3, 0.35],
    },
}
NAMES = [(chosen, name) for chosen, table in PUBLISHED.items() for name in table]
VALUES = (0, 1, 90, 128, 201, 255)
N = 60_000


def probabilities(name, c, value, *, compat, top=255):
    """P(output) of the published formula, then of a cast (compat) or of rounding, with half a step going up.

    ``x = value / 255``; gaussian ``x + c z``; shot ``poisson(c x) / c``; impulse by skimage's ``s&p``, half of each;
    speckle ``x + x c z``; all clipped to 0 ... 1 and times 255.
    """
    if name == "shot_noise":
        half = Fraction(0) if compat else Fraction(1, 2)
        outputs = [floor(min(Fraction(count, c), 1) * top + half) for count in range(c + 1)]
        law = stats.poisson(value / top * c)
        chances = [*law.pmf(np.arange(c)), law.sf(c - 1)]
        return np.bincount(outputs, weights=chances, minlength=top + 1)
    if name == "impulse_noise":
        cells = np.zeros(top + 1)
        cells[value] += 1 - c
        cells[[0, top]] += c / 2
        return cells
    edges = (np.arange(top) + (1.0 if compat else 0.5)) / top
    spread = c if name == "gaussian_noise" else c * value / top
    if spread == 0:
        return (np.arange(top + 1) == value).astype(float)
    above = stats.norm.sf((edges - value / top) / spread)
    return -np.diff(np.concatenate([[1.0], above, [0.0]]))


def noisy_bytes(preset, value, n=N, seed=11):
    return np.bincount(add_preset(np.full((n // 50, 50), value, np.uint8), preset, rng=seed).ravel(), minlength=256)


def test_the_constants_are_the_published_ones():
    assert {chosen: {name: list(row) for name, row in table.items()} for chosen, table in SETS.items()} == PUBLISHED


@pytest.mark.parametrize("compat", [False, True], ids=["rounded", "compat"])
@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("chosen", "name"), NAMES)
def test_every_preset_has_the_published_distribution(chosen, name, severity, compat):
    c = PUBLISHED[chosen][name][severity - 1]
    for value in VALUES:
        counts = noisy_bytes(f"{chosen}/{name}:{severity}{':compat' if compat else ''}", value)
        assert chi_square_p(counts, probabilities(name, c, value, compat=compat)) > ALPHA, value


@pytest.mark.parametrize(
    ("preset", "name", "c", "value", "n"),
    [
        ("imagenet-c/gaussian_noise:1", "gaussian_noise", 0.08, 128, 600_000),
        ("cifar-10-c/gaussian_noise:1", "gaussian_noise", 0.04, 128, 400_000),
        ("imagenet-c/shot_noise:1", "shot_noise", 60, 90, N),
        ("cifar-10-c/speckle_noise:1", "speckle_noise", 0.06, 128, 400_000),
    ],
)
def test_a_cast_for_rounding_is_caught_and_the_reverse(preset, name, c, value, n):
    rounded, cast = noisy_bytes(preset, value, n), noisy_bytes(f"{preset}:compat", value, n)
    for counts, compat in ((rounded, False), (cast, True)):
        right, wrong = (probabilities(name, c, value, compat=kind) for kind in (compat, not compat))
        assert chi_square_p(counts, right) > ALPHA
        if name == "shot_noise":
            assert counts[wrong == 0].sum() > 0
        else:
            assert chi_square_p(counts, wrong) < ALPHA


def original(name, x, c, rng):
    """The published formula with NumPy's own generator, and its cast."""
    x = np.array(x) / 255.0
    if name == "gaussian_noise":
        y = np.clip(x + rng.normal(size=x.shape, scale=c), 0, 1) * 255
    elif name == "shot_noise":
        y = np.clip(rng.poisson(x * c) / c, 0, 1) * 255
    elif name == "impulse_noise":
        y = np.clip(random_noise(x, mode="s&p", amount=c, rng=rng), 0, 1) * 255
    else:
        y = np.clip(x + x * rng.normal(size=x.shape, scale=c), 0, 1) * 255
    return y.astype(np.uint8)


@pytest.mark.parametrize("severity", [1, 5])
@pytest.mark.parametrize("name", PUBLISHED["imagenet-c"])
def test_compat_and_the_original_are_samples_of_one_law(name, severity):
    """A chi-square test of homogeneity of the joint histograms (false alarm 1e-6) on an image of all values."""
    image = np.repeat(np.arange(0, 256, 15, dtype=np.uint8), 30_000).reshape(-1, 600)
    ours = add_preset(image, f"imagenet-c/{name}:{severity}:compat", rng=2)
    theirs = original(name, image, PUBLISHED["imagenet-c"][name][severity - 1], np.random.default_rng(3))
    groups = image.astype(int) // 15 * 256
    table = np.stack([np.bincount((groups + one).ravel(), minlength=18 * 256) for one in (ours, theirs)])
    table = table[:, table.sum(axis=0) >= 10]
    statistic = np.sum((table[0] - table[1]) ** 2 / table.sum(axis=0))
    assert stats.chi2.sf(statistic, table.shape[1] - 18) > ALPHA


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64"])
@pytest.mark.parametrize("name", PUBLISHED["imagenet-c"])
def test_deep_and_float_images_have_the_same_law(name, dtype):
    full = 65535 if dtype == "uint16" else 1.0
    clean = np.full((300, 300), 128 / 255 * full).astype(dtype)
    assert clean[0, 0] == np.dtype(dtype).type(128 / 255 * full)
    for severity in (1, 4):
        c = PUBLISHED["imagenet-c"][name][severity - 1]
        noisy = add_preset(clean, f"imagenet-c/{name}:{severity}", rng=severity)
        counts = np.bincount(np.floor(noisy / full * 255 + 0.5).astype(int).ravel(), minlength=256)
        assert chi_square_p(counts, probabilities(name, c, 128, compat=False)) > ALPHA


@pytest.mark.parametrize("name", ["shot_noise", "impulse_noise"])
def test_compat_cuts_off_at_the_steps_of_16_bits(name):
    """What the noise leaves alone stays as it is: no value of any step falls below itself."""
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    noisy = add_preset(ramp, f"imagenet-c/{name}:1:compat", rng=1)
    if name == "impulse_noise":
        kept = (noisy != 0) & (noisy != 65535)
        np.testing.assert_array_equal(noisy[kept], ramp[kept])
        assert kept.mean() == pytest.approx(0.97, abs=0.005)
    else:
        assert set(np.unique(noisy)) <= {floor(Fraction(count, 60) * 65535) for count in range(60)} | {65535}


def test_any_size_type_and_mode():
    rgba = np.dstack([np.full((7, 5, 3), 99, np.uint8), np.arange(35, dtype=np.uint8).reshape(7, 5)])
    image = Image.fromarray(rgba)
    noisy, info = add_preset_with_info(image, "tiny-imagenet-c/speckle_noise:2", rng=4)
    assert (noisy.mode, noisy.size) == ("RGBA", (5, 7))
    np.testing.assert_array_equal(np.asarray(noisy)[..., 3], rgba[..., 3])
    assert (np.asarray(noisy)[..., :3] != 99).mean() > 0.8
    assert info["noise"] == "speckle"
    assert info["requested"] == {"preset": "tiny-imagenet-c/speckle_noise:2"}
    assert info["drawn"] == {"relative_std": 0.2}
    assert info["achieved"] == pytest.approx(augkit.measure(rgba[..., :3], np.asarray(noisy)[..., :3]))
    shared = add_preset(np.full((20, 20, 3), 90, np.uint8), "imagenet-c/shot_noise:1", channels="shared", rng=1)
    np.testing.assert_array_equal(shared[..., 0], shared[..., 1])
    batch = np.full((3, 8, 8, 3), 90, np.uint8)
    made = add_preset(batch, "imagenet-c/gaussian_noise:5", rng=np.random.default_rng(1))
    assert len({one.tobytes() for one in made}) == 3
    assert add_preset(np.empty((0, 4), np.uint8), "imagenet-c/gaussian_noise:5").shape == (0, 4)
    masked = add_preset(batch[0], "imagenet-c/impulse_noise:5", where=np.eye(8, dtype=bool), rng=1)
    np.testing.assert_array_equal(masked[~np.eye(8, dtype=bool)], 90)


def test_the_names():
    assert [str(one) for one in parse_presets("ImageNet-C/gaussian_noise:3")] == ["imagenet-c/gaussian_noise:3"]
    assert [str(one) for one in parse_presets("imagenet_c/shot-noise:2-3:compat")] == [
        "imagenet-c/shot_noise:2:compat",
        "imagenet-c/shot_noise:3:compat",
    ]
    assert [one.severity for one in parse_presets("cifar-10-c/shot_noise")] == [1, 2, 3, 4, 5]
    assert [one.severity for one in parse_presets("cifar-10-c/shot_noise:5, 1-2, 2")] == [5, 1, 2]
    assert len(parse_presets("tiny-imagenet-c/*")) == 20
    assert [one.folder for one in parse_presets("imagenet-c/shot_noise,gaussian_noise:1:compat")] == [
        "shot_noise/1",
        "gaussian_noise/1",
    ]


@pytest.mark.parametrize(
    ("preset", "hint"),
    [
        ("imagnet-c/gaussian_noise:3", "did you mean 'imagenet-c'.*cifar-10-c"),
        ("imagenet-c/gausian_noise:3", "did you mean 'gaussian_noise'.*shot_noise"),
        ("imagenet-c/fog:3", "no such corruption"),
        ("imagenet-c", "expected a corruption"),
        ("imagenet-c/", "no such corruption"),
        ("", "no such set"),
        ("imagenet-c/shot_noise:0", "'0' is no severity"),
        ("imagenet-c/shot_noise:6", "'6' is no severity"),
        ("imagenet-c/shot_noise:3-1", "'3-1' is no severity"),
        ("imagenet-c/shot_noise:", "'' is no severity"),
        ("imagenet-c/shot_noise:compta", "'compta' is no severity"),
        ("imagenet-c/shot_noise:3:compta", ":compat after it"),
        ("imagenet-c/shot_noise:compat", "one severity"),
        ("imagenet-c/*:3", "one corruption"),
    ],
)
def test_what_is_no_preset_is_refused_with_what_there_is(preset, hint):
    with pytest.raises(UsageError, match=hint):
        add_preset(np.zeros((4, 4), np.uint8), preset)


def test_correlated_channels_and_inks_are_refused():
    with pytest.raises(UsageError, match=r"channels=0.5: a preset takes 'independent' or 'shared'"):
        add_preset(np.zeros((4, 4, 3), np.uint8), "imagenet-c/shot_noise:1", channels=0.5)
    with pytest.raises(UsageError, match=r"CMYK; use image.convert\('RGB'\)"):
        add_preset(Image.new("CMYK", (4, 4)), "imagenet-c/shot_noise:1")
