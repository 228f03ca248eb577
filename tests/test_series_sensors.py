"""Sensor models against the lines of their Allan deviations, structure functions and autocorrelations.

Each figure is a mean over columns, which are independent, and is compared with its theory in standard errors taken from
the columns themselves: a right model fails one check of five of them in about 1.7 million runs. Seeds are fixed.
"""

import allantools
import numpy as np
import pytest

from augkit.series import add_sensor_errors
from augkit.series.sensors import processes
from augkit.series.sensors.decay import Decays, lost, twice

COLUMNS = 96
SIGMAS = 5
FLOOR = np.sqrt(2 * np.log(2) / np.pi)


def errors(rows, *, columns=COLUMNS, seed=1, **terms):
    return add_sensor_errors(np.zeros((rows, columns)), rng=seed, **terms)


def off(per_column, expected):
    """Return how many standard errors the mean over columns lies from what is expected, along the last axis."""
    found = np.asarray(per_column)
    return (found.mean(0) - expected) / (found.std(0, ddof=1) / np.sqrt(len(found)))


def allan_variances(values, rate, factors):
    """Return the Allan variance of each column at averaging factors, shape (columns, factors), by allantools."""
    taus = np.array(factors) / rate
    return np.array([allantools.oadev(column, rate, "freq", taus)[1] ** 2 for column in values.T])


def irregular(rows, seed=5):
    """Return times whose intervals go from a tenth to several times their usual 0.02 s, and some gaps."""
    rng = np.random.default_rng(seed)
    steps = 0.02 * rng.gamma(2.0, 0.5, rows)
    steps[rng.random(rows) < 0.002] += 2.0
    return 1.7e4 + np.cumsum(steps)


FACTORS = (1, 2, 8, 32, 128)


@pytest.mark.parametrize("rate", [0.5, 100.0, 8000.0])
@pytest.mark.parametrize(
    ("terms", "line"),
    [
        ({"white_noise": 0.3}, lambda tau, m: 0.09 / tau),
        ({"white_noise": 0.3, "convention": "one-sided"}, lambda tau, m: 0.09 / 2 / tau),
        # of sampled values, the line K sqrt(tau / 3) is K sqrt(tau / 3 * (1 + 1 / (2 m**2)))
        ({"random_walk": 0.3}, lambda tau, m: 0.09 * tau / 3 * (1 + 1 / (2 * m**2))),
        ({"quantization": 0.3}, lambda tau, m: 3 * 0.09 / tau**2),
    ],
    ids=["white", "one-sided", "walk", "quantization"],
)
def test_allan_deviation_follows_its_line(terms, line, rate):
    check_line(errors(2048, samplerate=rate, **terms), rate, line)


def check_line(values, rate, line):
    """Fail unless the Allan variances at all factors lie on a line, besides chance."""
    m = np.array(FACTORS)
    assert np.abs(off(allan_variances(values, rate, FACTORS), line(m / rate, m))).max() < SIGMAS


@pytest.mark.parametrize(
    ("terms", "rate", "line"),
    [
        ({"white_noise": 0.3, "convention": "one-sided"}, 100.0, lambda tau, m: 0.09 / tau),  # taken as two-sided
        ({"white_noise": 0.03}, 100.0, lambda tau, m: 0.09 * np.ones(len(m))),  # the rate forgotten
        ({"white_noise": 0.3}, 8000.0, lambda tau, m: 0.09 * 0.96 / tau),  # 2 % too strong
        ({"random_walk": 0.3}, 0.5, lambda tau, m: 0.09 * tau / 3),  # white noise among it
        ({"random_walk": 0.3}, 100.0, lambda tau, m: 0.09 * tau / 3 * 10),  # steps of K dt
        ({"quantization": 0.3}, 100.0, lambda tau, m: 3 * 0.09 / tau),
    ],
)
def test_lines_that_are_wrong_are_caught(terms, rate, line):
    with pytest.raises(AssertionError):
        check_line(errors(2048, samplerate=rate, **terms), rate, line)


@pytest.mark.parametrize("rate", [0.5, 100.0, 8000.0])
@pytest.mark.parametrize(("terms", "floor"), [({}, 0.3 * FLOOR), ({"bias_instability_as": "floor"}, 0.3)])
def test_flicker_has_its_floor(rate, terms, floor):
    check_floor(errors(4096, samplerate=rate, bias_instability=0.3, **terms), rate, floor)


