"""Gaussian noise of 0.1 standard deviations on six columns of a large CSV table with pandas, chunk by chunk."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS, DECIMALS, ROWS = ["ax", "ay", "az", "gx", "gy", "gz"], 4, 100_000


def spread(path: Path) -> np.ndarray:
    """Return the standard deviations: sums about the means of chunks, put together."""
    count, total, squares = 0, np.zeros(len(COLUMNS)), np.zeros(len(COLUMNS))
    for chunk in pd.read_csv(path, usecols=COLUMNS, chunksize=ROWS):
        values = chunk[COLUMNS].to_numpy()
        mean, rows = values.mean(axis=0), len(values)
        apart = mean - (total / count if count else mean)
        squares += ((values - mean) ** 2).sum(axis=0) + apart**2 * count * rows / (count + rows)
        count, total = count + rows, total + values.sum(axis=0)
    return np.sqrt(squares / count)


def add_noise(path: Path, target: Path) -> None:
    """Read, add, round as the column was, write."""
    rng, std = np.random.default_rng(), spread(path)
    with target.open("w") as out:
        for number, chunk in enumerate(pd.read_csv(path, dtype={"device_id": str}, chunksize=ROWS)):
            values = chunk[COLUMNS].to_numpy()
            chunk[COLUMNS] = (values + rng.standard_normal(values.shape) * (0.1 * std)).round(DECIMALS)
            chunk.to_csv(out, index=False, header=not number)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        add_noise(path, target / path.name)
