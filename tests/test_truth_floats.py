"""Every law in float: its scale to 1 %, its shape, and its tails; false fail and false pass at most 1e-6 each.

Kolmogorov's distance sees any fault of shape, but on a million samples no scale nearer than 2 %. So the scale has a
test of its own: the samples are counted between quantiles of the law, and the counts weighted by the score that tells
a scale of 1.01 from 1 best. How many samples it takes for 1 % follows from the law's own information on its scale.
"""

import numpy as np
import pytest

from augkit.noise.keys import BLOCK, Key
from augkit.noise.strips import fill
from tests.laws import LAWS, REFERENCES
from tests.truth import ALPHA, allowed_distance, binomial_p, chi_square_p, distance, draws_needed, score_fits

OFF = 1.01
QUANTILES = np.concatenate([np.linspace(0.5, 0.01, 50)[1:], 10.0 ** -np.arange(2.5, 5.1, 0.5)])
MOST = 7_000_000


def drawn(law, n, dtype=np.float32, key=101):
    out = np.empty(n, dtype)
    fill(out, law, Key(key))
    return out


def edges_of(law):
    return np.asarray(law.isf(QUANTILES))


def cells(law, scale=1.0):
    """P(|scale z| lies between the quantiles of the law), by scipy where it knows the law."""
    beyond = np.asarray((REFERENCES.get(law) or law).sf(edges_of(law) / scale))
    return -2 * np.diff(np.concatenate([[0.5], beyond, [0.0]]))


def counts(law, z):
    """How many of |z| lie in each of the cells."""
    return np.bincount(np.searchsorted(edges_of(law), np.abs(z), side="right"), minlength=len(QUANTILES) + 1)


def samples_needed(law):
    n = max(draws_needed(cells(law), cells(law, scale)) for scale in (OFF, 1 / OFF))
    return max(n, 200_000)


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_scale_is_right_to_one_percent(law, dtype):
    n = samples_needed(law)
    assert n <= MOST
    z = drawn(law, n, dtype)
    right, found = cells(law), counts(law, z)
    for wrong in (OFF, 1 / OFF):
        assert score_fits(found, right, cells(law, wrong))
        if dtype is np.float32:
            assert not score_fits(counts(law, dtype(wrong) * z), right, cells(law, wrong)), f"{wrong:g} was not seen"


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_cells_between_quantiles_fill_evenly(law):
    """Chi-square: false alarm 1e-6; a reused block and a clipped tail are caught for every law."""
    z = drawn(law, 1_000_000)
    right = cells(law)
    assert chi_square_p(counts(law, z), right) > ALPHA
    assert chi_square_p(counts(law, np.resize(z[: BLOCK // 4], len(z))), right) < ALPHA
    if np.isfinite(law.isf(np.array(1e-12))) and law.isf(np.array(1e-3)) < 0.99 * law.isf(np.array(1e-12)):
        end = np.float32(law.isf(np.array(1e-3)))
        assert chi_square_p(counts(law, np.clip(z, -end, end)), right) < ALPHA


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_tail_has_the_shape_of_the_law(law):
    """Kolmogorov's distance of the samples beyond the 1e-3 quantile, from the law given that; a bent tail is caught."""
    z = np.abs(drawn(law, 4_000_000, key=102).astype(float))
    q = 2e-3
    edge = float(law.isf(np.array(q / 2)))
    far = z[z > edge]
    if edge >= float(law.isf(np.array(1e-9))) * (1 - 1e-6):
        pytest.skip("the law ends here")
    sf = (REFERENCES.get(law) or law).sf
    assert binomial_p(len(far), len(z), q) > ALPHA
    assert distance(far, lambda x: 1 - 2 * sf(x) / q) < allowed_distance(len(far))
    middle = float(law.isf(np.array(q / 4)))
    bent = np.where(far > middle, middle, far)  # half of the tail is cut to its beginning
    assert distance(bent, lambda x: 1 - 2 * sf(x) / q) > allowed_distance(len(far))


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_tails_are_right_to_a_quantile_of_1e_7(law):
    """200 million samples: 20 lie beyond the last quantile on either side; a tail that ends before it is caught."""
    rates = (1e-4, 1e-5, 1e-6, 1e-7)
    edges = [float(law.isf(np.array(q))) for q in rates]
    hits, n = np.zeros((len(rates), 2), int), 200_000_000
    out = np.empty(8 * BLOCK, np.float64)
    for start in range(0, n, len(out)):
        piece = out[: min(len(out), n - start)]
        fill(piece, law, Key(103), start=start)
        far = piece[np.abs(piece) > edges[0]]
        hits += [[np.count_nonzero(far > edge), np.count_nonzero(far < -edge)] for edge in edges]
    for q, sides in zip(rates, hits, strict=True):
        for found in sides:
            assert binomial_p(found, n, q) > ALPHA
    assert binomial_p(0, n, rates[-1]) < ALPHA
