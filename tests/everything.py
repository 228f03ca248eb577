"""A few small sources of every format that can be written, of about 100 kB each."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import soundfile as sf
from PIL import Image
from scipy.io import savemat

from augkit.folder.domains import load_domain
from tests.trees import augkit

LEVELS = {"images": ("--std", "0.1"), "audio": ("--snr", "10"), "series": ("--std", "0.1sd")}
COUNT = 5


def suffixes(domain):
    """Return one suffix of each way in which a domain's files are written; the series' need a writer of their own."""
    if domain == "series":
        return tuple(_TABLES)
    return tuple(info.suffixes[0] for info in load_domain(domain).formats() if info.name not in _NOT_FROM_OTHERS)


_NOT_FROM_OTHERS = {"PBM", "XI"}
"""One bit holds no noise, and what libsndfile writes as an instrument it does not read."""


def write_sources(domain, suffix, folder):
    """Fill a folder with sources of one suffix."""
    folder.mkdir(parents=True)
    if domain == "series":
        for number in range(COUNT):
            _TABLES[suffix](folder / f"t{number}{suffix}", np.random.default_rng(number).normal(size=(6000, 2)))
        return
    if suffix == ".pfm":
        for number in range(COUNT):
            _pfm(folder / f"f{number}.pfm", np.random.default_rng(number))
        return
    given = folder.with_name(folder.name + "-given")
    given.mkdir()
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        if domain == "images":
            pixels = rng.integers(60, 200, (200, 200), dtype=np.uint8)
            Image.fromarray(pixels).save(given / f"p{number}.png")
        else:
            sf.write(given / f"s{number}.wav", 0.2 * rng.normal(size=50_000), 8000, subtype="PCM_16")
    assert augkit(domain, given, folder, *LEVELS[domain], "--format", suffix[1:], "--quiet", "--seed", 9) == 0


def _csv(values):
    return "time,value\n" + "".join(f"{a:.6f},{b:.6f}\n" for a, b in values)


def _lines(values):
    return "".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in values.tolist())


def _table(values):
    return pa.table({"a": values[:, 0], "b": values[:, 1]})


def _zst(path, text):
    with pa.output_stream(path, compression="zstd") as out:
        out.write(text.encode())


def _pfm(path, rng):
    path.write_bytes(b"Pf\n160 160\n-1.0\n" + rng.uniform(0.2, 0.8, (160, 160)).astype("<f4").tobytes())


_TABLES = {
    ".csv": lambda path, values: path.write_text(_csv(values)),
    ".csv.gz": lambda path, values: path.write_bytes(gzip.compress(_csv(values).encode())),
    ".csv.zst": lambda path, values: _zst(path, _csv(values)),
    ".jsonl": lambda path, values: path.write_text(_lines(values)),
    ".jsonl.gz": lambda path, values: path.write_bytes(gzip.compress(_lines(values).encode())),
    ".jsonl.zst": lambda path, values: _zst(path, _lines(values)),
    ".parquet": lambda path, values: pa.parquet.write_table(_table(values), path),
    ".arrow": lambda path, values: pa.feather.write_feather(_table(values), path, compression="uncompressed"),
    ".npy": np.save,
    ".npz": lambda path, values: np.savez(path, a=values),
    ".mat": lambda path, values: savemat(path, {"a": values}),
}
