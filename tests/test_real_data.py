"""The photographs, recordings and tables that well-known packages ship, read back by independent readers."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io
import skimage
import sklearn
import soundfile as sf
import statsmodels
import tifffile
from PIL import Image, ImageSequence

from tests.trees import augkit, content

PLACES = {
    "photographs of scikit-image": ("images", Path(skimage.__file__).parent / "data", ("--std", "0.1")),
    "photographs of scikit-learn": ("images", Path(sklearn.__file__).parent / "datasets/images", ("--std", "0.1")),
    "test WAVs of scipy": ("audio", Path(scipy.io.__file__).parent / "tests/data", ("--snr", "10")),
    "data sets of statsmodels": ("series", Path(statsmodels.__file__).parent / "datasets", ("--std", "0.1sd")),
    "tables of scikit-learn": ("series", Path(sklearn.__file__).parent / "datasets/data", ("--std", "0.1sd")),
}


def power(values):
    return np.mean(np.square(np.asarray(values, np.float64)))


def read_image(path):
    """Return colours and alpha of every frame or page, as OpenCV, tifffile and Pillow read them."""
    if path.suffix in (".tif", ".tiff"):
        with tifffile.TiffFile(path) as file:
            frames = [page.asarray() for page in file.pages]
    elif path.suffix == ".gif":
        with Image.open(path) as picture:
            frames = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(picture)]
    else:
        frames = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED)]
    return [(one[..., :3], one[..., 3]) if one.ndim == 3 and one.shape[2] == 4 else (one, None) for one in frames]


def check_image(row, clean, noisy):
    before, after = [], []
    for (colour, alpha), (other, same_alpha) in zip(read_image(clean), read_image(noisy), strict=True):
        seen = ... if alpha is None else alpha > 0
        before.append(colour[seen].astype(float).ravel())
        after.append(other[seen].astype(float).ravel())
        assert alpha is None or same_alpha is None or (alpha == same_alpha).all()
    before, after = np.concatenate(before), np.concatenate(after)
    full = {8: 255, 16: 65535}.get(row["format"]["bits"], 1)
    assert row["achieved"]["std"] == pytest.approx(np.sqrt(power(after - before)) / full, rel=1e-6)
    assert row["achieved"]["snr_db"] == pytest.approx(10 * np.log10(power(before) / power(after - before)), abs=1e-4)


def check_audio(row, clean, noisy):
    before, rate = sf.read(clean, dtype="float64")
    after, same_rate = sf.read(noisy, dtype="float64")
    assert (rate, before.shape) == (same_rate, after.shape)
    assert sf.info(clean).subtype == sf.info(noisy).subtype
    if len(before):
        snr = 10 * np.log10(power(before) / power(after - before))
        assert row["achieved"]["snr_db"] == pytest.approx(snr, abs=0.01)


def number(text):
    try:
        return float(text)
    except ValueError:
        return np.nan


def check_series(row, clean, noisy):
    if not clean.name.endswith(".csv"):
        return
    before, after = (list(csv.reader(path.read_text("utf-8-sig").splitlines())) for path in (clean, noisy))
    assert [len(cells) for cells in before] == [len(cells) for cells in after]
    changed = {i for old, new in zip(before, after, strict=True) for i in range(len(old)) if old[i] != new[i]}
    reached = row["achieved"]["columns"]
    assert len(changed) <= len(reached)
    header = before[0]
    for name, levels in reached.items():
        if header.count(name) == 1 and levels["std"]:
            i = header.index(name)
            noise = np.array([number(new[i]) - number(old[i]) for old, new in zip(before[1:], after[1:], strict=True)])
            assert levels["std"] == pytest.approx(np.sqrt(np.nanmean(noise**2)), rel=1e-6)


CHECKS = {"images": check_image, "audio": check_audio, "series": check_series}


@pytest.mark.parametrize("place", PLACES)
def test_real_folders(tmp_path, place):
    domain, src, level = PLACES[place]
    before = content(src)
    assert augkit(domain, src, tmp_path / "dst", *level, "--seed", "1", "--quiet", "--measure", "all") in (0, 1)
    assert content(src) == before
    rows = [json.loads(line) for line in (tmp_path / "dst/metadata.jsonl").read_text().splitlines()]
    assert len(rows) >= {"photographs of scikit-learn": 2, "tables of scikit-learn": 3}.get(place, 5)
    for row in rows:
        CHECKS[domain](row, src / row["source"], tmp_path / "dst" / row["file_name"])
    failures = tmp_path / "dst/failures.jsonl"
    for line in failures.read_text().splitlines() if failures.exists() else []:
        failure = json.loads(line)
        assert "unexpected" not in failure["reason"], failure
        assert str(src) not in failure["reason"], failure
        assert len(failure["reason"]) > 20, failure
