"""CSV tables of any dialect: only the bytes of noised cells change, and a reader gets the noised values."""

import csv
import io
import re
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augkit.errors import InputError
from augkit.noise.distributions import Gaussian
from augkit.noise.keys import Key
from augkit.series import csv_arrow
from augkit.series.csv_dialect import Dialect
from augkit.series.csv_file import CsvTable
from augkit.series.files import open_item
from augkit.series.item import SeriesItem
from augkit.series.options import SeriesOptions
from augkit.series.tape import Tape

TEXTS = st.text(st.sampled_from("abcxyz äß'#,;|\t\"\n()-"), max_size=8)
WORDS = st.sampled_from(["", "", "NA", "nan", "-", "n/a"])


@st.composite
def number(draw, decimals, kind):
    digits = draw(st.integers(-(10**6), 10**6))
    text = f"{digits / 10**decimals:.{decimals}{'e' if kind == 'exponent' else 'f'}}"
    return text if draw(st.integers(0, 9)) else draw(WORDS)


@st.composite
def tables(draw):
    """Make a table: its bytes as gaps and cells of numbers, in turn, and what they were made of."""
    blanks = draw(st.booleans()) and draw(st.booleans())
    delimiter = " " if blanks else draw(st.sampled_from(",;\t|:^~\x1f"))
    decimal = "." if delimiter == "," else draw(st.sampled_from(".,"))
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    kinds = draw(st.lists(st.sampled_from(["fixed", "fixed", "exponent", "whole", "text"]), min_size=2, max_size=5))
    if set(kinds) == {"text"}:
        kinds.append("fixed")
    decimals = [draw(st.integers(1, 9)) if kind in ("fixed", "exponent") else 0 for kind in kinds]
    quoted = [draw(st.booleans()) for _ in kinds]
    padding = st.sampled_from(["", "", "", " ", "   "]) if not blanks else st.just("")
    pieces = [draw(st.sampled_from(["", "", "\ufeff"]))]  # gap, cell, gap, cell, ..., gap
    where = []

    def put(text, of=None):
        if of is None:
            pieces[-1] += text
        else:
            pieces.extend([text, ""])
            where.append(of)

    put("# made by a logger" + newline if draw(st.booleans()) else "")
    put((draw(st.sampled_from([" ", "\t", "  "])) if blanks else delimiter).join(f"v{i}" for i in range(len(kinds))))
    put(newline)
    rows = draw(st.integers(3, 12))
    for row in range(rows):
        if draw(st.integers(0, 9)) == 0:
            put(newline)
        for column, kind in enumerate(kinds):
            put("" if column == 0 else draw(st.sampled_from([" ", "  ", "\t"])) if blanks else delimiter)
            if kind == "text":
                text = draw(TEXTS).replace("\n", "\n" if "\n" in newline else "")
                put('"' + text.replace('"', '""') + '"')
                continue
            text = draw(number(decimals[column], kind)).replace(".", decimal)
            if row == 0 or (blanks and not text):  # a first row of words would be taken for a column of text
                form = f".{decimals[column]}{'e' if kind == 'exponent' else 'f'}"
                text = f"{column + 2.5:{form}}".replace(".", decimal)
            quote = '"' if quoted[column] else ""
            put(draw(padding) + quote)
            put(text, of=(row, column)) if re.search(r"\d", text) else put(text)
            put(quote + (draw(padding) if not blanks else ""))
        if row + 1 < rows or draw(st.booleans()):
            put(newline)
    return pieces, where, Dialect(delimiter, decimal), decimals, kinds, rows


class Heard:
    """Passes on to an editor, and keeps what was written."""

    def __init__(self, editor):
        self.editor, self.clean, self.written = editor, {}, {}

    def edit(self, batch):
        return self.editor.edit(batch)

    def wrote(self, batch, written):
        self.editor.wrote(batch, written)
        for position, values in written.items():
            self.clean.setdefault(position, []).append(batch.values[position])
            self.written.setdefault(position, []).append(values)

    def columns(self, kept):
        return {position: np.concatenate(values) for position, values in kept.items()}


class HeardTable(CsvTable):
    def rewrite(self, target, editor, numbers, raw):
        self.heard = Heard(editor)
        super().rewrite(target, self.heard, numbers, raw)


