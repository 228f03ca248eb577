"""Camera noise and presets from the command line and from recipes, end to end."""

import json
import tomllib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from augkit import images
from augkit.errors import UsageError
from augkit.images.options import ImageOptions
from tests.trees import augkit, content

NOISES = {
    "shot:photons=30": {"photons": 30},
    "shot:photons=10..60": {"photons": "10..60"},
    "shot:photons=10,20,40": {"photons": "10,20,40"},
    "speckle:std=0.2": {"relative_std": 0.2},
    "speckle:law=student-t:df=3,scale=0.05..0.1": {"relative_scale": "0.05..0.1"},
    "speckle:law=contaminated:fraction=0.1,ratio=10,std=0.1": {"relative_std": 0.1},
    "salt-and-pepper:amount=0.05,salt=0.3": {"amount": 0.05, "salt": 0.3},
    "Salt_and_Pepper: amount = 0.01..0.1": {"amount": "0.01..0.1"},
    "sensor:full_well=10000,read_noise=5": {"full_well": 10_000, "read_noise": 5},
    "sensor:full_well=2e4,read_noise=2..8,gain=1..16:log,transfer=2.2": {"read_noise": "2..8", "gain": "1..16:log"},
}
PRESETS = [f"{name}/{what}_noise:{level}{end}" for name, what, level, end in [
    ("imagenet-c", "gaussian", 3, ""),
    ("imagenet-c", "shot", 1, ":compat"),
    ("cifar-10-c", "impulse", 5, ""),
    ("tiny-imagenet-c", "speckle", 2, ":compat"),
]]  # fmt: skip


@pytest.fixture(name="src")
def _src(tmp_path):
    """Pictures in 8-bit colour, gray, with alpha, and of 16 bits."""
    src = tmp_path / "src"
    (src / "cat").mkdir(parents=True)
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(60, 200, (24, 24, 3), dtype=np.uint8)).save(src / "cat" / "colour.png")
    Image.fromarray(rng.integers(60, 200, (24, 24), dtype=np.uint8)).save(src / "cat" / "gray.png")
    Image.fromarray(rng.integers(60, 200, (24, 24, 4), dtype=np.uint8)).save(src / "alpha.png")
    Image.fromarray(rng.integers(9000, 50_000, (24, 24), dtype=np.uint16)).save(src / "deep.png")
    return src


def rows_of(folder):
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def check_outputs(src, dst, count=4):
    rows = rows_of(dst)
    assert len(rows) == count
    for row in rows:
        clean, noisy = Image.open(src / row["source"]), Image.open(dst / row["file_name"])
        assert noisy.mode == clean.mode
        one, other = np.asarray(clean), np.asarray(noisy)
        if clean.mode == "RGBA":
            np.testing.assert_array_equal(one[..., 3], other[..., 3])
        assert (one != other).mean() > 0.005
        assert row["achieved"]["std"] > 0
        assert "not " not in " ".join(row["notices"]) or row["drawn"].keys() & {"std"}
    return rows


@pytest.mark.parametrize("noise", NOISES)
def test_every_noise_of_cameras_from_the_command_line(tmp_path, src, noise):
    assert augkit("images", src, tmp_path / "dst", "--noise", noise, "--seed", 4, "--quiet", "-j", 1) == 0
    rows = check_outputs(src, tmp_path / "dst")
    for row in rows:
        for name, level in NOISES[noise].items():
            requested, drawn = row["requested"][name], row["drawn"][name]
            if isinstance(level, str):
                assert requested == level
                assert drawn in [float(one) for one in level.split(",")] if "," in level else True
            else:
                assert float(requested) == drawn == level
    assert rows[0]["noise"].split(":")[0] == noise.split(":")[0].strip().lower().replace("_", "-")
    if any(".." in str(level) for level in NOISES[noise].values()):
        assert len({json.dumps(row["drawn"]) for row in rows}) == 4


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_from_the_command_line(tmp_path, src, preset):
    assert augkit("images", src, tmp_path / "dst", "--preset", preset, "--seed", 4, "--quiet", "-j", 1) == 0
    for row in check_outputs(src, tmp_path / "dst"):
        assert row["requested"] == {"preset": preset}
        assert len(row["drawn"]) == 1
    assert tomllib.loads((tmp_path / "dst/recipe.toml").read_text())["images"][0]["preset"] == preset


