"""A folder of recordings mixed by SoX with noise that lies prepared beside it, of as many frames."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def mix(path: Path, noise: Path, target: Path) -> None:
    """Add the noise as it is; undithered, which is the faster way."""
    command = ["sox", "-D", "-m", "-v", "1", path, "-v", "1", noise, target / path.name]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True)
    noise = source.with_name(f"{source.name}_noise.wav")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda path: mix(path, noise, target), sorted(source.iterdir())))
