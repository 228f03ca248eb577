"""The alpha-stable laws against high precision, closed forms, scipy, and what makes them stable."""

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate, stats

from augkit.noise.distributions import AlphaStable, Cauchy, Gaussian
from augkit.noise.distributions.stable_table import stable_table
from augkit.noise.keys import Key
from augkit.noise.strips import fill
from tests.truth import allowed_distance, distance

ALPHAS = (0.5, 0.6, 0.75, 0.95, 1.0, 1.05, 1.25, 1.5, 1.75, 1.9, 1.99, 1.9999, 1.999999)

# alpha, x, density and survival function: by mpmath, from the convergent power series with up to 3,000 digits where it
# has a chance, from the Fourier integral along a straight ray with 55 digits elsewhere
EXACT = (
    (0.5, 0.015625, 0.62780267716509317, 0.49009974531447806),
    (0.5, 0.5, 0.17076240172520622, 0.33130955000075808),
    (0.5, 3, 0.023799193000393283, 0.18354549184853378),
    (0.5, 15, 0.0027829918432716129, 0.092965771783319645),
    (0.5, 100, 0.00018405372640139752, 0.038335899734724775),
    (0.75, 0.25, 0.31838859838805757, 0.41084538319483330),
    (0.75, 2, 0.052586723265676983, 0.17705271379083947),
    (0.75, 15.75, 0.0020131902545534506, 0.043945989267786828),
    (0.95, 0.5, 0.25190512413407347, 0.35080809966732079),
    (0.95, 5, 0.012577155100247791, 0.068963414275390104),
    (1.05, 0.5, 0.25666199075998791, 0.35384628792965657),
    (1.05, 7, 0.0060178111795064091, 0.040212917171160162),
    (1.25, 0.25, 0.28682725664894672, 0.42669432666645312),
    (1.25, 2.5, 0.047758736183479879, 0.094045024975961854),
    (1.25, 12, 0.0013026084820042728, 0.012225199112157056),
    (1.5, 0.015625, 0.28732684879139637, 0.49551024817130155),
    (1.5, 1, 0.20203815960784013, 0.24365797560072954),
    (1.5, 4, 0.013672941791803940, 0.030575456211409515),
    (1.5, 15.75, 0.00031995450486698584, 0.0032744930615762093),
    (1.5, 20, 0.00017336690689247097, 0.0022705530399513484),
    (1.75, 0.75, 0.24083088559630921, 0.29843176574485148),
    (1.75, 6.5, 0.0015307090500310218, 0.0048833415427442106),
    (1.75, 14.25, 0.00014055639845662404, 0.0011070074154794909),
    (1.9, 0.5, 0.26441524277187068, 0.36181982091675777),
    (1.9, 5, 0.0019200011872612878, 0.0031868434434721441),
    (1.9, 15, 3.7474456026956574e-5, 0.00028725357780322812),
    (1.99, 2, 0.10344705723879854, 0.079063395449384189),
    (1.99, 9.5, 1.3726509704113501e-5, 6.0675952901360758e-5),
    (1.999999, 3, 0.029732573925837425, 0.016947484415852277),
    (1.999999, 8.5, 6.0130261587298975e-9, 8.5211633619904084e-9),
    (1.999999, 12, 6.3273037211667488e-10, 3.6280744752476503e-9),
    (1.999999, 15.75, 2.6914480404026338e-10, 2.0664637671040944e-9),
    (1.9999999990686774, 4, 0.0051667463559936318, 0.0023388675322379446),
    (1.9999999990686774, 10.5, 1.2086608229876886e-12, 4.5341407230296161e-12),
    (1.9999999990686774, 13, 4.5701998342170673e-13, 2.8595437589372374e-12),
)


@pytest.mark.parametrize(("alpha", "x", "density", "beyond"), EXACT)
def test_density_and_tail_are_exact_to_twelve_digits(alpha, x, density, beyond):
    law = AlphaStable(alpha)
    assert law.pdf(np.array(x)) == pytest.approx(density, rel=1e-12)
    assert law.sf(np.array(x)) == pytest.approx(beyond, rel=1e-12)
    assert law.isf(np.array(beyond)) == pytest.approx(x, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.6, 0.9, 1.3, 1.8])
