"""The examples run on the data that packages ship, and print what they promise."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import README
from tests.trees import FIXTURES

EXAMPLES = Path(__file__).parent.parent / "examples"


SPOKEN = Path("/usr/share/sounds/alsa")


def output_of(name, *arguments):
    """Run an example as a person would; return what it prints."""
    command = [sys.executable, "-W", "error::UserWarning:augkit", EXAMPLES / name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert arguments[-1].read_bytes().startswith(b"\x89PNG")
    return done.stdout


@pytest.mark.parametrize("name", ["images.sh", "recordings.sh", "series.sh", "arrays.py"])
def test_what_fits_in_ten_lines_is_what_the_readme_tells(tmp_path, name):
    lines = (EXAMPLES / name).read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith(("#", '"', "set "))]
    assert 1 <= len(lines) <= 10
    prompt = "$ " if name.endswith(".sh") else ""
    assert prompt + f"\n{prompt}".join(lines) in README.replace("\n\n", "\n")
    for folder, fixture in (("photos", "images"), ("speech", "audio"), ("logs", "series")):
        shutil.copytree(FIXTURES / fixture, tmp_path / folder)
    command = [sys.executable if name.endswith(".py") else "sh", EXAMPLES / name]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = [folder.name for folder in tmp_path.iterdir() if (folder / "recipe.toml").exists()]
    assert len(made) == sum(line.startswith("augkit ") for line in lines)


def columns(text, first):
    """Return the numbers of the lines that begin with a word, one list for each."""
    rows = [line.split() for line in text.splitlines() if line.startswith(first)]
    return [[float(word) for word in row if word.replace(".", "").replace("-", "").isdigit()] for row in rows]


def test_sensor_anomaly(tmp_path):
    told = output_of("sensor_anomaly.py", tmp_path / "out.png")
    rows = [list(map(float, line.split())) for line in told.splitlines() if line.strip()[:1].isdigit() and "." in line]
    assert [row[0] for row in rows] == [2, 3, 5, 8]
    spikes, stuck = [row[1] for row in rows], [row[2] for row in rows]
    assert spikes == sorted(spikes, reverse=True)
    assert spikes[0] > 0.9 > spikes[-1]
    assert min(stuck) > 0.95


@pytest.mark.slow
@pytest.mark.skipif(not SPOKEN.is_dir(), reason="no alsa-utils, whose spoken words these are")
def test_speech_at_snr(tmp_path):
    told = output_of("speech_at_snr.py", SPOKEN, tmp_path / "out.png")
    for color in ("white", "pink", "brown"):
        plain, hardened = columns(told, color)
        assert plain[0] > plain[5], "more noise, fewer words"
        assert sum(hardened[:6]) > sum(plain[:6]) + 0.5, "who has heard noise knows more of them"
        assert max(plain[6], hardened[6]) < 0.05, "the SNR is the one asked for"


@pytest.mark.slow
def test_image_classifier_robustness(tmp_path):
    told = output_of("image_classifier_robustness.py", tmp_path / "out.png")
    assert "mean corruption error" in told
    assert float(told.split("has 1: ")[1].split()[0]) < 0.95, "noise in training helps against noise"
    for law in ("gaussian", "laplace", "cauchy"):
        clean, noisy = columns(told, law)
        assert min(clean[0], noisy[0]) > 0.9
        assert noisy[-1] > clean[-1], "the area under the curve"


@pytest.mark.tensorflow
def test_train_with_noise(tmp_path):
    told = output_of("train_with_noise_tensorflow.py", tmp_path / "out.png")
    assert told.count("chosen:") == 3
    assert told.count("*") == 3
    for law in ("gaussian", "student-t:df=3", "cauchy"):
        assert f"{law}: accuracy" in told
