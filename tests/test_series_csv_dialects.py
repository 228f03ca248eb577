"""Dialects that are found, styles of numbers that are kept, and text tables that are refused."""

import re
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from augkit.errors import InputError, UsageError
from augkit.noise.keys import Key
from augkit.series.csv_cells import OddQuotesError, cut
from augkit.series.csv_dialect import Dialect, sniff
from augkit.series.csv_file import read
from augkit.series.files import open_item
from augkit.series.options import SeriesOptions


def write(tmp_path, data, name="table.csv", **options):
    """Return the bytes of the noised table and the outcome."""
    source, target = tmp_path / name, tmp_path / "out"
    source.write_bytes(data)
    outcome = open_item(source, SeriesOptions(**options)).write(target, Key(5), measure=True)
    assert source.read_bytes() == data
    return target.read_bytes(), outcome


DIALECTS = {
    "comma": (b"time,x,y\n0,1.5,2.5\n1,2.5,9.5\n2,7.5,1.5\n", ["x", "y"]),
    "semicolon and decimal comma": (b"time;x;y\n0;1,5;2,25\n1;2,5;-0,30\n2;3,5;1,00\n", ["x", "y"]),
    "semicolon and integers": (b"a;b\n1;4\n3;2\n", ["a", "b"]),
    "tab and decimal comma": (b"a\tb\n1,5\t4,5\n3,5\t2,5\n", ["a", "b"]),
    "pipe": (b"a|b\n1.5|4\n3.5|2\n", ["a", "b"]),
    "blanks": (b"   a    b\n  1.50  2\n -2.25  3\n", ["a", "b"]),
    "blanks, no header": (b"   2.83e+02   9.9e+01\n   2.82e+02   1.2e+02\n", ["0", "1"]),
    "byte order mark": (b"\xef\xbb\xbftime,x\n0,1.5\n1,2.5\n", ["x"]),
    "utf-16, little end": ("\ufeffname,x\r\nä,1.5\r\nö,2.5\r\n".encode("utf-16-le"), ["x"]),
    "utf-16, big end": ("\ufeffname,x\r\nä,1.5\r\nö,2.5\r\n".encode("utf-16-be"), ["x"]),
    "latin-1": ("Größe,x\n1.5,2.5\n3.5,4.5\n".encode("latin-1"), ["Größe", "x"]),
    "carriage returns": (b"a,b\r1.5,2\r3.5,4", ["a", "b"]),
    "crlf, blank lines": (b"a,b\r\n\r\n1.5,2\r\n\r\n3.5,4\r\n\r\n", ["a", "b"]),
    "doubled line ends": (b"a,b\r\r\n1.5,2\r\r\n3.5,4\r\r\n", ["a", "b"]),
    "quotes": (b'"a, or b","x ""y"""\n"1.50","text\nof two lines"\n"2.50","5"" wide"\n', ["a, or b"]),
    "quotes within cells": (b'a,b\n5" disc,1.5\n6" disc,2.5\n3\' x,4.5\n', ["b"]),
    "single quotes about names": (b"'OBS' 'GPA' 'TUCE'\n1 2.66 20\n2 2.89 22\n", ["GPA", "TUCE"]),
    "spaces about cells": (b" scenario,idx,x\n base ,   0 , -0.13 \n base ,   1 ,  0.25 \n", ["x"]),
    "spaces before quotes": (b'a, b\n1.5, "2.5, or so"\n2.5, "3"\n', ["a"]),
    "row names of R": (b'"a","b"\n"1",2.5,3\n"2",3.5,5\n', ["a", "b"]),
    "names in a comment": (b"# by a logger\n# time, x\n0.0,5.5\n0.1,6.5\n0.2,9.5\n# end\n", ["x"]),
    "odd quote in a comment": (b'# it is 5" wide\na,b\n1.5,2\n3.5,4\n', ["a", "b"]),
    "delimiter at the end": (b"a,b,\n1.5,2,\n2.5,3,\n", ["a", "b"]),
    "delimiter at the end of rows": (b"a,b\n1.5,2,\n2.5,3,\n", ["a", "b"]),
    "no header": (b"1.5,2.5\n3.5,4.5\n", ["0", "1"]),
    "no header, a gap": (b"1.5,NaN,3\n3.5,4.5,4\n1.5,5.5,7\n", ["0", "1", "2"]),
    "one column": (b"x\n1.5\n2.5\n", ["x"]),
    "names twice and missing": (b"x,x,,y\n1.5,2.5,3,4\n5.5,6.5,7,8\n", ["x", "x.1", "2", "y"]),
    "text with semicolons": (b"a,b\nx;y,1.5\nx;z,2.5\n", ["b"]),
    "dates and times": (b"2012-01-01 00:00:00,7926.5\n2012-01-01 00:30:00,7901.5\n", ["1"]),
}


