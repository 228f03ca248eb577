"""Noise on arrays of sensor values: levels, units, dtypes, streams."""

import math

import numpy as np
import pytest

from augkit.errors import UsageError
from augkit.series import add_noise, add_noise_with_info

ROWS = 20_000
SPREAD = 5 / math.sqrt(2 * ROWS)
"""Five standard errors of a standard deviation: each check fails by chance about once in a million runs."""


def signal(rows=ROWS, columns=2, dtype=np.float64):
    rng = np.random.default_rng(7)
    return (20 + rng.normal(0, 0.5, (rows, columns)) * np.arange(1, columns + 1)).astype(dtype)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_shape_dtype_and_input_are_kept(dtype, order):
    values = np.asarray(signal(500) + 30, order=order).astype(dtype)
    before = values.copy()
    noisy = add_noise(values, std=2, rng=1)
    assert noisy.dtype == values.dtype
    assert noisy.shape == values.shape
    assert np.array_equal(values, before)
    assert 0.5 < np.std(noisy.astype(float) - values) < 4
    assert np.array_equal(add_noise(values, std=0, rng=1), values)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
def test_std_is_in_the_unit_of_the_values(dtype):
    values = (signal() * 100).astype(dtype)
    noise = add_noise(values, std=7.5, rng=3).astype(float) - values
    rounding = 1 / 12 if dtype == "i4" else 0
    assert np.std(noise) == pytest.approx(math.sqrt(7.5**2 + rounding), rel=SPREAD)


def spread_of(values, unit):
    median = np.median
    if unit == "diff":
        return spread_of(np.diff(values), "mad") / math.sqrt(2)
    return {
        "std": np.std(values),
        "mad": 1.4826022185056018 * median(np.abs(values - median(values))),
        "range": np.ptp(values),
    }[unit]


@pytest.mark.parametrize(("unit", "suffix"), [("std", "sd"), ("mad", "mad"), ("range", "range"), ("diff", "diff")])
def test_relative_levels_follow_each_column_and_skip_nan(unit, suffix):
    values = signal()
    holes = values.copy()
    holes[5, 0] = np.nan
    holes[100:110, 1] = np.inf
    _, info = add_noise_with_info(holes, std=0.25, relative_to=unit, rng=3)
    for column in range(2):
        kept = holes[:, column][np.isfinite(holes[:, column])] if unit != "diff" else values[:, column]
        expected = 0.25 * spread_of(kept, unit)
        assert info["columns"][column]["scale"] == pytest.approx(expected, rel=2e-3 if unit == "diff" else 1e-6)
        assert info["columns"][column]["std"] == pytest.approx(expected, rel=SPREAD + 2e-3)
    assert np.array_equal(
        add_noise(holes, std=f"0.25{suffix}", rng=3),
        add_noise(holes, std=0.25, relative_to=unit, rng=3),
        equal_nan=True,
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_and_does_not_spread(value):
    values = signal(300)
    values[7, 0] = value
    noisy = add_noise(values, snr_db=10, rng=1)
    assert np.array_equal(noisy[7, 0], value, equal_nan=True)
    assert np.isfinite(np.delete(noisy, 7, axis=0)).all()
    assert (np.delete(noisy, 7, axis=0) != np.delete(values, 7, axis=0)).all()


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "i8"])
@pytest.mark.parametrize("noise", ["gaussian", "student-t:df=3", "uniform"])
def test_snr_is_about_ac_power_and_exact(dtype, noise):
    values = (signal() * 1000).astype(dtype)
    noisy, info = add_noise_with_info(values, noise, snr_db=12, rng=5)
    for column in range(2):
        clean = values[:, column].astype(float)
        power = np.mean((noisy[:, column] - clean) ** 2)
        assert 10 * math.log10(np.var(clean) / power) == pytest.approx(12, abs=0.001)
        assert info["columns"][column]["snr_db"] == pytest.approx(12, abs=0.001)


def test_snr_of_a_law_without_variance_is_geometric():
    values = signal()
    noisy, info = add_noise_with_info(values, "cauchy", snr_db=12, rng=5)
    noise = noisy[:, 0] - values[:, 0]
    s0 = math.exp(np.mean(np.log(np.abs(noise))))
    g_snr = np.var(values[:, 0]) / (2 * 1.7810724179901979 * s0**2)
    assert 10 * math.log10(g_snr) == pytest.approx(12, abs=0.01)
    assert info["columns"][0]["geometric_snr_db"] == pytest.approx(12, abs=0.01)
    with pytest.raises(UsageError, match="no finite variance"):
        add_noise(values, "cauchy", std=1)


