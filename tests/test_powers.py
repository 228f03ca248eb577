"""Powers and transfer functions: right to the last digits that matter, and back again."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from skimage.color import rgb2xyz, xyz2rgb

from augkit.dependent.transfer import as_transfer, from_light, to_light
from augkit.errors import UsageError
from augkit.noise.powers import power


@pytest.mark.parametrize("exponent", [0.25, 1 / 2.4, 1 / 2.2, 1.0, 2.2, 2.4, 4.0])
def test_powers_are_right_to_fourteen_digits(exponent):
    getcontext().prec = 40
    x = np.concatenate([10.0 ** np.linspace(-18, 3, 60), [0.5, 0.5**0.5, 0.999999, 1.0, 1.000001, 2.0]])
    exact = np.array([float(Decimal(float(value)) ** Decimal(exponent)) for value in x])
    np.testing.assert_allclose(power(x, exponent), exact, rtol=2e-14)
    assert power(np.array([0.0, 1.0]), exponent).tolist() == [0.0, 1.0]


def test_extremes_stay_finite():
    assert np.all(np.isfinite(power(np.array([0.0, 5e-324, 1e-300, 1e300]), 4.0)))


def test_srgb_is_the_piecewise_curve_of_the_standard():
    """Against scikit-image, through its XYZ of grays, both ways; a plain 2.2 is told apart."""
    stored = np.linspace(0, 1, 4097)
    gray, white = np.repeat(stored[:, np.newaxis], 3, axis=1), rgb2xyz(np.ones((1, 3)))
    light = rgb2xyz(gray)[:, 1] / white[0, 1]
    np.testing.assert_allclose(to_light(stored, "srgb"), light, rtol=1e-13)
    np.testing.assert_allclose(from_light(light, "srgb"), xyz2rgb(light[:, np.newaxis] * white)[:, 1], atol=1e-6)
    assert np.abs(to_light(stored, 2.2) - light).max() > 0.005


@pytest.mark.parametrize("transfer", ["srgb", "linear", 1.0, 1.8, 2.2, 4.0])
def test_light_and_back(transfer):
    stored = np.linspace(-0.2, 1.2, 9001)
    light = to_light(stored, transfer)
    np.testing.assert_allclose(from_light(light, transfer), stored, atol=3e-8)  # the standard's knee is no closer
    np.testing.assert_array_equal(to_light(-stored, transfer), -light)
    assert np.all(np.diff(light) >= 0)
    np.testing.assert_array_equal(to_light(np.array([0.0, 1.0]), transfer), [0, 1])


@pytest.mark.parametrize("given", ["srbg", "", 0.5, 5, "nan", None, True, [2.2]])
def test_other_transfers_are_refused(given):
    with pytest.raises(UsageError, match="transfer="):
        as_transfer(given)
    assert as_transfer(" sRGB ") == "srgb"
    assert as_transfer("2.2") == 2.2
