"""Between sensor and file: correlated and multiplicative noise, heavy tails, colours, and the converter."""

import math

import numpy as np
import pytest
from scipy import stats

from augkit.errors import InputError, UsageError
from augkit.noise.distributions import as_distribution
from augkit.series import add_noise, add_noise_with_info, add_sensor_errors
from augkit.series.converter import Converter, as_converter
from tests.truth import allowed_distance, distance

ROWS = 40_000
SIGMAS = 5
"""Standard errors of a figure that a right one exceeds once in about 1.7 million runs; seeds are fixed."""


def noise(columns=3, rows=ROWS, level=1.0, law="gaussian", seed=11, **given):
    return add_noise(np.zeros((rows, columns)), law, scale=level, rng=seed, **given)


MATRIX = ((1.0, 0.8, -0.3), (0.8, 1.0, 0.1), (-0.3, 0.1, 1.0))


@pytest.mark.parametrize("channels", [0.0, 0.6, 1.0, -0.4, MATRIX, "shared"])
@pytest.mark.parametrize("law", ["gaussian", "laplace"])
def test_covariance_is_as_asked(channels, law):
    """Sample correlations have a standard error of at most sqrt(1 + kurtosis / 2) / sqrt(rows)."""
    check_covariance(noise(channels=channels, law=law) / (1 if law == "gaussian" else math.sqrt(2)), channels, law)


@pytest.mark.parametrize("plant", ["weights of rho", "one sign", "columns swapped", "not scaled"])
def test_planted_faults_of_covariance_are_caught(plant):
    z = np.random.default_rng(2).normal(0, 1, (ROWS, 3))
    lower = np.linalg.cholesky(np.array(MATRIX))
    made = {
        "weights of rho": 0.6 * z[:, :1] + 0.4 * z,
        "one sign": z @ np.abs(lower).T,
        "columns swapped": (z @ lower.T)[:, [1, 0, 2]],
        "not scaled": 1.05 * z @ lower.T,
    }[plant]
    check_covariance(z @ lower.T, MATRIX, "gaussian")
    with pytest.raises(AssertionError):
        check_covariance(made, 0.6 if plant == "weights of rho" else MATRIX, "gaussian")


def check_covariance(made, channels, law):
    """Fail unless noise of unit variance has the correlations that were asked for."""
    found = made.T @ made / ROWS
    rho = 1.0 if channels == "shared" else channels
    expected = np.array(rho) if isinstance(rho, tuple) else np.full((3, 3), rho) + (1 - rho) * np.eye(3)
    slack = SIGMAS * math.sqrt(2 if law == "gaussian" else 5) / math.sqrt(ROWS)
    assert np.abs(found - expected).max() < slack


def test_covariance_with_levels_of_the_columns():
    clean = np.random.default_rng(1).normal(0, [1, 10, 100], (ROWS, 3))
    made = add_noise(clean, std="0.5sd", channels=0.7, rng=3) - clean
    expected = 0.25 * np.outer(clean.std(0), clean.std(0)) * (0.7 + 0.3 * np.eye(3))
    assert np.abs(np.cov(made.T) / expected - 1).max() < SIGMAS * 2 / math.sqrt(ROWS)


def tyler(values):
    """Return Tyler's scatter matrix, which needs no moments, scaled to a trace of its size."""
    scatter = np.eye(values.shape[1])
    for _ in range(100):
        weights = 1 / np.einsum("ij,jk,ik->i", values, np.linalg.inv(scatter), values)
        scatter = values.shape[1] * (values.T * weights) @ values / len(values)
        scatter *= values.shape[1] / np.trace(scatter)
    return scatter


@pytest.mark.parametrize("channels", [0.6, -0.4, MATRIX])
@pytest.mark.parametrize("law", ["student-t:df=1.5", "cauchy", "alpha-stable:alpha=1.5"])
def test_scatter_of_laws_without_variance_is_as_asked(channels, law):
    """Every column has the law itself (Kolmogorov, once in a million seeds); Tyler's matrix is the one asked for."""
    made = noise(channels=channels, law=law)
    expected = np.array(channels) if isinstance(channels, tuple) else channels + (1 - channels) * np.eye(3)
    found = tyler(made)
    found /= np.sqrt(np.outer(np.diag(found), np.diag(found)))
    # its standard error is at most sqrt(1 + 2 / columns) of that of a Gaussian's correlation (Tyler 1987)
    assert np.abs(found - expected).max() < SIGMAS * math.sqrt(5 / 3) / math.sqrt(ROWS)
    cdf = as_distribution(law).cdf
    for column in made.T:
        assert distance(column, cdf) < allowed_distance(ROWS)


