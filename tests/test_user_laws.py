"""Laws of the user's own: what is taken, what is refused, and that they serve every domain."""

import math
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from augkit import audio, images, series
from augkit.errors import UsageError
from augkit.noise.distributions import Gaussian, StudentT, as_distribution
from augkit.noise.distributions.user import ScipyLaw
from tests.laws import HyperbolicSecant

STEPS = stats.rv_histogram((np.array([1, 2, 4, 2, 1]), np.array([-2, -1, -0.3, 0.3, 1, 2])), density=False)
OTHER_STEPS = stats.rv_histogram((np.array([1, 3, 9, 3, 1]), np.array([-2, -1, -0.3, 0.3, 1, 2])), density=False)


class TwoSided(stats.rv_continuous):
    """A heavy-tailed law as a subclass of scipy's: density 1/4 (1 + |x|)**-1.5, of no finite moment."""

    def _pdf(self, x):
        return 0.25 * (1 + np.abs(x)) ** -1.5

    def _sf(self, x):
        return np.where(x < 0, 1 - 0.5 * (1 + np.abs(x)) ** -0.5, 0.5 * (1 + np.abs(x)) ** -0.5)

    def _cdf(self, x):
        return self._sf(-x)

    def _isf(self, q):
        return np.where(q < 0.5, 1, -1) * ((2 * np.minimum(q, 1 - q)) ** -2.0 - 1)

    def _ppf(self, q):
        return self._isf(1 - q)


