"""Channels: correlated as asked for, in every type; threads change nothing."""

import numpy as np
import pytest
from scipy import stats

import augkit
from augkit.errors import UsageError
from augkit.level import Level
from augkit.noise.colour import as_color
from augkit.noise.distributions import AlphaStable, Cauchy, Gaussian, Laplace, StudentT, as_distribution
from augkit.noise.elliptical import fill_elliptical
from augkit.noise.keys import BLOCK, Key
from augkit.noise.mixing import as_channels, mixing
from augkit.perturb import perturb
from augkit.signal import Signal

KEY = Key(31)
MATRIX = ((1.0, 0.8, -0.3), (0.8, 1.0, 0.1), (-0.3, 0.1, 1.0))
OFF = ((1.0, 0.75, -0.3), (0.75, 1.0, 0.1), (-0.3, 0.1, 1.0))
N = 300_000


def noise_of(law, channels, dtype=np.float64, level=("std", 0.1)):
    full, limits = (255.0, (0, 255)) if dtype is np.uint8 else (1.0, None)
    clean = np.full((N, 3), 128 if dtype is np.uint8 else 0, dtype)
    noisy = perturb(Signal(clean, full, limits), law, Level(level[0], (level[1],)), KEY, channels=channels).samples
    return (noisy.astype(float) - clean) / full


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("law", [Gaussian(), Laplace()], ids=str)
def test_the_covariance_is_the_one_asked_for(law, dtype):
    """Each entry within 6 standard errors (false alarm 2e-9); one correlation of 0.75 for 0.8 is caught, by 6 more."""
    error = 6 * np.sqrt((2 + law.kurtosis) / N)
    steps = np.eye(3) / 12 / 25.5**2 if dtype is np.uint8 else 0
    for asked, fits in ((MATRIX, True), (OFF, False)):
        found = np.cov(noise_of(law, asked, dtype).T) / 0.01
        assert np.allclose(found - steps, MATRIX, rtol=0, atol=error) == fits
    assert error < 0.05 / 2


WITHOUT_VARIANCE = (Cauchy(), StudentT(1.6), AlphaStable(1.5), AlphaStable(0.7))


@pytest.mark.parametrize("law", WITHOUT_VARIANCE, ids=str)
def test_without_variance_every_channel_and_every_sum_has_the_law(law):
    """Elliptical: any projection has the law at the scale of the scatter matrix; Kolmogorov at a false alarm of 1e-6.

    A weighted sum of independent samples would have a scale of up to 1.6; 6 % are seen.
    """
    z = noise_of(law, MATRIX, level=("scale", 1.0))
    bound = np.sqrt(np.log(2e6) / 2 / N)
    for direction in np.vstack([np.eye(3), [1, 1, 0], [1, -1, 1], [0.2, 1, -2]]):
        scale = np.sqrt(direction @ np.array(MATRIX) @ direction)
        ordered = np.sort(z @ direction / scale)
        distance = np.abs(law.cdf(ordered) - (np.arange(N) + 0.5) / N).max()
        assert distance < bound + 0.5 / N, direction
    assert np.abs(law.cdf(ordered * 1.06) - (np.arange(N) + 0.5) / N).max() > bound


@pytest.mark.parametrize("law", WITHOUT_VARIANCE, ids=str)
def test_elliptical_rows_do_not_depend_on_pieces(law):
    lower = mixing(MATRIX, 3)
    whole = np.empty((BLOCK + 500, 3))
    fill_elliptical(whole, law, lower, KEY)
    piece = np.empty((700, 3))
    fill_elliptical(piece, law, lower, KEY, start=BLOCK - 300)
    np.testing.assert_array_equal(piece, whole[BLOCK - 300 : BLOCK + 400])


