"""Every noise of cameras follows its law on 8-bit, 16-bit and float images, through the array API.

The expected probabilities are made here from the formulas of each model and scipy.stats. A chi-square test of a right
sampler fails with a probability of `ALPHA` (1e-6); each planted fault must fail it.
"""

import numpy as np
import pytest
from scipy import stats

from augkit.images import add_salt_and_pepper, add_sensor_noise, add_shot_noise, add_speckle
from tests.truth import ALPHA, chi_square_p

N = 100_000
VALUES = (0, 3, 30, 128, 250, 255)
FULL = {"uint8": 255, "uint16": 65535, "float32": 1.0, "float64": 1.0}


def linear(stored):
    """The sRGB curve of IEC 61966-2-1, written down again."""
    stored = np.asarray(stored, float)
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def shot(share, edges, photons):
    return stats.poisson(share * photons).sf(np.ceil(np.round(edges * photons, 9)) - 1)


def speckle(share, edges, law):
    return law.sf((edges - share) / share) if share else np.where(edges <= 0, 1.0, 0.0)


def impulses(share, edges, amount, salt):
    return np.where(edges <= 0, 1, np.where(edges <= share + 1e-12, 1 - amount, 0) + amount * salt)


def sensor(share, edges, full_well, read_noise, gain=1.0, light=linear):
    """A Poisson count of electrons plus a normal variable, in linear light, by summing over all counts."""
    white = full_well / gain
    mean, thresholds = float(light(share)) * white, light(edges) * white
    if read_noise == 0:
        return stats.poisson(mean).sf(np.ceil(thresholds) - 1)
    count = np.arange(max(0, mean - 12 * mean**0.5 - 60), mean + 12 * mean**0.5 + 60) // 1
    weight = stats.poisson(mean).pmf(count)
    return np.array([weight @ stats.norm.sf((edge - count) / read_noise) for edge in thresholds])


CASES = {
    "shot": (lambda image, **more: add_shot_noise(image, photons=40, **more), lambda v, e: shot(v, e, 40)),
    "shot, many": (lambda image, **more: add_shot_noise(image, photons=3000, **more), lambda v, e: shot(v, e, 3000)),
    "speckle": (
        lambda image, **more: add_speckle(image, std=0.2, **more),
        lambda v, e: speckle(v, e, stats.norm(scale=0.2)),
    ),
    "speckle, heavy": (
        lambda image, **more: add_speckle(image, "student-t:df=2", scale=0.1, **more),
        lambda v, e: speckle(v, e, stats.t(2, scale=0.1)),
    ),
    "salt and pepper": (
        lambda image, **more: add_salt_and_pepper(image, amount=0.2, salt=0.3, **more),
        lambda v, e: impulses(v, e, 0.2, 0.3),
    ),
    "sensor": (
        lambda image, **more: add_sensor_noise(image, full_well=2000, read_noise=12, **more),
        lambda v, e: sensor(v, e, 2000, 12),
    ),
    "sensor, gain": (
        lambda image, **more: add_sensor_noise(image, full_well=20_000, read_noise=3, gain=16, **more),
        lambda v, e: sensor(v, e, 20_000, 3, 16),
    ),
    "sensor, no read noise": (
        lambda image, **more: add_sensor_noise(image, full_well=500, read_noise=0, **more),
        lambda v, e: sensor(v, e, 500, 0),
    ),
    "sensor, linear": (
        lambda image, **more: add_sensor_noise(image, full_well=900, read_noise=40, transfer="linear", **more),
        lambda v, e: sensor(v, e, 900, 40, light=np.asarray),
    ),
    "sensor, gamma": (
        lambda image, **more: add_sensor_noise(image, full_well=900, read_noise=4, transfer=1.8, **more),
        lambda v, e: sensor(v, e, 900, 4, light=lambda x: np.asarray(x) ** 1.8),
    ),
}


