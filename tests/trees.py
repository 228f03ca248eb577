"""Small trees of real files, and how to compare them."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile as sf
from PIL import Image

from augkit.cli import main

FIXTURES = Path(__file__).parent.parent / "fixtures"


def content(root):
    """Return the hash of every file below a folder, by its name."""
    files = sorted(path for path in Path(root).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def pictures(root, count=6, size=24):
    """Write PNG and JPEG pictures in two class folders; two of them have the same pixels."""
    rng = np.random.default_rng(5)
    for i in range(count):
        folder = Path(root) / ("cat", "dog")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = (
            rng.integers(60, 200, (size, size, 3), dtype=np.uint8) if i != 2 else np.full((size, size, 3), 99, "u1")
        )
        Image.fromarray(pixels).save(folder / f"p{i}.{('png', 'jpg')[i // 2 % 2]}")
    for name in ("same_a.png", "same_b.png"):
        Image.fromarray(np.full((size, size), 128, np.uint8)).save(Path(root) / name)
    return Path(root)


def recordings(root, count=3):
    """Write short tones as 16-bit WAV."""
    Path(root).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        tone = 0.2 * np.sin(np.arange(4000) * 0.05 * (i + 1))
        sf.write(Path(root) / f"tone{i}.wav", tone, 8000, subtype="PCM_16")
    return Path(root)


def tables(root, count=2):
    """Write logged series as CSV."""
    Path(root).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        rows = "".join(f"{t},{np.sin(t / 9) + i:.3f},{t % 7}\n" for t in range(200))
        (Path(root) / f"log{i}.csv").write_text("time,value,state\n" + rows)
    return Path(root)


def augkit(*arguments):
    """Run the command in this process and return its exit code."""
    return main([str(argument) for argument in arguments])
