"""Sensors, faults and converters on files: the same noise as in memory, with the truth beside it."""

import json
import tomllib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io

from augkit.cli import main
from augkit.noise.colour import as_color
from augkit.noise.keys import Key
from augkit.series.asked import Treatment
from augkit.series.converter import as_converter
from augkit.series.faults.model import as_faults
from augkit.series.frames import as_frame
from augkit.series.memory import treat
from augkit.series.sensors.files import decode
from augkit.series.sensors.sheet import ColumnSensor

ROWS = 3000
SHEET = """
[[sensor]]
columns = ["gyr_*"]
unit = "deg/s"
white_noise = "6 deg/sqrt(h)"
random_walk = "0.2 deg/s/sqrt(s)"
bias_instability = "900 deg/h"

[[sensor]]
columns = ["acc"]
unit = "m/s^2"
gauss_markov = [{sigma = "5 mg", tau = "2 s"}]
"""
FAULTS = ["dropout:rate=5/min,duration=exp:1s", "spike:rate=5e-3/sample,size=5sd", "stuck:rate=3/min,duration=1s..2s"]


def frame():
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "time": np.round(np.cumsum(rng.integers(1, 30, ROWS)) / 1000, 3),
            "device": np.array(["a", "b"])[rng.integers(0, 2, ROWS)],
            "gyr_x": rng.normal(0, 1, ROWS).round(6),
            "gyr_y": rng.normal(0, 1, ROWS).round(6),
            "acc": rng.normal(9.8, 0.1, ROWS).round(6),
            "adc": rng.integers(0, 4096, ROWS),
        }
    )


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in" / "log.csv"
    path.parent.mkdir()
    frame().to_csv(path, index=False)
    (tmp_path / "imu.toml").write_text(SHEET)
    return path


def run(*words):
    assert main(["series", *map(str, words), "--seed", "7", "--quiet", "-j", "1"]) == 0


def in_memory(table, name="log.csv", **given):
    """Return what the same treatment makes of a table in memory under the key of a file's first copy."""
    treated = treat(as_frame(table), Treatment(**given), Key(7, path=(name, 1)))
    return as_frame(table).rebuilt(treated.cells), as_frame(table).marks(treated.faulty)


def sensors():
    return [decode(table, ColumnSensor) for table in tomllib.loads(SHEET)["sensor"]]


@pytest.mark.parametrize("group", [None, "device"])
def test_a_file_gets_the_errors_and_faults_that_a_frame_gets(tmp_path, source, group):
    words = ["--group-by", group] if group else []
    run(source, tmp_path / "out", "--sensor", tmp_path / "imu.toml", "--time", "time", "--save-mask",
        *(word for fault in FAULTS for word in ("--faults", fault)), *words)  # fmt: skip
    written = pd.read_csv(tmp_path / "out" / "log.csv")
    table = frame().astype({"adc": float})
    expected, marks = in_memory(
        table,
        sensors=sensors(),
        faults=as_faults(FAULTS),
        times="time",
        group_by=group,
        columns=["gyr_*", "acc", "adc"],
    )
    for name, digits in (("gyr_x", 6), ("gyr_y", 6), ("acc", 6), ("adc", 0)):
        assert np.allclose(written[name], expected[name], atol=0.51 * 10.0**-digits, equal_nan=True)
    mask = pd.read_parquet(tmp_path / "out" / "log.csv.mask.parquet")
    assert list(mask.columns) == ["gyr_x", "gyr_y", "acc", "adc"]
    assert np.array_equal(mask.to_numpy(), marks.to_numpy())
    assert (mask.to_numpy() > 0).mean() > 0.01
    for name in ("time", "device"):
        assert written[name].equals(frame()[name])