def test_the_noise_of_a_file_is_that_of_its_law(tmp_path):
    """The same model, 30 photons, through a file: variance v / 30 of a share v; 6 standard errors."""
    (tmp_path / "src").mkdir()
    flat = np.full((400, 400), 102, np.uint8)
    Image.fromarray(flat).save(tmp_path / "src/flat.png")
    assert augkit("images", tmp_path / "src", tmp_path / "dst", "--noise", "shot:photons=200", "--quiet") == 0
    noise = (np.asarray(Image.open(tmp_path / "dst/flat.png")).astype(float) - flat) / 255
    assert noise.var() == pytest.approx(0.4 / 200, rel=6 * np.sqrt(2 / noise.size))


def test_inks_take_additive_noise_only(tmp_path):
    (tmp_path / "src").mkdir()
    Image.new("CMYK", (20, 20), (40, 90, 0, 20)).save(tmp_path / "src/inks.tif")
    assert augkit("images", tmp_path / "src", tmp_path / "a", "--noise", "shot:photons=30", "--quiet", "-j", 1) == 3
    (row,) = (json.loads(line) for line in (tmp_path / "a/failures.jsonl").read_text().splitlines())
    assert "CMYK" in row["reason"]
    assert "convert the file to RGB first" in row["reason"]
    assert augkit("images", tmp_path / "src", tmp_path / "b", "--std", "0.1", "--quiet", "-j", 1) == 0


def test_channels_are_shared_where_it_is_asked(tmp_path):
    (tmp_path / "src").mkdir()
    Image.fromarray(np.full((20, 20, 3), 120, np.uint8)).save(tmp_path / "src/a.png")
    for noise in ("shot:photons=30", "sensor:full_well=900,read_noise=9", "salt-and-pepper:amount=0.3"):
        dst = tmp_path / noise.partition(":")[0]
        assert augkit("images", tmp_path / "src", dst, "--noise", noise, "--channels", "shared", "--quiet") == 0
        pixels = np.asarray(Image.open(dst / "a.png"))
        np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_recipes_run_and_resume(tmp_path, src, capsys):
    (tmp_path / "r.toml").write_text(
        'seed = 9\n[[images]]\nsrc = "src"\ndst = "a"\nnoise = "sensor:full_well=900,read_noise=1..9"\ncopies = 2\n'
        '[[images]]\nsrc = "src"\ndst = "b"\npreset = "imagenet-c/shot_noise:2:compat"\n'
    )
    assert augkit("run", tmp_path / "r.toml", "--quiet", "-j", 1) == 0
    before = content(tmp_path)
    assert len(rows_of(tmp_path / "a")) == 8
    drawn = {row["drawn"]["read_noise"] for row in rows_of(tmp_path / "a")}
    assert len(drawn) == 8
    (tmp_path / "b" / "alpha.png").unlink()
    (tmp_path / "a" / "deep_n2.png").unlink()
    for name in ("a", "b"):
        assert augkit("resume", tmp_path / name, "--quiet", "-j", 1) == 0
    assert content(tmp_path) == before
    assert augkit("images", src, tmp_path / "c", "--noise", "sensor:full_well=900,read_noise=1..9", "--seed", 9,
                  "--copies", 2, "--quiet", "-j", 2) == 0  # fmt: skip
    ours, theirs = content(tmp_path / "c"), content(tmp_path / "a")
    assert {name: digest for name, digest in ours.items() if name.endswith("png")} == {
        name: digest for name, digest in theirs.items() if name.endswith("png")
    }


