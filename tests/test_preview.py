"""`augkit preview`: one sheet, made of what a run would make; nothing else is written."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from augkit.achieved import achieved
from augkit.comparison import measure_files
from augkit.errors import UsageError
from augkit.report.excerpt import as_bytes, excerpt
from augkit.report.preview import captioned, in_lines, preview
from tests.trees import FIXTURES, augkit, content

BALLS = FIXTURES / "images/object/balls.png"


def shape(path):
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture.size


def test_the_sheet_shows_what_a_run_makes(tmp_path):
    out = tmp_path / "sheet.png"
    preview(BALLS, out, {"std": "0.05,0.2"}, noises=["gaussian"], seed=3)
    assert augkit("images", BALLS, tmp_path / "dst", "--std", 0.2, "--seed", 3, "--quiet") == 0
    pair = excerpt("images", BALLS, tmp_path / "dst/balls.png", title="", most=192)
    with Image.open(out) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    view = np.lib.stride_tricks.sliding_window_view(pixels, (8, 8, 3))[:, :, 0]
    for crop in (pair.clean, pair.noisy):  # at 1:1, to the last pixel
        assert (view == crop[:8, :8]).all(axis=(2, 3, 4)).any()
    assert (pair.noisy != pair.clean).mean() > 0.3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("images/landscape/lake.jpg", ()),
        ("images/object/balls.png", ("--preset", "imagenet-c/shot_noise")),
        ("images/object/balls.png", ("--noise", "shot:photons=30", "--noise", "speckle:std=0.2")),
        ("audio/tune.wav", ("--noise", "cauchy", "--color", "pink", "--snr", "20,0")),
        ("series/walk.csv", ("--columns", "acc_*", "--std", "0.1sd")),
        ("series/chirp.npy", ()),
    ],
)
def test_every_domain_draws_one_sheet_and_nothing_else(tmp_path, monkeypatch, name, options, capsys):
    monkeypatch.chdir(tmp_path)
    before = content(FIXTURES)
    assert augkit("preview", FIXTURES / name, "-o", "sheet.png", *options) == 0
    assert capsys.readouterr().out == "sheet.png\n"
    assert min(shape("sheet.png")) > 150
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    assert content(FIXTURES) == before


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_deep_images_are_shown_in_their_range(tmp_path, dtype):
    ramp = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    pixels = np.rint(ramp * 65535).astype("u2") if dtype == "uint16" else ramp.astype("f4")
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    assert augkit("preview", tmp_path / "a.tif", "-o", tmp_path / "s.png", "--std", 0.1) == 0
    shown = as_bytes(pixels, (0, 65535) if dtype == "uint16" else None)
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.abs(shown / 255 - ramp).max() < 0.5 / 255 + 1e-6


def test_the_loudest_part_is_shown(tmp_path):
    samples = np.zeros(80_000)
    samples[50_000:52_000] = 0.5
    sf.write(tmp_path / "a.wav", samples, 8000)
    assert augkit("audio", tmp_path / "a.wav", tmp_path / "o", "--snr", 5, "--quiet") == 0
    pair = excerpt("audio", tmp_path / "a.wav", tmp_path / "o/a.wav", title="", most=8000)
    assert len(pair.clean) == 8000
    assert np.abs(pair.clean).max() == pytest.approx(0.5)


def test_captions_tell_the_level_in_every_unit():
    clean = np.full((50, 50), 100, np.uint8)
    noisy = np.where(np.eye(50, dtype=bool), 96, 104).astype(np.uint8)
    text = captioned(achieved(clean, noisy, full_scale=255.0, limits=(0.0, 255.0)), "")
    assert text == "std 0.01569  SNR 28.0 dB  PSNR 36.1 dB"
    assert in_lines(text, 26) == ["std 0.01569  SNR 28.0 dB", "PSNR 36.1 dB"]
    assert captioned({"std": None, "snr_db": None}, "") == "level not measured"
    assert captioned({"std": 0.0, "snr_db": None}, "") == "no noise"
    assert captioned({"std": 0.1, "clipped": 2e-5}, "").endswith("clipped under 0.1%")


def test_captions_are_those_of_measure(tmp_path):
    assert augkit("series", FIXTURES / "series/walk.csv", tmp_path / "o", "--std", "0.1sd", "--quiet", "--seed", 0) == 0
    told = measure_files(FIXTURES / "series/walk.csv", tmp_path / "o/walk.csv")
    assert f"SNR {told['columns']['acc_x']['snr_db']:.1f} dB" in captioned(told, "acc_x")


MISTAKES = [
    (("nowhere.png",), "a file was expected"),
    (("text.txt",), "an image, a recording or a series"),
    (("a.png", "-o", "a.png"), "cannot be written there"),
    (("a.png", "-o", "s.jpg"), "written as .png"),
    (("a.png", "--std", "0.1", "--snr", "3"), "levels of one kind"),
    (("a.png", "--std", "25"), "25/255"),
    (("a.png", "--noise", "cauchy", "--std", "0.1"), "no finite variance"),
    (("a.png", "--noise", "gausian"), "did you mean"),
    (("a.png", "--preset", "imagenet-c/*", "--noise", "gaussian"), "a preset has"),
    (("a.png", "--std", ",".join(str(k / 100) for k in range(30))), "at most 60"),
    (("a.png", "--color", "pink"), "color"),
]


@pytest.mark.parametrize(("arguments", "expected"), MISTAKES)
def test_mistakes_are_told(tmp_path, monkeypatch, capsys, arguments, expected):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (20, 20), 100).save("a.png")
    (tmp_path / "text.txt").write_text("x")
    assert augkit("preview", *arguments) == 2
    assert expected in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "text.txt"]


def test_images_need_no_matplotlib(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from augkit.cli import main\n"
        f"assert main(['preview', {str(BALLS)!r}, '-o', {str(tmp_path / 's.png')!r}]) == 0\n"
        f"assert main(['preview', {str(FIXTURES / 'audio/tune.wav')!r}, '-o', {str(tmp_path / 't.png')!r}]) == 2\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "augkit[plots]" in done.stderr
    assert (tmp_path / "s.png").exists()
    assert not (tmp_path / "t.png").exists()


def test_a_column_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(UsageError, match="columns"):
        preview(BALLS, tmp_path / "s.png", {"columns": ["a"]}, noises=[], seed=0)
