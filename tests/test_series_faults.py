"""Faults: how often, how long, what stands in the cells, and that the mask tells the truth about each.

Rates are compared in standard errors over independent columns: a right model fails a check of five of them in about 1.7
million runs. Seeds are fixed.
"""

import numpy as np
import pytest
from scipy import stats

from augkit.errors import UsageError
from augkit.series import add_faults
from augkit.series.faults.amounts import as_duration, as_rate
from augkit.series.faults.model import FaultKind, as_faults, labels

ROWS = 4000
SIGMAS = 5


def series(columns=1, seed=3):
    return np.random.default_rng(seed).normal(20, 1, (ROWS, columns))


def runs(bad):
    """Return where runs of True begin in a column, and how long they are."""
    edges = np.flatnonzero(np.diff(np.r_[False, bad, False]))
    return edges[::2], edges[1::2] - edges[::2]


def off(per_column, expected):
    found = np.asarray(per_column, float)
    return (found.mean() - expected) / (found.std(ddof=1) / np.sqrt(len(found)))


@pytest.mark.parametrize("irregular", [False, True])
@pytest.mark.parametrize("rate", ["3/min", "180/h", "0.05/s", "1e-3/sample"])
def test_faults_begin_at_their_rate(rate, irregular):
    """Single rows: in each healthy interval dt one begins with chance 1 - exp(-rate dt)."""
    times = np.cumsum(np.random.default_rng(1).gamma(1.0, 0.02, ROWS)) if irregular else np.arange(ROWS) * 0.02
    given = {"times": times} if irregular else {"samplerate": 50}
    _, mask = add_faults(series(400), f"dropout:rate={rate}", rng=2, **given)
    dt = np.diff(times, prepend=times[0] - (np.median(np.diff(times)) if irregular else 0.02))
    chance = np.full(ROWS, 1e-3) if "sample" in rate else 1 - np.exp(-0.05 * dt)
    assert abs(off(mask.astype(bool).sum(0), chance.sum())) < SIGMAS
    # where intervals are long there are more: each quarter of the intervals by itself
    for quarter in np.array_split(np.argsort(dt), 4):
        assert abs(off(mask[quarter].astype(bool).sum(0), chance[quarter].sum())) < SIGMAS


def test_onsets_are_a_poisson_process():
    """The counts of 400 columns have the variance of their mean, and gaps between single-row faults are geometric."""
    _, mask = add_faults(series(400), "spike:rate=0.01/sample,size=1", rng=5)
    counts = mask.astype(bool).sum(0)
    assert abs((counts.var(ddof=1) / (ROWS * 0.01 * 0.99) - 1) * np.sqrt(400 / 2)) < SIGMAS
    gaps = np.concatenate([np.diff(np.flatnonzero(column)) for column in mask.T])
    short = (
        gaps[gaps <= 300] - 1
    )  # a gap that does not fit into the rows is not seen; those of up to 300 nearly all are
    expected = stats.geom.pmf(np.arange(1, 301), 0.01)
    weights = expected * (ROWS - np.arange(1, 301))
    observed = np.bincount(short, minlength=300)
    blocks = np.add.reduceat(observed, range(0, 300, 20)), np.add.reduceat(weights / weights.sum(), range(0, 300, 20))
    assert stats.chisquare(blocks[0], blocks[1] * observed.sum()).pvalue > 1e-6


@pytest.mark.parametrize(
    ("text", "mean", "low", "high"),
    [("12 samples", 12, 12, 12), ("5..15 samples", 10, 5, 15), ("0.24s", 12, 12, 12), ("100ms..300ms", 10, 5, 15)],
)
def test_faults_last_as_long_as_asked(text, mean, low, high):
    _, mask = add_faults(series(200), f"stuck:rate=2e-3/sample,duration={text}", samplerate=50, rng=2)
    lengths = []
    for column in mask.T:
        begin, length = runs(column[: ROWS - 50] > 0)
        lengths += length[begin + length < ROWS - 50].tolist()
    lengths = np.array(lengths)
    alone = lengths[lengths <= high]  # a fault may follow at once upon another
    assert len(alone) > 0.95 * len(lengths)
    assert alone.min() >= low
    assert abs(off(alone, mean)) < SIGMAS if low < high else (alone == mean).all()


