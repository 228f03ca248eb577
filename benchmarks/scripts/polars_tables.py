"""Gaussian noise of 0.1 standard deviations on six columns of CSV or Parquet tables with polars and NumPy."""

import sys
from pathlib import Path

import numpy as np
import polars as pl

COLUMNS, DECIMALS = ["ax", "ay", "az", "gx", "gy", "gz"], 4


def add_noise(path: Path, target: Path, suffix: str) -> None:
    """Read, add, round as the column was, write; polars works in threads of its own."""
    rng = np.random.default_rng()
    text = suffix == ".csv"
    table = pl.read_csv(path, schema_overrides={"device_id": pl.String}) if text else pl.read_parquet(path)
    noisy = [table[name] + rng.standard_normal(len(table)) * (0.1 * table[name].std()) for name in COLUMNS]
    if text:
        table.with_columns(column.round(DECIMALS) for column in noisy).write_csv(target / path.name)
    else:
        table.with_columns(noisy).write_parquet(target / path.name)


if __name__ == "__main__":
    source, target, suffix = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        add_noise(path, target, suffix)