@pytest.mark.parametrize(
    "terms",
    [
        {"bias_instability": 0.3, "bias_instability_as": "floor"},  # a floor taken for B
        {"bias_instability": 0.27},
        {"white_noise": 0.08},
        {"random_walk": 0.02},
        {"gauss_markov": [{"sigma": 0.33, "tau": 0.6}]},  # one process is no flicker
    ],
)
def test_floors_that_are_wrong_are_caught(terms):
    with pytest.raises(AssertionError):
        check_floor(errors(4096, samplerate=100.0, **terms), 100.0, 0.3 * FLOOR)


def check_floor(values, rate, floor):
    """Fail unless the Allan deviation is flat, besides chance and the ripple of the model."""
    factors = (8, 16, 32, 64, 128, 256)
    found = allan_variances(values, rate, factors)
    # the model itself is within 2 % of its floor from 8 samples up, 4 % of the variance
    apart = off(found, floor**2)
    slack = 0.04 * floor**2 / (found.std(0, ddof=1) / np.sqrt(COLUMNS))
    assert (np.abs(apart) < SIGMAS + slack).all()
    assert np.abs(found.mean() / floor**2 - 1) < 0.05


def test_density_of_flicker_is_one_over_f():
    """Within 0.4 dB in each octave from 4 periods in the length to the Nyquist frequency, besides chance."""
    rows, rate = 2**13, 50.0
    values = errors(rows, samplerate=rate, bias_instability=2.0)
    power = np.abs(np.fft.rfft(values * np.hanning(rows)[:, None], axis=0)) ** 2 / (rows * 0.375 * rate)
    frequency = np.fft.rfftfreq(rows, 1 / rate)
    for octave in range(3, 13):
        band = slice(2 ** (octave - 1), 2**octave)
        ratio = (power[band] * (2 * np.pi * frequency[band, None]) / 4).mean(0)
        slack = (10**0.04 - 1) / (ratio.std(ddof=1) / np.sqrt(COLUMNS))
        assert abs(off(ratio, 1.0)) < SIGMAS + slack


def structure(values, lag):
    return (values[lag:] - values[:-lag]) ** 2


def check_walk(values, times, coefficient):
    """Fail for what is no random walk of K at these times: the mean square over K**2 (t2 - t1) is 1 at any lag."""
    for lag in (1, 3, 50, 700):
        apart = times[lag:] - times[:-lag]
        ratios = (structure(values, lag) / (coefficient**2 * apart)[:, None]).mean(0)
        assert abs(off(ratios, 1.0)) < SIGMAS
    for low, high in ((0.0, 0.01), (0.01, 0.03), (0.03, 1.0), (1.0, 9.0)):  # each interval by itself
        near = (np.diff(times) >= low) & (np.diff(times) < high)
        ratios = (structure(values, 1) / (coefficient**2 * np.diff(times))[:, None])[near].mean(0)
        assert abs(off(ratios, 1.0)) < SIGMAS


def test_walk_at_irregular_intervals():
    times = irregular(4000)
    values = errors(4000, times=times, random_walk=0.7)
    assert (values[0] == 0).all()
    check_walk(values, times, 0.7)


def test_walk_from_times_that_are_even_is_the_walk_of_the_rate():
    values = errors(4000, samplerate=50, random_walk=0.7)
    times = np.arange(4000) / 50
    for lag in (1, 3, 50, 700):
        assert abs(off(structure(values, lag).mean(0) / (0.49 * lag / 50), 1.0)) < SIGMAS
    assert np.allclose(values, errors(4000, times=times, random_walk=0.7), rtol=1e-9)


@pytest.mark.parametrize("plant", ["no root", "usual interval", "reset at a border", "drifting scale"])
def test_planted_faults_of_the_walk_are_caught(plant):
    times, rng = irregular(4000), np.random.default_rng(3)
    dt = np.diff(times, prepend=times[0])
    steps = {"no root": dt / np.sqrt(np.median(dt)), "usual interval": np.full(4000, np.sqrt(np.median(dt)))}
    walked = np.cumsum(rng.normal(0, 0.7, (4000, COLUMNS)) * steps.get(plant, np.sqrt(dt))[:, None], axis=0)
    if plant == "reset at a border":
        walked -= np.repeat(walked[::1024], 1024, axis=0)[:4000]
    if plant == "drifting scale":
        walked *= 1.05
    with pytest.raises(AssertionError):
        check_walk(walked, times, 0.7)