def test_exponential_durations():
    """Of one second on average: the lengths beyond 10 rows have the exponential's survival, one row being 0.02 s."""
    _, mask = add_faults(series(300), "drift:rate=1/min,duration=exp:1s,size=1", samplerate=50, rng=2)
    lengths = np.concatenate([runs(column[:-1] > 0)[1] for column in mask.T])
    shares = [np.mean(lengths >= n) for n in (1, 25, 50, 100)]
    # to the nearest row: a length of n rows or more is a duration of (n - 1/2) / 50 seconds or more
    expected = [1.0, *(np.exp(-(n - 0.5) / 50) for n in (25, 50, 100))]
    error = np.sqrt(np.array(expected) * (1 - np.array(expected)) / len(lengths))
    assert (np.abs(np.array(shares) - expected) <= SIGMAS * error + 0.01).all()


def test_durations_of_irregular_rows_are_in_seconds():
    times = np.cumsum(np.random.default_rng(1).gamma(1.0, 0.02, ROWS))
    usual = np.median(np.diff(times))
    _, mask = add_faults(series(50), "stuck:rate=1/min,duration=0.5s", times=times, rng=2)
    for column in mask.T:
        for begin, length in zip(*runs(column > 0), strict=True):
            if length < 60 and begin + length < ROWS:
                assert times[begin + length] - times[begin] >= 0.5 - usual / 2 - 1e-9
                assert times[begin + length - 1] - times[begin] < 0.5 - usual / 2 + 1e-9 or length == 1


def test_dropouts_leave_nothing_a_code_or_the_last_value():
    values = series()[:, 0]
    for fill in ("nan", "-999", "hold"):
        made, mask = add_faults(values, f"dropout:rate=0.01/sample,duration=5 samples,fill={fill}", rng=4)
        bad = mask > 0
        assert 0.02 < bad.mean() < 0.1
        assert (mask[bad] == FaultKind.DROPOUT).all()
        assert np.array_equal(made[~bad], values[~bad])
        if fill == "nan":
            assert np.isnan(made[bad]).all()
        elif fill == "-999":
            assert (made[bad] == -999).all()
        else:
            for begin, length in zip(*runs(bad), strict=True):
                assert (made[begin : begin + length] == (values[begin - 1] if begin else values[0])).all()


def test_spikes_have_their_size_and_sign():
    values = series(100)
    sd = values.std(0)
    made, mask = add_faults(values, "spike:rate=0.01/sample,size=3sd..8sd", rng=4)
    sizes = np.abs((made - values) / sd)[mask > 0]
    assert sizes.min() >= 3 - 1e-6
    assert sizes.max() <= 8 + 1e-6
    assert stats.kstest(sizes, stats.uniform(3, 5).cdf).pvalue > 1e-6
    up = ((made - values)[mask > 0] > 0).mean()
    assert abs(up - 0.5) < SIGMAS * 0.5 / np.sqrt(len(sizes))
    for sign, side in (("up", 1), ("down", -1)):
        made, mask = add_faults(values, f"spike:rate=0.01/sample,size=2,sign={sign}", rng=4)
        assert np.allclose((made - values)[mask > 0], 2 * side)
        assert np.array_equal(made[mask == 0], values[mask == 0])


def test_drifts_reach_their_size_and_end():
    values = np.zeros(ROWS)
    made, mask = add_faults(values, "drift:rate=0.001/sample,duration=50 samples,size=3,sign=up", rng=4)
    ends = []
    for begin, length in zip(*runs(mask > 0), strict=True):
        if length == 50:
            assert np.allclose(made[begin : begin + 50], 3 * np.arange(1, 51) / 50)
            ends.append(begin)
    assert ends
    assert (made[mask == 0] == 0).all()


def test_stuck_and_saturated_values():
    values = series()[:, 0]
    made, mask = add_faults(values, "stuck:rate=0.002/sample,duration=20 samples", rng=4)
    for begin, length in zip(*runs(mask > 0), strict=True):
        if length == 20:
            assert (made[begin : begin + 20] == values[begin]).all()
    made, mask = add_faults(values, "stuck:rate=0.002/sample,duration=20 samples,at=7", rng=4)
    assert (made[mask > 0] == 7).all()
    made, mask = add_faults(values, "saturation:rate=0.01/sample,duration=5 samples", rng=4)
    assert set(made[mask > 0]) == {values.min(), values.max()}
    made, _ = add_faults(values, "saturation:rate=0.01/sample,duration=5 samples,at=high", range="0..40", rng=4)
    assert made.max() == 40
    made, mask = add_faults(values, "saturation:rate=0.01/sample,at=low,low=-5", rng=4)
    assert (made[mask > 0] == -5).all()


