"""Tar shards in every manner that tars are written, small and with known members."""

import io
import json
import tarfile

import numpy as np
import soundfile as sf
from PIL import Image


def picture(kind="PNG", size=24, seed=0):
    """Return a picture as the bytes of a file."""
    pixels = np.random.default_rng(seed).integers(60, 200, (size, size, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def recording(kind="WAV", seed=0):
    """Return a short tone as the bytes of a file."""
    out = io.BytesIO()
    sf.write(out, 0.2 * np.sin(np.arange(2000) * 0.05 * (seed + 1)), 8000, subtype="PCM_16", format=kind)
    return out.getvalue()


def table(seed=0):
    """Return a logged series as CSV."""
    return ("time,value\n" + "".join(f"{t},{np.sin(t / 9) + seed:.3f}\n" for t in range(100))).encode()


def array(seed=0):
    """Return a series as .npy."""
    out = io.BytesIO()
    np.save(out, np.cumsum(np.ones((50, 2)), axis=0) + seed)
    return out.getvalue()


SAMPLES = {
    "images": lambda i: {"jpg" if i % 2 else "png": picture("JPEG" if i % 2 else "PNG", seed=i)},
    "audio": lambda i: {"flac" if i % 2 else "wav": recording("FLAC" if i % 2 else "WAV", i)},
    "series": lambda i: {"npy" if i % 2 else "csv": array(i) if i % 2 else table(i)},
}
LEVELS = {"images": ("--std", "0.1"), "audio": ("--snr", "10"), "series": ("--std", "0.1sd")}


def members(domain="images", count=4, first=0):
    """Return the names and contents of so many samples, with their labels before and after what gets noise."""
    found = []
    for i in range(first, first + count):
        key = f"train/{i:05}"
        found.append((f"{key}.cls", str(i % 10).encode()))
        found += [(f"{key}.{extension}", data) for extension, data in SAMPLES[domain](i).items()]
        found.append((f"{key}.json", json.dumps({"id": i}).encode()))
    return found


def add(tar, name, data=b"", **fields):
    """Add a member to an open tar, with fields of its header."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.uid, info.uname, info.gname = len(data), 1_600_000_000, 1234, "someone", "them"
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


def pack(path, contents, form=tarfile.GNU_FORMAT, mode="w", **fields):
    """Write a tar of (name, data) pairs in one of the forms that `tarfile` knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode, format=form) as tar:
        for name, data in contents:
            add(tar, name, data, **fields)
    return path


def shards(root, domain="images", count=3, samples=4):
    """Write so many tars of a domain."""
    for number in range(count):
        pack(root / f"shard-{number:03}.tar", members(domain, samples, number * samples))
    return root


def read(path):
    """Return the names and contents of a tar's members, in their order."""
    with tarfile.open(path) as tar:
        return [(info.name, tar.extractfile(info).read() if info.isreg() else None) for info in tar]


def headers(path):
    """Return the blocks before the data of each member, by an independent reader."""
    data = path.read_bytes()
    with tarfile.open(path) as tar:
        return [(info.name, data[info.offset : info.offset_data]) for info in tar]


def jsonl(path):
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