def test_coloured_noise_without_variance_has_no_correlation():
    with pytest.raises(UsageError, match="no variance to correlate"):
        noise(channels=0.5, law="cauchy", color="pink")


def test_one_correlation_does_not_depend_on_the_other_columns():
    both = noise(columns=3, channels=0.6)
    assert np.array_equal(noise(columns=1, channels=0.6), both[:, :1])
    table = np.zeros((ROWS, 3))
    assert np.array_equal(add_noise(table, scale=1, rng=11, channels=0.6, columns=["1"])[:, 1], both[:, 1])


@pytest.mark.parametrize("channels", [((1.0, 0.5), (0.5, 1.0)), -0.9])
def test_correlations_that_no_noise_has_are_refused(channels):
    with pytest.raises(UsageError, match="channels"):
        noise(channels=channels)


@pytest.mark.parametrize("law", ["student-t:df=3", "cauchy", "alpha-stable:alpha=1.5", "laplace"])
def test_heavy_tails_have_the_quantiles_of_their_law(law):
    """Kolmogorov's distance, which a right sampler exceeds once in a million seeds, and the tails by themselves."""
    check_tails(noise(columns=1, law=law, rows=200_000)[:, 0], law)


@pytest.mark.parametrize("plant", ["student-t:df=3.3", "gaussian", "clipped", "scaled to the variance"])
def test_planted_faults_of_tails_are_caught(plant):
    law = "gaussian" if plant == "gaussian" else "student-t:df=3.3" if "3.3" in plant else "student-t:df=3"
    made = noise(columns=1, law=law, rows=200_000)[:, 0]
    if plant == "clipped":
        made = np.clip(made, -10, 10)  # beyond which 0.2 % lie
    if plant == "scaled to the variance":
        made = made / math.sqrt(3)
    with pytest.raises(AssertionError):
        check_tails(made, "student-t:df=3")


def check_tails(made, law):
    """Fail unless noise of scale 1 has the distribution of a law, tails and all."""
    reference = {
        "student-t:df=3": stats.t(3),
        "cauchy": stats.cauchy,
        "alpha-stable:alpha=1.5": stats.levy_stable(1.5, 0),
        "laplace": stats.laplace,
    }[law]
    if "stable" not in law:
        assert distance(made, reference.cdf) < allowed_distance(len(made))
    for share in (0.01, 0.001):
        beyond = float(reference.isf(share / 2))
        count = np.count_nonzero(np.abs(made) > beyond)
        assert abs(count - share * len(made)) < SIGMAS * math.sqrt(share * len(made))


@pytest.mark.parametrize(("color", "lags"), [("ar:0.9", [0.9, 0.81, 0.9**10]), ("ar:-0.5", [-0.5, 0.25, 0.5**10])])
def test_autoregressive_noise_keeps_its_std(color, lags):
    check_lags(noise(columns=64, rows=4000, color=color), lags)
    with pytest.raises(AssertionError):  # not brought back to a power of 1
        check_lags(noise(columns=64, rows=4000, color=color) / math.sqrt(1 - lags[0] ** 2), lags)
    with pytest.raises(AssertionError):  # another process
        check_lags(noise(columns=64, rows=4000, color=f"ar:{lags[0] * 0.95}"), lags)


