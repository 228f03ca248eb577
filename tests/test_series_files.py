"""What every format of series keeps to, and the domain's side of a folder run."""

import json
import math
import os
import subprocess
import sys

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.io
from pyarrow import ipc

from augkit.errors import InputError, UsageError
from augkit.noise.keys import Key
from augkit.series import files
from augkit.series.options import SeriesOptions

ROWS = 5000
NAMES = ["ax", "ay", "adc"]


def values():
    rng = np.random.default_rng(11)
    table = np.column_stack([rng.normal(20, 0.5, ROWS), rng.normal(-3, 4, ROWS), rng.normal(500, 40, ROWS)])
    return np.column_stack([np.round(table[:, :2], 3), np.rint(table[:, 2])])


def put_csv(path):
    separator = "\t" if ".tsv" in path.name else ","
    frame().to_csv(path, index=False, sep=separator, float_format="%.3f")


def get_csv(path):
    return pd.read_csv(path, sep="\t" if ".tsv" in path.name else ",")[NAMES].to_numpy(float)


def put_npy(path):
    np.save(path, values())


def frame():
    return pd.DataFrame(values(), columns=NAMES).astype({"adc": "int32"})


def put_jsonl(path):
    frame().to_json(path, orient="records", lines=True)


def get_jsonl(path):
    return pd.read_json(path, lines=True)[NAMES].to_numpy(float)


def put_parquet(path):
    frame().to_parquet(path, index=False, row_group_size=1700)


def get_parquet(path):
    return pd.read_parquet(path)[NAMES].to_numpy(float)


def put_arrow(path):
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    with pa.OSFile(str(path), "wb") as out:
        opened = ipc.new_stream if path.suffix == ".arrows" else ipc.new_file
        with opened(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=1300)


def get_arrow(path):
    opened = ipc.open_stream if path.suffix == ".arrows" else ipc.open_file
    with pa.OSFile(str(path)) as source, opened(source) as reader:
        return reader.read_all().to_pandas()[NAMES].to_numpy(float)


def columns():
    return dict(zip(NAMES, values().T, strict=True)) | {"adc": values()[:, 2].astype("i4")}


def put_npz(path):
    np.savez_compressed(path, **columns())


def get_npz(path):
    with np.load(path) as archive:
        return np.column_stack([archive[name] for name in NAMES]).astype(float)


def put_mat(path):
    scipy.io.savemat(path, columns(), do_compression=True)


def get_mat(path):
    found = scipy.io.loadmat(path)
    return np.column_stack([found[name].ravel() for name in NAMES]).astype(float)


PACKED = ("", ".gz", ".zst")
FORMATS = {
    **{suffix + packed: (put_csv, get_csv) for suffix in (".csv", ".tsv") for packed in PACKED},
    **{suffix + packed: (put_jsonl, get_jsonl) for suffix in (".jsonl", ".ndjson") for packed in PACKED},
    **dict.fromkeys((".parquet", ".pq"), (put_parquet, get_parquet)),
    **dict.fromkeys((".arrow", ".feather", ".ipc", ".arrows"), (put_arrow, get_arrow)),
    ".npy": (put_npy, np.load),
    ".npz": (put_npz, get_npz),
    ".mat": (put_mat, get_mat),
}


@pytest.fixture(params=[".csv", ".tsv.zst", ".jsonl.gz", ".parquet", ".arrow", ".arrows", ".npy", ".npz", ".mat"])
def source(request, tmp_path):
    path = tmp_path / f"table{request.param}"
    FORMATS[request.param][0](path)
    return path


def suffix_of(path):
    return "".join(path.suffixes)


def write(source, seed=3, name="out", **options):
    target = source.with_name(source.name.replace("table", name))
    return target, files.open_item(source, SeriesOptions(**options)).write(target, Key(seed), measure=True)


