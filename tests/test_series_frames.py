"""Tables of pandas, polars and Arrow come back as they were, with noise where it was asked for and nowhere else."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from augkit.errors import InputError, UsageError
from augkit.series import add_faults, add_noise, add_noise_with_info, add_sensor_errors

ROWS = 600


def columns():
    rng = np.random.default_rng(1)
    return {
        "time": np.arange(ROWS) * 0.01,
        "device": np.array(["b", "a", "c"])[rng.integers(0, 3, ROWS)],
        "ax": rng.normal(0, 1, ROWS),
        "ay": rng.normal(0, 1, ROWS).astype("f4"),
        "adc": rng.integers(0, 4000, ROWS).astype("i2"),
        "count": rng.integers(0, 4000, ROWS).astype("u4"),
        "ok": rng.random(ROWS) < 0.5,
        "id": np.arange(ROWS),
    }


GAPPY = [True, False, False] * (ROWS // 3)


def pandas_frame():
    frame = pd.DataFrame(columns(), index=pd.date_range("2024-03-01", periods=ROWS, freq="10ms", name="when"))
    frame["nullable"] = pd.array(frame["adc"], dtype="Int16")
    frame["arrow"] = pd.array(frame["ax"], dtype="double[pyarrow]")
    frame["wide"] = pd.array(frame["count"], dtype="uint32[pyarrow]")
    frame["masked"] = pd.array(frame["ay"], dtype="Float32")
    for name in ("nullable", "arrow", "wide", "masked"):
        frame.loc[np.array(GAPPY), name] = pd.NA
    frame["kind"] = pd.Categorical(frame["device"])
    frame["stamp"] = frame.index.tz_localize("UTC")
    frame["text"] = frame["device"].astype(object)
    frame.attrs["site"] = "north"
    return frame


def polars_frame():
    gaps = np.array(GAPPY)
    return pl.DataFrame(columns()).with_columns(
        pl.Series("nullable", [None if gap else n % 100 for n, gap in enumerate(GAPPY)], dtype=pl.Int8),
        pl.Series("gappy", np.where(gaps, np.nan, 1.0)),
        pl.Series("kind", ["x", "y", "z"] * (ROWS // 3), dtype=pl.Categorical),
        pl.Series("stamp", pd.date_range("2024", periods=ROWS).to_numpy()),
        pl.Series("price", [1] * ROWS, dtype=pl.Decimal(10, 2)),
    )


def arrow_table():
    table = pa.table({name: pa.array(values) for name, values in columns().items()})
    table = table.append_column(
        pa.field("half", pa.float16(), metadata={"unit": "V"}), [pa.array(np.linspace(0, 1, ROWS).astype("f2"))]
    )
    nullable = pa.array(np.arange(ROWS) % 100, pa.int8(), mask=np.array(GAPPY))
    table = table.append_column(pa.field("nullable", pa.int8(), metadata={"unit": "degC"}), [nullable])
    halves = pa.concat_tables([table.slice(0, 250), table.slice(250)])
    return halves.replace_schema_metadata({"made by": "a test"})


MAKERS = {"pandas": pandas_frame, "polars": polars_frame, "arrow": arrow_table}
NOISED = {
    "pandas": {"ax", "ay", "adc", "count", "nullable", "arrow", "wide", "masked"},
    "polars": {"ax", "ay", "adc", "count", "nullable", "gappy"},
    "arrow": {"ax", "ay", "adc", "count", "half", "nullable"},
}


def column(frame, name):
    """Return a column as Arrow's, for comparisons that know of nulls."""
    if isinstance(frame, pd.DataFrame):
        return (
            pa.array(frame[name].astype(str))
            if name in ("kind", "text", "stamp")
            else pa.Array.from_pandas(frame[name])
        )
    return frame[name].to_arrow() if isinstance(frame, pl.DataFrame) else frame[name].combine_chunks()


def names(frame):
    return frame.column_names if isinstance(frame, pa.Table) else list(frame.columns)


@pytest.mark.parametrize("library", MAKERS)
def test_a_frame_comes_back_as_it_was_but_for_its_signals(library):
    frame, before = MAKERS[library](), MAKERS[library]()
    made, info = add_noise_with_info(frame, std=5, rng=1)
    assert type(made) is type(frame)
    assert names(made) == names(frame)
    for name in names(frame):
        old, new = column(frame, name), column(made, name)
        assert old.equals(column(before, name)) or name == "gappy", "the input was changed"
        assert old.type == new.type
        assert old.is_valid().equals(new.is_valid())
        assert old.equals(new) == (name not in NOISED[library]), name
    assert set(info["columns"]) == NOISED[library]
    assert info["left"]["time"] == "time stamps"
    assert info["left"]["id"] == "id"
    assert info["left"]["ok"] == "boolean"


