"""Poisson counts of any mean: the tables they are put together from, and the counts themselves."""

import numpy as np
import pytest
from scipy import stats

from augkit.dependent import Sensor, Shot, Speckle, perturb_by_value
from augkit.noise.distributions import Cauchy, Gaussian
from augkit.noise.keys import BLOCK, Key
from augkit.noise.poisson import fill_poisson
from augkit.noise.poisson_tables import DIGITS, ESCAPE, count_table
from augkit.noise.powers import log
from augkit.signal import Signal
from tests.truth import ALPHA, allowed_distance, chi_square_p, distance, draws_needed, score_fits

KEY = Key(77)
TABLES = [(1.0, 12), (1 / DIGITS, 10), (float(DIGITS), 12)]
MEANS = (
    *(1e-6, 1e-3, 1 / 256, 0.0078, 0.3, 0.7, 1.0, 3.9, 9.99, 10.0, 37.2, 128.5, 255.999, 256.0, 511.7, 1000.0),
    *(4095.5, 16_384.0, 65_279.3, 65_535.9, 65_536.0, 1e6, 3.3e9, 1e12),
)


def drawn(mean, n=300_000, key=KEY):
    out = np.empty(n)
    fill_poisson(out, np.full(n, float(mean)), key)
    return out


def law_of(mean):
    """The law by scipy; by the normal one where scipy has no digits left, and nothing could tell the two apart."""
    return stats.poisson(mean) if mean < 1e11 else stats.norm(mean, np.sqrt(mean))


def cells(mean, more=1.0):
    """The last count of each cell, and P(cell) for a mean that is `more` times as large."""
    law = law_of(mean)
    low, high = law.ppf(1e-6), law.isf(1e-6)
    last = np.unique(np.floor(np.linspace(low, high, 80)))
    wrong = law_of(mean * more)
    return last, np.diff(np.concatenate([[0.0], wrong.cdf(last), [1.0]]))


@pytest.mark.parametrize("mean", MEANS)
def test_counts_follow_their_law(mean):
    """Chi-square, and the score of a mean that is off by 2 % of its root; false fail and false pass 1e-6 each.

    Planted: that mean, a block that is used again, and a clipped tail.
    """
    off = 1 + 0.02 / np.sqrt(mean)
    last, right = cells(mean)
    wrong = cells(mean, off)[1]
    n = max(draws_needed(right, wrong), 300_000)
    out = drawn(mean, n)
    assert np.array_equal(out, np.floor(out))

    def counted(values):
        return np.bincount(np.searchsorted(last, values), minlength=len(last) + 1)

    assert chi_square_p(counted(out), right) > ALPHA
    assert score_fits(counted(out), right, wrong)
    assert not score_fits(counted(drawn(mean * off, n)), right, wrong)
    if mean > 1e-2:
        assert chi_square_p(counted(np.resize(out[: BLOCK // 8], n)), right) < ALPHA
    end = np.quantile(out, 1 - 1e-3, method="nearest")
    if np.mean(out > end) > 2e-4:
        assert chi_square_p(counted(np.minimum(out, end)), right) < ALPHA


def test_means_that_differ_from_sample_to_sample():
    """Kolmogorov's distance of randomised probability transforms; means cut to wholes or a little off are caught."""
    rng = np.random.default_rng(1)
    for highest in (0.02, 3.0, 300.0, 5e4, 1e6):
        mean = rng.uniform(0, highest, 200_000)
        out = np.empty(len(mean))
        fill_poisson(out, mean, KEY)
        off = np.floor(mean) if highest < 300 else mean - 0.05 * np.sqrt(mean)
        spot = rng.uniform(size=len(mean))
        for used, fits in ((mean, True), (off, False)):
            law = stats.poisson(used)
            uniform = law.cdf(out - 1) + spot * law.pmf(out)
            assert (distance(uniform, lambda u: u) < allowed_distance(len(mean))) == fits


@pytest.mark.parametrize(("step", "slot_bits"), TABLES)
def test_tables_hold_the_law(step, slot_bits):
    """Slots and shares of the escapes of every row, added up, are the probabilities to 1e-12."""
    table = count_table(step, slot_bits)
    slots = table.slots.reshape(DIGITS, -1).astype(int)
    for row in range(DIGITS):
        whole = slots[row, : table.first_escape[row]]
        assert (whole > ESCAPE // 2).all()
        assert (slots[row, table.first_escape[row] :] == ESCAPE).all()
        width = table.group[row] + 1
        members = (whole[:, np.newaxis] + np.arange(width) + 2**13).ravel()
        held = np.bincount(members, minlength=2**14) * (2.0**-slot_bits / width)
        escapes = (table.cumulative > row << 48) & (table.cumulative <= (row + 1) << 48)
        rest = np.diff(table.cumulative[escapes] - (row << 48), prepend=0)
        held[table.deviations[escapes].astype(int) + 2**13] += rest * 2.0**-48  # each deviation occurs once
        near = np.flatnonzero(held)
        expected = stats.poisson(row * step).pmf(near - 2**13 + int(row * step))
        np.testing.assert_allclose(held[near], expected, atol=1e-12)
        assert held.sum() == pytest.approx(1, abs=1e-12)


def test_any_piece_is_that_piece_of_the_whole():
    rng = np.random.default_rng(1)
    total = BLOCK + 5000
    mean = rng.uniform(0, 1, total) * 10.0 ** rng.integers(-3, 8, total)
    whole = np.empty(total)
    fill_poisson(whole, mean, KEY)
    for begin, end in ((0, 100), (77, BLOCK + 3), (BLOCK - 1, total), (5, 5)):
        some = np.empty(end - begin)
        fill_poisson(some, mean[begin:end], KEY, start=begin)
        assert np.array_equal(some, whole[begin:end])
    alone = np.empty(1)
    for place in rng.integers(0, total, 50):
        fill_poisson(alone, mean[place : place + 1], KEY, start=int(place))
        assert alone[0] == whole[place]


def test_no_mean_means_no_count():
    assert not drawn(0.0).any()


def test_the_logarithm_is_right_to_rounding():
    x = np.concatenate([np.geomspace(1e-300, 1e300, 1001), 1 + np.linspace(-0.5, 0.5, 1001)])
    np.testing.assert_allclose(log(x), np.log(x), rtol=1e-15, atol=3e-16)


@pytest.mark.parametrize(
    "model", [Shot(40), Sensor(3000, 20), Speckle(Gaussian(), 0.2), Speckle(Cauchy(), 0.05)], ids=repr
)
def test_small_signals_of_drawn_models_have_the_same_law(model):
    """Without a table: chi-square between the two ways, on values of the whole range."""
    clean = np.tile(np.repeat(np.array([0, 1, 40, 128, 250, 255], np.uint8), 2000), 20)
    signal = Signal(clean, 255.0, (0, 255))
    by_table = perturb_by_value(signal, model, KEY)
    by_share = perturb_by_value(signal, model, KEY.child("other"), drawn=True)
    assert by_share.dtype == np.uint8
    for value in np.unique(clean):
        one, other = (np.bincount(made[clean == value], minlength=256) for made in (by_table, by_share))
        both = one + other
        one, other = one[both > 9], other[both > 9]
        if len(one) > 1:
            assert stats.chi2_contingency([one, other])[1] > ALPHA


def test_large_signals_have_their_table():
    clean = np.full((600, 600), 90, np.uint8)
    signal = Signal(clean.reshape(-1), 255.0, (0, 255))
    assert np.array_equal(perturb_by_value(signal, Shot(33), KEY, drawn=True), perturb_by_value(signal, Shot(33), KEY))