def noised(text, dialect, *, batch, level="3", key=None, **options):
    """Return the noised text, the columns as they were and as they were written, and the outcome."""
    names = {",": "comma", "\t": "tab", " ": "space"}
    delimiter = names.get(dialect.delimiter, dialect.delimiter)
    options = SeriesOptions(std=level, delimiter=delimiter, decimal=dialect.decimal, header=True, **options)
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "any.csv"), Path(folder, "out")
        source.write_bytes(text)
        table = HeardTable(source, options, batch=batch)
        outcome = SeriesItem(table, options, source).write(target, key or Key(3), measure=True)
        heard = table.heard
        return target.read_bytes(), heard.columns(heard.clean), heard.columns(heard.written), outcome


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables(), st.sampled_from([1, 40, 2**20]))
def test_only_noised_cells_change_and_hold_the_noised_values(made, batch):
    dialect = made[2]
    text = "".join(made[0]).encode()
    check_bytes(made, text, *noised(text, dialect, batch=batch)[:3])
    assert noised(text, dialect, batch=batch, level="0")[0] == text


def check_bytes(made, text, out, clean, written):
    """Fail unless nothing but noised cells differs, each as its column is written, and they hold value and noise."""
    pieces, where, dialect, decimals, kinds, rows = made
    signs = "[-+e0-9" + dialect.decimal + "]+"
    pattern = "".join(re.escape(piece) if i % 2 == 0 else f"({signs})" for i, piece in enumerate(pieces))
    match = re.fullmatch(pattern.encode(), out)
    assert match, (text, out)
    values = {position: np.full(rows, np.nan) for position in written}
    for (row, column), cell, old in zip(where, match.groups(), pieces[1::2], strict=True):
        got = cell.decode().replace(dialect.decimal, ".")
        if column in values:
            values[column][row] = float(got)
            mantissa, mark, _ = got.partition("e")
            assert cell.decode() == old or len(mantissa.partition(".")[2]) == decimals[column]
            assert bool(mark) == (kinds[column] == "exponent")
        else:
            assert cell.decode() == old
    assert {kinds[position] for position in written} <= {"fixed", "exponent", "whole"}
    for position, found in values.items():
        key = Key(3).child("column", f"v{position}")
        wanted = clean[position] + 3 * Tape(Gaussian(), key, None, np.dtype(float), rows).take(rows)
        assert np.array_equal(np.isnan(found), np.isnan(wanted))
        step = 10.0 ** -decimals[position]
        if kinds[position] == "exponent":
            with np.errstate(divide="ignore", invalid="ignore"):
                step = step * 10 ** np.floor(np.log10(np.maximum(np.abs(wanted), np.abs(found))))
        apart = np.abs(found - wanted)
        assert (np.isnan(wanted) | (apart <= 0.5001 * step)).all()
        assert np.array_equal(written[position], found, equal_nan=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\xef\xbb\xbf", b""),
        (b"\r\n\r\n", b"\r\n"),
        (b"007", b"7"),
        (b'"8"', b"8"),
        (b";c\r\n", b";c"),
        (b"# x", b"#x"),
        (rb",\d\d;007", b",125;007"),  # more decimals
        (rb"\d,\d\d;007", b"9,99;007"),  # another value
        (rb"-?\d,\d\d;007", b"1,50;007"),  # no noise
    ],
)
def test_planted_changes_of_a_file_are_caught(old, new):
    pieces = ["\ufeff# x\r\nv0;v1;v2\r\n", "1,50", ';007;"a;b"\r\n\r\n', "-2,25", ';"8";c\r\n', "3,75", ";009;d\r\n"]
    made = pieces, [(0, 0), (1, 0), (2, 0)], Dialect(";", ","), [2, 0, 0], ["fixed", "text", "text"], 3
    text = "".join(pieces).encode()
    out, clean, written, _ = noised(text, made[2], batch=2**20)
    check_bytes(made, text, out, clean, written)
    changed = re.sub(old, new, out, count=1)
    assert changed != out
    with pytest.raises(AssertionError):
        check_bytes(made, text, changed, clean, written)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables().filter(lambda made: made[2].delimiter != " "))