@pytest.mark.parametrize("case", DIALECTS)
def test_dialects_are_found(tmp_path, case):
    data, noised = DIALECTS[case]
    same, outcome = write(tmp_path, data, std=0)
    assert same == data
    assert outcome.format["columns"] == noised
    changed, outcome = write(tmp_path, data, std="4sd")
    assert changed != data
    number = re.compile(rb"[-+]?[0-9][-+0-9.,eE]*" if b";" in data or b"\t" in data else rb"[-+]?[0-9][-+0-9.eE]*")
    if "utf-16" not in case:
        assert number.sub(b"0", changed) == number.sub(b"0", data)


STYLES = {
    "fixed": ([b"1.50", b"-0.25", b"30.00"], rb"-?\d+\.\d\d"),
    "most decimals": ([b"1.5", b"0.125", b"3"], rb"-?\d+\.\d{3}"),
    "integers": ([b"10", b"20", b"-5"], rb"-?\d+"),
    "points": ([b"1.", b"20.", b"7."], rb"-?\d+\."),
    "no zero before the point": ([b".5", b"-.25", b"1.75"], rb"-?([1-9]\d*)?\.\d\d"),
    "plus signs": ([b"+1.5", b"-0.5", b"+0.2"], rb"[-+]\d+\.\d"),
    "scientific": ([b"1.25e-03", b"2.50e-01", b"-1.20e-02"], rb"-?\d\.\d\de[-+]\d\d"),
    "scientific, savetxt": ([b"1.687758043408000078e-02", b"2.500000000000000000e+00"], rb"-?\d\.\d{18}e[-+]\d\d"),
    "scientific, capital, three digits": ([b"1.5E-003", b"2.5E+001"], rb"-?\d\.\dE[-+]\d{3}"),
    "scientific, no sign": ([b"1.5e3", b"2.5e2"], rb"-?\d\.\de-?\d"),
    "seventeen digits": ([b"0.30000000000000004", b"1.1000000000000001"], rb"-?\d\.\d{10,20}"),
    "tiny": ([b"0.00000012", b"0.00000031", b"-0.00000002"], rb"-?0\.\d{8}"),
    "zeros": ([b"0.000", b"0.001", b"0.002"], rb"-?0\.\d{3}"),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("decimal", [b".", b","])
def test_styles_are_kept(tmp_path, style, decimal):
    cells, pattern = STYLES[style]
    data = b"n;x\n" + b"".join(b"a;%s\n" % cell for cell in cells * 20)
    changed, outcome = write(tmp_path, data.replace(b".", decimal), std="0.5sd", decimal=decimal.decode())
    new = [row.split(b";")[1].replace(decimal, b".") for row in changed.splitlines()[1:]]
    assert len({*new} - {*cells}) > 1
    assert all(re.fullmatch(pattern, cell) for cell in new if cell not in cells), new
    std = np.std(np.array(new, float) - np.array(cells * 20, float))
    assert outcome.achieved["std"] == pytest.approx(std, rel=0.3)
    rms = np.sqrt(np.mean((np.array(new, float) - np.array(cells * 20, float)) ** 2))
    assert outcome.achieved["std"] == pytest.approx(rms, rel=1e-12)


def test_seventeen_digits_read_back_exactly(tmp_path):
    rng = np.random.default_rng(2)
    data = b"x\n" + b"".join(b"%r\n" % value for value in (rng.normal(0, 50, 500)).tolist())
    changed, _ = write(tmp_path, data, std="0.1sd")
    cells = changed.splitlines()[1:]
    assert all(repr(float(cell)).encode() == cell for cell in cells)
    assert sum(len(cell) > 14 for cell in cells) > 450


def test_numbers_with_and_without_exponents_side_by_side(tmp_path):
    data = b"x\n0.001\n1e-05\n123.456\n2.5e+06\n" * 1
    changed, _ = write(tmp_path, data, scale=100)
    cells = changed.splitlines()[1:]
    assert [b"e" in cell for cell in cells] == [False, True, False, True]
    assert all(abs(float(new) - float(old)) > 1 for new, old in zip(cells, data.splitlines()[1:], strict=True))


def test_numbers_too_large_for_their_decimals_are_written_in_full(tmp_path):
    changed, _ = write(tmp_path, b"x\n1.25\n2.50\n9.75\n" * 300, noise="cauchy", scale=1e15)
    cells = changed.splitlines()[1:]
    assert all(re.fullmatch(rb"-?\d+\.\d\d|x", cell) for cell in cells)
    assert max(map(len, cells)) > 19


def test_a_cell_whose_value_does_not_change_keeps_its_bytes(tmp_path):
    cells = [b"1", b"1.0", b"1.000", b"+1.0", b"0010.00", b"1e1"] * 50
    changed, _ = write(tmp_path, b"x,y\n" + b"".join(b"%s,7\n" % cell for cell in cells), std=0.0003, columns=["x"])
    new = [row.partition(b",")[0] for row in changed.splitlines()[1:]]
    kept = [old == cell for old, cell in zip(cells, new, strict=True)]
    assert 200 < sum(kept) < 300
    assert all(same or float(cell) != float(old) for same, cell, old in zip(kept, new, cells, strict=True))


def test_stray_words_and_gaps_stay(tmp_path):
    rows = [b"1.5,NA", b"NA,2.25", b"-,3.75", b",4.00", b"2.5,", b"inf,-1.25", b"4.5,nan", b"1e400,7.5"] * 5
    rows += [b"%d.5,0.75" % i for i in range(50)]
    changed, outcome = write(tmp_path, b"x,y\n" + b"\n".join(rows), std="0.5sd")
    assert outcome.format["columns"] == ["x", "y"]
    for old, new in zip(rows, changed.splitlines()[1:], strict=True):
        for before, after in zip(old.split(b","), new.split(b","), strict=True):
            assert before == after or re.fullmatch(rb"-?\d+\.\d+", before), (old, new)


def test_what_is_left_alone_is_listed_with_its_reason(tmp_path):
    header = "time,when,device_id,zip,label,on,flag,note,offset,none,v\n"
    rows = [
        f"{i * 0.1:.1f},2024-01-0{i + 1}T00:00,{i % 2 + 7},00{i}1,{i % 3},{i % 2},{'TF'[i % 2]},a{i},5.0,,{i * i}.5\n"
        for i in range(9)
    ]
    changed, outcome = write(tmp_path, (header + "".join(rows)).encode(), std="0.1sd")
    assert outcome.format["columns"] == ["v"]
    assert outcome.format["left"] == {
        "time": "time stamps",
        "when": "time stamps",
        "device_id": "id",
        "zip": "id (leading zeros)",
        "label": "label",
        "on": "boolean",
        "flag": "boolean",
        "note": "text",
        "none": "empty",
        "offset": "constant",
    }
    assert outcome.notices == (
        "column 'offset' gets no noise from std=0.1sd: it is constant; a std in its own unit would move it",
    )
    assert b"zip" in changed


ABOVE = {
    "counts, as of scikit-learn": (
        b"4,3,setosa\n",
        b"5.5,3.25,1.5,0.5,1\n4.5,2.25,1.5,0.25,0\n7.5,1.25,9.5,0.75,1\n" * 2,
        5,
    ),
    "a title": (b"Logger 12 made in May\n\nunits: V\n", b"t,u,v,w,x\n" + b"0.5,1.5,2.5,3.5,4.25\n" * 5, 5),
}


@pytest.mark.parametrize("case", ["counts, as of scikit-learn", "a title"])
def test_lines_above_the_table_stay_and_are_told(tmp_path, case):
    above, table, width = ABOVE[case]
    assert write(tmp_path, above + table, std=0)[0] == above + table
    changed, outcome = write(tmp_path, above + table, std=3)
    lines = len([line for line in above.split(b"\n") if line])
    assert changed.startswith(above)
    assert changed != above + table
    assert f"lines above the table stay as they are: {lines} with fewer cells than its rows" in outcome.notices
    assert len(outcome.format["columns"]) + len(outcome.format["left"]) == width


def test_names_that_are_too_few_are_no_title(tmp_path):
    with pytest.raises(InputError, match=r"row 1 \(line 2\) has 5 cells where the header has 3"):
        write(tmp_path, b"a,b,c\n" + b"1.5,2.5,3.5,4.5,5.5\n" * 9, std=1)


def test_a_header_that_is_one_name_short_is_told(tmp_path):
    _, outcome = write(tmp_path, b"id,x\nr0,1,5\nr1,2,7\n", std=1)
    assert any("one name less than the rows have cells" in notice for notice in outcome.notices)


@pytest.mark.parametrize("mark", [":", "^", "~", "!", "/", "\x01", "\x1f", "]", "\\"])
def test_any_delimiter_can_be_given(tmp_path, mark):
    text = "a,b,c\n" + '1.5,"x,y",2.25\n2.5,z,9.75\n' * 9
    data = text.replace(",", mark).encode()
    assert write(tmp_path, data, std=0, delimiter=mark)[0] == data
    changed, outcome = write(tmp_path, data, std=1, delimiter=mark)
    assert outcome.format["columns"] == ["a", "c"]
    frame = pd.read_csv(BytesIO(changed), sep=mark, engine="python" if mark == "\\" else "c")
    assert frame["b"].tolist() == [f"x{mark}y", "z"] * 9
    assert (frame["a"] - [1.5, 2.5] * 9).abs().max() > 0.5


@pytest.mark.parametrize("mark", ["ab", "1", "e", '"', "\n", ".", "-", "", "ä"])
def test_marks_that_separate_nothing_are_refused(mark):
    with pytest.raises(UsageError, match="delimiter="):
        SeriesOptions(std=1, delimiter=mark).check()


def test_a_range_ends_with_the_last_number_that_the_column_shows(tmp_path):
    """Clipping to 10.26 and rounding to one decimal would give 10.3."""
    rows = b"".join(b"%d,%d.5\n" % (i % 7, i % 9) for i in range(300))
    changed, outcome = write(tmp_path, b"n,x\n" + rows, std=20, range="n=-2.5..10.5,x=-0.26..10.26")
    n, x = np.array([line.split(b",") for line in changed.splitlines()[1:]], float).T
    assert (n.min(), n.max()) == (-2, 10)
    assert (x.min(), x.max()) == (-0.2, 10.2)
    assert outcome.achieved["clipped"] > 0.2
    changed, _ = write(tmp_path, b"n,x\n" + rows, std=20, range="x=0..inf")
    assert np.array([line.split(b",")[1] for line in changed.splitlines()[1:]], float).min() == 0


def test_codes_that_a_column_cannot_show_are_told(tmp_path):
    rows = b"n,x\n" + b"".join(b"%d,%d.5\n" % (i % 7, i % 9) for i in range(300))
    for step, told in (("0.5", False), ("0.125", True), ("0.2", False)):
        _, outcome = write(tmp_path, rows, std=2, columns=["x"], step=step)
        assert any("rounds the codes of its converter" in notice for notice in outcome.notices) == told
    _, outcome = write(tmp_path, rows, std=2, columns=["x"], step="0.125", decimals=3)
    assert not outcome.notices


def test_doubled_quotes_need_no_second_look():
    lines = cut(np.frombuffer(b'"a ""b""","c"\n"",1\n""",",2\n', np.uint8), Dialect(","))
    assert [lines.text(line) for line in range(3)] == [[b'"a ""b"""', b'"c"'], [b'""', b"1"], [b'""","', b"2"]]
    with pytest.raises(OddQuotesError):
        cut(np.frombuffer(b'a "b",c\n', np.uint8), Dialect(","))


REFUSED = {
    "empty": (b"", "the file is empty"),
    "blanks": (b" \n\n", "holds blanks only"),
    "header only": (b"a,b\n", r"a header \(a, b\) and no rows"),
    "comments only": (b"# a\n# b\n", "comments only"),
    "short row": (b"a,b\n1,2\n\n3\n", r"row 2 \(line 4\) has 1 cells where the header has 2"),
    "long row": (b"a,b\n1,2\n3,4,5\n", r"row 2 \(line 3\) has 3 cells"),
    "short row after quotes": (b'a,b\n"x\ny",2\n"3"\n', r"row 2 \(line 4\) has 1 cells"),
    "short first row": (b"1,2,3\n4,5\n", r"row 2 \(line 2\) has 2 cells where the first row has 3"),
    "a lead of text": (
        b"Series: A\n\nYear,Jan,Feb\n1980,1.5,2.5\n",
        r"row 1 \(line 3\) has 3 cells .* the header has 1",
    ),
    "open quote": (b'a,b\n1,2\n"3,4\n5,6\n', "line 3: a quoted cell begins that is never closed"),
    "text only": (b"a,b\nx,y\nz,w\n", "no column to be noised .*a: text; b: text"),
    "zeros": (b"a,b\0\n1,2\n", "byte 3 is zero"),
    "utf-16 without mark": ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16 without a mark"),
    "utf-16 cut off": ("\ufeffa,b\n1,2\n".encode("utf-16-le")[:-1], "UTF-16-LE and is broken"),
    "utf-32": ("\ufeffa,b\n1,2\n".encode("utf-32-le"), "UTF-32"),
    "gzip": (b"\x1f\x8b\x08\x00", "gzip data; name it .csv.gz"),
    "workbook": (b"PK\x03\x04\x14", "Excel workbook"),
    "array": (b"\x93NUMPY\x01", "name it .npy"),
    "picture": (b"\x89PNG\r\n", "a PNG image"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_edited_is_refused_by_name(tmp_path, case):
    data, message = REFUSED[case]
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as error:
        open_item(path, SeriesOptions(std=1))
    assert str(error.value).startswith(f"{path}: ")


def test_a_ragged_row_far_down_is_named(tmp_path):
    rows = [b"%d.5,%d" % (i, i % 7) for i in range(400_000)]
    rows[312_345] = b"1"
    path = tmp_path / "long.csv"
    path.write_bytes(b"a,b\n" + b"\n".join(rows))
    with pytest.raises(InputError, match=r"row 312346 \(line 312347\)"):
        open_item(path, SeriesOptions(std=1))


def test_batches_do_not_show(tmp_path):
    rng = np.random.default_rng(3)
    body = b"".join(
        b'%d,"note, %d\nmore",%.3f,%d\n' % (i, i, x, n)
        for i, (x, n) in enumerate(zip(rng.normal(size=80_000), rng.integers(0, 4000, 80_000), strict=True))
    )
    changed, outcome = write(tmp_path, b"i,note,x,n\n" + body, std="0.1sd")
    assert len(body) > 2**21
    assert outcome.format["columns"] == ["x", "n"]
    old, new = (side.split(b"\n") for side in (b"i,note,x,n\n" + body, changed))
    assert [row for row in new if row[:1] == b"m"][:3] != [row for row in old if row[:1] == b"m"][:3]
    assert [re.sub(rb",-?\d+\.\d{3},-?\d+$", b"", row) for row in new] == [
        re.sub(rb",-?\d+\.\d{3},-?\d+$", b"", row) for row in old
    ]
    noise = np.array([row.split(b",")[1] for row in new if row[:4] == b"more"], float)
    noise -= np.array([row.split(b",")[1] for row in old if row[:4] == b"more"], float)
    assert np.std(noise) == pytest.approx(0.1, rel=0.02)


def test_a_header_longer_than_the_first_look(tmp_path):
    names = ";".join(f"a_rather_long_name_{'g' * 200}_{i}" for i in range(400)).encode()
    rows = [b";".join(b"%d,%d" % (i + j % 7, j % 10) for j in range(400)) for i in range(3)]
    changed, outcome = write(tmp_path, b"\n".join([names, *rows]), std="1sd", columns=["-1"])
    assert outcome.format["columns"] == [f"a_rather_long_name_{'g' * 200}_399"]
    assert changed.startswith(names)
    assert changed.splitlines()[1].rpartition(b";")[0] == rows[0].rpartition(b";")[0]


@pytest.mark.parametrize(
    ("options", "delimiter", "decimal"),
    [
        ({}, ",", "."),
        ({"delimiter": "semicolon"}, ";", ","),
        ({"delimiter": "\\t", "decimal": "."}, "\t", "."),
        ({"decimal": ","}, ";", ","),
    ],
)
def test_what_is_given_is_not_sniffed(options, delimiter, decimal):
    dialect = sniff(b"a\n1,5\n2,5\n", SeriesOptions(std=1, **options))
    assert (dialect.delimiter, dialect.decimal) == (delimiter, decimal)


def test_a_header_can_be_demanded_or_denied(tmp_path):
    path = tmp_path / "years.csv"
    path.write_bytes(b"1960,1961\n1.5,2.5\n3.5,4.5\n")
    assert [column.name for column in read(path, SeriesOptions()).columns] == ["0", "1"]
    assert [column.name for column in read(path, SeriesOptions(header=True)).columns] == ["1960", "1961"]
    path.write_bytes(b"x,1961\n1.5,2.5\n3.5,4.5\n")
    _, outcome = write(tmp_path, path.read_bytes(), header=False, std=1, columns=["1"])
    assert outcome.format["rows"] == 3
