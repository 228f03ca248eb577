"""Data sheets: units, conventions, TOML files and what is wrong with them."""

import math
import pickle

import numpy as np
import pytest

from augkit.errors import UsageError
from augkit.series import add_sensor_errors
from augkit.series.sensors.files import load_sensors, sensor_of_columns
from augkit.series.sensors.sheet import ColumnSensor, Sensor
from augkit.series.sensors.units import parse_unit, to_unit

G = 9.80665


@pytest.mark.parametrize(
    ("text", "unit", "power", "value"),
    [
        ("0.3 deg/sqrt(h)", "deg/s", 0.5, 0.3 / 60),
        ("0.005 deg/s/sqrt(Hz)", "deg/s", 0.5, 0.005),
        ("0.005 dps/√Hz", "rad/s", 0.5, math.radians(0.005)),
        ("120 ug/sqrt(Hz)", "m/s^2", 0.5, 120e-6 * G),
        ("120 µg/rt(Hz)", "mg", 0.5, 0.12),
        ("0.06 m/s/sqrt(h)", "m/s2", 0.5, 0.001),
        ("9 deg/h", "deg/s", 0, 0.0025),
        ("2 deg/h/sqrt(h)", "deg/s", -0.5, 2 / 3600 / 60),
        ("1 mGal", "m/s**2", 0, 1e-5),
        ("2 nT/sqrt(Hz)", "uT", 0.5, 0.002),
        ("0.2 arcsec", "rad/s", 1, math.radians(0.2 / 3600)),
        ("1 mg/h", "g", -1, 1e-3 / 3600),
        ("5 min", "s", 0, 300),
        ("3", "deg/s", 0, 3),
        ("0.5 °C", "K", 0, 0.5),
        ("1 hPa", "Pa", 0, 100),
        ("3 m s^-2", "m/s²", 0, 3),
        ("3 m^(1/2) Hz^0.5 m^0.5", "m", -0.5, 3),
        ("5 LSB/sqrt(Hz)", "counts", 0.5, 5),
    ],
)
def test_quantities_are_taken_to_the_unit_of_the_column(text, unit, power, value):
    from fractions import Fraction

    assert to_unit(text, unit, Fraction(power)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("deg/sec^x", "needs a number"),
        ("degs/s", "did you mean 'deg'"),
        ("sqrt(Hz", "not closed"),
        ("m//s", "'/' is no unit"),
        ("m)", "was not expected"),
        ("m/", "expected where it ends"),
        ("", "expected where it ends"),
        ("m^99", "none that a unit has"),
        ("(" * 3000, "at most 100 characters"),
    ],
)
def test_units_that_mean_nothing_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse_unit(text)


def test_numbers_are_in_the_unit_of_the_values():
    sheet = Sensor(white_noise=0.5, random_walk=0.25, bias_instability=2.0, ramp=-1.5, scale_factor=0.01)
    found = sheet.errors()
    assert (found.white_noise, found.random_walk, found.bias_instability, found.ramp) == (0.5, 0.25, 2.0, -1.5)
    assert found.scale_factor == pytest.approx(0.01)


def test_conventions():
    assert Sensor(white_noise=1.0, convention="one-sided").errors().white_noise == pytest.approx(math.sqrt(0.5))
    floor = Sensor(bias_instability=1.0, bias_instability_as="floor").errors().bias_instability
    assert floor == pytest.approx(1 / math.sqrt(2 * math.log(2) / math.pi), rel=1e-7)


def test_sheets_compare_and_pickle():
    sheet = ColumnSensor(white_noise="1 deg/sqrt(h)", unit="deg/s", columns=["a*"])
    assert pickle.loads(pickle.dumps(sheet)) == sheet  # noqa: S301


GOOD = """
[[sensor]]
columns = ["gyr_*"]
unit = "deg/s"
white_noise = "0.3 deg/sqrt(h)"
gauss_markov = [{sigma = "5 deg/h", tau = "10 min"}]

[[sensor]]
columns = ["acc_x"]
unit = "m/s^2"
white_noise = "120 ug/sqrt(Hz)"
convention = "one-sided"
"""