def test_laws_without_a_known_vector_are_refused():
    with pytest.raises(UsageError, match="correlated channels of it are not known; use 'independent'"):
        noise_of(as_distribution(stats.cauchy()), 0.5, level=("scale", 0.1))
    with pytest.raises(UsageError, match="coloured cauchy noise has no variance to correlate"):
        clean = np.zeros((1000, 2))
        perturb(Signal(clean), Cauchy(), Level("scale", (1.0,)), KEY, channels=0.5, color=as_color("pink"))


def test_a_number_is_the_correlation_of_every_two():
    found = np.corrcoef(noise_of(Gaussian(), 0.5).T)
    np.testing.assert_allclose(found, 0.5 + 0.5 * np.eye(3), atol=0.012)
    one = noise_of(Gaussian(), 1.0)
    np.testing.assert_allclose(one[:, 0], one[:, 2])
    assert np.array_equal(noise_of(Gaussian(), 0.0), noise_of(Gaussian(), "independent"))


@pytest.mark.parametrize("wrong", ["both", 1.5, "nan", [[1, 0.5], [0.4, 1]], [[2, 0], [0, 2]], [1, 0.5], [["a"]], None])
def test_what_is_no_correlation_is_refused(wrong):
    with pytest.raises(UsageError, match="channels="):
        as_channels(wrong)


def test_impossible_matrices_are_refused():
    with pytest.raises(UsageError, match="semidefinite"):
        mixing(as_channels(-0.9), 3)
    with pytest.raises(UsageError, match="semidefinite"):
        mixing(as_channels([[1, 1, 0], [1, 1, 0.5], [0, 0.5, 1]]), 3)
    with pytest.raises(UsageError, match="3 rows"):
        mixing(as_channels(np.eye(2)), 3)


def test_the_public_functions_take_them():
    image = np.full((120, 120, 3), 128, np.uint8)
    noise = augkit.images.add_noise(image, std=0.1, channels=np.array(MATRIX), rng=1).astype(float) - image
    assert np.corrcoef(noise.reshape(-1, 3).T)[0, 1] == pytest.approx(0.8, abs=0.03)
    stereo = augkit.audio.add_noise(np.zeros((20_000, 2)), std=0.1, channels=-0.5, rng=1)
    assert np.corrcoef(stereo.T)[0, 1] == pytest.approx(-0.5, abs=0.04)


@pytest.mark.parametrize("channels", ["independent", "shared", 0.4])
@pytest.mark.parametrize("law", [Gaussian(), StudentT(df=3), Cauchy()], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_threads_change_nothing(law, dtype, channels):
    full, limits = {np.uint8: (255.0, (0, 255)), np.int16: (32768.0, (-32768, 32767)), np.float32: (1.0, None)}[dtype]
    clean = np.resize(np.arange(90, 140), (3 * BLOCK + 333, 3)).astype(dtype)
    signal = Signal(clean, full, limits)
    for level in (Level("scale", (0.02,)), Level("snr_db", (5.0,))):
        one, two, three = (
            perturb(signal, law, level, KEY, channels=channels, threads=threads).samples for threads in (1, 2, 3)
        )
        assert np.array_equal(one, two)
        assert np.array_equal(one, three)


def test_threads_and_colour():
    signal = Signal(np.zeros((9 * BLOCK, 1)))
    made = [
        perturb(signal, Gaussian(), Level("std", (1.0,)), KEY, color=as_color("pink"), threads=n).samples
        for n in (1, 2)
    ]
    assert np.array_equal(*made)
    with pytest.raises(UsageError, match="threads=0"):
        augkit.images.add_noise(np.zeros((4, 4), np.uint8), std=0.1, threads=0)


@pytest.mark.parametrize("snr", [20.0, 30.0, 45.0, 52.0])
def test_an_snr_of_8_bit_data_counts_rounding(snr):
    clean = np.resize(np.arange(60, 190), (600, 600)).astype(np.uint8)
    noisy = augkit.images.add_noise(clean, snr_db=snr, rng=1)
    assert augkit.measure(clean, noisy)["snr_db"] == pytest.approx(snr, abs=0.08)