def counts_and_cells(add, beyond, value, dtype, n=N):
    """Return how often each output fell into each cell, and the probabilities of the cells."""
    full = FULL[dtype]
    clean = np.full((n // 100, 100), value / 255 * full).astype(dtype)
    share = float(clean[0, 0]) / full
    noisy = add(clean, rng=value + 1)
    assert (noisy.dtype, noisy.shape) == (clean.dtype, clean.shape)
    if dtype == "uint8":
        steps = np.arange(255) + 0.5
        counts = np.bincount(noisy.ravel(), minlength=256)
    else:
        # about 200 cells, between the outputs that 16 bits can have
        steps = (np.arange(1, 65535, 327) - 0.5) / 257
        counts = np.histogram(noisy.ravel() / full * 255, np.concatenate([[-np.inf], steps, [np.inf]]))[0]
    above = beyond(share, steps / 255)
    cells = -np.diff(np.concatenate([[1.0], above, [0.0]]))
    return counts, np.where(cells < 1e-12, 0, cells)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_every_model_follows_its_law(name, dtype):
    for value in VALUES:
        counts, cells = counts_and_cells(*CASES[name], value, dtype)
        assert chi_square_p(counts, cells) > ALPHA, value


FAULTS = {
    "a plain gamma of 2.2": ("sensor", lambda v, e: sensor(v, e, 2000, 12, light=lambda x: np.asarray(x) ** 2.2), 3),
    "no linear light at all": ("sensor", lambda v, e: sensor(v, e, 2000, 12, light=np.asarray), 128),
    "gain left out": ("sensor, gain", lambda v, e: sensor(v, e, 20_000, 3, 1), 128),
    "read noise after the gain": ("sensor, gain", lambda v, e: sensor(v, e, 20_000, 3 / 16, 16), 3),
    "counts of 41, not 40": ("shot", lambda v, e: shot(v, e, 41), 128),
    "truncated, not rounded": ("shot, many", lambda v, e: shot(v, e + 0.5 / 255, 3000), 128),
    "a level off by 3 %": ("speckle", lambda v, e: speckle(v, e, stats.norm(scale=0.206)), 128),
    "half of each": ("salt and pepper", lambda v, e: impulses(v, e, 0.2, 0.5), 128),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_caught(fault, dtype):
    name, wrong, value = FAULTS[fault]
    counts, cells = counts_and_cells(CASES[name][0], wrong, value, dtype, 2 * N)
    assert chi_square_p(counts, np.clip(cells, 1e-300, None)) < ALPHA


def correlations(noisy, clean):
    noise = (noisy.astype(float) - clean).reshape(-1, 3)
    return np.abs(np.corrcoef(noise.T)[np.triu_indices(3, 1)])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_channels_are_independent_unless_they_share(name, dtype):
    """Correlations within 5.5 standard errors (false alarm below 1e-7); noise that is shared is caught."""
    clean = np.full((200, 200, 3), 0.4 * FULL[dtype]).astype(dtype)
    bound = 5.5 / np.sqrt(200 * 200)
    assert np.all(correlations(CASES[name][0](clean, rng=5), clean) < bound)
    shared = CASES[name][0](clean, rng=5, channels="shared")
    np.testing.assert_array_equal(shared[..., 0], shared[..., 2])
    assert not np.any(correlations(shared, clean) < bound)


@pytest.mark.parametrize("dtype", ["uint16", "float64"])
def test_the_variance_is_that_of_the_photon_transfer_curve(dtype):
    """EMVA 1288: the variance in linear light is the mean over white, plus the read noise; 6 standard errors."""
    full_well, read_noise, gain = 8000, 20, 4
    for share in (0.05, 0.3, 0.6):
        clean = np.full((500, 600), share * FULL[dtype]).astype(dtype)
        noisy = add_sensor_noise(
            clean, full_well=full_well, read_noise=read_noise, gain=gain, transfer="linear", rng=int(share * 100)
        )
        white, light = full_well / gain, float(clean[0, 0]) / FULL[dtype]
        expected = light / white + (read_noise / white) ** 2
        found = np.var(noisy.astype(float) / FULL[dtype])
        assert found == pytest.approx(expected, rel=6 * np.sqrt(2 / clean.size))


def test_the_noise_of_a_seed_is_one_for_all_severities():
    """The level is no part of the key: more photons, less of the same noise."""
    clean = np.full((100, 100), 120, np.uint8)
    one, other = (add_shot_noise(clean, photons=level, rng=3).astype(float) - clean for level in (30, 60))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9