def test_the_row_tells_what_was_done_and_the_recipe_repeats_it(tmp_path, source):
    run(
        source,
        tmp_path / "out",
        "--sensor",
        tmp_path / "imu.toml",
        "--time",
        "time",
        "--faults",
        FAULTS[1],
        "--save-mask",
    )
    row = json.loads((tmp_path / "out" / "metadata.jsonl").read_text().splitlines()[0])
    assert row["noise"] == "sensor + faults"
    assert row["mask_file_name"] == "log.csv.mask.parquet"
    assert row["drawn"]["columns"]["gyr_x"]["sensor"]["white_noise"] == pytest.approx(0.1)
    counts = row["achieved"]["columns"]["adc"]["faulty"]
    assert counts == {"spike": int((pd.read_parquet(tmp_path / "out" / row["mask_file_name"])["adc"] > 0).sum())}
    (tmp_path / "imu.toml").unlink()  # what it said stands in the recipe
    recipe = (tmp_path / "out" / "recipe.toml").read_text()
    (tmp_path / "again").mkdir()
    (tmp_path / "again.toml").write_text(recipe.replace('dst = "."', 'dst = "again"').replace('"../in', '"in'))
    assert main(["run", str(tmp_path / "again.toml"), "--quiet", "-j", "1"]) == 0
    for name in ("log.csv", "log.csv.mask.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_a_law_and_a_sensor_add_up_and_columns_do_not_matter(tmp_path, source):
    clean = pd.read_csv(source)
    made = {}
    for name, words in {
        "law": ["--std", "0.5", "--columns", "gyr_x,gyr_y,acc"],
        "sensor": ["--sensor", tmp_path / "imu.toml", "--time", "time", "--columns", "gyr_x,gyr_y,acc"],
    }.items():
        run(source, tmp_path / name, *words, "--decimals", "9")
        made[name] = pd.read_csv(tmp_path / name / "log.csv")
    run(source, tmp_path / "both", "--std", "0.5", "--sensor", tmp_path / "imu.toml", "--time", "time",
        "--columns", "gyr_x,acc", "--decimals", "9")  # fmt: skip
    both = pd.read_csv(tmp_path / "both" / "log.csv")
    for name in ("gyr_x", "acc"):
        total = made["law"][name] + made["sensor"][name] - clean[name]
        assert np.allclose(both[name], total, atol=2e-9)
    assert both["gyr_y"].equals(clean["gyr_y"])


def test_the_converter_of_each_column(tmp_path, source):
    run(source, tmp_path / "out", "--std", "0.2sd", "--range", "gyr_*=-1..1,adc=0..4095", "--step", "gyr_x=0.25,adc=16",
        "--columns", "gyr_x,gyr_y,adc")  # fmt: skip
    written = pd.read_csv(tmp_path / "out" / "log.csv")
    assert set(written["gyr_x"]) == set(np.arange(-1, 1.1, 0.25))
    assert set(written["adc"] % 16) == {0}
    assert written["adc"].between(0, 4095).all()
    assert written["gyr_y"].nunique() > 1000
    table = frame()[["gyr_x"]]
    expected, _ = in_memory(table, level=parse("0.2sd"), converter=as_converter("-1..1", 0.25))
    assert np.array_equal(written["gyr_x"], expected["gyr_x"])


def parse(std):
    from augkit.level import parse_level

    return parse_level("std", std)


def test_correlated_and_multiplicative_noise(tmp_path, source):
    run(source, tmp_path / "out", "--std", "0.1", "--channels", "0.8", "--columns", "gyr_*", "--color", "ar:0.5")
    noise = pd.read_csv(tmp_path / "out" / "log.csv")[["gyr_x", "gyr_y"]] - frame()[["gyr_x", "gyr_y"]]
    assert np.corrcoef(noise.T)[0, 1] == pytest.approx(0.8, abs=0.05)
    table = frame()[["gyr_x", "gyr_y"]]
    expected, _ = in_memory(table, level=parse(0.1), channels=0.8, color=as_color("ar:0.5"))
    assert np.allclose(expected - table, noise, atol=1e-6)
    run(source, tmp_path / "share", "--std", "0.01", "--multiplicative", "--columns", "acc")
    shares = pd.read_csv(tmp_path / "share" / "log.csv")["acc"] / frame()["acc"] - 1
    assert shares.std() == pytest.approx(0.01, rel=0.07)


def test_nulls_of_parquet_are_what_drops_out(tmp_path):
    path = tmp_path / "log.parquet"
    table = pa.table({"n": pa.array([1, None, 3] * 500, pa.int16()), "x": pa.array(np.arange(1500) ** 1.5)})
    pq.write_table(table, path)
    run(
        path,
        tmp_path / "out",
        "--faults",
        "dropout:rate=0.1/sample,duration=3 samples",
        "--save-mask",
        "--columns",
        "n,x",
    )
    made, mask = (
        pq.read_table(tmp_path / "out" / "log.parquet"),
        pq.read_table(tmp_path / "out" / "log.parquet.mask.parquet"),
    )
    assert made.schema.equals(table.schema)
    lost = mask["n"].to_numpy() > 0
    assert 0.1 < lost.mean() < 0.3
    assert not lost[1::3].any()
    gone = np.array(made["n"].combine_chunks().is_null())
    assert np.array_equal(gone, lost | np.array(table["n"].combine_chunks().is_null()))
    assert mask.schema.metadata[b"augkit.bit.1"] == b"dropout"


def test_outputs_that_are_left_clean_have_a_mask_of_healthy_cells(tmp_path, source):
    run(source, tmp_path / "out", "--faults", FAULTS[1], "--save-mask", "--probability", "0")
    assert (tmp_path / "out" / "log.csv").read_bytes() == source.read_bytes()
    mask = pd.read_parquet(tmp_path / "out" / "log.csv.mask.parquet")
    assert mask.shape == (ROWS, 4)
    assert not mask.to_numpy().any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sensor", "bad.toml", "--time", "time"], "bad.toml: sensor[0].white_nois: no such key"),
        (["--sensor", "absent.toml"], "absent.toml"),
        (["--faults", "spike:rate=1/s"], "missing required field `size`"),
        (["--faults", "bad.toml"], "only [[fault]] tables"),
        (["--faults", "stuk:rate=1/s"], "did you mean 'stuck'"),
        (["--std", "1", "--step", "adc=0"], "step=0"),
        (["--std", "1", "--save-mask"], "there are no faults"),
        (["--std", "0.1sd", "--multiplicative"], "multiplicative noise"),
        ([], "exactly one level"),
        (["--sensor", "good.toml"], "give a time or samplerate"),
        (["--faults", "dropout:rate=1/s"], "give a time or samplerate"),
        (["--std", "1", "--samplerate", "-1"], "samplerate=-1.0: expected a number of rows per second"),
    ],
)
def test_what_cannot_mean_anything_is_refused_before_anything_is_written(
    tmp_path, source, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text("[[sensor]]\nwhite_nois = 1")
    (tmp_path / "good.toml").write_text("[[sensor]]\nwhite_noise = 1")
    assert main(["series", str(source), "out", *words, "--quiet"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_a_file_does_not_have_is_its_failure(tmp_path, source, monkeypatch):
    words, message = ["--sensor", "other.toml", "--time", "time"], "is 'mag_x'"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.toml").write_text('[[sensor]]\ncolumns = ["mag_x"]\nwhite_noise = 1')
    assert main(["series", str(source), "out", *words, "--quiet", "-j", "1"]) != 0
    failure = json.loads((tmp_path / "out" / "failures.jsonl").read_text().splitlines()[0])
    assert message in json.dumps(failure)


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_arrays_of_several_lengths_have_one_mask(tmp_path, suffix):
    """Each column begins in the mask's first row; behind the end of a shorter one stand nulls."""
    rng = np.random.default_rng(1)
    arrays = {"x": rng.normal(size=(140_000, 2)), "y": rng.normal(size=1000), "z": np.arange(50.0) ** 2}
    source = tmp_path / f"a{suffix}"
    np.savez(source, **arrays) if suffix == ".npz" else scipy.io.savemat(source, arrays, oned_as="column")
    words = ["--faults", "dropout:rate=0.01/sample,duration=3 samples", "--faults", "spike:rate=0.02/sample,size=9"]
    assert main(["series", str(source), str(tmp_path / "o"), *words, "--save-mask", "--quiet", "--seed", "1"]) == 0
    made = dict(np.load(tmp_path / "o/a.npz")) if suffix == ".npz" else scipy.io.loadmat(tmp_path / "o/a.mat")
    mask = pd.read_parquet(tmp_path / f"o/a{suffix}.mask.parquet")
    assert mask.notna().sum().to_dict() == {"x.0": 140_000, "x.1": 140_000, "y": 1000, "z": 50}
    found = {"x.0": (arrays["x"][:, 0], made["x"][:, 0]), "y": (arrays["y"], made["y"].ravel())}
    for name, (clean, noisy) in found.items():
        bits = mask[name].dropna().to_numpy(int)
        assert mask[name].notna()[: len(clean)].all()
        assert np.array_equal(bits & 1 > 0, np.isnan(noisy))
        assert np.array_equal(bits > 0, noisy != clean)
    table = tmp_path / "faults.toml"
    table.write_text('[[fault]]\nkind = "spike"\ncolumns = ["y"]\nrate = "0.02/sample"\nsize = 9')
    words = ["--faults", str(table), "--save-mask", "--quiet", "--probability", "0.5", "--copies", "8", "--seed", "3"]
    assert main(["series", str(source), str(tmp_path / "p"), *words]) == 0
    masks = [pd.read_parquet(path) for path in sorted((tmp_path / "p").glob("*.mask.parquet"))]
    assert [list(one) for one in masks] == [["y"]] * 8
    assert {len(one) for one in masks} == {1000}
    assert sum((one["y"] > 0).any() for one in masks) in range(1, 8)


def test_columns_that_nothing_is_asked_for_are_listed(tmp_path, source):
    sheet = tmp_path / "sheet.toml"
    sheet.write_text('[[sensor]]\ncolumns = ["acc"]\nwhite_noise = 1')
    words = ["series", str(source), str(tmp_path / "o"), "--sensor", str(sheet), "--samplerate", "9", "--quiet"]
    assert main(words) == 0
    row = json.loads((tmp_path / "o" / "metadata.jsonl").read_text().splitlines()[0])
    assert row["format"]["columns"] == ["acc"]
    assert "nothing is asked for it" in row["format"]["left"].values()


def test_a_matrix_of_correlations_as_text(tmp_path):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "a.npy", clean := rng.normal(size=(20_000, 2)))
    words = ["--std", "1", "--channels", "1,-0.5;-0.5,1", "--quiet"]
    assert main(["series", str(tmp_path / "a.npy"), str(tmp_path / "o"), *words]) == 0
    noise = np.load(tmp_path / "o/a.npy") - clean
    assert np.corrcoef(noise.T)[0, 1] == pytest.approx(-0.5, abs=5 / np.sqrt(20_000))


@pytest.mark.parametrize(
    "words", [["--scale-over", "folder"], ["--scale-from", "in/0.csv"], ["--std", "0.1sd", "--scale-over", "folder"]]
)
def test_sizes_of_faults_are_learnt_where_levels_are(tmp_path, monkeypatch, words):
    """Spikes of 50 MAD: of the file's own, of the whole folder's, or of the first file's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    values = [np.random.default_rng(i).normal(0, 10**i, 4001).round(6) for i in range(2)]
    for i, column in enumerate(values):
        pd.DataFrame({"x": column}).to_csv(tmp_path / "in" / f"{i}.csv", index=False)
    run("in", "out", "--faults", "spike:rate=5e-3/sample,size=50mad", *words)
    known = values[0] if "--scale-from" in words else np.concatenate(values)
    wanted = 50 * 1.4826 * np.median(np.abs(known - np.median(known)))
    for i, clean in enumerate(values):
        moved = np.abs(pd.read_csv(tmp_path / "out" / f"{i}.csv")["x"] - clean)
        slack = 5 * 0.1 * np.concatenate(values).std() if "--std" in words else 1e-3 * wanted
        assert moved.max() == pytest.approx(wanted, abs=slack)