def test_a_walk_that_forgets_its_state_is_caught(monkeypatch):
    right = processes.Walk.next

    def forgetful(self, steps):
        self.carried = 0.0
        return right(self, steps)

    monkeypatch.setattr(processes.Walk, "next", forgetful)
    monkeypatch.setattr("augkit.series.memory.BLOCK", 1024)
    times = irregular(4000)
    with pytest.raises(AssertionError):
        check_walk(errors(4000, times=times, random_walk=0.7), times, 0.7)


@pytest.mark.parametrize("tau", [0.004, 0.3, 40.0])
@pytest.mark.parametrize("regular", [True, False])
def test_gauss_markov_has_its_variance_and_autocorrelation(tau, regular):
    times = np.arange(3000) * 0.02 if regular else irregular(3000)
    given = {"samplerate": 50} if regular else {"times": times}
    check_markov(errors(3000, gauss_markov=[{"sigma": 1.5, "tau": tau}], columns=4 * COLUMNS, **given), times, tau)


@pytest.mark.parametrize("plant", ["begins small", "q of steps", "usual interval", "half of tau", "Euler's step"])
def test_planted_faults_of_gauss_markov_are_caught(plant):
    times, rng, tau = irregular(3000), np.random.default_rng(3), 0.05
    dt = np.diff(times, prepend=times[0])
    steps = np.full(3000, np.median(dt)) if plant == "usual interval" else dt
    phi = np.exp(-steps / (tau / 2 if plant == "half of tau" else tau))
    phi = np.maximum(1 - dt / tau, 0) if plant == "Euler's step" else phi
    q = 1.5 * (np.sqrt(2 * dt / tau) if plant == "q of steps" else np.sqrt(1 - phi**2))
    new = rng.normal(0, 1, (3000, 4 * COLUMNS))
    values = np.zeros((3000, 4 * COLUMNS))
    values[0] = (0.3 if plant == "begins small" else 1.5) * new[0]
    for row in range(1, 3000):
        values[row] = phi[row] * values[row - 1] + q[row] * new[row]
    with pytest.raises(AssertionError):
        check_markov(values, times, tau)


def check_markov(values, times, tau):
    """Fail for what is no Gauss-Markov process of sigma 1.5 at these times."""
    for row in (0, 1, 10, 2999):  # stationary from the first row on
        assert abs(off(values[row] ** 2, 2.25)) < SIGMAS
    assert abs(off((values**2).mean(0), 2.25)) < SIGMAS
    for lag in (1, 5, 60):
        expected = np.exp(-(times[lag:] - times[:-lag]) / tau)
        products = (values[lag:] * values[:-lag] / 2.25 - expected[:, None]).mean(0)
        assert abs(off(products, 0.0)) < SIGMAS


def test_flicker_at_irregular_intervals_has_the_structure_function_of_one_over_f():
    """It rises by (2 B**2 / pi) log(ratio) from one time apart to ratio times that, 3 % for the model's ripple."""
    times = irregular(6000, seed=8)
    values = errors(6000, times=times, bias_instability=1.0, columns=4 * COLUMNS)
    apart, found = [], []
    for lag in (20, 160, 1280):
        gaps = times[lag:] - times[:-lag]
        apart.append(np.exp(np.mean(np.log(gaps))))
        found.append(structure(values, lag).mean(0))
    for (near, far), (first, last) in (((0, 1), (0, 1)), ((1, 2), (1, 2))):
        expected = 2 / np.pi * np.log(apart[far] / apart[near])
        rise = found[last] - found[first]
        slack = 0.03 * expected / (rise.std(ddof=1) / np.sqrt(len(rise)))
        assert abs(off(rise, expected)) < SIGMAS + slack


def test_white_noise_takes_its_bandwidth_from_the_usual_interval():
    times = irregular(4000)
    usual = np.median(np.diff(times))
    values = errors(4000, times=times, white_noise=0.3)
    assert abs(off((values**2).mean(0), 0.09 / usual)) < SIGMAS
    assert abs(off((values[1:] * values[:-1]).mean(0), 0.0)) < SIGMAS
    given = errors(4000, times=times, samplerate=400, white_noise=0.3)
    assert abs(off((given**2).mean(0), 0.09 * 400)) < SIGMAS