def test_gaps_stay_gaps_and_are_no_faults():
    values = series()[:, 0]
    values[::3] = np.nan
    for text in (
        "dropout:rate=0.1/sample,duration=4 samples,fill=hold",
        "stuck:rate=0.1/sample,duration=4 samples",
        "spike:rate=0.1/sample,size=4",
        "dropout:rate=0.1/sample,fill=-1",
    ):
        made, mask = add_faults(values, text, rng=1)
        assert np.array_equal(np.isnan(made), np.isnan(values))
        assert (mask[::3] == 0).all()
        assert (mask > 0).any()
    held, mask = add_faults(values, "dropout:rate=0.1/sample,duration=4 samples,fill=hold", rng=1)
    assert set(held[mask > 0]) <= set(values[~np.isnan(values)])


def test_the_mask_has_the_bits_of_all_that_strikes_a_cell():
    faults = [
        "spike:rate=0.2/sample,size=1",
        "drift:rate=0.01/sample,duration=20 samples,size=1",
        "dropout:rate=0.1/sample",
    ]
    together, mask = add_faults(series(), faults, rng=1)
    single = [add_faults(series(), fault, rng=1)[1] for fault in faults]
    assert np.array_equal(mask, single[0] | single[1] | single[2])
    assert len(np.unique(mask)) == 8
    assert labels(11) == "dropout+spike+drift"
    assert labels(0) == ""
    assert np.array_equal(np.isnan(together), (mask & FaultKind.DROPOUT) > 0)


def test_two_faults_of_one_kind_are_two():
    one = "dropout:rate=0.01/sample"
    _, mask = add_faults(series(50), [one, one], rng=1)
    assert abs(off(mask.astype(bool).mean(0), 1 - 0.99**2)) < SIGMAS


def test_together_strikes_whole_rows():
    values = series(5)
    _, mask = add_faults(values, "dropout:rate=0.01/sample,duration=3 samples,together=true", rng=1)
    assert (mask == mask[:, :1]).all()
    assert mask.any()
    _, apart = add_faults(values, "dropout:rate=0.01/sample,duration=3 samples", rng=1)
    assert not (apart == apart[:, :1]).all()


ALL = [
    "dropout:rate=2/min,duration=exp:3s,fill=hold",
    "dropout:rate=5/min,duration=1s",
    "spike:rate=1e-2/sample,size=3sd..8sd",
    "stuck:rate=10/min,duration=50 samples",
    "drift:rate=3/min,duration=1s..5s,size=3",
    "saturation:rate=3/min,duration=1s",
]


@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "i8"])
@pytest.mark.parametrize("irregular", [False, True])
@pytest.mark.parametrize("block", [1, 777])
def test_blocks_do_not_matter(monkeypatch, dtype, irregular, block):
    rows = 2000 if block > 1 else 120
    values = (series(2)[:rows] * 20).astype(dtype)
    if dtype[0] == "f":
        values[90:95] = np.nan
    times = np.cumsum(np.random.default_rng(1).gamma(1.0, 0.02, rows))
    given = {"times": times} if irregular else {"samplerate": 50}
    faults = [fault for fault in ALL if dtype[0] == "f" or "exp" in fault or "dropout" not in fault]
    whole = add_faults(values, faults, rng=6, step=2, range=(-4000, 4000), **given)
    monkeypatch.setattr("augkit.series.memory.BLOCK", block)
    pieces = add_faults(values, faults, rng=6, step=2, range=(-4000, 4000), **given)
    assert np.array_equal(whole[0], pieces[0], equal_nan=dtype[0] == "f")
    assert np.array_equal(whole[1], pieces[1])
    assert (whole[1] > 0).mean() > 0.01
    assert whole[0].dtype == values.dtype


