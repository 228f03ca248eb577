"""The same output for any size of batch, and noise that depends on file, group, column and row alone."""

import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from augkit.noise.keys import Key
from augkit.series import arrays, medians, parquet
from augkit.series.csv_file import CsvTable
from augkit.series.files import open_item, open_table
from augkit.series.item import SeriesItem
from augkit.series.json_file import JsonTable
from augkit.series.options import SeriesOptions

ROWS = 1000


def frame(rows=ROWS):
    rng = np.random.default_rng(8)
    values = {
        "device": rng.choice(["a", "b", "c"], rows),
        "x": np.round(rng.normal(20, 3, rows).cumsum() / 50, 3),
        "y": np.round(rng.normal(0, 1, rows) * rng.choice([1, 40], rows, p=[0.9, 0.1]), 2),
        "n": rng.integers(-500, 500, rows),
    }
    values["y"][rng.random(rows) < 0.1] = np.nan
    return pd.DataFrame(values)


REQUESTS = {
    "sd": {"std": "0.1sd"},
    "mad": {"std": "0.2mad"},
    "diff": {"std": "1diff"},
    "range": {"std": "0.01range", "channels": "shared"},
    "snr": {"snr_db": 12},
    "heavy tails": {"noise": "cauchy", "snr_db": 12},
    "pink": {"std": "0.1sd", "color": "pink"},
    "ar": {"snr_db": 6, "color": "ar:0.95"},
    "groups": {"std": "0.3mad", "group_by": "device"},
    "groups, coloured": {"snr_db": 9, "group_by": "device", "color": "brown"},
}


def written(table, options, source, target):
    outcome = SeriesItem(table, options, source).write(target, Key(4), measure=True)
    return target.read_bytes(), outcome


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize(
    ("suffix", "put", "table"),
    [
        (".csv", partial(pd.DataFrame.to_csv, index=False), CsvTable),
        (".jsonl", partial(pd.DataFrame.to_json, orient="records", lines=True), JsonTable),
    ],
)
def test_batches_of_text_do_not_show(tmp_path, monkeypatch, suffix, put, table, request_):
    monkeypatch.setattr(medians, "_GATHERED", 100)
    source, target = tmp_path / f"table{suffix}", tmp_path / "out"
    put(frame(), source)
    options = SeriesOptions(**REQUESTS[request_])
    whole = written(table(source, options), options, source, target)
    assert whole[0] != source.read_bytes()
    for size in (700, 9000):
        assert written(table(source, options, batch=size), options, source, target) == whole
    if table is CsvTable:  # every pass reads the file anew
        monkeypatch.setattr("augkit.series.csv_file._KEPT", 0)
        assert written(table(source, options, batch=4000), options, source, target) == whole


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("request_", [name for name in REQUESTS if "groups" not in name])
def test_batches_of_arrays_do_not_show(tmp_path, monkeypatch, fortran, request_):
    source, target = tmp_path / "table.npy", tmp_path / "out"
    values = frame()[["x", "y", "n"]].to_numpy()
    np.save(source, np.asfortranarray(values) if fortran else values)
    options = SeriesOptions(**REQUESTS[request_])
    whole = written(open_table(source, options), options, source, target)
    for size in (100, 5000):
        monkeypatch.setattr(arrays, "_BLOCK", size)
        assert written(open_table(source, options), options, source, target) == whole


@pytest.mark.parametrize("request_", REQUESTS)
def test_row_groups_and_batches_do_not_show(tmp_path, monkeypatch, request_):
    options, noisy = SeriesOptions(**REQUESTS[request_]), []
    for name, size, batch in (("a", ROWS, 2**16), ("b", 300, 2**16), ("c", ROWS, 128), ("d", 333, 100)):
        source, target = tmp_path / f"{name}.parquet", tmp_path / "out"
        pq.write_table(pa.Table.from_pandas(frame()), source, row_group_size=size)
        monkeypatch.setattr(parquet, "_ROWS", batch)
        monkeypatch.setattr(parquet, "_PIECE", 1)
        outcome = written(open_table(source, options), options, source, target)[1]
        noisy.append((pq.read_table(target), (outcome.drawn, outcome.achieved)))
        assert pq.ParquetFile(target).num_row_groups == -(-ROWS // size)
    assert all(table.equals(noisy[0][0]) for table, _ in noisy)
    assert all(told == noisy[0][1] for _, told in noisy)


def test_record_batches_do_not_show(tmp_path):
    noisy = []
    for size in (ROWS, 77):
        source, target = tmp_path / "table.arrow", tmp_path / "out"
        table = pa.Table.from_pandas(frame())
        with pa.OSFile(str(source), "wb") as out, ipc.new_file(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=size)
        open_item(source, SeriesOptions(std="0.2mad", group_by="device")).write(target, Key(4), measure=True)
        with pa.OSFile(str(target)) as file:
            noisy.append(ipc.open_file(file).read_all())
    assert noisy[0].equals(noisy[1])


def noise_of(tmp_path, table, suffix=".csv", **options):
    source, target, table = tmp_path / f"table{suffix}", tmp_path / f"out{suffix}", table.reset_index(drop=True)
    table.to_csv(source, index=False)
    open_item(source, SeriesOptions(**options)).write(target, Key(4), measure=True)
    columns = [name for name in table.columns if table[name].dtype.kind in "if"]
    return pd.read_csv(target)[columns] - table[columns]


def test_the_noise_of_a_group_is_its_own(tmp_path):
    table = frame()
    together = noise_of(tmp_path, table, std=1, group_by="device")
    for name in "abc":
        own = together[table["device"] == name].reset_index(drop=True)
        alone = noise_of(tmp_path, table[table["device"] == name], std=1, group_by="device").reset_index(drop=True)
        assert np.allclose(own.fillna(0), alone.fillna(0), atol=1e-9)
    other = noise_of(tmp_path, table, std=1)
    assert abs(np.corrcoef(together["x"], other["x"])[0, 1]) < 0.15
    groups = [together["x"][table["device"] == name].to_numpy()[:300] for name in "abc"]
    assert abs(np.corrcoef(groups)[0, 1:]).max() < 0.25


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
@pytest.mark.parametrize("unit", ["0.1sd", "0.1mad"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_memory_stays_flat(tmp_path, unit, suffix):
    """Files of 1.2 and 4.8 million rows take the same memory, below 300 MB."""
    peaks = []
    for copies in (4, 16):
        source = tmp_path / f"big{copies}{suffix}"
        table = pd.concat([frame(300_000)] * copies)
        if suffix == ".csv":
            table.to_csv(source, index=False)
        else:
            pq.write_table(pa.Table.from_pandas(table, preserve_index=False), source, row_group_size=500_000)
        code = (
            "from pathlib import Path; from augkit.noise.keys import Key;"
            "from augkit.series import files, options;"
            f"files.open_item(Path({str(source)!r}), options.SeriesOptions(std={unit!r}))"
            f".write(Path({str(tmp_path / 'out')!r}), Key(1), measure=True);"
            "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1000)
    assert peaks[1] < 300
    assert peaks[1] < 1.25 * peaks[0]