def test_what_is_drawn_once():
    values = errors(50, samplerate=1, turn_on_bias=3.0, columns=2000)
    assert (values == values[0]).all()
    assert abs(off(values[0] ** 2, 9.0)) < SIGMAS
    clean = np.random.default_rng(1).normal(5, 1, (50, 2000))
    shares = add_sensor_errors(clean, samplerate=1, scale_factor="2 %", rng=3) / clean - 1
    assert np.allclose(shares, shares[0], atol=1e-12)
    assert abs(off(shares[0] ** 2, 0.0004)) < SIGMAS


def test_a_ramp_rises_by_the_second():
    times = irregular(300)
    assert np.allclose(errors(300, times=times, ramp=-2.0, columns=1)[:, 0], -2 * (times - times[0]), rtol=1e-6)


ALL = {
    "white_noise": 0.1,
    "random_walk": 0.2,
    "bias_instability": 0.3,
    "gauss_markov": [{"sigma": 1.0, "tau": 0.5}, {"sigma": 0.5, "tau": 20.0}],
    "quantization": 0.001,
    "ramp": 0.01,
    "turn_on_bias": 1.0,
    "scale_factor": 0.01,
}


@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("block", [1, 63, 65, 1000])
def test_blocks_do_not_matter(monkeypatch, regular, block):
    rows = 1500 if block > 1 else 150
    given = {"samplerate": 50} if regular else {"times": irregular(rows)}
    clean = np.random.default_rng(2).normal(0, 1, (rows, 2))
    clean[70:75, 0] = np.nan
    whole = add_sensor_errors(clean, rng=4, **ALL, **given)
    assert np.array_equal(np.isnan(whole), np.isnan(clean))
    monkeypatch.setattr("augkit.series.memory.BLOCK", block)
    assert np.array_equal(add_sensor_errors(clean, rng=4, **ALL, **given), whole, equal_nan=True)


def test_other_columns_and_other_errors_do_not_matter():
    both = errors(500, columns=3, samplerate=10, **ALL)
    assert np.array_equal(both[:, :1], errors(500, columns=1, samplerate=10, **ALL))
    parts = sum(errors(500, columns=3, samplerate=10, **{name: term}) for name, term in ALL.items())
    assert np.allclose(parts, both)
    correlation = np.corrcoef(errors(20_000, columns=2, samplerate=10, white_noise=1.0).T)[0, 1]
    assert abs(correlation) < SIGMAS / np.sqrt(20_000)


def test_groups_have_errors_and_clocks_of_their_own():
    groups = np.array(["a", "b"])[np.random.default_rng(1).integers(0, 2, 4000)]
    times = np.empty(4000)
    for name in "ab":
        times[groups == name] = irregular((groups == name).sum(), seed=ord(name))
    values = errors(4000, times=times, group_by=groups, random_walk=0.5)
    for name in "ab":
        own = groups == name
        assert (values[own][0] == 0).all()
        ratios = structure(values[own], 20).mean(0) / (0.25 * (times[own][20:] - times[own][:-20]).mean())
        assert abs(off(ratios, 1.0)) < SIGMAS
    assert not np.allclose(values[groups == "a"][:500], values[groups == "b"][:500])


def test_decays_are_those_of_the_plain_recursion():
    rng = np.random.default_rng(1)
    keep, new = rng.random((3, 1000)), rng.normal(size=(3, 1000))
    keep[:, 500] = 0
    expected = np.empty_like(new)
    value = np.zeros(3)
    for row in range(1000):
        value = keep[:, row] * value + new[:, row]
        expected[:, row] = value
    Decays(3).run(keep, new)
    assert np.allclose(new, expected, rtol=1e-12, atol=1e-12)


def test_what_a_decay_loses_is_exact():
    x = np.concatenate([np.geomspace(1e-300, 1, 5000), np.linspace(1, 80, 5000)])
    assert np.abs(lost(x) / -np.expm1(-x) - 1).max() < 1e-15
    assert np.abs(twice(lost(x)) / -np.expm1(-2 * x) - 1).max() < 2e-15
    assert lost(np.array([0.0, 64.0, 1e300])).tolist() == [0.0, 1.0, 1.0]
