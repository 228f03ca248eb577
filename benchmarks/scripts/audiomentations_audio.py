"""White noise at 10 dB on a folder of recordings with audiomentations, and soundfile for the files."""

import sys
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import soundfile
from audiomentations import AddGaussianSNR

TRANSFORM = AddGaussianSNR(min_snr_db=10, max_snr_db=10, p=1)


def add_noise(path: Path, target: Path, suffix: str) -> None:
    """Read, add, write in the source's subtype."""
    samples, samplerate = soundfile.read(path, dtype="float32")
    subtype = soundfile.info(path).subtype
    noisy = TRANSFORM(samples.T, samplerate).T
    soundfile.write(target / f"{path.stem}{suffix}", noisy, samplerate, subtype=subtype)


if __name__ == "__main__":
    source, target, suffix = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    target.mkdir(parents=True)
    with Pool(2) as pool:
        pool.map(partial(add_noise, target=target, suffix=suffix), sorted(source.iterdir()), chunksize=8)
