"""The two samplers draw the law that was asked for. Each test has a planted fault that it must catch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augkit.errors import UsageError
from augkit.noise.distributions import Cauchy, Gaussian, StudentT
from augkit.noise.distributions.base import Law
from augkit.noise.keys import BLOCK, Key
from augkit.noise.lattice import add_lattice, shares
from augkit.noise.strips import SLOTS, fill, strips
from tests.laws import LAWS, REFERENCES
from tests.truth import ALPHA, allowed_distance, binomial_p, chi_square_p, distance

N = 1_000_000
KEY = Key(11)


def lattice_differences(law, scale, key=KEY, n=N):
    """D of every sample: read from mid-gray twice, from below and from above, so that nothing saturates unseen."""
    out = np.empty(n, np.uint8)
    add_lattice(np.full(n, 128, np.uint8), law, scale, key, out=out)
    return out.astype(int) - 128


def gray_probabilities(law, scale):
    """P(output) for a gray of 128: the lattice of the law, saturated at 0 and 255, from scipy's survival function."""
    edges = (np.arange(-128, 127) + 0.5) / scale
    upper = REFERENCES[law].sf(edges) if law in REFERENCES else law.sf(edges)
    return -np.diff(np.concatenate([[1.0], upper, [0.0]]))


@pytest.mark.parametrize("scale", [0.3, 4.0, 25.5, 120.0])
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_lattice_draws_the_rounded_law(law, scale):
    """Chi-square on 256 values: false alarm 1e-6; a scale that is off by 1 % is caught, see below."""
    counts = np.bincount(lattice_differences(law, scale) + 128, minlength=256)
    assert chi_square_p(counts, gray_probabilities(law, scale)) > ALPHA


@pytest.mark.parametrize(
    "fault",
    [
        lambda d: np.trunc(d + np.linspace(-0.5, 0.5, len(d))).astype(int),  # truncated instead of rounded
        lambda d: np.rint(1.01 * d + np.random.default_rng(1).uniform(-0.5, 0.5, len(d))).astype(int),  # scale 1 % off
        lambda d: np.clip(d, -75, 75),  # tail cut
        lambda d: np.where(np.arange(len(d)) % 400 == 0, 0, d),  # escapes dropped
    ],
)
def test_lattice_test_catches_planted_faults(fault):
    wrong = np.clip(fault(lattice_differences(Gaussian(), 25.5)), -128, 127)
    assert chi_square_p(np.bincount(wrong + 128, minlength=256), gray_probabilities(Gaussian(), 25.5)) < ALPHA


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("scale", [1e-3, 0.3, 25.5, 1e4])
def test_lattice_shares_are_the_law_to_48_bits(law, scale):
    exact = shares(law, scale)
    assert exact.sum() == 2**48
    assert exact.min() >= 0
    assert np.array_equal(exact, exact[::-1])
    middle = law.sf(np.array([-0.5 / scale]))[0] - law.sf(np.array([0.5 / scale]))[0]
    assert exact[255] == pytest.approx(middle * 2.0**48, abs=600)


def test_lattice_saturates_and_never_wraps():
    for value in (0, 255):
        out = np.empty(BLOCK, np.uint8)
        add_lattice(np.full(BLOCK, value, np.uint8), Cauchy(), 80.0, Key(1), out=out)
        assert 0.45 < np.mean(out == value) < 0.55


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_strips_draw_the_law(law, dtype):
    """Kolmogorov's distance on 10**6 samples: false alarm 1e-6, and 2 % off in scale is caught (below)."""
    out = np.empty(N, dtype)
    fill(out, law, Key(12))
    cdf = REFERENCES[law].cdf if law in REFERENCES else law.cdf
    assert distance(out.astype(float), cdf) < allowed_distance(N)
    assert np.isfinite(out).all()
    assert abs(np.mean(out > 0) - 0.5) < 5 * 0.5 / np.sqrt(N)