def test_every_suffix_is_walked_here():
    assert set(files.suffixes()) == set(FORMATS)
    assert {suffix for info in files.formats() for suffix in info.suffixes} == set(FORMATS)
    assert all(info.keeps for info in files.formats())
    assert files.output_suffix(".CSV", SeriesOptions(std=1)) == ".CSV"
    with pytest.raises(InputError, match=r"did you mean '\.csv'"):
        files.output_suffix(".cvs", SeriesOptions(std=1))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_read_and_written(tmp_path, suffix):
    source = tmp_path / f"table{suffix}"
    put, get = FORMATS[suffix]
    put(source)
    target, outcome = write(source, std="0.2sd")
    noise = get(target) - get(source)
    assert np.std(noise, axis=0) == pytest.approx(0.2 * np.std(values(), axis=0), rel=0.06)
    assert len(outcome.format["columns"]) == 3
    assert (suffix.endswith((".gz", ".zst"))) == any("compressed anew" in notice for notice in outcome.notices)


def test_level_zero_gives_the_same_bytes(source):
    target, outcome = write(source, std=0)
    assert target.read_bytes() == source.read_bytes()
    assert all(found["std"] == 0 for found in outcome.achieved["columns"].values())


@pytest.mark.parametrize(
    "options",
    [
        {"std": 7},
        {"std": "0.2sd"},
        {"scale": "0.3mad", "noise": "student-t:df=5"},
        {"snr_db": 15},
        {"snr_db": "5..15"},
    ],
)
def test_what_was_achieved_is_what_a_reader_finds(source, options):
    target, outcome = write(source, **options)
    read = FORMATS[suffix_of(source)][1]
    clean, noisy = read(source), read(target)
    assert len(outcome.achieved["columns"]) == len(NAMES)
    for position, found in enumerate(outcome.achieved["columns"].values()):
        power = np.mean((noisy[:, position] - clean[:, position]) ** 2)
        assert found["std"] == pytest.approx(math.sqrt(power), rel=1e-9)
        assert found["snr_db"] == pytest.approx(10 * math.log10(np.var(clean[:, position]) / power), abs=1e-6)
        if "snr_db" in options:
            assert found["snr_db"] == pytest.approx(outcome.drawn["snr_db"], abs=0.02)
    for sigma, found in zip(outcome.drawn["columns"].values(), outcome.achieved["columns"].values(), strict=True):
        assert found["std"] == pytest.approx(sigma["std"], rel=0.2 if "noise" in options else 0.06)
    row = msgspec.json.decode(msgspec.json.encode(outcome))
    assert row["requested"] == {key: str(value) for key, value in options.items() if key != "noise"}
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_top_level_figures_stand_for_a_single_column(source):
    column = "1" if suffix_of(source) == ".npy" else "ay"
    _, outcome = write(source, std=1, columns=[column])
    assert outcome.achieved["std"] == outcome.achieved["columns"][column]["std"]
    assert outcome.achieved["clipped"] == 0.0
    _, outcome = write(source, std=1)
    assert outcome.achieved["std"] is None
    assert outcome.achieved["snr_db"] is None


def test_a_column_keeps_its_noise_whatever_the_others(source):
    read = FORMATS[suffix_of(source)][1]
    all_of_them, _ = write(source, std="0.1sd")
    one, _ = write(source, std="0.1sd", columns=["1"], name="one")
    rest, _ = write(source, std="0.1sd", exclude_columns=["1"], name="rest")
    assert np.array_equal(read(one)[:, 1], read(all_of_them)[:, 1])
    assert np.array_equal(read(rest)[:, [0, 2]], read(all_of_them)[:, [0, 2]])
    assert np.array_equal(read(one)[:, [0, 2]], read(source)[:, [0, 2]])


def test_keys_decide_the_noise(source):
    same, _ = write(source, std=1)
    again, _ = write(source, std=1, name="again")
    other, _ = write(source, std=1, seed=4, name="other")
    assert same.read_bytes() == again.read_bytes()
    assert same.read_bytes() != other.read_bytes()


