"""The main job in all three domains on real files: noise a folder of each, and look at what came out.

Reads ``fixtures/``, writes ``demo/``: three noisy folders with their manifests, and ``contact-sheet.png``.
"""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile as sf
from PIL import Image

from augkit.report.sheet import AudioPair, ImagePair, SeriesPair, contact_sheet

ROOT = Path(__file__).resolve().parent.parent
SOURCE, DEMO = ROOT / "fixtures", ROOT / "demo"
COMMANDS = (
    ("images", "--std", "0.1"),
    ("audio", "--snr", "10"),
    ("series", "--std", "0.1sd"),
)


def noise_everything() -> None:
    """Run the three commands, as a person would type them."""
    for domain, option, level in COMMANDS:
        arguments = [domain, f"fixtures/{domain}", f"demo/{domain}", option, level, "--seed", "1"]
        print("$ augkit", *arguments)
        subprocess.run([sys.executable, "-m", "augkit", *arguments], cwd=ROOT, check=True)
        print()


def rows(domain: str) -> list[dict]:
    """Return the manifest of one noisy folder."""
    return [json.loads(line) for line in (DEMO / domain / "metadata.jsonl").read_text().splitlines()]


def print_table() -> None:
    """Print what was asked for and what was reached, file by file."""
    print(f"{'file':32} {'noise':10} {'asked':14} {'std':>9} {'SNR dB':>8} {'clipped':>8}")
    for domain, _, _ in COMMANDS:
        for row in rows(domain):
            asked = " ".join(f"{name}={value}" for name, value in row["requested"].items())
            reached = row["achieved"].get("columns") or {"": row["achieved"]}
            for column, levels in reached.items():
                name = f"{domain}/{row['file_name']}" + (f" [{column}]" if column else "")
                clipped = f"{100 * row['achieved']['clipped']:.2f} %"
                print(
                    f"{name:32} {row['noise']:10} {asked:14} {levels['std']:9.4f} {levels['snr_db']:8.2f} {clipped:>8}"
                )


def pairs() -> list:
    """Read clean and noisy files with ordinary libraries."""
    found: list = []
    for row in rows("images"):
        clean, noisy = (np.asarray(Image.open(folder / "images" / row["source"])) for folder in (SOURCE, DEMO))
        reached = row["achieved"]["std"]
        found.append(
            ImagePair(f"{row['source']}: std 0.1 of full range asked, {reached:.3f} in the file", clean, noisy)
        )
    for row in rows("audio"):
        clean, rate = sf.read(SOURCE / "audio" / row["source"])
        noisy, _ = sf.read(DEMO / "audio" / row["source"])
        reached = row["achieved"]["snr_db"]
        found.append(AudioPair(f"{row['source']}: SNR 10 dB asked, {reached:.2f} dB in the file", clean, noisy, rate))
    clean, noisy = (column(folder / "series/walk.csv", "acc_x") for folder in (SOURCE, DEMO))
    found.append(SeriesPair("walk.csv, acc_x: std 0.1 of its standard deviation, decimals kept", clean, noisy))
    return found


def column(path: Path, name: str) -> np.ndarray:
    """Return one column of a CSV file."""
    with path.open(newline="") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


if __name__ == "__main__":
    shutil.rmtree(DEMO, ignore_errors=True)
    noise_everything()
    print_table()
    contact_sheet("augkit: before and after", pairs(), DEMO / "contact-sheet.png")
    print(f"\nLook at it: {DEMO / 'contact-sheet.png'}")