@pytest.mark.parametrize(
    "fault",
    [
        lambda z: 1.02 * z,
        lambda z: z + 0.01,
        lambda z: np.where(np.abs(z) < 1.0, np.abs(z), z),  # a lost sign
        lambda z: np.resize(z[: BLOCK // 8], len(z)),  # a reused block
    ],
)
def test_kolmogorov_catches_planted_faults(fault):
    out = np.empty(N, np.float32)
    fill(out, Gaussian(), Key(12))
    assert distance(fault(out).astype(float), REFERENCES[Gaussian()].cdf) > allowed_distance(N)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_tails_have_their_probability(law):
    """Counts beyond quantiles from 0.16 to 1e-5 on either side; false alarm 1e-6 each.

    A scale that is 1 % off moves the count beyond the 0.16 quantile of a Gaussian by 13 standard errors.
    """
    out = np.empty(4_000_000, np.float32)
    fill(out, law, Key(13))
    for q in (0.16, 1e-2, 1e-3, 1e-4, 1e-5):
        edge = float(law.isf(np.array(q)))
        for hits in (np.count_nonzero(out > edge), np.count_nonzero(out < -edge)):
            assert binomial_p(hits, len(out), q) > ALPHA
    if law == Gaussian():
        assert binomial_p(np.count_nonzero(1.01 * out > law.isf(np.array(0.16))), len(out), 0.16) < ALPHA
    clipped = np.minimum(out, float(law.isf(np.array(2e-5))))
    assert binomial_p(np.count_nonzero(clipped > edge), len(out), 1e-5) < ALPHA  # a clipped tail is caught


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_strips_take_what_they_may_and_leave_little(law):
    cut = strips(law)
    height = 1 / SLOTS / np.diff(cut.edges)
    assert np.all(height <= law.pdf(cut.edges[1:]) * (1 + 1e-12)), "a rectangle sticks out of the density"
    begin, width, floor, top = cut.boxes.T
    assert np.all(top >= floor)
    assert np.all(law.pdf(begin + width) <= top * (1 + 1e-12)), "a sliver sticks out of its box"
    assert cut.first_escape / SLOTS + 2 * cut.shares[-1] == pytest.approx(1, abs=2e-3)  # boxes hold little but slivers
    assert 1 - cut.first_escape / SLOTS < 0.006
    assert cut.tail * 2.0**-53 < 2.0**-60  # the tail reaches beyond a probability of 2**-60


class Rising(Law, frozen=True, tag="rising"):
    def pdf(self, x):
        return np.abs(x) * np.exp(-np.square(x))

    def isf(self, q):
        return np.sqrt(-np.log(2 * q))


def test_a_law_that_is_not_unimodal_is_refused_by_name():
    with pytest.raises(UsageError, match="rising"):
        strips(Rising())


def pieces(total, cuts):
    ends = sorted({0, total, *(cut % total for cut in cuts)})
    return list(pairwise(ends))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * BLOCK), max_size=5), law=st.sampled_from(LAWS))
def test_any_piece_of_a_stream_is_that_piece_of_the_whole(cuts, law):
    total = 2 * BLOCK + 777
    whole, whole8 = np.empty(total, np.float32), np.empty(total, np.uint8)
    gray = np.full(total, 100, np.uint8)
    fill(whole, law, Key(3))
    add_lattice(gray, law, 9.0, Key(3), out=whole8)
    for begin, end in reversed(pieces(total, cuts)):
        part, part8 = np.empty(end - begin, np.float32), np.empty(end - begin, np.uint8)
        fill(part, law, Key(3), start=begin)
        add_lattice(gray[begin:end], law, 9.0, Key(3), out=part8, start=begin)
        assert np.array_equal(part, whole[begin:end])
        assert np.array_equal(part8, whole8[begin:end])


def test_neighbours_blocks_and_keys_are_independent():
    """Correlations within 5.5 standard errors (false alarm 4e-8 each); a reused block is caught."""
    n = 8 * BLOCK
    z, other = np.empty(n), np.empty(n)
    fill(z, Gaussian(), Key(1))
    fill(other, Gaussian(), Key(1).child("other"))
    bound = 5.5 / np.sqrt(n)
    for lag in (1, 2, 3, 64, 1024, BLOCK):
        assert abs(np.mean(z[lag:] * z[:-lag])) < bound * 1.1
        assert abs(np.mean(np.abs(z[lag:]) * np.abs(z[:-lag])) - 2 / np.pi) < bound
    assert abs(np.mean(z * other)) < bound
    reused = np.tile(z[:BLOCK], 8)
    assert abs(np.mean(reused[BLOCK:] * reused[:-BLOCK])) > bound


def test_slot_and_position_share_no_bit():
    """Positions within a strip are uniform: samples of one law hardly ever repeat."""
    z = np.empty(N, np.float32)
    fill(z, StudentT(df=3), Key(5))
    assert len(np.unique(z)) > 0.9 * N


def test_the_far_tail_is_reached():
    cut = strips(Gaussian())
    reach = Gaussian().isf(np.array([cut.tail * 2.0**-53]))[0]
    assert reach > 9.0  # beyond nine standard deviations
    assert Gaussian().sf(np.array([reach]))[0] < 2.0**-60


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_nothing_is_made_of_nothing(law):
    fill(np.empty(0, np.float32), law, KEY)
    fill(np.empty(0), law, KEY, start=BLOCK)
    empty = np.empty(0, np.uint8)
    add_lattice(empty, law, 3.0, KEY, out=empty)
    wide = np.empty((0, 3), np.uint8)
    add_lattice(wide, law, 3.0, KEY, out=wide)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_samples_that_are_added_to_stay_as_they_are(law):
    gray = np.arange(2 * BLOCK, dtype=np.uint8)
    gray.setflags(write=False)
    out = np.empty_like(gray)
    add_lattice(gray, law, 30.0, KEY, out=out)
    assert np.array_equal(gray, np.arange(2 * BLOCK, dtype=np.uint8))


def test_the_quick_way_of_the_gaussian_tail_is_the_plain_one():
    q = np.geomspace(2.1e-11, 0.069, 2001)
    together = Gaussian().isf(q)
    mixed = Gaussian().isf(np.append(q, 0.3))[:-1]
    assert np.array_equal(together, mixed)
    np.testing.assert_allclose(Gaussian().sf(together), q, rtol=1e-13)
    assert Gaussian().isf(np.empty(0)).shape == (0,)
