import math

import numpy as np
import pytest

import augkit
from augkit.achieved import achieved, sum_of_squares
from augkit.errors import InputError, UsageError
from augkit.level import Level
from augkit.noise.distributions import Cauchy, Gaussian, StudentT
from augkit.noise.distributions.base import EXP_EULER
from augkit.noise.keys import BLOCK, Key
from augkit.perturb import perturb
from augkit.signal import Signal
from tests.laws import LAWS
from tests.truth import ALPHA, chi_square_p

KEY = Key(21)
RANGES = {
    np.uint8: (255.0, (0, 255)),
    np.uint16: (65535.0, (0, 65535)),
    np.int16: (32768.0, (-32768, 32767)),
    np.int32: (2.0**31, (-(2**31), 2**31 - 1)),
    np.float16: (1.0, None),
    np.float32: (1.0, None),
    np.float64: (1.0, None),
}


def signal(dtype, shape=(40_000, 3), share=0.25, **more):
    """Return a tone of a quarter of full scale about the middle of the range."""
    full, limits = RANGES[dtype]
    middle = full / 2 if limits and limits[0] == 0 else 0.0
    wave = np.sin(np.arange(math.prod(shape)) * 0.01).reshape(shape)
    return Signal((middle + share * full * wave).astype(dtype), full, limits, **more)


@pytest.mark.parametrize("dtype", RANGES)
@pytest.mark.parametrize("law", [law for law in LAWS if math.isfinite(law.std)], ids=str)
def test_std_is_the_one_asked_for(law, dtype):
    clean = signal(dtype)
    given = clean.samples.copy()
    noisy = perturb(clean, law, Level("std", (0.02,)), KEY).samples
    assert noisy.dtype == dtype
    assert noisy.shape == given.shape
    assert np.array_equal(clean.samples, given)
    reached = achieved(clean.samples, noisy, full_scale=clean.full_scale, limits=clean.limits)
    tolerance = 5.5 * math.sqrt((min(law.kurtosis, 100) + 2) / noisy.size) / 2 if math.isfinite(law.kurtosis) else 0.1
    steps = 1 / math.sqrt(12) / clean.full_scale if clean.limits else 0.0
    expected = math.hypot(0.02, steps)
    assert reached["std"] == pytest.approx(expected, rel=tolerance + 1e-3)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("snr", [5.0, 20.0, 40.0])
@pytest.mark.parametrize("law", [Gaussian(), StudentT(df=3)], ids=str)
def test_snr_is_met_by_the_noise_that_is_added(law, snr, dtype):
    clean = signal(dtype, shape=(1600, 2), share=0.05)
    noisy = perturb(clean, law, Level("snr_db", (snr,)), KEY).samples
    reached = achieved(clean.samples, noisy, full_scale=clean.full_scale, limits=clean.limits)
    assert reached["snr_db"] == pytest.approx(snr, abs=0.05)


def test_snr_of_8_bit_data_is_that_of_the_law():
    clean = signal(np.uint8)
    noisy = perturb(clean, Gaussian(), Level("snr_db", (20.0,)), KEY).samples
    assert achieved(clean.samples, noisy, full_scale=255, limits=(0, 255))["snr_db"] == pytest.approx(20, abs=0.1)