def test_an_item_writes_any_number_of_copies(source):
    item = files.open_item(source, SeriesOptions(std="1..2"))
    outcomes = [item.write(source.with_name(f"copy{i}"), Key(9, path=(i,)), measure=False) for i in (1, 2, 1)]
    first, second, third = (source.with_name(f"copy{i}").read_bytes() for i in (1, 2, 1))
    assert first == third != second
    assert outcomes[0] == outcomes[2] != outcomes[1]
    assert 1 <= outcomes[0].drawn["std"] <= 2


def test_channels_can_share_one_noise(source):
    read = FORMATS[suffix_of(source)][1]
    target, _ = write(source, std=1, channels="shared")
    noise = read(target) - read(source)
    assert np.corrcoef(noise[:, 0], noise[:, 1])[0, 1] > 0.999


def test_a_law_without_variance_has_a_scale_but_no_std(source):
    _, outcome = write(source, noise="cauchy", scale="0.1mad")
    for sigma, found in zip(outcome.drawn["columns"].values(), outcome.achieved["columns"].values(), strict=True):
        assert sigma["std"] is None
        assert sigma["scale"] > 0
        assert math.isfinite(found["geometric_snr_db"])
    with pytest.raises(UsageError, match="no finite variance"):
        files.open_item(source, SeriesOptions(noise="cauchy", std=1))


def test_compare_measures_each_column(source):
    target, outcome = write(source, std="0.2sd", exclude_columns=["0"])
    found = files.compare(source, target)
    for name, reached in outcome.achieved["columns"].items():
        assert found["columns"][name] == pytest.approx(reached, rel=1e-9)
    assert len(found["unchanged"]) == 1
    assert found["std"] is None
    same = files.compare(source, source)
    assert same["columns"] == {}
    assert same["std"] == 0.0


def test_compare_wants_one_shape(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"2 rows and 2 columns, .*b\.csv has 1 rows and 2 columns"):
        files.compare(tmp_path / "a.csv", tmp_path / "b.csv")
    with pytest.raises(InputError, match=r"a\.dat"):
        files.compare(tmp_path / "a.dat", tmp_path / "b.csv")


def test_a_named_pipe_is_refused_without_being_opened(tmp_path):
    for suffix in FORMATS:
        path = tmp_path / f"pipe{suffix}"
        os.mkfifo(path)
        with pytest.raises(InputError, match="not a regular file"):
            files.open_item(path, SeriesOptions(std=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one level"),
        ({"psnr_db": 10}, "a series has no full scale"),
        ({"std": 1, "delimiter": "semi"}, "delimiter='semi'.*did you mean"),
        ({"std": 1, "decimal": ";"}, "decimal=';'"),
        ({"std": 1, "decimal": ",", "delimiter": "comma"}, "cannot both be"),
        ({"std": "1sd..2mad"}, "one unit"),
        ({"snr_db": "10sd"}, "unknown unit"),
    ],
)
def test_options_that_cannot_mean_anything(options, message):
    with pytest.raises(UsageError, match=message):
        SeriesOptions(**options).check()


def test_no_slow_library_is_loaded(tmp_path):
    put_csv(tmp_path / "table.csv")
    code = (
        "import sys; from pathlib import Path; from augkit.noise.keys import Key;"
        "from augkit.series import files, options;"
        f"item = files.open_item(Path({str(tmp_path / 'table.csv')!r}), options.SeriesOptions(std='0.1sd'));"
        f"item.write(Path({str(tmp_path / 'out.csv')!r}), Key(1), measure=True);"
        "print(*{'pandas', 'scipy.stats', 'matplotlib', 'PIL', 'soundfile'}.intersection(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_options_go_through_toml():
    options = SeriesOptions(std="0.1sd", columns=["acc_*"], exclude_columns=["id"], decimal=",")
    data = {name: value for name, value in msgspec.to_builtins(options).items() if value is not None}
    assert msgspec.convert(data, SeriesOptions) == options
    with pytest.raises(msgspec.ValidationError, match="colums"):
        msgspec.convert({"std": 1, "colums": ["a"]}, SeriesOptions)
