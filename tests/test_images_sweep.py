"""A preset swept over severities: a tree for each, laid out as the published sets are, resumed as one."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from augkit.recipe import load_recipe
from augkit.running import run
from tests.trees import augkit, content

OTHER = 'seed = 1\n[[images]]\nsrc = "../src"\ndst = "."\nstd = 0.1\n'


@pytest.fixture(name="src")
def _src(tmp_path):
    src = tmp_path / "src"
    for label in ("n01440764", "n01443537"):
        (src / label).mkdir(parents=True)
        Image.fromarray(np.full((16, 20, 3), 100, np.uint8)).save(src / label / "one.png")
    return src


def sweep(tmp_path, preset, *more, dst="dst"):
    return augkit("images", tmp_path / "src", tmp_path / dst, "--preset", preset, "--quiet", "-j", 1, *more)


def trees(folder):
    return sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob("metadata.jsonl"))


def pixels(path):
    return np.asarray(Image.open(path)).astype(float)


def test_every_severity_has_its_tree(tmp_path, src):
    assert sweep(tmp_path, "imagenet-c/gaussian_noise", "--seed", 3) == 0
    dst = tmp_path / "dst"
    assert trees(dst) == [f"gaussian_noise/{severity}" for severity in range(1, 6)]
    assert {path.name for path in dst.iterdir()} == {"gaussian_noise", "recipe.toml"}
    for severity, std in zip(range(1, 6), (0.08, 0.12, 0.18, 0.26, 0.38), strict=True):
        tree = dst / "gaussian_noise" / str(severity)
        assert {path.name for path in tree.iterdir()} == {"n01440764", "n01443537", "metadata.jsonl", "recipe.toml"}
        for line in (tree / "metadata.jsonl").read_text().splitlines():
            row = json.loads(line)
            assert row["drawn"] == {"std": std}
            assert row["requested"] == {"preset": f"imagenet-c/gaussian_noise:{severity}"}
            assert row["label"] in ("n01440764", "n01443537")
            assert row["seed"] == 3


def test_severities_share_their_random_numbers_and_files_do_not(tmp_path, src):
    assert sweep(tmp_path, "cifar-10-c/gaussian_noise:1-2", "--seed", 3) == 0
    one, two = (pixels(tmp_path / f"dst/gaussian_noise/{level}/n01440764/one.png") - 100 for level in (1, 2))
    other = pixels(tmp_path / "dst/gaussian_noise/1/n01443537/one.png") - 100
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.85
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.2


def test_one_tree_is_the_same_as_by_itself(tmp_path, src):
    assert sweep(tmp_path, "imagenet-c/shot_noise,impulse_noise:2,4:compat", "--seed", 3) == 0
    assert trees(tmp_path / "dst") == ["impulse_noise/2", "impulse_noise/4", "shot_noise/2", "shot_noise/4"]
    assert sweep(tmp_path, "imagenet-c/shot_noise:4:compat", "--seed", 3, dst="alone") == 0
    alone, together = content(tmp_path / "alone"), content(tmp_path / "dst/shot_noise/4")
    assert alone.pop("recipe.toml") != together.pop("recipe.toml")  # they lie in other places
    assert alone == together


def test_one_severity_makes_no_folders(tmp_path, src):
    assert sweep(tmp_path, "imagenet-c/shot_noise:4-4") == 0
    assert trees(tmp_path / "dst") == ["."]


def test_all_corruptions(tmp_path, src):
    assert sweep(tmp_path, "tiny-imagenet-c/*:1,5") == 0
    names = ("gaussian_noise", "impulse_noise", "shot_noise", "speckle_noise")
    assert trees(tmp_path / "dst") == [f"{name}/{level}" for name in names for level in (1, 5)]


def test_a_sweep_that_was_cut_off_is_resumed_as_one(tmp_path, src):
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-3", "--seed", 3) == 0
    dst = tmp_path / "dst"
    whole = content(dst)
    shutil.rmtree(dst / "shot_noise/3")
    (dst / "shot_noise/2/n01440764/one.png").unlink()
    (dst / "shot_noise/2/metadata.jsonl").unlink()
    assert augkit("resume", dst, "--quiet", "-j", 1) == 0
    assert content(dst) == whole
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-3", "--resume") == 0
    assert content(dst) == whole
    assert augkit("resume", dst / "shot_noise/1", "--quiet", "-j", 1) == 0
    assert content(dst) == whole


def test_the_recipe_of_a_sweep_repeats_it(tmp_path, src):
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-2", "--seed", 3) == 0
    dst = tmp_path / "dst"
    before = content(dst)
    (section,) = load_recipe(dst / "recipe.toml").sections
    assert section.options.preset == "imagenet-c/shot_noise:1-2"
    reports = run(dst / "recipe.toml", overwrite=True, jobs=1)
    assert [report.outputs for report in reports] == [2, 2]
    assert content(dst) == before


def test_sections_of_a_recipe_sweep_too_with_noise_of_their_own(tmp_path, src):
    shutil.copytree(src, tmp_path / "more")
    (tmp_path / "r.toml").write_text(
        'seed = 1\n[[images]]\nsrc = "src"\ndst = "a"\npreset = "cifar-10-c/gaussian_noise:1-2"\n'
        '[[images]]\nsrc = "more"\ndst = "b"\npreset = "cifar-10-c/gaussian_noise:1-2"\n'
    )
    assert augkit("run", tmp_path / "r.toml", "--quiet", "-j", 1) == 0
    one, two, other = (
        pixels(tmp_path / place / "n01440764/one.png") - 100
        for place in ("a/gaussian_noise/1", "a/gaussian_noise/2", "b/gaussian_noise/1")
    )
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.85
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.2
    _, two_of_b = (pixels(tmp_path / f"b/gaussian_noise/{level}/n01440764/one.png") - 100 for level in (1, 2))
    assert np.corrcoef(other.ravel(), two_of_b.ravel())[0, 1] > 0.85
    before = content(tmp_path)
    shutil.rmtree(tmp_path / "b" / "gaussian_noise" / "2")
    assert augkit("run", tmp_path / "r.toml", "--quiet", "-j", 1, "--resume") == 0
    assert content(tmp_path) == before


def test_an_overwritten_sweep_that_was_cut_off_goes_on(tmp_path, src):
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-3", "--seed", 3) == 0
    old = {level: content(tmp_path / f"dst/shot_noise/{level}") for level in (1, 2, 3)}
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-3", "--seed", 4, dst="new") == 0
    shutil.copy(tmp_path / "new/recipe.toml", tmp_path / "dst/recipe.toml")  # as the overwriting run leaves it
    assert augkit("resume", tmp_path / "dst", "--quiet", "-j", 1) == 0
    for level in (1, 2, 3):
        made = content(tmp_path / f"dst/shot_noise/{level}")
        assert made == content(tmp_path / f"new/shot_noise/{level}")
        assert made != old[level]


def test_a_dry_run_lists_all_and_writes_nothing(tmp_path, src, capsys):
    arguments = ("images", src, tmp_path / "dst", "--preset", "imagenet-c/shot_noise", "--dry-run")
    assert augkit(*arguments) == 0
    assert capsys.readouterr().out.count("one.png -> ") == 10
    assert not (tmp_path / "dst").exists()
    assert augkit(*arguments, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["sections"]) == 5


@pytest.mark.parametrize(
    ("prepare", "arguments", "hint"),
    [
        (lambda dst: (dst / "mine.txt").write_text("x"), (), "DST is not empty"),
        (lambda dst: (dst / "mine.txt").write_text("x"), ("--overwrite",), "mine.txt: no part of this sweep"),
        (
            lambda dst: (dst / "shot_noise/9").mkdir(parents=True),
            ("--overwrite",),
            "shot_noise/9: no part of this sweep",
        ),
        (lambda dst: (dst / "shot_noise").mkdir(), ("--resume",), "nothing to resume here"),
        (
            lambda dst: (dst / "recipe.toml").write_text(OTHER),
            ("--resume", "--seed", "1"),
            "another recipe",
        ),
        (lambda dst: (dst / "recipe.toml").symlink_to("/nowhere"), ("--overwrite",), "symbolic link stands for"),
    ],
)
def test_what_is_in_the_way_is_refused_and_stays(tmp_path, src, capsys, prepare, arguments, hint):
    (tmp_path / "dst").mkdir()
    prepare(tmp_path / "dst")
    before = sorted(tmp_path.rglob("*"))
    assert sweep(tmp_path, "imagenet-c/shot_noise", *arguments) == 2
    assert hint in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_symbolic_link_does_not_lead_out(tmp_path, src, capsys):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst/shot_noise").symlink_to(tmp_path / "elsewhere")
    assert sweep(tmp_path, "imagenet-c/shot_noise", "--overwrite") == 3
    assert "a symbolic link leads out" in capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_fewer_severities_do_not_leave_others_among_them(tmp_path, src, capsys):
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-3", "--seed", 3) == 0
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-2", "--overwrite") == 2
    assert "shot_noise/3: no part of this sweep" in capsys.readouterr().err
    assert sweep(tmp_path, "imagenet-c/shot_noise:1-4", "--overwrite") == 0
    assert trees(tmp_path / "dst") == [f"shot_noise/{level}" for level in (1, 2, 3, 4)]


def test_dst_inside_src_is_refused(tmp_path, src, capsys):
    assert augkit("images", src, src / "out", "--preset", "imagenet-c/shot_noise", "--quiet") == 2
    assert "inside SRC" in capsys.readouterr().err
    assert augkit("images", src / "n01440764", src, "--preset", "imagenet-c/shot_noise", "--overwrite") == 2
    assert "contains SRC" in capsys.readouterr().err


def test_one_noise_does_not_overwrite_a_sweep(tmp_path, src, capsys):
    assert sweep(tmp_path, "cifar-10-c/*", "--seed", 3) == 0
    before = content(tmp_path / "dst")
    assert sweep(tmp_path, "cifar-10-c/gaussian_noise:3", "--overwrite") == 2
    assert "holds the trees of a sweep" in capsys.readouterr().err
    assert content(tmp_path / "dst") == before
