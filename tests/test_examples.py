"""The examples run on the data that packages ship, and print what they promise."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def output_of(name, picture):
    """Run an example as a person would; return what it prints."""
    command = [sys.executable, "-W", "error::UserWarning:augkit", EXAMPLES / name, picture]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert picture.read_bytes().startswith(b"\x89PNG")
    return done.stdout


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
