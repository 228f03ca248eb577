"""`augkit measure`: planted noise is recognised with a stated confidence, another law never is, and doubt is told."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

import augkit
from augkit.comparison import measure_files, measure_trees
from augkit.comparison.gathered import gather
from augkit.comparison.laws import cells_of, find_law
from augkit.comparison.look import found_in, look_at
from augkit.errors import UsageError
from augkit.noise.distributions import as_distribution
from augkit.pieces import Piece
from tests import trees

PLANTED = {
    "gaussian": "gaussian",
    "laplace": "laplace",
    "logistic": "logistic",
    "cauchy": "cauchy",
    "student-t:df=3": "student-t",
    "alpha-stable:alpha=1.5": "alpha-stable",
}
FOREIGN = ("uniform", "contaminated:fraction=0.1,ratio=10")
KINDS = {"u8": np.uint8, "u16": np.uint16, "float": np.float32}
SCALE = 0.05
SOME = ("u8", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("u16", "float")))


def planted(kind, law, size=280, seed=7, scale=SCALE):
    """Return an image that is at both of its limits in places, and the same with noise."""
    rng = np.random.default_rng(seed)
    top = 1.0 if kind == "float" else np.iinfo(KINDS[kind]).max
    clean = np.clip(rng.uniform(-0.1, 1.1, (size, size, 3)), 0, 1) * top
    clean = (clean if kind == "float" else np.rint(clean)).astype(KINDS[kind])
    return clean, augkit.images.add_noise(clean, law, scale=scale, rng=seed), float(top)


def law_of(clean, noisy, top):
    gathered = gather([Piece("", clean, noisy, top, (0.0, top))])[""]
    pairs = [(before.ravel(), (after - before).ravel()) for before, after in gathered.blocks]
    before, noise = (np.concatenate(one) for one in zip(*pairs, strict=True))
    return find_law([cells_of(before, noise, gathered.step, gathered.limits)])


@pytest.mark.parametrize("kind", SOME)
@pytest.mark.parametrize("law", PLANTED)
def test_a_planted_law_is_found(law, kind):
    clean, noisy, top = planted(kind, law)
    found = law_of(clean, noisy, top)
    assert found.verdict == "found", found
    assert found.confidence >= 0.999
    assert found.gap > 0
    name, _, parameter = found.noise.partition(":")
    assert name == PLANTED[law]
    if parameter:
        asked, got = (float(text.partition("=")[2]) for text in (law, found.noise))
        assert got == pytest.approx(asked, rel=0.05)
    assert found.scale / top == pytest.approx(SCALE, rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", FOREIGN)
def test_a_law_that_is_not_on_the_list_is_none_of_them(law, kind):
    clean, noisy, top = planted(kind, law)
    assert law_of(clean, noisy, top).verdict == "none of these"


@pytest.mark.parametrize("law", ["gaussian", "student-t:df=3", "student-t:df=10", "laplace", "logistic"])
def test_few_samples_are_undecided_and_never_found_wrong(law):
    doubts = 0
    for seed in range(2):
        clean, noisy, top = planted("u8", law, size=10, seed=seed)
        found = law_of(clean, noisy, top)
        doubts += found.verdict == "undecided"
        assert found.verdict != "found" or found.noise.partition(":")[0] == law.partition(":")[0]
    assert doubts


def test_saturation_and_rounding_do_not_mislead():
    """Scale 1.5 steps and a third of the samples at a limit: moments would be off, likelihood is not."""
    rng = np.random.default_rng(1)
    clean = rng.choice(np.array([0, 1, 2, 128, 253, 254, 255], np.uint8), (400, 400, 1))
    noisy = augkit.images.add_noise(clean, "gaussian", std=1.5 / 255, rng=3)
    found = law_of(clean, noisy, 255.0)
    assert found.noise == "gaussian"
    assert found.scale == pytest.approx(1.5, rel=0.01)
    plain = float((noisy.astype(float) - clean).std())
    assert abs(plain - 1.5) > 0.2


STRANGE = {
    "a constant": lambda n, rng: np.full(n, 5.0),
    "impulses": lambda n, rng: np.where(np.arange(n) % 100, 0.0, 5.0),
    "noise in some places": lambda n, rng: rng.normal(size=n) * (rng.random(n) < 0.8),
    "two values": lambda n, rng: rng.choice([-1.0, 1.0], n),
    "a trend": lambda n, rng: np.arange(n) * 1.0,
    "nothing": lambda n, rng: np.zeros(n),
    "hardly anything": lambda n, rng: rng.normal(size=n) * 1e-310,
    "too much": lambda n, rng: rng.standard_cauchy(n) * 1e200,
    "no numbers": lambda n, rng: np.full(n, np.nan),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("in_order", [True, False])
def test_what_is_no_noise_of_a_law_is_never_found_to_be(kind, in_order):
    rng = np.random.default_rng(3)
    clean = rng.normal(size=4000)
    look = look_at(gather([Piece("", clean, clean + STRANGE[kind](4000, rng))])[""], in_order=in_order)
    found = found_in([look])
    assert found is None or found.verdict == "none of these"


def test_confidence_counts_alike_neighbours_once():
    """Every value repeated 200 times in a row is no more evidence than once."""
    noise = as_distribution("student-t:df=3").isf(np.random.default_rng(2).uniform(size=250))
    once = find_law([cells_of(np.zeros(250), noise, 0.0, None)])
    often = find_law([cells_of(np.zeros(50_000), noise.repeat(200), 0.0, None)])
    assert once.verdict == "undecided"
    assert often.verdict != "found"


def test_audio_tells_colour_and_the_law_of_the_innovations(tmp_path):
    clean = tmp_path / "a.wav"
    sf.write(clean, 0.1 * np.sin(np.arange(60_000) * 0.03), 16_000, subtype="PCM_16")
    for color, exponent in (("white", 0.0), ("pink", 1.0), ("brown", 2.0), ("blue", -1.0), ("exponent:0.5", 0.5)):
        out = tmp_path / color.replace(":", "")
        code = trees.augkit(
            "audio", clean, out, "--snr", 15, "--noise", "laplace", "--color", color, "--seed", 1, "--quiet"
        )
        assert code == 0
        told = measure_files(clean, out / "a.wav")
        assert told["color"]["exponent"] == pytest.approx(exponent, abs=0.06)
        assert told["law"]["noise"] == "laplace"
        assert told["law"]["of"] == ("samples" if color == "white" else "innovations")
        row = json.loads((out / "metadata.jsonl").read_text())
        assert told["snr_db"] == pytest.approx(row["achieved"]["snr_db"])


def test_series_are_told_column_by_column(tmp_path):
    rng = np.random.default_rng(4)
    values = np.cumsum(rng.normal(size=(6000, 2)), axis=0)
    text = "time,a,b\n" + "".join(f"{i},{a:.3f},{b:.1f}\n" for i, (a, b) in enumerate(values))
    (tmp_path / "x.csv").write_text(text)
    assert trees.augkit("series", tmp_path / "x.csv", tmp_path / "o", "--std", 0.5, "--quiet", "--seed", 2) == 0
    told = measure_files(tmp_path / "x.csv", tmp_path / "o" / "x.csv")
    assert told["unchanged"] == ["time"]
    for name, rel in (("a", 0.03), ("b", 0.03)):
        column = told["columns"][name]
        assert column["law"]["noise"] == "gaussian"
        assert column["law"]["scale"] == pytest.approx(0.5, rel=rel)  # without what rounding to 0.1 adds
        assert column["color"]["color"] == "white"


def test_a_tree_is_paired_by_its_manifest_and_shares_one_law(tmp_path, capsys):
    src = trees.pictures(tmp_path / "src", count=10, size=20)
    for path in src.rglob("*.jpg"):
        path.unlink()
    out = tmp_path / "out"
    noise = ("--noise", "student-t:df=3", "--std", "0.1", "--copies", 4, "--seed", 3, "--quiet")
    assert trees.augkit("images", src, out, *noise) == 0
    shutil.copy(next(src.rglob("*.png")), src / "alone.png")
    assert trees.augkit("measure", src, out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert told["files"] == len(rows) == len(told["rows"])
    assert (told["only_clean"], told["only_noisy"], told["failures"]) == (1, 0, [])
    achieved = {row["file_name"]: row["achieved"]["std"] for row in rows}
    assert all(row["std"] == pytest.approx(achieved[row["file_name"]]) for row in told["rows"])
    assert told["law"]["noise"].startswith("student-t")
    single = measure_files(src / "same_a.png", out / "same_a_n1.png")
    assert single["law"]["confidence"] < told["law"]["confidence"]


def test_scales_of_a_tree_are_shares_of_the_full_scale_of_each_file(tmp_path):
    rng = np.random.default_rng(1)
    for folder, noise in (("a", 0.0), ("b", 0.02)):
        (tmp_path / folder).mkdir()
        for subtype in ("PCM_16", "PCM_24"):
            samples = np.sin(np.arange(20_000) * 0.02) / 4 + rng.normal(0, noise or 1e-9, 20_000)
            sf.write(tmp_path / folder / f"{subtype}.wav", samples, 8000, subtype)
    law = measure_trees(tmp_path / "a", tmp_path / "b")["law"]
    assert law["noise"] == "gaussian"
    assert law["scale"] == pytest.approx(0.02, rel=0.02)
    assert abs(law["centre"]) < 0.001


def test_a_file_that_cannot_be_compared_is_told(tmp_path):
    clean, noisy = trees.pictures(tmp_path / "a"), trees.pictures(tmp_path / "b")
    Image.new("RGB", (5, 5)).save(noisy / "same_a.png")
    told = measure_trees(clean, noisy)
    assert [row["file_name"] for row in told["failures"]] == ["same_a.png"]
    assert trees.augkit("measure", clean, noisy) == 1
    assert told["law"] is None
    assert told["std"] == {"mean": 0.0, "least": 0.0, "greatest": 0.0}
    with pytest.raises(UsageError, match="no two files of one name"):
        measure_trees(clean, trees.tables(tmp_path / "c"))


def test_the_law_of_a_tree_is_that_of_its_lossless_files(tmp_path):
    rng = np.random.default_rng(6)
    (tmp_path / "src").mkdir()
    pixels = rng.integers(90, 160, (120, 120, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.png", "c.jpg"):
        Image.fromarray(pixels).save(tmp_path / "src" / name)
    run = (
        "images",
        tmp_path / "src",
        tmp_path / "o",
        "--std",
        0.1,
        "--noise",
        "student-t:df=3",
        "--seed",
        1,
        "--quiet",
    )
    assert trees.augkit(*run) == 0
    law = measure_trees(tmp_path / "src", tmp_path / "o")["law"]
    assert law["samples"] == pixels.size
    assert float(law["noise"].partition("df=")[2]) == pytest.approx(3, rel=0.1)


def test_text_and_plot(tmp_path, capsys):
    clean, noisy, _ = planted("u8", "cauchy", size=64)
    for name, pixels in (("a.png", clean), ("b.png", noisy)):
        Image.fromarray(pixels).save(tmp_path / name)
    files = (tmp_path / "a.png", tmp_path / "b.png")
    assert trees.augkit("measure", *files, "--plot", tmp_path / "p.png") == 0
    text = capsys.readouterr().out
    for word in ("std", "SNR", "PSNR", "clipped", "cauchy, scale 0.05", "confidence", "ahead of"):
        assert word in text
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.size[0] > 500
    assert trees.augkit("measure", *files, "--plot", tmp_path / "p.gif") == 2
    assert ".svg" in capsys.readouterr().err
    assert trees.augkit("measure", files[0], files[0], "--plot", tmp_path / "q.png") == 2
    assert trees.augkit("measure", files[0], files[0]) == 0
    assert "no noise" in capsys.readouterr().out


def test_the_geometric_snr_of_heavy_tails_is_that_of_the_row(tmp_path):
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(90, 160, (200, 200, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    run = ("images", tmp_path / "a.png", tmp_path / "o", "--snr", 12, "--noise", "cauchy", "--seed", 1, "--quiet")
    assert trees.augkit(*run) == 0
    row = json.loads((tmp_path / "o" / "metadata.jsonl").read_text())
    told = measure_files(tmp_path / "a.png", tmp_path / "o" / "a.png")
    assert told["geometric_snr_db"] == pytest.approx(row["achieved"]["geometric_snr_db"], abs=0.1)