def test_pandas_keeps_index_dtypes_and_attributes():
    frame = pandas_frame()
    made = add_noise(frame, std=5, rng=1)
    assert made.index.equals(frame.index)
    assert made.index.name == "when"
    assert made.index.freq == frame.index.freq
    assert (made.dtypes == frame.dtypes).all()
    assert made.attrs == frame.attrs


def test_polars_and_arrow_keep_their_schema():
    frame, table = polars_frame(), arrow_table()
    assert add_noise(frame, std=5, rng=1).schema == frame.schema
    made = add_noise(table, std=5, rng=1)
    assert made.schema.equals(table.schema, check_metadata=True)
    assert [len(chunk) for chunk in made["ax"].chunks] == [250, ROWS - 250]
    batch = table.to_batches()[0]
    assert isinstance(add_noise(batch, std=5, rng=1), pa.RecordBatch)
    assert add_noise(batch, std=5, rng=1).schema.equals(table.schema, check_metadata=True)


def test_all_libraries_get_the_same_noise():
    made = [add_noise(MAKERS[library](), std=5, rng=1) for library in MAKERS]
    for name in ("ax", "ay", "adc", "count"):
        first, *others = (column(frame, name) for frame in made)
        assert all(first.equals(other) for other in others), name


def test_integers_round_and_saturate_and_gaps_stay():
    frame = pd.DataFrame({"x": pd.array([0, 255, None] * 100, dtype="UInt8")})
    made = add_noise(frame, std=20, rng=1)
    assert made["x"].dtype == frame["x"].dtype
    assert made["x"].isna().equals(frame["x"].isna())
    held = made["x"].dropna().to_numpy(int)
    assert (held[::2] == 0).mean() == pytest.approx(0.5, abs=0.25)
    assert (held[1::2] == 255).mean() == pytest.approx(0.5, abs=0.25)


def test_nulls_are_left_out_of_all_statistics():
    values = np.random.default_rng(1).normal(1000, 3, ROWS)
    full = add_noise_with_info(pl.DataFrame({"x": values}), std="0.5sd", rng=1)[1]["columns"]["x"]["scale"]
    gappy = pl.DataFrame({"x": [v for value in values for v in (value, None)]})
    assert add_noise_with_info(gappy, std="0.5sd", rng=1)[1]["columns"]["x"]["scale"] == pytest.approx(full, rel=1e-6)


@pytest.mark.parametrize("library", MAKERS)
def test_columns_are_chosen_and_left(library):
    frame = MAKERS[library]()
    made = add_noise(frame, std=5, rng=1, columns=["a*", "id"], exclude_columns="adc")
    changed = {name for name in names(frame) if not column(frame, name).equals(column(made, name))}
    changed -= {"gappy"}  # NaN is never equal
    assert changed == {"ax", "ay", "id"} | ({"arrow"} if library == "pandas" else set())
    everything = add_noise(frame, std=5, rng=1)
    assert column(made, "ax").equals(column(everything, "ax"))
    with pytest.raises(InputError, match="did you mean 'ax'"):
        add_noise(frame, std=5, columns="axx")
    with pytest.raises(InputError, match="'device' was asked for, but has no numbers"):
        add_noise(frame, std=5, columns="device")


@pytest.mark.parametrize("library", MAKERS)
def test_groups_and_times_are_columns(library):
    frame = MAKERS[library]()
    device = np.array(column(frame, "device").to_pylist())
    made = add_noise(frame, std="1sd", rng=1, group_by="device", columns=["ax"])
    by_array = add_noise(frame, std="1sd", rng=1, group_by=device, columns=["ax"])
    assert column(made, "ax").equals(column(by_array, "ax"))
    sensed = add_sensor_errors(frame, times="time", random_walk=1.0, rng=1, columns=["ax"])
    plain = add_sensor_errors(column(frame, "ax").to_numpy(), samplerate=100, random_walk=1.0, rng=1)
    assert column(sensed, "ax").to_numpy().std() == pytest.approx(plain.std(), rel=3)
    assert np.ptp(column(sensed, "ax").to_numpy() - column(frame, "ax").to_numpy()) > 0.5


