"""Grain: the pointwise level that was asked for, the correlation of its radius, the same in any piece."""

import numpy as np
import pytest

import augkit
from augkit.errors import UsageError
from augkit.level import Level
from augkit.noise.distributions import Gaussian, Laplace
from augkit.noise.grain import Grain
from augkit.noise.keys import Key
from augkit.perturb import perturb
from augkit.signal import Signal

SHAPE = (500, 640)


def grain_of(radius, law=None, shape=SHAPE):
    out = np.empty((shape[0] * shape[1], 1))
    Grain(radius, shape[1]).fill(out, law or Gaussian(), Key(1), 0)
    return out.reshape(shape)


def correlation(radius, step):
    """What two pixels at a distance along an axis share of a sampled Gaussian kernel."""
    at = np.arange(-60, 61)
    kernel = np.exp(-0.5 * (at / radius) ** 2)
    return np.sum(kernel * np.exp(-0.5 * ((at + step) / radius) ** 2)) / np.sum(kernel**2)


def test_the_correlation_is_that_of_the_docstring():
    assert correlation(2.0, 3) == pytest.approx(np.exp(-(3**2) / (4 * 2.0**2)), rel=1e-6)


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.5, 6.0])
@pytest.mark.parametrize("law", [Gaussian(), Laplace()], ids=str)
def test_every_pixel_has_the_level_and_neighbours_correlate(radius, law):
    """About H W / (4 pi r**2) pixels are independent: 5 standard errors of the power and the correlations."""
    noise = grain_of(radius, law)
    error = 5 * np.sqrt(2 * max(1, 4 * np.pi * radius**2) / noise.size) + 0.005
    assert np.mean(noise**2) / law.std**2 == pytest.approx(1, abs=error * (1 + law.kurtosis))
    for step in (1, 2, 4):
        expected = correlation(radius, step)
        for one, other in ((noise[step:], noise[:-step]), (noise[:, step:], noise[:, :-step])):
            assert np.mean(one * other) / law.std**2 == pytest.approx(expected, abs=error)


def test_edges_have_the_same_power():
    noise = grain_of(1.5, shape=(900, 901))
    edge = np.concatenate([noise[0], noise[-1], noise[:, 0], noise[:, -1]])
    assert np.mean(edge**2) == pytest.approx(1, abs=5 * np.sqrt(2 * 6 / len(edge)))


def test_any_piece_is_that_piece_of_the_whole():
    whole = grain_of(2.0).reshape(-1, 1)
    for begin, end in ((0, 10), (637, 645), (1000, 200_000), (319_990, 320_000)):
        part = np.empty((end - begin, 1))
        Grain(2.0, SHAPE[1]).fill(part, Gaussian(), Key(1), begin)
        assert np.array_equal(part, whole[begin:end])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_through_the_array_api(dtype):
    full = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    image = np.full((300, 400, 3), 0.5 * full).astype(dtype)
    noisy = augkit.images.add_noise(image, std=0.05, grain=2, rng=1)
    noise = (noisy.astype(float) - image) / full
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    assert np.corrcoef(noise[1:, :, 0].ravel(), noise[:-1, :, 0].ravel())[0, 1] == pytest.approx(
        np.exp(-1 / 16), abs=0.02
    )
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.08
    shared = augkit.images.add_noise(image, std=0.05, grain=2, channels="shared", rng=1)
    assert np.array_equal(shared[..., 0], shared[..., 2])
    assert np.array_equal(noisy, augkit.images.add_noise(image, std=0.05, grain=2, threads=2, rng=1))


def test_the_planted_fault_of_zero_padding_is_seen():
    """Noise that is padded with zeros loses power at the edges; the margin that is cut off prevents it."""
    noise = grain_of(3.0, shape=(60, 4000))
    assert np.mean(noise[0] ** 2) > 0.7
    padded = noise.copy()
    padded[0] /= np.sqrt(2)
    assert np.mean(padded[0] ** 2) < 0.7


@pytest.mark.parametrize(
    ("law", "radius", "hint"),
    [("cauchy", 2, "no finite variance"), ("gaussian", -1, "radius"), ("gaussian", 999, "radius")],
)
def test_what_cannot_be_is_refused(law, radius, hint):
    with pytest.raises(UsageError, match=hint):
        augkit.images.add_noise(np.zeros((8, 8), np.uint8), law, scale=0.1, grain=radius)


def test_mixed_grain_keeps_both():
    signal = Signal(np.zeros((200 * 300, 2)))
    made = perturb(signal, Gaussian(), Level("std", (1.0,)), Key(2), channels=0.6, grain=Grain(1.0, 300)).samples
    assert np.corrcoef(made.T)[0, 1] == pytest.approx(0.6, abs=0.03)
    assert np.mean(made[1:, 0] * made[:-1, 0]) == pytest.approx(np.exp(-0.25), abs=0.05)
