"""Gaussian noise on a folder of images with AlbumentationsX, and OpenCV for the files."""

import os
import sys
from functools import partial
from multiprocessing import Pool
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations
import cv2

TRANSFORM = albumentations.Compose([albumentations.GaussNoise(std_range=(0.1, 0.1), per_channel=True, p=1)])


def add_noise(path: Path, target: Path, suffix: str) -> None:
    """Decode, add, encode."""
    cv2.setNumThreads(1)
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    noisy = cv2.cvtColor(TRANSFORM(image=image)["image"], cv2.COLOR_RGB2BGR)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90] if suffix == ".jpg" else []
    cv2.imwrite(str(target / f"{path.stem}{suffix}"), noisy, quality)


if __name__ == "__main__":
    source, target, suffix = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    target.mkdir(parents=True)
    with Pool(2) as pool:
        pool.map(partial(add_noise, target=target, suffix=suffix), sorted(source.iterdir()), chunksize=8)
