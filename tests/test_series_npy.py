"""``.npy``: header, dtype and order are kept; what is no plain table of numbers is refused by name."""

import io

import numpy as np
import pytest

from augkit.errors import InputError
from augkit.noise.keys import Key
from augkit.series.files import open_item
from augkit.series.options import SeriesOptions


def saved(values, version=None):
    file = io.BytesIO()
    if version:
        np.lib.format.write_array(file, values, version)
    else:
        np.save(file, values)
    return file.getvalue()


def wave(rows=400, columns=3):
    rng = np.random.default_rng(4)
    return 60 + rng.normal(0, 12, (rows, columns))


def write(tmp_path, data, **options):
    source, target = tmp_path / "values.npy", tmp_path / "out"
    source.write_bytes(data)
    outcome = open_item(source, SeriesOptions(**options)).write(target, Key(5), measure=True)
    return target.read_bytes(), outcome


@pytest.mark.parametrize(
    "dtype", ["<f2", "<f4", "<f8", ">f4", ">f8", "i1", "u1", "<i2", ">i2", "<u2", "<i4", "<u4", "<i8", ">i8", "<u8"]
)
@pytest.mark.parametrize("shape", ["rows", "columns", "fortran"])
def test_dtype_order_and_header_are_kept(tmp_path, dtype, shape):
    values = (wave()[:, 0] if shape == "rows" else wave()).astype(dtype)
    data = saved(np.asfortranarray(values) if shape == "fortran" else values)
    assert write(tmp_path, data, std=0)[0] == data
    changed, outcome = write(tmp_path, data, std="0.5sd")
    noisy = np.load(io.BytesIO(changed), allow_pickle=False)
    header = len(data) - values.nbytes
    assert changed[:header] == data[:header]
    assert len(changed) == len(data)
    assert noisy.dtype == values.dtype
    noise = noisy.astype(float) - values.astype(float)
    assert np.std(noise) == pytest.approx(6, rel=0.2)
    assert outcome.format == {
        "name": "NPY",
        "rows": 400,
        "dtype": np.dtype(dtype).str,
        "columns": ["0"] if shape == "rows" else ["0", "1", "2"],
        "left": {},
    }
    for position, name in enumerate(outcome.format["columns"]):
        rms = np.sqrt(np.mean(noise.reshape(400, -1)[:, position] ** 2))
        assert outcome.achieved["columns"][name]["std"] == pytest.approx(rms, rel=1e-9)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions_are_kept(tmp_path, version):
    data = saved(wave(), version)
    changed, _ = write(tmp_path, data, std=1)
    assert changed[:8] == data[:8]
    assert np.load(io.BytesIO(changed)).shape == (400, 3)


def test_axes_labels_and_gaps_are_left_alone(tmp_path):
    values = wave(50, 4)
    values[:, 0] = np.arange(50) * 0.01
    values[:, 1] = np.arange(50) % 2
    values[7, 2] = np.nan
    changed, outcome = write(tmp_path, saved(values), std=1)
    noisy = np.load(io.BytesIO(changed))
    assert outcome.format["columns"] == ["2", "3"]
    assert outcome.format["left"] == {"0": "evenly spaced, as a time axis is", "1": "boolean"}
    assert np.array_equal(noisy[:, :2], values[:, :2])
    assert np.isnan(noisy[7, 2])
    assert np.isfinite(np.delete(noisy, 7, axis=0)).all()


def test_integers_saturate_and_are_counted(tmp_path):
    values = np.full(2000, 250, np.uint8)
    values[::2] = 200
    changed, outcome = write(tmp_path, saved(values), std=10)
    noisy = np.load(io.BytesIO(changed))
    moved = np.mean(noisy == 255)
    assert moved > 0.1
    assert outcome.achieved["clipped"] == pytest.approx(moved)


PLAIN = saved(wave())
HEADER = len(PLAIN) - wave().nbytes


def with_header(text, data=b""):
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + data


STRUCTURED = np.zeros(3, [("time", "f8"), ("x", "f4")])
REFUSED = {
    "empty": (b"", "expected a .npy file"),
    "text": (b"a,b\n1,2\n3,4\n5,6\n", "expected a .npy file"),
    "version": (b"\x93NUMPY\x09\x00" + PLAIN[8:], "version 9.0"),
    "cut in the header": (PLAIN[:40], "ends within its header"),
    "cut in the data": (PLAIN[:-1], r"claims 9,600 bytes of data \(shape \(400, 3\), <f8\); got 9,599"),
    "more than the data": (PLAIN + b"x", "got 9,601"),
    "terabytes": (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12, 8), }"), "header is broken"),
    "more terabytes": (
        with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 8), }"),
        "claims 64,000,000,000,000",
    ),
    "header of megabytes": (b"\x93NUMPY\x02\x00\xff\xff\xff\x0f" + PLAIN[10:], "claims 268,435,455 bytes"),
    "code": (with_header("__import__('os').abort()"), "header is broken"),
    "negative": (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), "header is broken"),
    "flag": (with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (True,), }"), "header is broken"),
    "no key": (with_header("{'descr': '<f8', 'shape': (1,), }"), "header is broken"),
    "descr": (with_header("{'descr': 'q9', 'fortran_order': False, 'shape': (1,), }"), "header is broken"),
    "objects": (saved(np.array([{}, 1], object)), "only pickle can read"),
    "structured": (saved(STRUCTURED), "save each field as an array of its own"),
    "complex": (saved(np.zeros(3, complex)), "complex numbers"),
    "booleans": (saved(np.zeros(3, bool)), "booleans"),
    "dates": (saved(np.zeros(3, "M8[s]")), "time stamps"),
    "text array": (saved(np.array(["a"])), "got text"),
    "bytes array": (saved(np.array([b"a"])), "got text"),
    "three axes": (saved(np.zeros((2, 3, 4))), r"expected \(rows,\) or \(rows, columns\)"),
    "no axes": (saved(np.float64(3)), r"expected \(rows,\) or \(rows, columns\)"),
    "no rows": (saved(np.zeros((0, 3))), "the array is empty"),
    "one value": (saved(np.array([0, 1])), "no column to be noised .*boolean"),
}
if np.dtype(np.longdouble).itemsize > 8:
    REFUSED["long double"] = (saved(np.zeros(3, np.longdouble)), "at most 64 bits")


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_of_numbers_is_refused_by_name(tmp_path, case):
    data, message = REFUSED[case]
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as error:
        open_item(path, SeriesOptions(std=1))
    assert str(error.value).startswith(f"{path}: ")
