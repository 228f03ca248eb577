"""Medians, moments and steps, taken in pieces: what NumPy finds on the whole, whatever the pieces."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augkit.series import medians
from augkit.series.medians import Medians
from augkit.series.moments import Moments
from augkit.series.rows import Even
from augkit.series.steps import Steps

EXTREMES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 1e300, -1e300, 1.5, 1.5000000000000002])
VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64) | EXTREMES, max_size=40)


def in_pieces(values, sizes):
    """Yield slices of `values` whose lengths go round in `sizes`."""
    begin, turn = 0, 0
    while begin < len(values):
        yield slice(begin, begin + sizes[turn % len(sizes)])
        begin, turn = begin + sizes[turn % len(sizes)], turn + 1


def found_medians(values, codes, groups, sizes):
    counts = np.bincount(codes, minlength=groups)
    made = Medians(counts)
    passes = 0
    while not made.is_done:
        for piece in in_pieces(values, sizes):
            made.add(values[piece], codes[piece] if groups > 1 else None)
        made.finish_pass()
        passes += 1
        assert passes < 70
    return made.values()


@settings(max_examples=150, deadline=None)
@example([8.98846567431158e307, 0.0, 0.0, 0.0, 8.98846567431158e307], 4, [1], 0, 2)
@given(VALUES, st.integers(1, 4), st.lists(st.integers(1, 9), min_size=1), st.integers(0, 10), st.sampled_from([2, 16]))
def test_medians_are_exact(values, groups, sizes, most, parts):
    values = np.array(values, float)
    codes = np.arange(len(values)) * 7 % groups
    before = medians._PARTS, medians._GATHERED
    medians._PARTS, medians._GATHERED = parts * groups, most
    try:
        found = found_medians(values, codes, groups, sizes)
    finally:
        medians._PARTS, medians._GATHERED = before
    wanted = [median(values[codes == g]) if (codes == g).any() else np.nan for g in range(groups)]
    assert np.array_equal(found, wanted, equal_nan=True)


def median(values):
    """Return the median, also where the sum of the two values in the middle is beyond the largest float."""
    with np.errstate(over="ignore"):
        found = np.median(values)
    return found if np.isfinite(found) or not np.isfinite(values).all() else 2 * np.median(values / 2)


def test_medians_of_many_values_take_two_passes():
    values = np.random.default_rng(2).normal(20, 3, 700_000)
    made, passes = Medians(np.array([values.size])), 0
    while not made.is_done:
        for piece in in_pieces(values, [2**16]):
            made.add(values[piece], None)
        made.finish_pass()
        passes += 1
    assert made.values()[0] == np.median(values)
    assert passes == 2


def moments_of(values, codes, sizes):
    made = Moments()

    def take(block):
        made.add(block[0], block.get(1))

    even = Even(take, rows=64)
    for piece in in_pieces(values, sizes):
        arrays = {0: values[piece]} | ({} if codes is None else {1: codes[piece]})
        even.add(arrays, len(values[piece]))
    even.finish()
    return made


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_moments_do_not_depend_on_the_pieces(grouped, offset):
    rng = np.random.default_rng(3)
    values = offset + rng.normal(5, 2, 1000)
    codes = rng.integers(0, 3, 1000) if grouped else None
    whole = moments_of(values, codes, [1000])
    for sizes in ([1], [7, 64, 3], [64], [130]):
        other = moments_of(values, codes, sizes)
        for name in ("count", "mean", "squares", "low", "high"):
            assert np.array_equal(getattr(whole, name), getattr(other, name)), name
    for group in range(3 if grouped else 1):
        own = values if codes is None else values[codes == group]
        assert whole.power()[group] == pytest.approx(np.var(own - offset), rel=1e-6 if offset else 1e-12)
        assert (whole.low[group], whole.high[group]) == (own.min(), own.max())


def test_moments_of_integers_far_from_zero_keep_their_digits():
    values = 2**62 + np.arange(-500, 500, dtype=np.int64) * 3
    made = moments_of(values, None, [77])
    assert made.power()[0] == pytest.approx(np.var(np.arange(-500, 500) * 3.0), rel=1e-14)
    unsigned = np.array([2**64 - 1, 0, 2**63], np.uint64)
    assert moments_of(unsigned, None, [1]).high[0] - moments_of(unsigned, None, [1]).low[0] == pytest.approx(2.0**64)


def test_moments_of_several_tables_are_put_together():
    rng = np.random.default_rng(4)
    parts = [rng.normal(i, 1 + i, 300) for i in range(3)]
    joined = Moments()
    for values in parts:
        joined.join(moments_of(values, None, [50]), np.array([0]))
    assert joined.power()[0] == pytest.approx(np.var(np.concatenate(parts)), rel=1e-12)
    assert joined.count[0] == 900


def test_a_constant_has_no_power():
    assert moments_of(np.full(500, 0.1), None, [33]).power()[0] == 0.0


@pytest.mark.parametrize("sizes", [[1], [3, 50], [1000]])
def test_steps_of_groups_go_on_from_piece_to_piece(sizes):
    rng = np.random.default_rng(5)
    values, codes = rng.normal(size=400), rng.integers(0, 5, 400)
    steps, found = Steps(), [[] for _ in range(5)]
    for piece in in_pieces(values, sizes):
        made, order = steps.next(values[piece], codes[piece])
        for step, code in zip(made, codes[piece][order], strict=True):
            found[code].append(step)
    for group, own in enumerate(found):
        assert np.isnan(own[0])
        assert np.array_equal(own[1:], np.diff(values[codes == group]))