def test_density_is_the_transform_of_the_characteristic_function(alpha):
    for x in (0.3, 2.0, 9.0):
        integral, _ = integrate.quad(
            lambda t: math.exp(-(t**alpha)), 0, math.inf, weight="cos", wvar=x, epsabs=1e-12, limlst=200
        )
        assert AlphaStable(alpha).pdf(np.array(x)) == pytest.approx(integral / math.pi, abs=1e-13)


@pytest.mark.parametrize("alpha", [0.6, 1.3, 1.8])
def test_agrees_with_levy_stable(alpha):
    x, law, reference = np.array([-1.0, 0.1, 3.0, 10.0]), AlphaStable(alpha), stats.levy_stable(alpha, 0)
    np.testing.assert_allclose(law.pdf(x), reference.pdf(x), rtol=1e-11)
    np.testing.assert_allclose(law.cdf(x), reference.cdf(x), rtol=1e-11)


def test_cauchy_and_gaussian_are_members():
    x = np.concatenate([[0.0], np.geomspace(1e-6, 1e9, 400)])
    q = np.geomspace(2.0**-64, 0.5, 100)[:-1]
    np.testing.assert_allclose(AlphaStable(1).pdf(x), Cauchy().pdf(x), rtol=1e-12)
    np.testing.assert_allclose(AlphaStable(1).sf(x), Cauchy().sf(x), rtol=1e-12)
    np.testing.assert_allclose(AlphaStable(1).isf(q), Cauchy().isf(q), rtol=1e-12)
    np.testing.assert_allclose(AlphaStable(2).isf(q), math.sqrt(2) * Gaussian().isf(q), rtol=1e-14)
    near = AlphaStable(2 - 1e-9)
    np.testing.assert_allclose(near.pdf(np.linspace(0, 4, 50)), AlphaStable(2).pdf(np.linspace(0, 4, 50)), rtol=1e-6)
    assert AlphaStable(2).std == math.sqrt(2)
    assert AlphaStable(2).kurtosis == 0
    assert math.isinf(near.std)
    assert math.isnan(near.kurtosis)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_pieces_hang_together(alpha):
    """Nothing in the table is normalised: that it holds 1/2 in all tells of every piece and of the tail."""
    law, table = AlphaStable(alpha), stable_table(float(alpha))
    assert table.beyond[0] == pytest.approx(0.5, rel=1e-13)
    edges = table.edges[1:]
    below, above = np.nextafter(edges, 0), edges
    np.testing.assert_allclose(law.pdf(below), law.pdf(above), rtol=1e-12)
    np.testing.assert_allclose(law.sf(below), law.sf(above), rtol=1e-12)
    x = np.concatenate([[0.0], np.geomspace(1e-7, 1e6, 20_000)])
    assert np.all(np.diff(law.pdf(x)) <= 1e-14 * law.pdf(x[:-1]))
    assert np.all(np.diff(law.sf(x)) <= 0)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_the_far_tail_is_a_power_law(alpha):
    """P(Z > x) tends to Gamma(alpha) sin(pi alpha / 2) / pi x**-alpha (Nolan 2020, theorem 1.2)."""
    law, q = AlphaStable(alpha), 2.0**-64
    constant = math.gamma(alpha) * math.sin(math.pi * (2 - alpha) / 2) / math.pi
    x = float(law.isf(np.array(q)))
    assert x == pytest.approx((constant / q) ** (1 / alpha), rel=1e-8)
    assert x < np.finfo(np.float32).max


def test_the_sum_of_two_is_the_same_law_wider():
    """Z1 + Z2 has the law of 2**(1/alpha) Z: false alarm 1e-6; the width of a neighbouring law is caught."""
    n, law = 1_000_000, AlphaStable(1.5)
    one, two = np.empty(n), np.empty(n)
    fill(one, law, Key(1))
    fill(two, law, Key(2))
    total = one + two
    assert distance(total / 2 ** (1 / 1.5), law.cdf) < allowed_distance(n)
    assert distance(total / 2 ** (1 / 1.45), law.cdf) > allowed_distance(n)


def test_its_samples_need_no_scipy():
    code = (
        "import sys, numpy as np; from augkit.noise.distributions import AlphaStable;"
        "from augkit.noise.keys import Key; from augkit.noise.lattice import lattice;"
        "from augkit.noise.strips import fill;"
        "fill(np.empty(10), AlphaStable(1.5), Key(1)); lattice(AlphaStable(0.7), 9.0);"
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
