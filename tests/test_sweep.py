"""augkit sweep: a tree of outputs for each noise and level, one manifest of all, shared random numbers."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
import tifffile
from PIL import Image

from augkit.recipe import load_recipe
from augkit.running import run
from tests.trees import augkit, content, pictures, recordings, tables


def sweep(src, dst, *more):
    return augkit("sweep", src, dst, "--quiet", "-j", 1, *more)


def rows(folder):
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]


def trees(dst):
    return sorted(path.parent.relative_to(dst).as_posix() for path in dst.glob("*/*/metadata.jsonl"))


@pytest.fixture(name="src")
def _src(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "src" / label).mkdir(parents=True)
        Image.fromarray(np.full((12, 10, 3), 120, np.uint8)).save(tmp_path / "src" / label / "a.png")
    return tmp_path / "src"


def test_each_noise_and_level_has_its_tree(tmp_path, src):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--std", "0,0.05,25/255", "--noise", "gaussian", "--noise", "student-t:df=3") == 0
    levels = ("0", "0.05", "25-255")
    assert trees(dst) == [f"{noise}/{level}" for noise in ("gaussian", "student-t-df=3") for level in levels]
    assert {path.name for path in dst.iterdir()} == {"gaussian", "student-t-df=3", "metadata.jsonl", "recipe.toml"}
    assert (np.asarray(Image.open(dst / "gaussian/0/cat/a.png")) == 120).all()
    noisy = np.asarray(Image.open(dst / "gaussian/25-255/dog/a.png")) - 120.0
    assert noisy.std() == pytest.approx(25, rel=0.1)


def test_one_manifest_has_the_rows_of_all_trees(tmp_path):
    dst = tmp_path / "dst"
    assert sweep(recordings(tmp_path / "src", 2), dst, "--snr", "20,-5", "--save-noise", "added", "--copies", 2) == 0
    assert trees(dst) == ["gaussian/-5dB", "gaussian/20dB"]
    whole = rows(dst)
    assert [row["tree"] for row in whole] == ["gaussian/20dB"] * 4 + ["gaussian/-5dB"] * 4
    assert {(row["tree"], row["level"]) for row in whole} == {("gaussian/20dB", 20.0), ("gaussian/-5dB", -5.0)}
    for row in whole:
        level = row.pop("level")
        assert row["achieved"]["snr_db"] == pytest.approx(level, abs=0.1)
        assert (dst / row["file_name"]).stat().st_size == row["bytes"]
        for name in ("file_name", "noise_file_name"):
            assert (dst / row[name]).is_file()
            row[name] = row[name].removeprefix(row["tree"] + "/")
        row["labels"] = [name.removeprefix(row["tree"] + "/") for name in row["labels"]]
    for tree in ("gaussian/20dB", "gaussian/-5dB"):
        assert rows(dst / tree) == [
            {key: value for key, value in row.items() if key != "tree"} for row in whole if row["tree"] == tree
        ]


def test_the_names_of_labels_lead_to_them(tmp_path, src):
    for label in ("cat", "dog"):
        (src / label / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert sweep(src, tmp_path / "dst", "--std", "0.05,0.1", "--labels", "copy") == 0
    for row in rows(tmp_path / "dst"):
        assert row["labels"] == [row["file_name"].replace(".png", ".txt")]
        assert (tmp_path / "dst" / row["labels"][0]).is_file()


def test_hugging_face_loads_the_whole(tmp_path, src):
    datasets = pytest.importorskip("datasets")
    dst, cache = tmp_path / "dst", str(tmp_path / "cache")
    assert sweep(src, dst, "--std", "0.05,0.1") == 0
    loaded = datasets.load_dataset(
        "imagefolder", data_files=str(dst / "metadata.jsonl"), split="train", cache_dir=cache
    )
    assert loaded["level"] == [0.05, 0.05, 0.1, 0.1]
    for row in loaded:
        there = Image.open(dst / row["tree"] / row["source"])
        assert (np.asarray(row["image"]) == np.asarray(there)).all()


@pytest.mark.parametrize("kind", ["images", "audio", "series"])
def test_levels_share_their_random_numbers(tmp_path, kind):
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.mkdir()
    if kind == "images":
        tifffile.imwrite(src / "a.tif", np.full((20, 20), 0.5, np.float32))
    elif kind == "audio":
        sf.write(src / "a.wav", np.full(400, 0.25), 8000, subtype="FLOAT")
    else:
        np.save(src / "a.npy", np.zeros((400, 2)))
    assert sweep(src, dst, "--std", "0.05,0.1", "--noise", "gaussian", "--noise", "laplace", "--seed", 4) == 0

    def noise(place):
        (path,) = (dst / place).glob("a.*")
        if kind == "images":
            return tifffile.imread(path).astype(float) - 0.5
        return sf.read(path)[0] - 0.25 if kind == "audio" else np.load(path)

    for law in ("gaussian", "laplace"):
        one, two = noise(f"{law}/0.05"), noise(f"{law}/0.1")
        assert one.std() == pytest.approx(0.05, rel=0.15)
        assert np.abs(two - 2 * one).max() < 1e-6


def test_a_tree_is_the_run_by_itself(tmp_path, src):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--std", "0.05,0.1", "--seed", 3, "--noise", "laplace") == 0
    words = ("--std", 0.1, "--seed", 3, "--noise", "laplace")
    assert augkit("images", src, tmp_path / "alone", *words, "--quiet", "-j", 1) == 0
    alone, tree = content(tmp_path / "alone"), content(dst / "laplace/0.1")
    assert alone.pop("recipe.toml") != tree.pop("recipe.toml")  # they lie in other places
    assert alone == tree


def test_the_same_for_any_number_of_workers(tmp_path):
    src = pictures(tmp_path / "src")
    for dst, jobs in (("one", 1), ("two", 2)):
        assert augkit("sweep", src, tmp_path / dst, "--std", "0.05,0.1", "--seed", 9, "--quiet", "-j", jobs) == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_shards_make_the_whole(tmp_path, src):
    words = ("--std", "0.05,0.1", "--seed", 9)
    assert sweep(src, tmp_path / "whole", *words) == 0
    assert sweep(src, tmp_path / "dst", *words, "--shard", "1/2") == 0
    assert not (tmp_path / "dst/metadata.jsonl").exists()
    assert sweep(src, tmp_path / "dst", *words, "--shard", "2/2") == 0
    assert content(tmp_path / "dst") == content(tmp_path / "whole")


def test_what_was_cut_off_is_resumed(tmp_path, src):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--std", "0.05,0.1,0.2", "--seed", 3) == 0
    whole = content(dst)
    (dst / "metadata.jsonl").unlink()
    shutil.rmtree(dst / "gaussian/0.2")
    (dst / "gaussian/0.1/metadata.jsonl").unlink()
    (dst / "gaussian/0.1/cat/a.png").unlink()
    assert augkit("resume", dst, "--quiet", "-j", 1) == 0
    assert content(dst) == whole
    assert sweep(src, dst, "--std", "0.05,0.1,0.2", "--resume") == 0
    assert content(dst) == whole
    assert sweep(src, dst, "--std", "0.05,0.1", "--resume") == 2
    assert content(dst) == whole


def test_a_sweep_that_is_cut_off_has_no_manifest_of_all(tmp_path, src):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--std", "0.05,0.1", "--seed", 3) == 0
    (src / "dog/a.png").write_bytes(b"no image")
    assert sweep(src, dst, "--std", "0.05,0.1", "--seed", 4, "--overwrite", "--on-error", "stop") == 3
    assert not (dst / "metadata.jsonl").exists()
    assert augkit("resume", dst, "--quiet", "-j", 1, "--on-error", "skip") == 1
    assert [row["file_name"] for row in rows(dst)] == ["gaussian/0.05/cat/a.png", "gaussian/0.1/cat/a.png"]


def test_recipes_hold_sweeps(tmp_path, src):
    assert sweep(src, tmp_path / "dst", "--std", "0.05,0.1", "--seed", 3, "--noise", "laplace") == 0
    before = content(tmp_path / "dst")
    run(tmp_path / "dst/recipe.toml", overwrite=True, jobs=1)
    assert content(tmp_path / "dst") == before
    (section,) = load_recipe(tmp_path / "dst/recipe.toml").sections
    assert list(section.trees()) == ["laplace/0.05", "laplace/0.1"]
    (tmp_path / "r.toml").write_text(
        'seed = 3\n[[images]]\nsrc = "src"\ndst = "a"\nsweep = true\nnoise = ["laplace"]\nstd = [0.05, "0.10"]\n'
        '[[images]]\nsrc = "src"\ndst = "b"\nnoise = "laplace"\nstd = [0.05, 0.1]\n'
    )
    assert augkit("run", tmp_path / "r.toml", "--quiet", "-j", 1) == 0
    again, drawn = tmp_path / "a", tmp_path / "b"
    for tree in ("laplace/0.05", "laplace/0.1"):
        for name in ("cat/a.png", "dog/a.png"):
            assert (again / tree / name).read_bytes() == (tmp_path / "dst" / tree / name).read_bytes()
    assert trees(drawn) == []  # a list without sweep is one of them, drawn for each output
    assert {row["requested"]["std"] for row in rows(drawn)} == {"0.05,0.1"}


def test_presets_have_the_manifest_too(tmp_path, src):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--preset", "imagenet-c/shot_noise:2,4") == 0
    assert [(row["tree"], row["level"]) for row in rows(dst)][::2] == [("shot_noise/2", 2.0), ("shot_noise/4", 4.0)]
    assert sweep(src, tmp_path / "one", "--preset", "imagenet-c/shot_noise:2") == 0
    assert trees(tmp_path / "one") == ["shot_noise/2"]
    with_own_level = ("--noise", "shot:photons=30", "--noise", "speckle:std=0.2")
    assert sweep(src, tmp_path / "camera", *with_own_level) == 0
    assert [row["tree"] for row in rows(tmp_path / "camera")][::2] == ["shot-photons=30", "speckle-std=0.2"]
    assert {row["level"] for row in rows(tmp_path / "camera")} == {None}


def test_names_of_levels_and_recordings_as_noise(tmp_path):
    src, dst = recordings(tmp_path / "src", 1), tmp_path / "dst"
    backgrounds = recordings(tmp_path / "street", 2)
    assert sweep(src / "tone0.wav", dst, "--snr", "-0, 25/10 dB,1e1", "--backgrounds", backgrounds) == 0
    assert trees(dst) == ["backgrounds/0dB", "backgrounds/10dB", "backgrounds/25-10dB"]
    assert [row["level"] for row in rows(dst)] == [0.0, 2.5, 10.0]
    before = content(dst)
    assert augkit("resume", dst, "--quiet", "-j", 1) == 0
    assert content(dst) == before


def test_the_domain_is_that_of_most_files(tmp_path, capsys):
    src = tables(recordings(tmp_path / "src", 2), 1)
    assert sweep(src, tmp_path / "dst", "--snr", "10", "--json") == 0
    assert json.loads(capsys.readouterr().out)["domain"] == "audio"
    tables(src, 2)
    assert sweep(src, tmp_path / "tie", "--std", "0.1") == 2
    assert "2 files each of audio and series; say which by --domain" in capsys.readouterr().err
    assert sweep(src, tmp_path / "tie", "--std", "0.1sd", "--domain", "series", "--columns", "value") == 0
    assert trees(tmp_path / "tie") == ["gaussian/0.1sd"]
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "x.doc").touch()
    assert sweep(tmp_path / "none", tmp_path / "no", "--std", "0.1") == 2
    assert "none of its 1 files" in capsys.readouterr().err
    assert sweep(tmp_path / "gone", tmp_path / "no", "--std", "0.1") == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(tmp_path, src, capsys):
    words = ("sweep", src, tmp_path / "dst", "--std", "0.05,0.1", "--dry-run")
    assert augkit(*words) == 0
    shown = capsys.readouterr().out
    assert shown.count("a.png -> ") == 4
    assert f"{tmp_path}/dst/gaussian/0.1:" in shown
    assert augkit(*words, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["sections"]) == 2
    assert not (tmp_path / "dst").exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("--std", "0.05..0.2"), "list them, as in 0.05,0.1,0.2"),
        (("--std", "0.1,0.10"), "two of its trees would both be gaussian/0.1"),
        (("--std", "0.1", "--noise", "student-t:df=3", "--noise", "Student-T:df=3"), "student-t-df=3/0.1"),
        (("--std", "0.1", "--snr", "10"), "one kind of level, got std and snr_db"),
        ((), "a sweep needs levels"),
        (("--std", "0.1,x"), "'x' is no level"),
        (("--std", "0.1,0.2", "--noise", "cauchy"), "no finite variance"),
        (("--std", "0.1,0.2", "--noise", "../../up"), "../../up"),
        (("--std", "0.1", "--preset", "imagenet-c/shot_noise"), "is a preset"),
        (("--std", "ax=0.1,ay=0.2"), "one level for all columns"),
        (("--std", "0.1", "--color", "pink"), "color: no such option of images"),
    ],
)
def test_what_cannot_be_swept_is_refused(tmp_path, src, capsys, words, hint):
    assert sweep(src, tmp_path / "dst", *words) == 2
    assert hint in capsys.readouterr().err
    assert not (tmp_path / "dst").exists()


@pytest.mark.parametrize("line", ["sweep = 1", "sweep = true\nnoise = [{}]", "sweep = true\npreset = 3"])
def test_recipes_of_wrong_types_are_refused(tmp_path, src, capsys, line):
    (tmp_path / "r.toml").write_text(f'seed = 3\n[[images]]\nsrc = "src"\ndst = "a"\nstd = [0.1]\n{line}\n')
    assert augkit("run", tmp_path / "r.toml") == 2
    assert "images[0]." in capsys.readouterr().err


def test_others_are_not_left_among_the_trees(tmp_path, src, capsys):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--std", "0.05,0.1") == 0
    before = content(dst)
    assert sweep(src, dst, "--std", "0.05", "--overwrite") == 2
    assert "gaussian/0.1: no part of this sweep" in capsys.readouterr().err
    assert augkit("images", src, dst, "--std", 0.1, "--overwrite", "--quiet") == 2
    assert "holds the trees of a sweep" in capsys.readouterr().err
    assert sweep(src, dst, "--std", "0.05,0.1") == 2
    assert content(dst) == before
    assert sweep(src, dst, "--std", "0.05,0.1,0.2", "--overwrite") == 0
    assert len(rows(dst)) == 6


def test_verify_report_and_measure_know_it(tmp_path, src, capsys):
    dst = tmp_path / "dst"
    assert sweep(src, dst, "--std", "0.05,0.1", "--report", tmp_path / "r.html") == 0
    assert augkit("verify", dst, "-j", 1) == 0
    assert augkit("report", dst, "-o", tmp_path / "r.html") == 0
    assert (tmp_path / "r.html").read_text().count("<h2>") == 2
    capsys.readouterr()
    assert augkit("measure", src, dst, "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"] == 4
    whole = (dst / "metadata.jsonl").read_bytes()
    (dst / "metadata.jsonl").write_bytes(whole.replace(b'"level":0.1', b'"level":0.2'))
    assert augkit("verify", dst, "-j", 1) == 1
    assert "tampered  metadata.jsonl: it is not what the manifests of its trees tell" in capsys.readouterr().out
    assert augkit("resume", dst, "--quiet", "-j", 1) == 0
    assert (dst / "metadata.jsonl").read_bytes() == whole
    (dst / "gaussian/0.1/cat/a.png").unlink()
    assert augkit("verify", dst, "-j", 1) == 1