def check_lags(made, lags):
    """Fail unless noise of unit power has these autocorrelations at lags 1, 2 and 10."""
    spread = (made**2).mean(0)
    assert abs(spread.mean() - 1) < SIGMAS * spread.std(ddof=1) / 8
    for lag, expected in zip((1, 2, 10), lags, strict=True):
        products = (made[lag:] * made[:-lag]).mean(0)
        assert abs(products.mean() - expected) < SIGMAS * products.std(ddof=1) / 8


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "i8"])
def test_multiplicative_noise_is_a_share_of_each_value(dtype):
    clean = np.repeat([0, 100, -2000, 30_000], ROWS // 4).astype(dtype)
    made = add_noise(clean, std=0.05, multiplicative=True, rng=2)
    assert made.dtype == clean.dtype
    for value, part in zip((0, 100, -2000, 30_000), np.split(made.astype(float), 4), strict=True):
        rounding = 1 / 12 if dtype[0] == "i" and value else 0
        expected = math.sqrt((0.05 * value) ** 2 + rounding)
        assert np.std(part) == pytest.approx(expected, rel=SIGMAS / math.sqrt(2 * len(part)))


@pytest.mark.parametrize("level", [{"std": "0.1sd"}, {"snr_db": 10}, {"scale": 0.1, "relative_to": "mad"}])
def test_multiplicative_noise_has_a_plain_level(level):
    with pytest.raises(UsageError, match="multiplicative"):
        add_noise(np.ones(9), multiplicative=True, **level)


# -- converter ------------------------------------------------------------------------------------------------------


def check_converted(made, clean, noise_added, *, low, high, step):
    """Fail unless each value is the clean one with its noise, clipped, then rounded to the codes from the low end."""
    codes = np.minimum(
        np.rint((np.clip(clean + noise_added, low, high) - low) / step), np.floor((high - low) / step + 1e-6)
    )
    assert np.allclose(made, low + codes * step, atol=1e-9)
    assert made.min() >= low - 1e-9
    assert made.max() <= high + 1e-9


RANGE = {"low": -1.0, "high": 2.05, "step": 0.1}


def converter_case():
    clean = np.random.default_rng(1).uniform(-1.5, 2.5, 5000)
    return clean, add_noise(clean, std=0.3, rng=1) - clean


def test_noise_then_clip_then_round():
    clean, added = converter_case()
    made = add_noise(clean, std=0.3, rng=1, range="-1..2.05", step=0.1)
    check_converted(made, clean, added, **RANGE)
    assert made.max() == pytest.approx(2.0)  # the last code within a range that is no whole number of steps


@pytest.mark.parametrize("plant", ["clip after round", "round before noise", "clip before noise", "truncated"])
def test_planted_faults_of_the_converter_are_caught(plant):
    clean, added = converter_case()
    to_step = lambda values: -1 + np.rint((values + 1) / 0.1) * 0.1  # noqa: E731
    made = {
        "clip after round": lambda: np.clip(to_step(clean + added), -1, 2.05),
        "round before noise": lambda: np.clip(to_step(clean) + added, -1, 2.0),
        "clip before noise": lambda: to_step(np.clip(clean, -1, 2.0) + added),
        "truncated": lambda: -1 + np.floor((np.clip(clean + added, -1, 2.0) + 1) / 0.1) * 0.1,
    }[plant]()
    with pytest.raises(AssertionError):
        check_converted(made, clean, added, **RANGE)


def test_the_order_in_a_converter_itself(monkeypatch):
    """Rounding first, and clipping what came of it, does not pass for the converter."""

    def wrong(self, values):
        return np.clip(self.low + np.rint((values - self.low) / self.step) * self.step, self.low, self.high)

    monkeypatch.setattr(Converter, "convert", wrong)
    clean, added = converter_case()
    with pytest.raises(AssertionError):
        check_converted(add_noise(clean, std=0.3, rng=1, range="-1..2.05", step=0.1), clean, added, **RANGE)


def test_a_step_without_a_range_counts_from_zero_and_keeps_gaps():
    clean = np.array([0.26, -0.26, np.nan, np.inf, 1e6])
    made = add_noise(clean, std=0, rng=1, step=0.5)
    assert np.array_equal(made, [0.5, -0.5, np.nan, np.inf, 1e6], equal_nan=True)


def test_integers_go_through_a_converter_without_being_rounded_twice():
    clean = np.zeros(20_000, "i2")
    made = add_noise(clean, std=2.0, rng=1, step=4)
    shares = [np.mean(made == code) for code in (-4, 0, 4)]
    expected = stats.norm(0, 2).cdf([-2, 2, 6]) - stats.norm(0, 2).cdf([-6, -2, 2])
    assert np.allclose(shares, expected, atol=SIGMAS * 0.5 / math.sqrt(20_000))
    assert set(np.unique(made)) <= set(range(-32, 33, 4))


def test_wide_integers_and_converters():
    assert add_noise(np.array([2**40 + 1]), std=0, rng=1, step=2)[0] in (2**40, 2**40 + 2)
    with pytest.raises(InputError, match=r"beyond 2\*\*53"):
        add_noise(np.array([2**60 + 1]), std=0, rng=1, step=2)


def test_sensor_errors_go_through_the_converter():
    made = add_sensor_errors(np.zeros(500), samplerate=1, white_noise=1.0, range=(-1, 1), step=0.25, rng=1)
    assert set(np.unique(made)) == set(np.arange(-1, 1.01, 0.25))


@pytest.mark.parametrize(
    ("range_", "step", "message"),
    [("1..0", None, "range=1..0"), ("1", None, "range=1"), ((0, math.inf), None, "range"), ("a..b", None, "range=a..b"),
     (None, 0, "step=0"), (None, "x", "step=x"), ("0..1", 2, "wider than the range")],
)  # fmt: skip
def test_converters_that_mean_nothing_are_refused(range_, step, message):
    with pytest.raises(UsageError, match=message):
        as_converter(range_, step)


@pytest.mark.parametrize(
    "given", [{"color": "pink"}, {"channels": 0.5}, {"channels": MATRIX}, {"law": "cauchy", "channels": 0.5}]
)
@pytest.mark.parametrize("extra", [{}, {"multiplicative": True}, {"step": 0.5}])
def test_blocks_do_not_matter(monkeypatch, given, extra):
    clean = np.random.default_rng(1).normal(5, 2, (3000, 3))
    given = dict(given)
    law = given.pop("law", "gaussian")
    whole = add_noise(clean, law, scale=0.3, rng=8, **given, **extra)
    monkeypatch.setattr("augkit.series.memory.BLOCK", 700)
    assert np.array_equal(add_noise(clean, law, scale=0.3, rng=8, **given, **extra), whole)


def test_groups_have_their_own_scale_and_noise():
    groups = np.random.default_rng(1).integers(0, 3, ROWS)
    clean = np.random.default_rng(2).normal(0, 1, ROWS) * np.array([1, 10, 100])[groups]
    made, info = add_noise_with_info(clean, std="0.2sd", group_by=groups, rng=5)
    check_groups(made, clean, groups)
    with pytest.raises(AssertionError):  # one scale for all
        check_groups(add_noise(clean, std="0.2sd", rng=5), clean, groups)
    with pytest.raises(AssertionError):  # one noise for all
        drawn = np.random.default_rng(3).normal(0, 0.2, np.bincount(groups).max())
        check_groups(
            clean + sum((groups == g) * drawn[np.cumsum(groups == g) - 1] * clean[groups == g].std() for g in range(3)),
            clean,
            groups,
        )
    assert info["std"] > 0
    # a group's noise is its own, wherever its rows stand
    order = np.argsort(groups, kind="stable")
    assert np.array_equal(add_noise(clean[order], std="0.2sd", group_by=groups[order], rng=5), made[order])


def check_groups(made, clean, groups):
    """Fail unless each group has noise of a fifth of its own spread, which no other group has."""
    noises = [(made - clean)[groups == group] / clean[groups == group].std() for group in range(3)]
    for own in noises:
        assert np.std(own) == pytest.approx(0.2, rel=SIGMAS / math.sqrt(2 * own.size))
    rows = min(map(len, noises))
    correlations = np.corrcoef([own[:rows] for own in noises])
    assert np.abs(correlations - np.eye(3)).max() < SIGMAS / math.sqrt(rows)


@pytest.mark.parametrize("given", [{}, {"channels": 0.5}, {"step": 0.5}, {"color": "pink"}, {"multiplicative": True}])
def test_threads_do_not_matter(given):
    clean = np.random.default_rng(1).normal(5, 2, 200_003)
    whole = add_noise(clean, std=0.3, rng=8, **given)
    assert np.array_equal(add_noise(clean, std=0.3, rng=8, threads=3, **given), whole)
    table = clean[:200_000].reshape(-1, 2)
    heavy = add_noise(table, "cauchy", scale=1, channels=0.5, rng=2)
    assert np.array_equal(add_noise(table, "cauchy", scale=1, channels=0.5, rng=2, threads=3), heavy)
    items = [clean[:5000], clean[:70_000].reshape(-1, 2)]
    alone, several = add_noise(items, std=0.3, rng=8, **given), add_noise(items, std=0.3, rng=8, threads=2, **given)
    assert all(np.array_equal(one, other) for one, other in zip(alone, several, strict=True))
