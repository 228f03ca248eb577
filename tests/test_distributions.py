import math
import pickle

import numpy as np
import pytest
from scipy import integrate, stats

from augkit.errors import UsageError
from augkit.noise.distributions import DISTRIBUTIONS, Contaminated, StudentT, as_distribution
from augkit.noise.distributions.conformance import faults
from tests.laws import LAWS, OWN_LAWS, REFERENCES

X = np.concatenate([-np.geomspace(1e-4, 30, 40)[::-1], [0.0], np.geomspace(1e-4, 30, 40)])


def test_every_law_is_tested():
    assert {type(law) for law in OWN_LAWS} == set(DISTRIBUTIONS.values())


@pytest.mark.parametrize("law", OWN_LAWS, ids=str)
def test_text_form_reads_back(law):
    assert as_distribution(str(law)) == law
    assert hash(as_distribution(str(law))) == hash(law)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_law_pickles_and_is_itself_a_law(law):
    again = pickle.loads(pickle.dumps(law))  # noqa: S301
    assert again == law
    assert hash(again) == hash(law)
    assert as_distribution(again) == law


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_nothing_speaks_against_the_law(law):
    """Its density, survival function, quantiles and moments tell of one symmetric unimodal law down to 2**-64."""
    assert list(faults(law)) == []


@pytest.mark.parametrize("law", REFERENCES, ids=str)
def test_agrees_with_scipy(law):
    reference = REFERENCES[law]
    np.testing.assert_allclose(law.pdf(X), reference.pdf(X), rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(law.sf(X), reference.sf(X), rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(law.cdf(X), reference.cdf(X), rtol=1e-11, atol=1e-300)
    if math.isfinite(law.std):
        assert law.std == pytest.approx(reference.std(), rel=1e-12)
        kurtosis = float(reference.stats(moments="k"))
        assert law.kurtosis == pytest.approx(kurtosis, rel=1e-9)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_isf_inverts_sf_far_into_the_tail(law):
    q = np.concatenate([np.geomspace(2.0**-64, 0.5, 200), 1 - np.geomspace(1e-9, 0.5, 50)])
    x = law.isf(q)
    ends = law.isf(np.array(2.0**-64)) < 1.1 * law.isf(np.array(2.0**-32))
    # where a tail ends, the rounding of x alone is much of its probability
    slack = 1e-9 * np.abs(x) * law.pdf(x) + 5e-16 if ends else 0
    assert np.all(np.abs(law.sf(x) - q) <= 1e-8 * q + slack)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_geometric_power_is_the_integral(law):
    # E ln|Z| over the upper half, in the variable u = sf(z): free of the density's tail
    mean_log, _ = integrate.quad(lambda u: math.log(abs(float(law.isf(np.array(u))))), 0, 0.5, limit=400)
    assert math.exp(2 * mean_log) == pytest.approx(law.geometric_power, rel=1e-5)


def test_contaminated_is_the_mixture():
    law = Contaminated(fraction=0.2, ratio=5)
    expected = 0.8 * stats.norm.pdf(X) + 0.2 * stats.norm.pdf(X, scale=5)
    np.testing.assert_allclose(law.pdf(X), expected, rtol=1e-12)
    samples = stats.norm.rvs(size=400_000, random_state=1) * np.where(np.arange(400_000) % 5, 1, 5)
    assert law.std == pytest.approx(samples.std(), rel=0.02)
    assert law.kurtosis == pytest.approx(stats.kurtosis(samples), rel=0.1)


def test_infinite_variance_begins_at_two_degrees_of_freedom():
    assert math.isinf(StudentT(df=2).std)
    assert math.isfinite(StudentT(df=2.1).std)
    assert math.isinf(StudentT(df=3).kurtosis)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("gausian", "did you mean 'gaussian'"),
        ("studentt", "did you mean 'student-t'"),
        ("", "known are"),
        ("student-t:dff=3", "did you mean 'df'"),
        ("student-t:df", "df=3; got nothing"),
        ("student-t:df=abc", "'abc'"),
        ("student-t:df=0", "0.5 to 1e6"),
        ("student-t:df=nan", "0.5 to 1e6"),
        ("student-t:df=3,df=4", "each once"),
        ("gaussian:std=2", "no parameter"),
        ("contaminated:fraction=2", "0 to 1"),
        ("alpha-stable:alpha=0.4", "0.5 to 2, such as alpha=1.5"),
        ("alpha-stable:alpha=2.1", "0.5 to 2"),
        ("alpha_stable:alfa=1.5", "did you mean 'alpha'"),
        ("scipy.stats.t(df=3)", "as objects, in Python"),
        ("generalized-gaussian:beta=0", "0.3 to 100"),
    ],
)
def test_wrong_text_is_refused_with_the_way_out(text, hint):
    with pytest.raises(UsageError, match=hint.replace("(", r"\(")):
        as_distribution(text)


def test_what_is_no_law_is_refused():
    with pytest.raises(UsageError, match="expected a name"):
        as_distribution(3)