def test_psnr():
    clean = signal(np.float32)
    noisy = perturb(clean, Gaussian(), Level("psnr_db", (30.0,)), KEY).samples
    assert achieved(clean.samples, noisy, full_scale=1.0, limits=None)["psnr_db"] == pytest.approx(30, abs=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("law", [Cauchy(), StudentT(df=1.5)], ids=str)
def test_geometric_snr_for_infinite_variance(law, dtype):
    clean = signal(dtype, share=0.001)
    made = perturb(clean, law, Level("snr_db", (10.0,)), KEY)
    assert made.geometric_snr_db == pytest.approx(10.0, abs=1e-6)
    if dtype is np.float32:
        noise = made.samples.astype(float) - clean.samples
        s0 = np.exp(np.mean(np.log(np.abs(noise[noise != 0]))))
        power = np.mean(np.square(clean.samples, dtype=float))
        assert 10 * np.log10(power / (2 * EXP_EULER * s0**2)) == pytest.approx(10.0, abs=0.01)


def test_std_of_a_law_without_variance_is_refused():
    with pytest.raises(UsageError, match="scale, or snr_db"):
        perturb(signal(np.float32), Cauchy(), Level("std", (0.1,)), KEY)


def test_silence_has_no_snr():
    with pytest.raises(InputError, match="silent"):
        perturb(Signal(np.zeros(100)), Gaussian(), Level("snr_db", (10.0,)), KEY)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32])
def test_integers_are_rounded_and_saturate(dtype):
    """Chi-square of the small differences against the exact lattice; a truncated copy is caught."""
    full, limits = RANGES[dtype]
    middle = int(sum(limits) + 1) // 2
    clean = Signal(np.full(1_000_000, middle, dtype), full, limits)
    noisy = perturb(clean, Gaussian(), Level("scale", (3.0 / full,)), KEY).samples.astype(np.int64) - middle
    edges = (np.arange(-20, 20) + 0.5) / 3.0
    expected = -np.diff(np.concatenate([[1.0], Gaussian().sf(edges), [0.0]]))
    counts = np.bincount(np.clip(noisy, -20, 20) + 20, minlength=41)
    assert chi_square_p(counts, expected) > ALPHA
    truncated = np.bincount(np.clip(np.trunc(noisy * 0.999), -20, 20).astype(int) + 20, minlength=41)
    assert chi_square_p(truncated, expected) < ALPHA
    for end in limits:
        edge = Signal(np.full(10_000, end, dtype), full, limits)
        heavy = perturb(edge, Cauchy(), Level("scale", (0.5,)), KEY).samples
        assert 0.4 < np.mean(heavy == end) < 0.6


@pytest.mark.parametrize("dtype", RANGES)
def test_shared_channels_get_one_noise(dtype):
    clean = Signal(np.full((5000, 3), 100, dtype), *RANGES[dtype])
    noisy = perturb(clean, Gaussian(), Level("std", (0.001,)), KEY, channels="shared").samples
    assert np.array_equal(noisy[:, 0], noisy[:, 1])
    independent = perturb(clean, Gaussian(), Level("std", (0.001,)), KEY).samples
    if dtype in (np.float32, np.float64, np.int32, np.int16, np.uint16):
        assert not np.array_equal(independent[:, 0], independent[:, 1])


@pytest.mark.parametrize("dtype", RANGES)
def test_where_limits_the_noise(dtype):
    where = np.zeros((1000, 3), bool)
    where[::2] = True
    clean = signal(dtype, shape=(1000, 3), where=where)
    noisy = perturb(clean, Gaussian(), Level("std", (0.1,)), KEY).samples
    assert np.array_equal(noisy[1::2], clean.samples[1::2])
    assert not np.array_equal(noisy[::2], clean.samples[::2])


@pytest.mark.parametrize("dtype", RANGES)
def test_awkward_arrays(dtype):
    base = signal(dtype, shape=(600, 3)).samples
    full, limits = RANGES[dtype]
    views = [base[::2, :2], np.asfortranarray(base), base[::-1]]
    frozen = base.copy()
    frozen.setflags(write=False)
    for view in [*views, frozen]:
        noisy = perturb(Signal(view, full, limits), Gaussian(), Level("std", (0.1,)), KEY).samples
        same = perturb(Signal(np.ascontiguousarray(view), full, limits), Gaussian(), Level("std", (0.1,)), KEY).samples
        assert np.array_equal(noisy, same)
        assert noisy.flags.writeable
    for empty in (np.empty(0, dtype), np.empty((0, 3), dtype), np.empty((3, 0), dtype)):
        assert perturb(Signal(empty, full, limits), Gaussian(), Level("std", (0.1,)), KEY).samples.shape == empty.shape


