"""White noise at 10 dB on a folder of recordings with NumPy and soundfile."""

import sys
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soundfile

SNR_DB = 10


def add_noise(path: Path, target: Path, suffix: str) -> None:
    """Read, measure, add, write in the source's subtype."""
    samples, samplerate = soundfile.read(path, dtype="float32")
    subtype = soundfile.info(path).subtype
    noise = np.random.default_rng().standard_normal(samples.shape, np.float32)
    gain = np.sqrt(np.mean(samples**2) / np.mean(noise**2) / 10 ** (SNR_DB / 10))
    noisy = np.clip(samples + gain * noise, -1, 1)
    soundfile.write(target / f"{path.stem}{suffix}", noisy, samplerate, subtype=subtype)


if __name__ == "__main__":
    source, target, suffix = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    target.mkdir(parents=True)
    with Pool(2) as pool:
        pool.map(partial(add_noise, target=target, suffix=suffix), sorted(source.iterdir()), chunksize=8)