def test_other_columns_and_faults_do_not_matter():
    values = series(3)
    made, mask = add_faults(values, ALL, samplerate=50, rng=1)
    alone, alone_mask = add_faults(values[:, :1], ALL, samplerate=50, rng=1)
    assert np.array_equal(made[:, :1], alone, equal_nan=True)
    assert np.array_equal(mask[:, :1], alone_mask)
    _, fewer = add_faults(values, ALL[2:], samplerate=50, rng=1)
    assert np.array_equal(mask & 0b11110, fewer)


def test_columns_of_their_own():
    fault = {"kind": "spike", "rate": "0.1/sample", "size": 1, "columns": ["1"]}
    _, mask = add_faults(series(3), fault, rng=1)
    assert mask[:, 1].any()
    assert not mask[:, [0, 2]].any()


def test_a_constant_column_has_no_spikes_of_relative_size():
    values = np.full(500, 7.0)
    with pytest.warns(UserWarning, match="its sd is 0"):
        made, mask = add_faults(values, ["spike:rate=0.1/sample,size=3sd", "dropout:rate=0.1/sample"], rng=1)
    assert not (mask & FaultKind.SPIKE).any()
    assert np.isnan(made).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stuk:rate=1/s", "did you mean 'stuck'"),
        ("dropout", "missing required field `rate`"),
        ("dropout:rate=2/mn", "did you mean 'min'"),
        ("dropout:rate=2 min", "2/min, 0.5/s"),
        ("dropout:rat=2", "did you mean 'rate'"),
        ("dropout:rate=2,rate=3", "each once"),
        ("dropout:rate=-2/s", "rate=-2"),
        ("dropout:rate=2/sample", "at most one a sample"),
        ("dropout:rate=1/s,fill=x", "'nan', 'hold' or a number"),
        ("dropout:rate=1/s,duration=0s", "above 0"),
        ("dropout:rate=1/s,duration=5s..1s", "lower one"),
        ("dropout:rate=1/s,duration=1 sample..5s", "both ends"),
        ("dropout:rate=1/s,duration=poisson:3s", "exp:MEAN"),
        ("spike:rate=1/s", "missing required field `size`"),
        ("spike:rate=1/s,size=-3", "size=-3"),
        ("spike:rate=1/s,size=3furlong", "did you mean 'range'"),
        ("spike:rate=1/s,size=3,sign=left", "sign"),
        (3, "expected text"),
        ({"kind": "spike", "rate": 1, "size": 2, "extra": 1}, "extra: no such key"),
    ],
)
def test_what_cannot_mean_anything_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        as_faults([text])


@pytest.mark.parametrize(
    ("values", "text", "given", "message"),
    [
        (np.arange(9), "dropout:rate=1/s", {"samplerate": 1}, "int64 holds no NaN"),
        (np.arange(9, dtype="u1"), "dropout:rate=1/s,fill=-999", {"samplerate": 1}, "-999 .*uint8"),
        (np.arange(9), "stuck:rate=1/s,at=0.5", {"samplerate": 1}, "0.5 .*int64"),
        (np.zeros(9), "dropout:rate=1/s", {}, "give a time or samplerate"),
    ],
)
def test_what_does_not_fit_is_refused(values, text, given, message):
    with pytest.raises(UsageError, match=message):
        add_faults(values, text, **given)


@pytest.mark.parametrize(
    ("text", "value", "per_row"),
    [("2/min", 2 / 60, False), ("0.5/s", 0.5, False), ("3/h", 3 / 3600, False), ("1/day", 1 / 86400, False),
     ("1e-3/sample", 1e-3, True), (0.25, 0.25, False), ("2 / minute", 2 / 60, False), ("0", 0, False)],
)  # fmt: skip
def test_rates(text, value, per_row):
    rate = as_rate(text)
    assert rate.value == pytest.approx(value)
    assert rate.per_row is per_row


@pytest.mark.parametrize(
    ("text", "law", "values", "in_rows"),
    [("3s", "constant", (3,), False), ("200ms", "constant", (0.2,), False), ("1..5 min", "uniform", (60, 300), False),
     ("exp:2h", "exponential", (7200,), False), ("10 samples", "constant", (10,), True), (2, "constant", (2,), False),
     ("2rows..4", "uniform", (2, 4), True)],
)  # fmt: skip
def test_durations(text, law, values, in_rows):
    duration = as_duration(text)
    assert (duration.law, duration.in_rows) == (law, in_rows)
    assert duration.values == pytest.approx(values)
