"""How well spoken words are recognised at each SNR: a folder is corrupted from 20 to -5 dB, a recogniser scored on it.

The recordings are the eight spoken test sounds ("front left", "rear center"...) of Debian's package alsa-utils; another
folder of recordings, one of each word, may be given. The recogniser takes the word of the recording that is most like
what it hears, in its mel bands, part by part; one has learnt the words from clean recordings, another from noisy ones.
Needs ``augkit[plots]``; takes half a minute.

    python examples/speech_at_snr.py [FOLDER [OUT.png]]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy.signal import stft

from augkit.figures import new_figure

SNRS = (20, 15, 10, 5, 0, -5)
COLORS = {"white": "#8a8a8a", "pink": "#d1602c", "brown": "#1f4e79"}
COPIES, BANDS, PARTS, FRAME = 10, 24, 6, 0.025


def features(path: Path) -> np.ndarray:
    """Return how loud each mel band is, in dB, in each of a few parts of the word."""
    samples, rate = sf.read(path, always_2d=True)
    frequencies, _, spectrum = stft(samples.mean(axis=1), rate, nperseg=round(FRAME * rate))
    edges = 700 * (10 ** (np.linspace(mel(100), mel(7000), BANDS + 1) / 2595) - 1)  # O'Shaughnessy 1987
    power = np.add.reduceat(np.abs(spectrum) ** 2, np.searchsorted(frequencies, edges)[:-1], axis=0)
    loud = 10 * np.log10(np.maximum(power, power.max() * 1e-6))
    return np.stack([part.mean(axis=1) for part in np.array_split(loud, PARTS, axis=1)])


def mel(hertz: float) -> float:
    """Return a pitch on the mel scale."""
    return 2595 * np.log10(1 + hertz / 700)


def corrupted(folder: Path, snr: str, color: str, seed: int) -> tuple[list[dict], list[np.ndarray]]:
    """Add noise to the folder as a person would on the command line; return the manifest, and what was heard."""
    with tempfile.TemporaryDirectory() as temporary:
        options = ["--snr", snr, "--color", color, "--copies", str(COPIES), "--seed", str(seed), "--exclude", "Noise*"]
        command = [sys.executable, "-m", "augkit", "audio", str(folder), temporary, *options, "--quiet"]
        subprocess.run(command, check=True)
        rows = [json.loads(line) for line in (Path(temporary) / "metadata.jsonl").read_text().splitlines()]
        return rows, [features(Path(temporary) / row["file_name"]) for row in rows]


def learnt(folder: Path, color: str) -> list[tuple[str, np.ndarray]]:
    """Return words as they sound at SNRs from all over the range."""
    rows, sounds = corrupted(folder, f"{min(SNRS)}..{max(SNRS)}", color, seed=2)
    return [(row["source"], sound) for row, sound in zip(rows, sounds, strict=True)]


def main(folder: str = "/usr/share/sounds/alsa", out: str = "speech-at-snr.png") -> None:
    """Print the share of recordings that are recognised, for each noise, recogniser and SNR, and draw it."""
    words = [path for path in sorted(Path(folder).glob("*.wav")) if path.stem != "Noise"]
    if len(words) < 2:
        sys.exit(f"{folder}: expected recordings of words (Debian: apt install alsa-utils), found {len(words)}")
    clean = [(path.name, features(path)) for path in words]
    print(f"{len(words)} words, {COPIES} noisy recordings of each; the share that is recognised\n")
    print(f"{'noise':7}{'learnt from':12}" + "".join(f"{snr:>6} dB" for snr in SNRS) + "   furthest from that SNR")
    axes = new_figure((7, 4.2)).subplots()
    for color, hue in COLORS.items():
        runs = [corrupted(Path(folder), str(snr), color, seed=1) for snr in SNRS]
        miss = max(
            abs(row["achieved"]["snr_db"] - snr) for snr, (rows, _) in zip(SNRS, runs, strict=True) for row in rows
        )
        for name, known, style in (("clean", clean, "--"), ("noisy", learnt(Path(folder), color), "-")):
            shares = [share_recognised(known, rows, sounds) for rows, sounds in runs]
            print(f"{color:7}{name:12}" + "".join(f"{share:9.2f}" for share in shares) + f"   {miss:.3f} dB")
            axes.plot(SNRS, shares, style, marker="o", color=hue, label=f"{color}, learnt from {name} words")
    axes.invert_xaxis()
    axes.set_xlabel("SNR, dB")
    axes.set_ylabel("share of words recognised")
    axes.legend(frameon=False, fontsize=8)
    axes.figure.savefig(out, dpi=130)
    print(f"\ncurves: {out}")


def share_recognised(known: list[tuple[str, np.ndarray]], rows: list[dict], sounds: list[np.ndarray]) -> float:
    """Return how many of the sounds are taken for the word that they are."""
    guesses = (min(known, key=lambda one: np.linalg.norm(one[1] - sound))[0] for sound in sounds)
    return float(np.mean([guess == row["source"] for guess, row in zip(guesses, rows, strict=True)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