def test_a_sheet_is_read_and_its_sensors_find_their_columns(tmp_path):
    path = tmp_path / "imu.toml"
    path.write_text(GOOD)
    gyro, accelerometer = load_sensors(path)
    assert gyro.errors().gauss_markov[0] == pytest.approx((5 / 3600, 600))
    found = sensor_of_columns([gyro, accelerometer], ["gyr_x", "gyr_y", "acc_x", "temp"])
    assert found == {"gyr_x": gyro, "gyr_y": gyro, "acc_x": accelerometer}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[sensor]]\nwhite_nois = 1", r"imu.toml: sensor\[0\].white_nois: no such key; did you mean 'white_noise'"),
        ("[[sensor]]\n[[sensor]]\nwhite_noise = '1 deg/x'\nunit='deg/s'", r"imu.toml: sensor\[1\].white_noise: .*'x'"),
        ("[[sensor]]\nwhite_noise = '1 deg/h'\nunit = 'deg/s'", r"sensor\[0\].white_noise: .*deg/s/sqrt\(Hz\) was exp"),
        ("[[sensor]]\nwhite_noise = '1 deg/h'", r"name the unit of the values"),
        ("[[sensor]]\nwhite_noise = true", r"sensor\[0\].white_noise: Expected `float \| str`, got `bool`"),
        ("[[sensor]]\nwhite_noise = -1", r"sensor\[0\].white_noise=-1.*0 or more"),
        ("[[sensor]]\nwhite_noise = inf", "finite number"),
        ("[[sensor]]\nconvention = 'both'", r"sensor\[0\].convention: Invalid enum value 'both'"),
        ("[[sensor]]\ngauss_markov = [{sigma = 1, tau = 0}]", r"gauss_markov\[0\].tau=0.* above 0"),
        ("[[sensor]]\ngauss_markov = [{sigma = 1}]", r"gauss_markov\[0\]: .*missing required field `tau`"),
        ("[[sensor]]\nunit = 'furlong'", "'furlong' is no unit"),
        ("[[senso]]", r"senso: only \[\[sensor\]\] tables"),
        ("sensor = 3", r"at least one \[\[sensor\]\] table"),
        ("", r"at least one \[\[sensor\]\] table"),
        ("[[sensor", "imu.toml: a data sheet in TOML was expected"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_said_with_file_and_key(tmp_path, text, message):
    path = tmp_path / "imu.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_sensors(path)


def test_a_sheet_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match=r"absent.toml: .*No such file"):
        load_sensors(tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="a file of at most"):
        load_sensors(tmp_path)


@pytest.mark.parametrize(
    ("sensors", "message"),
    [
        ([{"columns": ["x", "q"]}], "none of the columns to be noised is 'q'"),
        ([{"columns": ["x"]}, {}], "'x' has a sensor already"),
    ],
)
def test_sensors_and_columns_have_to_match(sensors, message):
    with pytest.raises(UsageError, match=message):
        sensor_of_columns([ColumnSensor(**terms) for terms in sensors], ["x", "y"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "a data sheet or one of its terms"),
        ({"white_noise": 1}, "give a time or samplerate"),
        ({"white_noise": 1, "samplerate": 0}, "samplerate=0"),
        ({"white_noise": 1, "samplerate": math.nan}, "samplerate=nan"),
        ({"white_noise": 1, "times": np.zeros(8)}, "no two of them differ"),
        ({"white_noise": 1, "times": np.arange(7)}, "one value for each of the 8 rows"),
        ({"white_noise": 1, "times": np.array([0, 1, 2, 3, 2, 5, 6, 7])}, r"row 4 \(from 0\).*before the row above"),
        ({"white_noise": 1, "times": np.r_[0.0, np.nan, np.arange(6)]}, r"row 1 \(from 0\) has none"),
        ({"white_noise": 1, "times": np.array(["NaT"] * 8, "M8[s]")}, "row 0"),
        ({"white_noise": 1, "times": np.array(["x"] * 8)}, "seconds or datetime64"),
        ({"sensor": Sensor(white_noise=1), "white_noise": 1}, "not both"),
        ({"white_nose": 1}, "white_nose"),
    ],
)
def test_what_cannot_mean_anything_is_refused(given, message):
    with pytest.raises(Exception, match=message) as caught:
        add_sensor_errors(np.zeros(8), **given)
    assert type(caught.value).__name__ in {"UsageError", "InputError", "TypeError"}


def test_a_sheet_in_a_file_and_its_terms_are_the_same(tmp_path):
    path = tmp_path / "imu.toml"
    path.write_text('[[sensor]]\nunit = "deg/s"\nwhite_noise = "0.3 deg/sqrt(h)"')
    values = np.zeros((100, 2))
    by_file = add_sensor_errors(values, path, samplerate=10, rng=1)
    assert np.array_equal(by_file, add_sensor_errors(values, samplerate=10, white_noise="0.005", unit="deg/s", rng=1))
    days = np.arange(100) * np.timedelta64(100, "ms") + np.datetime64("2024-05-01")
    assert np.allclose(by_file, add_sensor_errors(values, path, times=days, rng=1))