@pytest.mark.parametrize(
    "level", [{"std": "0.1sd"}, {"snr_db": 10}, {"scale": "1mad"}, {"std": 1, "relative_to": "diff"}]
)
def test_a_constant_column_gets_a_warning_and_no_noise(level):
    values = signal(100)
    values[:, 1] = 5
    with pytest.warns(UserWarning, match="column 1 gets no noise .* constant"):
        noisy = add_noise(values, rng=1, **level)
    assert (noisy[:, 1] == 5).all()
    assert (noisy[:, 0] != values[:, 0]).all()


def test_a_constant_column_takes_an_absolute_level():
    assert np.std(add_noise(np.full(ROWS, 5.0), std=2, rng=1)) == pytest.approx(2, rel=SPREAD)


def test_a_mostly_still_column_has_no_mad():
    values = np.zeros(100)
    values[::10] = 1
    with pytest.warns(UserWarning, match="its mad is 0"):
        assert np.array_equal(add_noise(values, std="1mad", rng=1), values)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u4", "i8", "u8"])
def test_integers_saturate_at_their_type(dtype):
    ends = np.iinfo(dtype)
    values = np.array([ends.min, ends.max] * 500, dtype)
    noisy, info = add_noise_with_info(values, std=1000 if ends.bits > 8 else 20, rng=1)
    low, high = noisy[::2], noisy[1::2]
    assert (low == ends.min).mean() == pytest.approx(0.5, abs=0.12)
    assert (high == ends.max).mean() == pytest.approx(0.5, abs=0.12)
    assert (low.astype(float) < ends.max / 2 + 1).all()
    assert info["clipped"] == 0  # those at an end have not moved


@pytest.mark.parametrize("level", [{"std": 3}, {"std": "0.1sd"}, {"snr_db": 20}])
@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_large_integers_keep_their_last_digits(level, dtype):
    steps = np.random.default_rng(2).normal(0, 30, 4000).astype("i8")
    values = (steps + 2**62 + 1).astype(dtype)
    noisy, info = add_noise_with_info(values, rng=1, **level)
    noise = (noisy - values).view("i8")
    assert np.std(noise) == pytest.approx(3, rel=5 / math.sqrt(8000) + 0.03)
    assert len(np.unique(noise)) > 10
    assert info["columns"][0]["std"] == pytest.approx(math.sqrt(np.mean(noise.astype(float) ** 2)), rel=1e-9)
    assert info["columns"][0]["snr_db"] == pytest.approx(20, abs=0.3)


def test_a_column_keeps_its_noise_whatever_the_others():
    values = signal(200, 3)
    all_three = add_noise(values, std=1, rng=9) - values
    assert np.allclose(add_noise(values[:, :1], std=1, rng=9) - values[:, :1], all_three[:, :1])
    assert np.allclose(add_noise(values[:, 0], std=1, rng=9) - values[:, 0], all_three[:, 0])
    assert abs(np.corrcoef(all_three.T)[0, 1]) < 0.4


def test_a_list_is_a_batch_of_items_with_noise_of_their_own():
    values = signal(200, 1)
    first, second = add_noise([values, values], std="1..2", rng=4)
    assert not np.allclose(first, second)
    again = add_noise([values, values], std="1..2", rng=4)
    assert np.array_equal(again[1], second)
    _, infos = add_noise_with_info([values, values], std="1..2", rng=4)
    assert infos[0]["columns"][0]["scale"] != infos[1]["columns"][0]["scale"]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (signal(5), {}, "exactly one level"),
        (signal(5), {"std": 1, "snr_db": 2}, "exactly one level"),
        (signal(5), {"std": 1, "color": "pinkish"}, "did you mean 'pink'"),
        (signal(5), {"std": 1, "relative_to": "sdt"}, "did you mean 'std'"),
        (signal(5), {"std": "1sd", "relative_to": "mad"}, "give one of the two"),
        (signal(5), {"snr_db": 1, "relative_to": "mad"}, "give one of the two"),
        (signal(5), {"std": "1furlong"}, "unknown unit"),
        (signal(5), {"std": 1, "noise": "gausian"}, "did you mean 'gaussian'"),
        (signal(5).reshape(5, 2, 1), {"std": 1}, "a batch is a list"),
        (signal(5).astype(complex), {"std": 1}, "complex128"),
        (signal(5) > 0, {"std": 1}, "dtype bool"),
        ([1.0, 2.0], {"std": 1}, "got float"),
        ("abc", {"std": 1}, "got str"),
    ],
)
def test_what_cannot_mean_anything_is_refused(values, options, message):
    with pytest.raises(UsageError, match=message):
        add_noise(values, **options)


def test_empty_arrays_come_back_empty():
    assert add_noise(np.zeros((0, 3)), std=1).shape == (0, 3)


def test_noise_beyond_floats_is_measured_as_unknown():
    made, info = add_noise_with_info(np.arange(9.0), std=1e300, rng=1)
    assert np.isfinite(made).all()
    assert (info["std"], info["snr_db"]) == (None, None)
