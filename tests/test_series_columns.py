"""Which columns are noised, and why the others are left alone."""

import numpy as np
import pytest

from augkit.errors import InputError
from augkit.series.columns import select, unique_names
from augkit.series.nature import Column, Profile, why_left

ROWS = np.arange(12)
WAVE = np.sin(ROWS) * 40


def column(header, values, *, position=1, whole=None, **rest):
    """Return a column and what its values look like, taken in piece by piece."""
    values = np.asarray(values)
    finite = values[np.isfinite(values)]
    whole = bool(np.all(finite == np.rint(finite))) if whole is None else whole
    rest = {"place": position, "width": 5} | rest
    made = Column(header or str(position), header, position, whole=whole, **rest)
    profile = Profile(made)
    for piece in (finite[:3], finite[3:5], finite[5:]):
        if piece.size:
            profile.add(piece, float(piece.min()), float(piece.max()))
    return made, profile


@pytest.mark.parametrize(
    ("header", "values", "reason"),
    [
        ("ax", WAVE, None),
        ("adc", np.rint(WAVE), None),
        ("temperature_setpoint", [20.0] * 12, None),
        ("Time", WAVE, "time stamps"),
        ("timestamp_ms", ROWS * 7 % 5, "time stamps"),
        ("elapsed_time (s)", ROWS * 0.1, "time stamps"),
        ("reaction_time", WAVE, None),
        ("T", ROWS * 0.5, "time stamps"),
        ("T", WAVE, None),
        ("YEAR", ROWS + 1950, "time stamps"),
        ("hour", ROWS, "time stamps"),
        ("date", ROWS + 19580329, "time stamps"),
        ("logged", 1.7e9 + ROWS * 60, "time stamps"),
        ("logged", 1.7e18 + ROWS * 6e10, "time stamps"),
        ("seen", [20240101 + 100 * (i % 9) + i for i in range(12)], "time stamps"),
        ("device_id", np.rint(WAVE), "id"),
        ("DeviceID", np.rint(WAVE), "id"),
        ("fluid", np.rint(WAVE), None),
        ("index", ROWS, "id"),
        ("heat_index", np.rint(WAVE), None),
        ("activity_label", ROWS % 4, "label"),
        ("class", ROWS % 4, "label"),
        ("Status", ROWS % 4, "label"),
        ("state_of_charge", np.rint(WAVE), None),
        ("label", WAVE, None),
        ("alarm_on", ROWS % 2, "boolean"),
        ("valve", [0] * 12, "boolean"),
        ("serial_like", 2.0**60 - ROWS * 2**10, "integers beyond 2**53"),
        ("gap", np.full(12, np.nan), "empty"),
    ],
)
def test_reasons(header, values, reason):
    assert why_left(*column(header, values)) == reason


def test_a_constant_of_zeros_with_decimals_is_no_boolean():
    assert why_left(*column("offset", [0.0] * 12, whole=False)) is None


@pytest.mark.parametrize(
    ("values", "resolution"),
    [(ROWS, 1), (ROWS * 0.25, 0.01), (np.round(ROWS / 3, 2), 0.01), ((ROWS / 100).astype("f4"), 0)],
)
def test_an_evenly_spaced_first_column_is_an_axis(values, resolution):
    first = column("", values, position=0, resolution=resolution)
    assert "evenly spaced" in why_left(*first)
    assert why_left(*column("", values, position=0, resolution=resolution, width=1)) is None
    assert why_left(*column("", values, position=1, resolution=resolution)) is None


def test_few_rows_tell_nothing():
    assert why_left(*column("", [1, 3, 5], position=0)) is None


TABLE, PROFILES = zip(
    column("time", ROWS, position=0),
    column("acc_x", WAVE, position=1),
    column("acc_y", WAVE, position=2),
    column("id", ROWS, position=3),
    (Column("note", "note", 4, numeric=False, nature="text"), None),
    (Column("acc_x.1", "acc_x", 5, place=5, width=6), column("acc_x", WAVE, position=5)[1]),
    strict=True,
)


def choose(wanted, excluded):
    profiles = {position: profile for position, profile in enumerate(PROFILES) if profile}
    return select(TABLE, wanted, excluded).choose(TABLE, profiles)


@pytest.mark.parametrize(
    ("wanted", "excluded", "chosen"),
    [
        ([], [], [1, 2, 5]),
        (["acc_*"], [], [1, 2, 5]),
        (["acc_y"], [], [2]),
        (["*"], [], [1, 2, 5]),
        (["id", "acc_y"], [], [2, 3]),
        (["0", "-1"], [], [0, 5]),
        (["acc_x.1"], [], [5]),
        ([], ["acc_x"], [2]),
        ([], ["1", "acc_y"], [5]),
        (["acc_*"], ["*_y", "nothing*"], [1, 5]),
    ],
)
def test_names_globs_and_positions(wanted, excluded, chosen):
    columns, left = choose(wanted, excluded)
    assert [column.position for column in columns] == chosen
    assert len(left) == len(TABLE) - len(chosen)


@pytest.mark.parametrize(
    ("wanted", "excluded", "message"),
    [
        (["acc_z"], [], "no column 'acc_z'; did you mean 'acc_[xy]"),
        (["gyr*"], [], r"no column matches gyr\*"),
        (["acc_x"], [], r"2 columns are called 'acc_x'; choose by position \(1, 5\)"),
        (["note"], [], "'note' was asked for, but has no numbers to be noised: text"),
        (["7"], [], "no column '7'"),
        ([], ["tmie"], "no column 'tmie'; did you mean 'time'"),
        ([], ["acc*"], "no column to be noised .*time: time stamps; acc_x: excluded"),
    ],
)
def test_what_is_not_there_is_an_error(wanted, excluded, message):
    with pytest.raises(InputError, match=message):
        choose(wanted, excluded)


def test_names_are_made_unique():
    assert unique_names(["x", "x", "", "x.1", "", "x"]) == ["x", "x.2", "2", "x.1", "4", "x.3"]
    assert unique_names(["", "0", ""]) == [".1", "0", "2"]


def test_streams_are_named_by_header_or_position():
    assert column("ax", WAVE, position=3)[0].word == "ax"
    assert column("", WAVE, position=3)[0].word == 3
