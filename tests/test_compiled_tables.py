"""Text tables by the compiled library: the bytes, numbers and errors of the NumPy code, whatever stands in them."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augkit.compiled import csv_calls, library
from augkit.errors import InputError
from augkit.noise.keys import Key
from augkit.series.csv_cells import OddQuotesError, cut, cut_evenly
from augkit.series.csv_dialect import Dialect
from augkit.series.csv_edit import Cells, Change, Form, edited
from augkit.series.csv_file import CsvTable
from augkit.series.csv_numbers import parse
from augkit.series.csv_parse import _plain
from augkit.series.csv_rows import RaggedError, rows
from augkit.series.csv_style import Style
from augkit.series.item import SeriesItem
from augkit.series.options import SeriesOptions
from tests.ways import compiled_only, plain

pytestmark = compiled_only

LIMITS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

DIGITS = st.text("0123456789", min_size=1, max_size=17)


@st.composite
def plain_numbers(draw):
    """Make a number of any length without an exponent."""
    whole, behind = draw(DIGITS), draw(st.one_of(st.just(""), DIGITS))
    text = draw(st.sampled_from(["", "", "", "-", "+"])) + (whole if draw(st.integers(0, 5)) else "")
    return text + ("." + behind if behind or not draw(st.integers(0, 4)) else "")


ODD_CELLS = st.sampled_from(
    [
        *(
            "",
            "",
            "nan",
            "NA",
            "inf",
            "-inf",
            "1e5",
            "-2.5E-3",
            "1e400",
            "1e-400",
            "0x1f",
            "1_000",
            "--1",
            "1-2",
            "-",
            "+",
        ),
        *(
            ".",
            "-.",
            "1..2",
            "1.2.3",
            ".5",
            "-.5",
            "5.",
            "-0",
            "-0.0",
            "+0.5",
            "007",
            "-007",
            "1 2",
            " 1.5",
            "1.5 ",
            "\t2",
        ),
        *(
            "9007199254740991",
            "9007199254740993",
            "0.1234567890123456",
            "99999999",
            "9999.9999",
            "123456789.12345",
            "x",
            "ä",
        ),
    ]
)
CELLS = st.one_of(plain_numbers(), plain_numbers(), ODD_CELLS)
TAME = st.integers(-99999, 99999).map(lambda number: f"{number / 1000:.3f}")


@st.composite
def tables(draw):
    """Make a table of any dialect, with odd cells in some columns and odd rows now and then."""
    delimiter = draw(st.sampled_from(",,;\t|: "))
    decimal = "." if delimiter == "," else draw(st.sampled_from("..,"))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    width = draw(st.integers(1, 5))
    kinds = [
        draw(st.sampled_from([TAME, TAME, plain_numbers(), CELLS, st.sampled_from(["a", "b c"])])) for _ in range(width)
    ]
    lines = [delimiter.join(f"v{i}" for i in range(width))] if draw(st.booleans()) else []
    count = draw(st.integers(1, 40))
    for _ in range(count):
        cells = [draw(kind).replace(".", decimal) for kind in kinds]
        if not draw(st.integers(0, 99)):
            cells[0] = draw(st.sampled_from(['"1.5"', '"', 'a "b" c', "# comment", "\x00"]))
        if not draw(st.integers(0, 99)):
            cells = draw(st.sampled_from([[], cells[:-1], [*cells, "1"], ["# 1", *cells]]))
        lines.append(delimiter.join(cells))
    text = newline.join(lines) + (newline if draw(st.booleans()) else "")
    return text.encode(), delimiter, decimal


OPTIONS = st.fixed_dictionaries(
    {"std": st.sampled_from(["0.1sd", "0.001", "3", "1e12"]), "samplerate": st.just(10.0)},
    optional={
        "decimals": st.sampled_from([0, 2, 9, 16, "full"]),
        "faults": st.just(("dropout:rate=0.1",)),
        "range": st.just("-50..50"),
    },
)


def made(text, delimiter, decimal, options, batch):
    """Return the bytes of the noised table and what is told of them, or the error."""
    names = {",": "comma", "\t": "tab", " ": "space"}
    options = SeriesOptions(delimiter=names.get(delimiter, delimiter), decimal=decimal, **options)
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "any.csv"), Path(folder, "out")
        source.write_bytes(text)
        try:
            outcome = SeriesItem(CsvTable(source, options, batch=batch), options, source).write(
                target, Key(3), measure=True
            )
        except InputError as error:
            return str(error).replace(folder, "")
        return target.read_bytes(), repr(outcome.achieved), outcome.notices, repr(outcome.format)


@LIMITS
@given(tables(), OPTIONS, st.sampled_from([1, 64, 100, 2**20]))
def test_tables_of_all_kinds_come_out_the_same(table, options, batch):
    with plain():
        expected = made(*table, options, batch)
    assert made(*table, options, batch) == expected


@LIMITS
@given(st.lists(CELLS, min_size=1, max_size=40), st.sampled_from(".,"), st.sampled_from(["", "x" * 20]))
def test_cells_are_read_the_same(cells, decimal, before):
    text = (before + ";".join(cell.replace(".", decimal) for cell in cells)).encode()
    data = np.frombuffer(text + b"\n", np.uint8)
    marks = np.flatnonzero((data == ord(";")) | (data == ord("\n"))).astype(np.int32)
    starts = np.concatenate([[len(before)], marks[:-1] + 1]).astype(np.int32)
    read, expected = _plain(data, starts, marks, decimal), parse(data, starts, marks, decimal=decimal)
    are_plain = all(re.fullmatch(r"|[-+]?(\d+\.?\d*|\.\d+)", cell) and is_short(cell) for cell in cells) and any(cells)
    assert (read is not None) == are_plain
    if read is not None:
        assert read.values.tobytes() == expected.values.tobytes()
        assert (read.style, read.count, read.stray) == (expected.style, expected.count, expected.stray)


def is_short(cell):
    return len(cell) <= 16 and int("0" + re.sub(r"\D", "", cell)) < 2**53


@LIMITS
@given(tables(), st.integers(1, 5))
def test_cells_are_found_at_the_same_places_or_left_to_numpy(table, width):
    text, delimiter, _ = table
    for newline in "\n", "\r":
        data, dialect = np.frombuffer(text + newline.encode(), np.uint8), Dialect(delimiter, ".", newline)
        found = cut_evenly(data, dialect, width)
        if found is not None:
            expected = rows(cut(data, dialect), width, before=0)
            assert np.array_equal(found[0], expected[0])
            assert np.array_equal(found[1], expected[1])
        elif delimiter != " " and width > 1 and b'"' not in text:
            with pytest.raises(RaggedError) if is_uneven(data, dialect, width) else np.errstate():
                rows(cut(data, dialect), width, before=0)


def is_uneven(data, dialect, width):
    """Tell whether some line that is no blank and no comment has another number of cells."""
    lines = data.tobytes().split(dialect.newline.encode())[:-1]
    counts = [
        line.count(dialect.delimiter.encode()) + 1 for line in lines if line.strip() and not line.startswith(b"#")
    ]
    assert {line.count(dialect.delimiter.encode()) + 1 for line in lines} != {width}, "an even table was declined"
    return any(count != width for count in counts)


def test_quotes_are_left_to_numpy():
    data = np.frombuffer(b'1,2\n3,"4"\n' * 40, np.uint8)
    assert cut_evenly(data, Dialect(","), 2) is None
    with pytest.raises(OddQuotesError):
        cut(np.frombuffer(b'1,2\n3,4"4"\n' * 40, np.uint8), Dialect(","))


@pytest.mark.parametrize(
    "text", [b"1,2\n3,4,5,6\n7,8,9\n", b"1,2,3,4\n5,6\n", b"1,2,3", b"\n" * 3, b"1,2,3\n\n4,5,6\n"]
)
@pytest.mark.parametrize("before", [0, 20, 21, 22])
def test_tables_that_are_not_even_are_left_to_numpy(text, before):
    data = np.frombuffer(b"1,2,3\n" * before + text, np.uint8)
    assert cut_evenly(data, Dialect(","), 3) is None


NUMBERS = st.one_of(
    st.floats(width=64),
    st.floats(-1000, 1000),
    st.integers(-(10**6), 10**6).map(lambda number: number / 2000),
    st.sampled_from(
        [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 2.0**51, -(2.0**51), 2.0**53, 1e15, 1e-9, -1e-9, np.inf, np.nan]
    ),
)
STYLES = st.builds(
    lambda decimals, bare, plus, bare_mark: Style(
        decimals=decimals, plain=True, mark=decimals > 0 or bare_mark, bare=bare, plus=plus, largest=1.0
    ),
    *(st.integers(0, 15), st.booleans(), st.booleans(), st.booleans()),
)


@LIMITS
@given(
    st.integers(1, 600),
    st.lists(STYLES, min_size=1, max_size=3),
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=50),
    st.sampled_from(".,"),
)
def test_numbers_are_written_the_same(count, styles, numbers, decimal):
    cells = np.tile([f"{i}:<{'x' * (i % 40)}>" for i in range(7)], -(-count * len(styles) // 7))[: count * len(styles)]
    data = np.frombuffer(("a" + ";".join(cells) + "\n").encode(), np.uint8)
    starts = np.flatnonzero(data == ord("<")).astype(np.int32).reshape(count, -1)
    ends = (np.flatnonzero(data == ord(">")) + 1).astype(np.int32).reshape(count, -1)
    old, new = np.resize(np.array(numbers), (2, len(styles), count))
    changes = [
        Change(Cells(starts[:, i].copy(), ends[:, i].copy(), old[i], None), new[i], style)
        for i, style in enumerate(styles)
    ]
    piece, written = edited(data, Form(decimal), changes)
    with plain():
        expected, told = edited(data, Form(decimal), changes)
    assert bytes(piece) == bytes(expected)
    assert [values.tobytes() for values in written] == [values.tobytes() for values in told]


@pytest.mark.parametrize(
    ("starts", "ends"), [([5], [3]), ([-1], [3]), ([0], [99]), ([0, 4, 2], [1, 5, 3]), ([2**31 - 1], [2**31 - 1])]
)
def test_places_that_are_none_are_declined(starts, ends):
    data = np.frombuffer(b"1,2,3,4,5\n", np.uint8)
    starts, ends = np.array(starts, np.int32), np.array(ends, np.int32)
    old = np.arange(len(starts), dtype=np.float64)
    column = csv_calls.Numbers(starts, ends, old, old + 1, decimals=0, mark=False, bare=False, plus=False)
    assert csv_calls.put_numbers(library(), data, [column], ".") is None
    if len(starts) == 1:
        assert csv_calls.read_plain(library(), data, starts, ends, ".") is None