@pytest.mark.parametrize("library", MAKERS)
def test_the_mask_of_faults_is_a_frame_too(library):
    frame = MAKERS[library]()
    made, mask = add_faults(frame, "dropout:rate=0.1/sample,duration=2 samples", rng=1, columns=["ax", "nullable"])
    assert type(mask) is type(frame)
    assert names(mask) == ["ax", "nullable"]
    if library == "pandas":
        assert mask.index.equals(frame.index)
    for name in names(mask):
        bits = column(mask, name)
        assert bits.type == pa.uint8()
        new, old = column(made, name), column(frame, name)
        lost = bits.to_numpy() > 0
        assert lost.any()
        gone = ~np.array(new.is_valid()) if new.null_count else np.isnan(new.to_numpy())
        assert np.array_equal(gone, lost | ~np.array(old.is_valid()))


@pytest.mark.parametrize(
    "one",
    [
        pd.Series(np.arange(9.0), index=list("abcdefghi"), name="x"),
        pl.Series("x", np.arange(9.0)),
        pa.array(np.arange(9.0)),
        pa.chunked_array([np.arange(4.0), np.arange(5.0)]),
    ],
)
def test_single_columns(one):
    made = add_noise(one, std=1, rng=1)
    assert type(made) is type(one)
    assert len(made) == 9
    assert getattr(made, "name", None) == getattr(one, "name", None)
    if isinstance(one, pd.Series):
        assert made.index.equals(one.index)
    _, mask = add_faults(one, "spike:rate=1/sample,size=1", rng=1)
    assert list(map(int, mask.to_pylist() if isinstance(mask, pa.Array | pa.ChunkedArray) else mask)) == [2] * 9


def test_columns_of_one_name_and_names_that_are_no_text():
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 3)), columns=["x", "x", 7])
    made = add_noise(frame, std=1, rng=1, columns=["1", "7"])
    assert list(made.columns) == ["x", "x", 7]
    assert made.iloc[:, 0].equals(frame.iloc[:, 0])
    assert not made.iloc[:, 1].equals(frame.iloc[:, 1])
    assert not made.iloc[:, 2].equals(frame.iloc[:, 2])
    levels = pd.DataFrame(np.ones((20, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]))
    assert add_noise(levels, std=1, rng=1).columns.equals(levels.columns)


def test_a_batch_may_mix_libraries():
    array, frame = add_noise([np.zeros(20), pd.DataFrame({"x": np.arange(20.0) ** 2})], std=1, rng=1)
    assert isinstance(array, np.ndarray)
    assert isinstance(frame, pd.DataFrame)


@pytest.mark.parametrize("empty", [pd.DataFrame(), pd.DataFrame({"x": []}), pl.DataFrame(), pa.table({})])
def test_empty_frames_come_back_empty(empty):
    assert type(add_noise(empty, std=1, rng=1)) is type(empty)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pl.DataFrame({"x": [1.0]}).lazy(), "collect"),
        ({"x": [1.0]}, "got dict"),
        (pa.schema([]), "got Schema"),
        (pd.Index([1.0]), "got Index"),
        (None, "got NoneType"),
    ],
)
def test_other_things_are_refused(table, message):
    with pytest.raises(UsageError, match=message):
        add_noise(table, std=1)


def test_no_library_is_imported_that_is_not_used():
    script = (
        "import sys, numpy as np, polars as pl\n"
        "from augkit.series import add_noise\n"
        "add_noise(np.zeros(5), std=1)\n"
        "add_noise(pl.DataFrame({'x': [1.0, None]}), std=1, columns='x')\n"
        "print([name for name in ('pandas', 'scipy', 'narwhals') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_groups_may_be_categories(library):
    names = ["a", "b", "a", None] * 50
    values = np.random.default_rng(1).normal(size=200)
    plain = pa.table({"device": names, "x": values})
    coded = plain.set_column(0, "device", plain["device"].dictionary_encode())
    to = {"pandas": pa.Table.to_pandas, "polars": pl.from_arrow, "pyarrow": lambda table: table}[library]
    made = [add_noise(to(table), std="0.1sd", group_by="device", rng=1) for table in (plain, coded)]
    assert np.array_equal(np.asarray(made[0]["x"]), np.asarray(made[1]["x"]))
    assert not np.array_equal(np.asarray(made[0]["x"]), values)
