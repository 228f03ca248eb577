import msgspec
import numpy as np
import pytest

from augkit.errors import UsageError
from augkit.level import Level, NoiseOptions, one_level, parse_level
from augkit.noise.keys import Key


@pytest.mark.parametrize(
    ("kind", "given", "values", "choice", "unit"),
    [
        ("std", 0.1, (0.1,), "number", ""),
        ("std", 0, (0.0,), "number", ""),
        ("std", "25/255", (25 / 255,), "number", ""),
        ("std", "1e-3", (0.001,), "number", ""),
        ("std", "0.05..0.2", (0.05, 0.2), "uniform", ""),
        ("std", ".001..0.1:log", (0.001, 0.1), "log", ""),
        ("std", "0.1sd", (0.1,), "number", "sd"),
        ("std", "0.1..0.2MAD", (0.1, 0.2), "uniform", "mad"),
        ("snr_db", "-5..5", (-5.0, 5.0), "uniform", ""),
        ("snr_db", "10dB", (10.0,), "number", ""),
        ("snr_db", "0, 10,20", (0.0, 10.0, 20.0), "list", ""),
        ("snr_db", np.int64(10), (10.0,), "number", ""),
        ("std", np.array(0.5), (0.5,), "number", ""),
        ("snr_db", [0, "5", 10.5], (0.0, 5.0, 10.5), "list", ""),
        ("psnr_db", -3, (-3.0,), "number", ""),
    ],
)
def test_levels_are_read(kind, given, values, choice, unit):
    level = parse_level(kind, given)
    assert level == Level(kind, values, choice, unit)
    if "/" not in str(given):
        assert parse_level(kind, str(level)) == level


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        ("std", "abc", "'abc' is no level"),
        ("std", "", "no level"),
        ("std", "1/0", "no level"),
        ("std", -0.1, "0 or more"),
        ("std", "0.2..0.1", "lower one"),
        ("std", "0..1:log", "above 0"),
        ("std", "0..1:lin", ":lin"),
        ("std", "1..2..3", "two ends"),
        ("std", "0.1xd", "did you mean 'sd'"),
        ("std", "0.1sd,0.2mad", "one unit"),
        ("std", "1,0.2mad", "one unit"),
        ("std", "1e999", "finite"),
        ("snr_db", "10sd", "unknown unit"),
        ("snr_db", 1e6, "300 dB"),
        ("std", [], "expected a number"),
        ("std", [True], "expected a number"),
    ],
)
def test_wrong_levels_are_refused_by_name(kind, given, hint):
    with pytest.raises(UsageError, match=hint) as caught:
        parse_level(kind, given)
    assert kind in str(caught.value)


def test_exactly_one_level():
    assert one_level(std=0.1) == Level("std", (0.1,))
    with pytest.raises(UsageError, match="got none"):
        one_level()
    with pytest.raises(UsageError, match="std and snr_db"):
        one_level(std=0.1, snr_db=3)


def test_draws_are_keyed_and_stay_in_range():
    level = parse_level("std", "0.001..0.1:log")
    drawn = [level.draw(Key(1).child(i)).value for i in range(500)]
    assert drawn == [level.draw(Key(1).child(i)).value for i in range(500)]
    assert 0.001 <= min(drawn) < 0.0012
    assert 0.08 < max(drawn) <= 0.1
    assert np.median(drawn) == pytest.approx(0.01, rel=0.3)
    chosen = {parse_level("snr_db", "0,10,20").draw(Key(1).child(i)).value for i in range(60)}
    assert chosen == {0.0, 10.0, 20.0}
    with pytest.raises(UsageError, match="not a choice"):
        _ = level.value


def test_options_are_strict_and_refuse_std_without_variance():
    assert NoiseOptions(std="0.1").level() == Level("std", (0.1,))
    for law in ("cauchy", "student-t:df=2"):
        with pytest.raises(UsageError, match=r"scale, or snr_db"):
            NoiseOptions(noise=law, std=0.1).level()
        NoiseOptions(noise=law, snr_db=3).level()
        NoiseOptions(noise=law, scale=0.1).level()
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"st": 1}, NoiseOptions)
