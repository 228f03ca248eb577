"""Broken and hostile files of series: a reason, never a trace of Python's, never a file that is silently wrong."""

import gzip
import io
import json
import struct
import zipfile

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse
import zstandard
from pyarrow import ipc

from augkit.errors import InputError
from augkit.noise.keys import Key
from augkit.series.files import open_item
from augkit.series.options import SeriesOptions
from tests import peak

ROWS = b"".join(b"%d,%d.25,%d.5\n" % (i * i % 97, i % 13, i % 7) for i in range(500))
TEXT = b"n,x,y\n" + ROWS
MATRIX = np.arange(600.0).reshape(200, 3) ** 2 % 97
TABLE = pa.table({"x": np.arange(500.0) ** 2 % 97, "s": ["a"] * 500})


def noised(tmp_path, name, data, **options):
    """Return the bytes of the noised file and the outcome."""
    source, target = tmp_path / name, tmp_path / f"out-{name}"
    source.write_bytes(data)
    outcome = open_item(source, SeriesOptions(**({"std": "0.3sd"} | options))).write(target, Key(1), measure=True)
    assert source.read_bytes() == data
    return target.read_bytes(), outcome


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def npy_header(shape, descr="<f8", extra=""):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, {extra}}}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header


def mat(variables, **given):
    out = io.BytesIO()
    scipy.io.savemat(out, variables, **given)
    return out.getvalue()


def parquet(table, **given):
    out = io.BytesIO()
    pq.write_table(table, out, **given)
    return out.getvalue()


def arrow(table):
    out = io.BytesIO()
    with ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def damaged(data, place):
    return data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]


