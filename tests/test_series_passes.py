"""What is kept between two passes over a table, or read ahead, changes nothing in what is written."""

import threading

import numpy as np
import pandas as pd
import pytest

from augkit.noise.keys import Key
from augkit.prefetch import ready_ahead
from augkit.series.files import open_item
from augkit.series.options import SeriesOptions


def test_items_are_made_ahead_in_their_order():
    assert list(ready_ahead(iter(range(1, 50)))) == list(range(1, 50))
    made = []

    def items():
        for number in range(1, 5):
            made.append(number)
            yield number

    ahead = ready_ahead(items())
    assert next(ahead) == 1
    ahead.close()
    assert made in ([1], [1, 2])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("augkit-ahead")]


def test_an_error_is_raised_where_its_item_would_come():
    def items():
        yield 1
        raise ValueError("broken")

    ahead = ready_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


@pytest.fixture
def table():
    rng = np.random.default_rng(6)
    rows = 150_000
    columns = {"t": np.arange(rows) / 100, "x": rng.normal(size=rows).round(3), "y": rng.normal(size=rows).round(3)}
    return pd.DataFrame(columns | {"device": rng.integers(0, 5, rows)})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("options", [{"std": "0.1mad"}, {"std": "0.1sd", "group_by": "device"}], ids=str)
def test_what_is_kept_between_passes_does_not_matter(tmp_path, monkeypatch, table, suffix, options):
    source = tmp_path / f"source{suffix}"
    if suffix == ".csv":
        table.to_csv(source, index=False)
    else:
        table.to_parquet(source, row_group_size=100_000)
    written = []
    for kept in (None, 1):
        if kept is not None:
            monkeypatch.setattr("augkit.series.csv_file._KEPT", kept)
            monkeypatch.setattr("augkit.series.parquet._KEPT", kept)
        target = tmp_path / f"target{kept}"
        open_item(source, SeriesOptions(**options)).write(target, Key(7), measure=False)
        written.append(target.read_bytes())
    assert written[0] == written[1] != source.read_bytes()