MISTAKES = [
    (("--noise", "shot"), "photons is needed, as in shot:photons=30"),
    (
        ("--noise", "shot:photons=30", "--std", "0.1"),
        "std=0.1: shot carries its own level, as in --noise shot:photons=30",
    ),
    (("--noise", "speckle", "--std", "0.2"), "as in --noise speckle:std=0.2; take std away"),
    (("--noise", "shot:photons=30", "--snr", "10"), "snr_db=10: shot carries its own level"),
    (("--noise", "shot:photons=30", "--grain", "2"), "grain=2.0: shot has no grain, which is for additive noise"),
    (("--noise", "shot:photons=30", "--channels", "0.5"), "shot noise takes 'independent' or 'shared'"),
    (("--noise", "shot:photons=30", "--channels", "both"), "channels='both'"),
    (("--noise", "shoot:photons=30"), "did you mean 'shot'"),
    (("--noise", "salt-and-peper:amount=0.1"), "did you mean 'salt-and-pepper'"),
    (("--noise", "sensr:full_well=1"), "did you mean 'sensor'"),
    (("--noise", "gausian", "--std", "0.1"), "did you mean 'gaussian'"),
    (("--noise", "shot:photon=30"), "'photon' was not expected; did you mean 'photons'"),
    (("--noise", "shot:30"), "'30' has no name"),
    (("--noise", "shot:photons=0..5"), "photons=0"),
    (("--noise", "shot:photons=9,photons=8"), "given twice"),
    (("--noise", "sensor:full_well=1e4"), "read_noise is needed"),
    (
        ("--noise", "sensor:full_well=1e4,read_noise=5,transfer=rec709"),
        "transfer=rec709: expected srgb, linear or a gamma",
    ),
    (("--noise", "speckle:law=laplace,sdt=0.2"), "did you mean 'std'"),
    (("--noise", "speckle:law=cauchy,std=0.2"), "give scale"),
    (("--preset", "imagenet-c/shot_noise:3", "--std", "0.1"), "std=0.1: imagenet-c/shot_noise:3 is a preset"),
    (
        ("--preset", "imagenet-c/shot_noise:3", "--noise", "laplace"),
        "noise=laplace: imagenet-c/shot_noise:3 is a preset",
    ),
    (("--preset", "imagenet-c/shot_noise:3", "--grain", "2"), "grain=2.0: imagenet-c/shot_noise:3 is a preset"),
    (("--preset", "imagenet-c/shot_noise:3", "--channels", "0.5"), "a preset takes 'independent' or 'shared'"),
    (("--preset", "imagenet-c/shotnoise:3"), "did you mean 'shot_noise'"),
    (("--preset", "imagenet/shot_noise:3"), "did you mean 'imagenet-c'"),
    (("--preset", "imagenet-c/shot_noise:9"), "'9' is no severity"),
]


@pytest.mark.parametrize(("arguments", "hint"), MISTAKES)
def test_mistakes_get_one_clear_line_and_write_nothing(tmp_path, src, capsys, arguments, hint):
    assert augkit("images", src, tmp_path / "dst", *arguments) == 2
    said = capsys.readouterr().err
    assert hint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "dst").exists()


WORDS = (
    "shot sensor speckle : , = photons law student-t:df=3 std 1..2 - 1e400 .. full_well read_noise=5 10 imagenet-c / *"
)
PIECES = st.lists(st.sampled_from([*WORDS.split(), "shot_noise", "compat", "1-5", " ", "\0", "٣", "nan"]))


@settings(max_examples=300, deadline=None)
@given(pieces=PIECES, anything=st.text(max_size=8))
def test_any_text_is_a_noise_or_a_mistake(pieces, anything):
    for text in ("".join(pieces), "shot:" + "".join(pieces), "speckle:" + "".join(pieces) + anything, anything):
        for options in (ImageOptions(noise=text), ImageOptions(preset=text)):
            with suppress(UsageError):
                options.check()


def test_other_domains_have_no_noise_of_cameras(tmp_path, capsys):
    for domain in ("audio", "series"):
        assert augkit(domain, tmp_path, tmp_path / "dst", "--noise", "shot:photons=3", "--std", "0.1") == 2
        assert "only images take it" in capsys.readouterr().err


def test_files_and_arrays_get_the_same_law(tmp_path):
    (tmp_path / "src").mkdir()
    clean = np.full((300, 300), 90, np.uint8)
    Image.fromarray(clean).save(tmp_path / "src/a.png")
    text = "sensor:full_well=500,read_noise=4,gain=2"
    assert augkit("images", tmp_path / "src", tmp_path / "dst", "--noise", text, "--quiet") == 0
    by_file = np.asarray(Image.open(tmp_path / "dst/a.png")).astype(float)
    by_array = images.add_sensor_noise(clean, full_well=500, read_noise=4, gain=2, rng=1).astype(float)
    assert by_file.mean() == pytest.approx(by_array.mean(), abs=6 * by_array.std() / 200)
    assert by_file.std() == pytest.approx(by_array.std(), rel=0.03)