@pytest.mark.parametrize(
    ("frozen", "text"),
    [
        (stats.norm(scale=2), "scipy.stats.norm(scale=2)"),
        (stats.t(3), "scipy.stats.t(df=3)"),
        (stats.gennorm(0.8), "scipy.stats.gennorm(beta=0.8)"),
        (stats.hypsecant(), "scipy.stats.hypsecant()"),
        (stats.johnsonsu(0, b=1.5), "scipy.stats.johnsonsu(a=0, b=1.5)"),
        (stats.uniform(-0.5), "scipy.stats.uniform(loc=-0.5)"),
        (stats.triang(0.5, loc=-1, scale=2), "scipy.stats.triang(c=0.5, loc=-1, scale=2)"),
        (STEPS(), "rv_histogram()"),
        (TwoSided(name="two_sided")(), "TwoSided()"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_frozen_distributions_are_laws_by_value(frozen, text):
    law = as_distribution(frozen)
    assert str(law) == text
    again = pickle.loads(pickle.dumps(law))  # noqa: S301
    assert again == law
    assert hash(again) == hash(law)
    x = np.array([-1.5, -0.2, 0.2, 0.7])
    assert np.array_equal(again.pdf(x), frozen.pdf(x))
    np.testing.assert_allclose(again.sf(x), frozen.sf(x), rtol=1e-12)


def test_the_same_law_given_in_other_words_is_equal():
    assert as_distribution(stats.t(3)) == as_distribution(stats.t(df=3.0, loc=0, scale=1))
    assert as_distribution(stats.norm(0, 2)) == as_distribution(stats.norm(scale=2))
    assert as_distribution(stats.t(3)) != as_distribution(stats.t(4))
    assert as_distribution(STEPS()) != as_distribution(OTHER_STEPS())


@pytest.mark.parametrize(
    ("frozen", "std"),
    [
        (stats.t(3, scale=2), math.sqrt(12)),
        (stats.t(2), math.inf),
        (stats.cauchy(), math.inf),  # scipy says nan
        (stats.semicircular(), 0.5),
        (TwoSided(name="two_sided")(), math.inf),  # scipy's own integral fails
    ],
    ids=["t(3)", "t(2)", "cauchy", "semicircular", "TwoSided"],
)
def test_a_variance_that_scipy_lacks_is_infinite(frozen, std):
    assert as_distribution(frozen).std == pytest.approx(std)


def test_moments_are_those_of_the_law_it_is():
    law = as_distribution(stats.t(5))
    assert law.geometric_power == pytest.approx(StudentT(5).geometric_power, rel=1e-9)
    assert law.kurtosis == pytest.approx(6)
    assert math.isnan(as_distribution(stats.t(1.5)).kurtosis)
    steps = STEPS.rvs(size=400_000, random_state=1)
    assert as_distribution(STEPS()).geometric_power == pytest.approx(np.exp(np.mean(np.log(np.abs(steps)))), rel=0.01)


@pytest.mark.parametrize(
    ("noise", "told"),
    [
        (stats.norm(loc=3), "scipy.stats.norm.loc=3.: its centre is 3, that of noise is 0"),
        (stats.gamma(2), "scipy.stats.gamma.a=2.: it is asymmetric: it lies above"),
        (stats.skewnorm(3), "asymmetric"),
        (stats.dgamma(2), "rises away from zero, from 0 at 0"),
        (stats.beta(0.5, 0.5, loc=-0.5), "rises away from zero"),
        (stats.dgamma(0.7), "density at 0 is inf"),
        (stats.poisson(3), "poisson: it is discrete"),
        (stats.norm(scale=[1, 2]), "parameters are arrays"),
        (stats.t, "scipy.stats.t is not frozen"),
        (stats.levy_stable(1.5, 0), "alpha-stable:alpha=1.5"),
        (stats.tukeylambda(-0.3), "down to q"),  # its tail ends at 1e-16
        (stats.vonmises(2), "its sf is -.* beyond 3.14159, where by its isf the law ends"),  # it goes round the circle
        (stats.multivariate_normal([0, 0]), "lacks sf, isf"),
        (Gaussian, "a class; give an instance"),
        (3, "expected a name such as 'gaussian'"),
        ([1, 2], "lacks pdf"),
        (None, "lacks pdf"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_noise_is_refused_with_what_was_measured(noise, told):
    with pytest.raises(UsageError, match=told):
        as_distribution(noise)


@dataclass(frozen=True)
class Wrong(HyperbolicSecant):
    """The hyperbolic secant law with one method that is wrong."""

    fault: str = ""

    def pdf(self, x):
        x = np.asarray(x)
        density = super().pdf(x)
        return {
            "unnormalised": 0.97 * density,
            "lopsided": density * np.where(x > 0, 1.1, 0.9),
            "two modes": density * (1 + 0.3 * np.exp(-50 * (np.abs(x) - 1) ** 2)),
            "nan": np.where(x == 0, np.nan, density),
            "float32": density.astype(np.float32),
        }.get(self.fault, density)

    def sf(self, x):
        return {"rounded tail": 1 - self.cdf(x), "one-sided": 2 * super().sf(x)}.get(self.fault, super().sf(x))

    def isf(self, q):
        q = np.asarray(q)
        return {
            "clipped tail": super().isf(np.maximum(q, 1e-9)),
            "short tail": np.where(q < 1e-4, 0.98, 1.0) * super().isf(q),
            "scalar": float(np.max(super().isf(q))),
            "narrow": 0.99 * super().isf(q),
        }.get(self.fault, super().isf(q))

    @property
    def std(self):
        return {"nan std": math.nan, "other std": 1.0, "no std": math.inf}.get(self.fault, super().std)

    @property
    def geometric_power(self):
        return 1.0 if self.fault == "other power" else super().geometric_power


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("unnormalised", "its density holds"),
        ("lopsided", "asymmetric"),
        ("two modes", "rises away from zero"),
        ("nan", "density at 0 is nan"),
        ("float32", "returns float32"),
        ("one-sided", "asymmetric"),
        ("clipped tail", "its density holds"),
        ("short tail", "its density holds"),
        ("scalar", "of shape"),
        ("narrow", "its density holds|while isf"),
        ("nan std", "its std is nan; inf stands"),
        ("other std", "its std is 1, and by its density that should be 1.57"),
        ("no std", "its std is inf, and by its density that should be 1.57"),
        ("other power", "geometric_power is 1, and by its density that should be 0.71777"),
    ],
)
def test_an_object_that_contradicts_itself_is_refused(fault, told):
    with pytest.raises(UsageError, match=told):
        as_distribution(Wrong(fault=fault))


def test_an_object_that_agrees_with_itself_is_taken_as_it_is():
    law = Wrong()
    assert as_distribution(law) is law
    assert as_distribution(Wrong()) == law


def test_a_law_that_has_no_hash_is_refused():
    class Unhashable(HyperbolicSecant):
        __hash__ = None

    with pytest.raises(UsageError, match="frozen dataclass"):
        as_distribution(Unhashable())


@pytest.mark.parametrize(
    "noise",
    [stats.t(3), stats.cauchy(), HyperbolicSecant(width=2.0), "alpha-stable:alpha=1.5"],
    ids=["t", "cauchy", "own", "alpha-stable"],
)
def test_a_law_of_ones_own_serves_every_domain(noise):
    infinite = math.isinf(as_distribution(noise).std)
    for dtype in (np.uint8, np.float32):
        image = np.full((64, 64, 3), 0.5 * (255 if dtype == np.uint8 else 1)).astype(dtype)
        noisy = images.add_noise(image, noise, scale=0.02, rng=1)
        assert noisy.dtype == dtype
        assert 0.005 < np.median(np.abs(noisy.astype(float) - image)) / (255 if dtype == np.uint8 else 1) < 0.08
    tone = np.sin(np.arange(16_000) / 9).astype(np.float32)
    noisy, info = audio.add_noise_with_info(tone, noise, snr_db=10, rng=1)
    assert noisy.shape == tone.shape
    if not infinite:
        assert info["achieved"]["snr_db"] == pytest.approx(10, abs=0.1)
    values = series.add_noise(np.zeros(5000), noise, scale=3.0, rng=1)
    spread = 3 * float(as_distribution(noise).isf(np.array(0.25)))
    assert np.median(np.abs(values)) == pytest.approx(spread, rel=0.1)


def test_the_same_seed_gives_the_same_noise_to_a_law_from_another_process():
    image = np.full((32, 32), 128, np.uint8)
    law = as_distribution(stats.hypsecant())
    assert isinstance(law, ScipyLaw)
    travelled = pickle.loads(pickle.dumps(law))  # noqa: S301
    first, second = (images.add_noise(image, noise, std=0.1, rng=5) for noise in (stats.hypsecant(), travelled))
    assert np.array_equal(first, second)