def test_other_readers_agree(made):
    pieces, _, dialect, _, _, rows = made
    text = "".join(pieces).encode()
    out, _, written, _ = noised(text, dialect, batch=2**20)
    before, after = (
        [row for row in csv.reader(io.StringIO(side.decode(), newline=""), delimiter=dialect.delimiter) if row]
        for side in (text, out)
    )
    skip = len(before) - rows - 1
    for row, (old, new) in enumerate(zip(before[skip + 1 :], after[skip + 1 :], strict=True)):
        for position, cell in enumerate(new):
            value = written[position][row] if position in written else np.nan
            if np.isnan(value):
                assert cell == old[position]
            else:
                assert float(cell.strip(' "').replace(dialect.decimal, ".")) == value
    if b"\n" not in text:  # returns alone, of which pandas makes cells of its own, and polars one row
        return
    frame = pd.read_csv(
        io.BytesIO(out),
        sep=dialect.delimiter,
        decimal=dialect.decimal,
        skiprows=skip,
        na_values=["-"],
        skipinitialspace=True,
    )
    if len(frame) != rows:  # pandas drops a last row of nothing but blanks
        return
    for position, values in written.items():
        if frame.iloc[:, position].dtype.kind in "if":
            found = frame.iloc[:, position].to_numpy(float)
            assert np.allclose(found, values, rtol=1e-14, atol=0, equal_nan=True)
    try:
        pl.read_csv(text, separator=dialect.delimiter, skip_rows=skip, infer_schema=False)
    except pl.exceptions.ComputeError:  # blanks about quotes are none of its dialects
        return
    texts = pl.read_csv(out, separator=dialect.delimiter, skip_rows=skip, infer_schema=False).fill_null("")
    texts = texts.filter(pl.any_horizontal(pl.all() != ""))  # blank lines are rows
    if texts.height != rows:  # and so is a row of gaps
        return
    for position, values in written.items():
        cells = [text.strip(' "').replace(dialect.decimal, ".") for text in texts.to_series(position)]
        real = ~np.isnan(values)
        assert [float(cell) for cell, is_real in zip(cells, real, strict=True) if is_real] == values[real].tolist()


@given(st.binary(max_size=60) | st.text(st.sampled_from("12.5,;\n\r\t\"' #ae-"), max_size=60).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_kept_or_refused(data):
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "any.csv"), Path(folder, "out")
        source.write_bytes(data)
        try:
            item = open_item(source, SeriesOptions(std=0))
        except InputError:
            return
        item.write(target, Key(1), measure=True)
        assert target.read_bytes() == data


@pytest.mark.parametrize("first", [0, 1])
def test_batches_do_not_show_in_styles(first):
    kinds = ["%.2e,x%d,%d\n", "%.3f,y%d,%d.5\n"]
    rows = [kinds[first] % (i * 0.37, i, i * i) for i in range(200)]
    rows += [kinds[1 - first] % (i * 0.41, i, i * i) for i in range(200)]
    text = ("v,w,u\n" + "".join(rows)).encode()
    whole = noised(text, Dialect(","), batch=2**20)[0]
    assert all(noised(text, Dialect(","), batch=size)[0] == whole != text for size in (1, 500, 3000))


def test_wide_offsets_give_the_same(monkeypatch):
    text = b'a,b,c\n"1.50",x,1e3\n2.25,,NA\n-3.75,"y,z",2.5\n' * 1
    dialect = Dialect(",")
    narrow = noised(text, dialect, batch=20)[0]
    monkeypatch.setattr(csv_arrow, "WIDE", 8)
    assert noised(text, dialect, batch=20)[0] == narrow != text


SHIPPED = {"statsmodels": (220, 4), "sklearn": (8, 0), "aeon": (19, 0)}
"""How many tables the libraries ship that are done at least, and refused at most, as their rows are ragged."""


@pytest.mark.parametrize("library", ["statsmodels", "sklearn", pytest.param("aeon", marks=pytest.mark.slow)])
def test_level_zero_gives_the_same_bytes_for_all_tables_that_libraries_ship(tmp_path, library):
    found = find_spec(library)
    assert found is not None, f"pip install {library}"
    refused, done = {}, 0
    for path in sorted(path for path in Path(found.origin).parent.rglob("*") if ".csv" in path.suffixes):
        if path.name == "poisson_resid.csv":  # one row of 20,190 columns: seconds by itself
            continue
        try:
            item = open_item(path, SeriesOptions(std=0))
        except InputError as error:
            refused[path.name] = str(error)
            continue
        item.write(tmp_path / "out.csv", Key(1), measure=True)
        assert (tmp_path / "out.csv").read_bytes() == path.read_bytes(), path
        done += 1
    reason = re.compile(r"row \d+ \(line \d+\) has \d+ cells")
    assert all(reason.search(text) for text in refused.values()), refused
    assert done >= SHIPPED[library][0]
    assert len(refused) <= SHIPPED[library][1]
