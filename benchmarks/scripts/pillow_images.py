"""Gaussian noise on a folder of images with Pillow and NumPy."""

import sys
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

STD = 25.5


def add_noise(path: Path, target: Path, suffix: str) -> None:
    """Decode, add, encode; alpha is left alone."""
    rng = np.random.default_rng()
    with Image.open(path) as image:
        palette = "RGBA" if "transparency" in image.info else "RGB"
        pixels = np.array(image.convert(palette) if image.mode == "P" else image)
    colour = pixels[..., :3]
    noise = rng.standard_normal(colour.shape, np.float32) * STD
    pixels[..., :3] = np.clip(np.rint(colour + noise), 0, 255).astype(np.uint8)
    quality = {"quality": 90} if suffix == ".jpg" else {}
    Image.fromarray(pixels).save(target / f"{path.stem}{suffix}", **quality)


if __name__ == "__main__":
    source, target, suffix = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    target.mkdir(parents=True)
    with Pool(2) as pool:
        pool.map(partial(add_noise, target=target, suffix=suffix), sorted(source.iterdir()), chunksize=8)
