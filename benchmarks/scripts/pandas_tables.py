"""Gaussian noise of 0.1 standard deviations on six columns of CSV tables with pandas and NumPy."""

import sys
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS, DECIMALS = ["ax", "ay", "az", "gx", "gy", "gz"], 4


def add_noise(path: Path, target: Path) -> None:
    """Read, add, round as the column was, write."""
    table = pd.read_csv(path, dtype={"device_id": str})
    values = table[COLUMNS].to_numpy()
    noise = np.random.default_rng().standard_normal(values.shape) * (0.1 * values.std(axis=0))
    table[COLUMNS] = (values + noise).round(DECIMALS)
    table.to_csv(target / path.name, index=False)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True)
    with Pool(2) as pool:
        pool.map(partial(add_noise, target=target), sorted(source.iterdir()), chunksize=1)