def test_nothing_that_may_change_stays_as_it_is_and_is_not_called_silent():
    clean = np.ones((4, 3))
    made = perturb(Signal(clean, where=np.zeros((4, 1), bool)), Gaussian(), Level("snr_db", (10.0,)), KEY)
    assert np.array_equal(made.samples, clean)


def test_the_byte_order_of_floats_does_not_matter():
    clean = np.linspace(0, 1, 500, dtype=np.float32)
    little, big = (
        perturb(Signal(clean.astype(order)), Gaussian(), Level("std", (0.1,)), KEY).samples for order in ("<f4", ">f4")
    )
    assert np.array_equal(little, big)


def test_level_zero_is_a_copy():
    for dtype in RANGES:
        clean = signal(dtype)
        noisy = perturb(clean, Gaussian(), Level("std", (0.0,)), KEY).samples
        assert np.array_equal(noisy, clean.samples)
        assert noisy is not clean.samples


def test_not_a_number_stays_and_does_not_spread():
    samples = np.sin(np.arange(5000.0))
    samples[[7, 70]] = np.nan
    samples[700] = np.inf
    made = perturb(Signal(samples), Gaussian(), Level("snr_db", (10.0,)), KEY).samples
    assert np.array_equal(np.isfinite(made), np.isfinite(samples))
    assert achieved(samples, made, full_scale=1.0, limits=None)["snr_db"] == pytest.approx(10, abs=1e-3)


def test_two_levels_share_their_samples():
    clean = Signal(np.zeros(1000))
    one = perturb(clean, Gaussian(), Level("std", (0.1,)), KEY).samples
    two = perturb(clean, Gaussian(), Level("std", (0.2,)), KEY).samples
    np.testing.assert_allclose(two, 2 * one, rtol=1e-6)


def test_achieved_counts_what_moved_onto_a_limit():
    clean = np.array([0, 10, 250, 255, 128], np.uint8)
    noisy = np.array([0, 0, 255, 255, 120], np.uint8)
    reached = achieved(clean, noisy, full_scale=255, limits=(0, 255))
    assert reached["clipped"] == 2 / 5
    assert reached["std"] == pytest.approx(math.sqrt((100 + 25 + 64) / 5) / 255)
    same = achieved(clean, clean, full_scale=255, limits=(0, 255))
    assert (same["std"], same["snr_db"], same["psnr_db"]) == (0.0, None, None)


def test_sums_do_not_depend_on_the_layout():
    samples = np.random.default_rng(1).normal(size=(2 * BLOCK + 5, 2)).astype(np.float32)
    assert sum_of_squares(samples) == sum_of_squares(np.asfortranarray(samples))
    assert sum_of_squares(samples)[0] == pytest.approx(float(np.sum(np.square(samples, dtype=float))), rel=1e-12)


@pytest.mark.parametrize(
    "add",
    [
        lambda x: perturb(Signal(x), Cauchy(), Level("scale", (1.0,)), KEY).samples,
        lambda x: augkit.audio.add_noise(x, "cauchy", scale=1.0, rng=1),
        lambda x: augkit.series.add_noise(x, "cauchy", scale=1.0, rng=1),
    ],
    ids=["core", "audio", "series"],
)
def test_heavy_tails_make_no_infinity_of_halves(add):
    """A Cauchy sample in 100,000 is beyond the largest half; what was infinite or missing stays so."""
    clean = np.zeros(1_000_000, np.float16)
    clean[:2] = np.inf, np.nan
    noisy = add(clean)
    assert noisy.dtype == np.float16
    assert np.isinf(noisy[0])
    assert np.isnan(noisy[1])
    assert np.isfinite(noisy[2:]).all()
    assert np.abs(noisy[2:]).max() > 60_000