REFUSED = {
    "cut.csv.gz": (gzip.compress(TEXT)[:-200], "gzip data is broken or cut short"),
    "crc.csv.gz": (gzip.compress(TEXT)[:-8] + bytes(4) + gzip.compress(TEXT)[-4:], "CRC"),
    "zeros.csv.gz": (gzip.compress(bytes(10_000_000)), "byte 0 is zero"),
    "cut.csv.zst": (zstandard.compress(TEXT)[:-20], "zstd data is broken or cut short"),
    "more.csv.zst": (zstandard.compress(TEXT) + b"garbage1234", "zstd data is broken"),
    "zero.csv": (TEXT[:300] + b"\0" + TEXT[300:], "byte 300 is zero"),
    "open.csv": (b'n,x,y\n1,2,3\n"1,2,3\n' + ROWS, r"line 3: a quoted cell begins that is never closed"),
    "stray-return.csv": (b"a,b\n1.5,2\r3.5,4\n5.5,6\n", r"row 2 \(line 3\) has 2 cells where the header has 3"),
    "blank.csv": (b"\n\n \n", "holds blanks only"),
    "utf-16.csv": (TEXT.decode().encode("utf-16")[:-1], "UTF-16-LE and is broken"),
    "deep.jsonl": (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", r"row 1 \(line 1\): .* nested too deeply"),
    "twice.jsonl": (b'{"y":0.5}\n{"x":1.5,"x":2.5}\n', "row 2: field 'x' is there twice"),
    "twice-spelt.jsonl": (b'{"a\\u0062":1.5,"ab":2.5}\n', "field 'ab' is there twice"),
    "list.jsonl": (b'{"x":1.5}\n[1,2]\n', r"row 2 \(line 2\): expected an object"),
    "cut.jsonl": (b'{"x":1.5}\n{"x":2', r"row 2 \(line 2\): expected an object in JSON"),
    "mixed.jsonl": (b'{"x":1.5}\n{"x":"s"}\n', "no column to be noised .x: text"),
    "crc.npz": (damaged(npz(x=MATRIX), 900), "the archive is broken or cut short: Bad CRC"),
    "objects.npz": (npz(a=np.array([1, "x", None], object)), "only pickle can read"),
    "lie.npz": (zipped("x.npy", npy_header((10**12,)) + bytes(800)), "claims 8,000,000,000,000 bytes"),
    "code.npy": (npy_header((5,), extra="'x': __import__('os').abort()") + bytes(40), "the header is broken"),
    "deep.npy": (b"\x93NUMPY\x02\0" + struct.pack("<I", 60_000) + b"(" * 60_000, "the header is broken"),
    "large.npy": (npy_header((2**40, 2**40)) + bytes(16), "the header claims"),
    "parts.mat": (mat({"s": {"x": MATRIX}, "c": np.array([MATRIX, "a"], object)}), "s: a struct.*; c: a cell"),
    "sparse.mat": (mat({"s": scipy.sparse.eye(20).tocsc()}), r"a sparse matrix; save it with full\(\)"),
    "v4.mat": (mat({"x": MATRIX}, format="4"), "got one of version 4"),
    "packed.mat": (damaged(mat({"x": MATRIX}, do_compression=True), 200), "compressed, and broken"),
    "cut.mat": (mat({"x": MATRIX})[:-100], "cut short"),
    "cut.parquet": (parquet(TABLE)[:-50], "cut short"),
    "magic.parquet": (b"PAR1PAR1", "cut short"),
    "no-rows.parquet": (parquet(TABLE.slice(0, 0)), "no column to be noised .x: empty; s: text"),
    "wide.parquet": (
        parquet(pa.table({"w": pa.array([2**63 + i * i for i in range(9)], pa.uint64())})),
        "beyond 2..53",
    ),
    "cut.arrow": (arrow(TABLE)[:-60], "the Arrow data is broken or cut short"),
    "no-rows.arrow": (arrow(TABLE.slice(0, 0)), "no column to be noised .x: empty; s: text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_broken_is_refused_with_a_reason(tmp_path, name):
    data, reason = REFUSED[name]
    with pytest.raises(InputError, match=reason) as caught:
        noised(tmp_path, name, data)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert not (tmp_path / f"out-{name}").exists()


def test_texts_of_arrow_that_lie_outside_of_the_data_are_never_read(tmp_path):
    offsets = np.zeros(501, np.int32)
    offsets[250], offsets[-1] = 2**30, 3
    text = pa.Array.from_buffers(pa.string(), 500, [None, pa.py_buffer(offsets), pa.py_buffer(b"abc")])
    table = pa.table({"x": np.arange(500.0) ** 2 % 97, "device": text})
    with pytest.raises(InputError, match="the Arrow data is broken"):
        noised(tmp_path, "a.arrow", arrow(table), group_by="device")


def test_arrow_data_that_does_not_fit_together_is_refused(tmp_path):
    data = arrow(TABLE)
    lengths = struct.pack("<501i", *range(501))
    assert data.count(lengths) == 1
    broken = data.replace(lengths, lengths[:-4] + struct.pack("<i", 2**30))
    with pytest.raises(InputError, match=r"the Arrow data is broken .* larger than values"):
        noised(tmp_path, "a.arrow", broken)
    with pytest.raises(InputError, match="Arrow data is broken"):
        noised(tmp_path, "b.arrow", data.replace(b"\1\0\0\0s", b"\1\0\0\0\xff"))


def test_groups_and_times_may_be_no_utf_8(tmp_path):
    rows = "".join(f"{'ü' if i % 2 else 'a'},{i},{i * i % 17}.5\n" for i in range(40))
    made, outcome = noised(tmp_path, "a.csv", ("gerät,zeit,x\n" + rows).encode("latin-1"), group_by="gerät")
    assert outcome.drawn["columns"]["x"]["groups"].keys() == {"a", "ü"}
    assert made.count(b"\xfc") == 20
    late = rows.replace("ü,3,", "ü,drei·,")
    with pytest.raises(InputError, match="row 4: expected a time in column 'zeit'"):
        noised(tmp_path, "b.csv", ("gerät,zeit,x\n" + late).encode("latin-1"), time="zeit")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst"])
def test_files_packed_in_several_members_are_one(tmp_path, name):
    pack = gzip.compress if name.endswith("gz") else zstandard.compress
    _, outcome = noised(tmp_path, name, pack(TEXT) + pack(ROWS))
    assert outcome.format["rows"] == 1000


NUMBERS = {
    "overflow": ([b"1.5", b"1e999", b"2.5"], {b"1e999"}, "1e999"),
    "hexadecimal": ([b"1.5", b"0x1F", b"2.5"], {b"0x1F"}, "0x1F"),
    "underscores": ([b"1000", b"1_000", b"900"], {b"1_000"}, "1_000"),
    "thousands": ([b"234.5", b'"1,234.5"', b"999.5"], {b'"1,234.5"'}, "1,234.5"),
    "not finite": (
        [b"1.5", b"-Infinity", b"+inf", b"NaN", b"#N/A", b"2.5"],
        {b"-Infinity", b"+inf", b"NaN", b"#N/A"},
        None,
    ),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_what_is_no_finite_number_stays_and_is_told(tmp_path, case):
    cells, kept, told = NUMBERS[case]
    made, outcome = noised(tmp_path, "a.csv", b"id,x\n" + b"".join(b"r,%s\n" % cell for cell in cells * 9))
    new = [line.partition(b",")[2] for line in made.splitlines()[1:]]
    assert all((old == cell) or old not in kept for old, cell in zip(cells * 9, new, strict=True))
    assert sum(old != cell for old, cell in zip(cells * 9, new, strict=True)) > 9
    found = [notice for notice in outcome.notices if "no number" in notice]
    assert found == ([] if told is None else [f"column 'x' holds what is no number, which stays as it is: {told!r}"])


def test_json_tells_what_stays_too(tmp_path):
    rows = [{"x": i + 0.5 if i % 3 else "off"} for i in range(30)]
    made, outcome = noised(tmp_path, "a.jsonl", b"\n".join(map(msgspec.json.encode, rows)))
    assert made.count(b'"off"') == 10
    assert outcome.notices == ("column 'x' holds what is no number, which stays as it is: '\"off\"'",)


def test_json_numbers_that_are_not_finite_are_gaps(tmp_path):
    rows = [b'{"x":NaN}', b'{"x":Infinity}', b'{"x":-Infinity}', b'{"x":1.5}', b'{"x":2.25}']
    made, outcome = noised(tmp_path, "a.jsonl", b"\n".join(rows * 5))
    assert outcome.format["columns"] == ["x"]
    assert made.splitlines()[:3] == rows[:3]


def test_very_many_names_in_few_rows_of_json_take_little_memory(tmp_path):
    rows = b"\n".join(json.dumps({f"k{i}": i + 0.5, "x": i * i % 7 + 0.25}).encode() for i in range(4000))
    before = peak.reset()
    _, outcome = noised(tmp_path, "a.jsonl", rows, columns=["x"])
    assert outcome.format["columns"] == ["x"]
    assert peak.peak() - before < 150e6


@pytest.mark.slow
def test_wide_tables_take_blocks_of_few_rows(tmp_path):
    """20,000 rows of 1,500 columns are 240 MB as floats, and were all held at once."""
    values = (np.arange(20_000 * 1_500, dtype=np.int32).reshape(20_000, 1_500) % 97).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    del values
    item_options = SeriesOptions(std="0.3sd")
    before = peak.reset()
    open_item(tmp_path / "a.npy", item_options).write(tmp_path / "out.npy", Key(1), measure=True)
    assert peak.peak() - before < 150e6


@pytest.mark.parametrize("packed", [False, True])
def test_matrices_of_very_many_columns_open_one_file(tmp_path, packed):
    values = np.arange(4 * 3000.0).reshape(4, 3000) ** 2 % 91
    made, outcome = noised(tmp_path, "a.mat", mat({"x": values}, do_compression=packed), std=0.5)
    read = scipy.io.loadmat(io.BytesIO(made))["x"]
    assert read.shape == values.shape
    assert np.std(read - values) == pytest.approx(0.5, rel=0.05)
    assert len(outcome.format["columns"]) == 3000


def test_matrices_are_read_in_blocks_of_rows(tmp_path, monkeypatch):
    values = np.asfortranarray(np.arange(3000.0).reshape(1000, 3) ** 2 % 91)
    whole, _ = noised(tmp_path, "a.npz", npz(x=values))
    monkeypatch.setattr("augkit.series.arrays._BLOCK", 1000)
    monkeypatch.setattr("augkit.series.arrays._SPOOLED", 100)
    assert noised(tmp_path, "a.npz", npz(x=values))[0] == whole


def test_blank_lines_fill_a_piece_of_a_table_in_groups(tmp_path):
    text = b"g,v\n" + b"a,1.5\nb,2.5\nb,7.5\n" * 100 + b"\n" * 5_000_000
    made, _ = noised(tmp_path, "a.csv", text, std=0.1, group_by="g")
    rows = made.rstrip(b"\n").split(b"\n")
    assert len(made) - len(made.rstrip(b"\n")) == 5_000_001
    assert [row[:2] for row in rows[1:]] == [b"a,", b"b,", b"b,"] * 100


def test_row_groups_without_rows_are_kept(tmp_path):
    out = io.BytesIO()
    with pq.ParquetWriter(out, TABLE.schema) as writer:
        for table in (TABLE, TABLE.slice(0, 0), TABLE):
            writer.write_table(table)
    same, _ = noised(tmp_path, "a.parquet", out.getvalue(), std=0)
    assert same == out.getvalue()
    made, _ = noised(tmp_path, "a.parquet", out.getvalue())
    file = pq.ParquetFile(io.BytesIO(made))
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [500, 0, 500]
    assert file.read()["s"].to_pylist() == ["a"] * 1000
    assert file.read()["x"].to_pylist() != pq.read_table(io.BytesIO(out.getvalue()))["x"].to_pylist()


@pytest.mark.slow
def test_very_many_columns_of_parquet_share_one_file_of_pages(tmp_path):
    table = pa.table({f"c{i}": (np.arange(3000) * (i + 1) % 97).astype(np.float32) for i in range(1200)})
    made, outcome = noised(tmp_path, "a.parquet", parquet(table, compression="none"), std=0.5)
    read = pq.read_table(io.BytesIO(made))
    assert len(outcome.format["columns"]) == 1200
    noise = [read[i].to_numpy() - table[i].to_numpy() for i in (0, 700, 1199)]
    assert all(np.std(one) == pytest.approx(0.5, rel=0.1) for one in noise)
