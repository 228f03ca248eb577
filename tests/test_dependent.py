"""Noise that depends on the value: on 8-bit data by tables, on other types by the same law in floats."""

import numpy as np
import pytest
from scipy import stats

from augkit.dependent import DOWN, Added, SaltAndPepper, Sensor, Shot, Speckle, perturb_by_value
from augkit.dependent.transfer import to_light
from augkit.errors import UsageError
from augkit.noise.distributions import Cauchy, Gaussian
from augkit.noise.keys import BLOCK, Key
from augkit.noise.values import apply_values, value_lattice
from augkit.signal import Signal
from tests.truth import ALPHA, chi_square_p
from tests.truth_models import beyond

KEY = Key(5)
N = 200_000
MODELS = [
    Shot(25),
    Shot(60.5),
    Shot(2000),
    Sensor(500, 6),
    Sensor(3000, 20),
    Speckle(Gaussian(), 0.2),
    Speckle(Cauchy(), 0.05),
    SaltAndPepper(0.1),
    SaltAndPepper(0.3, salt=0.9),
    Added(Cauchy(), 0.05),
]
EDGES = (np.arange(255) + 0.5) / 255


def bytes_of(value, model, dtype=np.uint8):
    """What becomes of an 8-bit value, in 8-bit steps, through the table or through the float path."""
    if dtype is np.uint8:
        return perturb_by_value(Signal(np.full(N, value, np.uint8), 255.0, (0, 255)), model, KEY)
    shares = perturb_by_value(Signal(np.full(N, value / 255, dtype)), model, KEY)
    return np.clip(np.floor(shares * 255 + 0.5), 0, 255).astype(np.uint8)


def probabilities(value, model):
    """P(output) of the 256 outputs of an 8-bit value."""
    return -np.diff(np.concatenate([[1.0], beyond(value / 255, model, EDGES), [0.0]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("value", [0, 1, 40, 128, 254, 255])
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_every_model_follows_its_law(model, value, dtype):
    """Chi-square over the 256 outputs, false alarm 1e-6; shifted and rescaled copies are caught below."""
    counts = np.bincount(bytes_of(value, model, dtype), minlength=256)
    expected = probabilities(value, model)
    expected[np.abs(expected) < 1e-13] = 0
    counts[(expected == 0) & (counts <= 1)] = 0  # ties of the float path at an edge of probability zero
    assert chi_square_p(counts, np.clip(expected, 0, None)) > ALPHA


@pytest.mark.parametrize(
    "fault",
    [
        lambda v: v + 1,
        lambda v: 128 + 1.1 * (v.astype(float) - 128),
        lambda v: np.where(np.arange(N) % 40 == 0, 128, v),
    ],
)
def test_planted_faults_are_caught(fault):
    wrong = np.clip(np.rint(fault(bytes_of(128, Shot(2000)))), 0, 255).astype(np.uint8)
    assert (
        chi_square_p(np.bincount(wrong, minlength=256), np.clip(probabilities(128, Shot(2000)), 1e-300, None)) < ALPHA
    )


@pytest.mark.parametrize(
    "model",
    [
        Sensor(3, 0.01),
        Sensor(40, 300),
        Sensor(10_000, 5, gain=8),
        Sensor(200_000, 30, transfer="srgb"),
        Sensor(1e6, 1000, transfer=2.2),
    ],
    ids=repr,
)
def test_sums_over_every_other_count_are_sums_over_all(model):
    """The table of the sensor, which skips counts where both laws are wide, against the plain sum."""
    table = model.beyond()
    for value in (0, 1, 20, 128, 255):
        mean = to_light(np.array([value / 255]), model.transfer)[0] * model.white
        count = np.arange(max(0, mean - 12 * mean**0.5 - 60), mean + 12 * mean**0.5 + 60) // 1
        above = stats.norm.sf((to_light(EDGES, model.transfer)[:, np.newaxis] * model.white - count) / model.read_noise)
        np.testing.assert_allclose(table[value], above @ stats.poisson(mean).pmf(count), atol=2e-9)
    assert np.all(np.diff(table, axis=1) <= 1e-12)


@pytest.mark.parametrize("model", [SaltAndPepper(0.25), Speckle(Gaussian(), 0.0), Added(Gaussian(), 0.0)], ids=repr)
@pytest.mark.parametrize("full", [255, 65535])
def test_what_no_noise_hits_is_not_cut_off(model, full):
    clean = np.arange(full + 1).astype(np.uint8 if full == 255 else np.uint16)
    noisy = perturb_by_value(Signal(clean, full, (0, full)), model, KEY, rounding="down")
    kept = (noisy != 0) & (noisy != full)
    assert kept.mean() > 0.7
    assert np.array_equal(noisy[kept], clean[kept])


def test_truncation_is_a_shift_by_half_a_step():
    rounded, cut = (Added(Gaussian(), 0.05).beyond(*steps) for steps in ((), (DOWN,)))
    assert (rounded.sum(axis=1) - cut.sum(axis=1))[100:150] == pytest.approx(0.5, abs=1e-6)


def test_any_piece_is_that_piece_of_the_whole():
    rng = np.random.default_rng(1)
    total = BLOCK + 5000
    samples = rng.integers(0, 256, total, dtype=np.uint8)
    table = value_lattice(Shot(60).beyond())
    whole = np.empty_like(samples)
    apply_values(samples, table, KEY, out=whole)
    for begin, end in ((0, 100), (77, BLOCK + 3), (BLOCK - 1, total)):
        part = np.empty(end - begin, np.uint8)
        apply_values(samples[begin:end], table, KEY, out=part, start=begin)
        assert np.array_equal(part, whole[begin:end])


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_shared_channels_where_and_dtypes(model, dtype):
    full, limits = {np.uint8: (255.0, (0, 255)), np.uint16: (65535.0, (0, 65535)), np.float32: (1.0, (0, 1))}[dtype]
    clean = np.full((4000, 3), full / 2).astype(dtype)
    where = np.arange(4000)[:, np.newaxis] < 2000
    shared = perturb_by_value(Signal(clean, full, limits, where), model, KEY, channels="shared")
    independent = perturb_by_value(Signal(clean, full, limits), model, KEY)
    assert shared.dtype == dtype
    assert np.array_equal(shared[:, 0], shared[:, 2])
    assert np.array_equal(shared[2000:], clean[2000:])
    assert not np.array_equal(shared[:2000], clean[:2000])
    assert not np.array_equal(independent[:, 0], independent[:, 1])


def test_not_a_number_stays():
    clean = np.array([0.5, np.nan, np.inf, 0.2], np.float32)
    noisy = perturb_by_value(Signal(clean), Shot(50), KEY)
    assert np.isnan(noisy[1])
    assert np.isinf(noisy[2])
    assert np.isfinite(noisy[[0, 3]]).all()


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: Shot(0), "photons"),
        (lambda: Shot(float("nan")), "photons"),
        (lambda: Sensor(100, -1), "read_noise"),
        (lambda: Sensor(1e9, 1), "full_well"),
        (lambda: Sensor(100, 1, gain=0.5), "gain"),
        (lambda: Sensor(100, 1, transfer="gamma"), "transfer"),
        (lambda: Added(Gaussian(), float("inf")), "scale"),
        (lambda: SaltAndPepper(1.1), "amount"),
        (lambda: SaltAndPepper(0.1, salt=-0.1), "salt"),
        (lambda: Speckle(Gaussian(), -1), "scale"),
    ],
)
def test_parameters_out_of_range_are_refused(make, hint):
    with pytest.raises(UsageError, match=hint):
        make()
