"""`augkit verify`: outputs are made again and compared, and what differs is told with its reason; DST is only read."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
from PIL import Image

from augkit.comparison.verify import verify
from augkit.errors import UsageError
from tests.trees import augkit, content, pictures, recordings, tables

RUNS = {
    "images": (pictures, ("--std", "0.02..0.1", "--copies", 2, "--probability", 0.8)),
    "audio": (recordings, ("--snr", "0..20", "--color", "pink", "--save-noise", "added", "--format", "flac")),
    "series": (tables, ("--std", "0.1sd", "--scale-over", "folder", "--copy-others")),
}


@pytest.fixture(name="made", params=RUNS)
def _made(request, tmp_path):
    """Give (domain, src, dst) of a finished run."""
    make, options = RUNS[request.param]
    src = make(tmp_path / "src")
    (src / "notes.txt").write_text("mine")
    assert augkit(request.param, src, tmp_path / "dst", *options, "--seed", 5, "--quiet") == 0
    return request.param, src, tmp_path / "dst"


def kinds(dst, **how):
    (found,) = verify(dst, jobs=1, **how)
    return {one.file_name: one.kind for one in found.differences}


def rows(dst):
    return [json.loads(line) for line in (dst / "metadata.jsonl").read_text().splitlines()]


def rewrite(dst, change):
    (dst / "metadata.jsonl").write_text("".join(json.dumps(change(row)) + "\n" for row in rows(dst)))


def noised(dst):
    """Return an output with noise in it."""
    return next(dst / row["file_name"] for row in rows(dst) if row["noise"])


def test_what_nobody_touched_is_the_same(made, capsys):
    _, _, dst = made
    before = content(dst)
    assert augkit("verify", dst) == 0
    assert f"{len(rows(dst))} the same to the last byte" in capsys.readouterr().out
    (found,) = verify(dst, jobs=2)
    assert found.same == found.outputs == len(rows(dst))
    assert (found.differences, found.new, found.unknown) == ([], [], [])
    assert content(dst) == before


def test_a_missing_a_changed_and_an_unreadable_output(made):
    _, _, dst = made
    names = [row["file_name"] for row in rows(dst) if row["noise"]]
    victims = [dst / name for name in names if not name.endswith(".jpg")]
    victims[0].unlink()
    data = bytearray(victims[1].read_bytes())
    data[len(data) * 2 // 3] ^= 1
    victims[1].write_bytes(data)
    found = kinds(dst)
    assert found == {
        path.relative_to(dst).as_posix(): kind for path, kind in zip(victims, ("missing", "tampered"), strict=False)
    }
    assert augkit("verify", dst, "--quiet") == 1


def test_a_changed_source_is_told_even_of_the_same_size(made):
    domain, src, dst = made
    source = src / next(row["source"] for row in rows(dst) if row["noise"])
    size = source.stat().st_size
    if domain == "images":
        with Image.open(source) as picture:
            mode, shape = picture.mode, picture.size
        Image.new(mode, shape, 7 if mode == "L" else (7, 8, 9)).save(source)
    elif domain == "audio":
        sf.write(source, np.full(4000, 0.1), 8000, subtype="PCM_16")
        assert source.stat().st_size == size
    else:
        source.write_text(source.read_text().replace("7,0.7", "7,0.8"))
    (found,) = verify(dst, jobs=1)
    ours = {one.file_name: one for one in found.differences if one.source == source.relative_to(src).as_posix()}
    outputs = [row["file_name"] for row in rows(dst) if row["source"] == source.relative_to(src).as_posix()]
    assert set(outputs) <= set(ours)
    assert all(ours[name].kind == "source" and "has changed" in ours[name].reason for name in outputs)


def test_a_source_that_has_changed_into_what_takes_no_noise(tmp_path):
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.mkdir()
    grey = np.full((8, 8), 99, np.uint8)
    Image.fromarray(grey).save(src / "dark.png")
    Image.fromarray(grey).save(src / "broken.png")
    assert augkit("images", src, dst, "--snr", 10, "--quiet") == 0
    Image.fromarray(grey * 0).save(src / "dark.png")
    (src / "broken.png").write_bytes(b"no image")
    assert kinds(dst) == {"dark.png": "source", "broken.png": "source"}


def test_a_source_that_is_gone_and_one_that_is_new(made):
    domain, src, dst = made
    row = next(row for row in rows(dst) if row["noise"] and "/" not in row["source"])
    old = src / row["source"]
    new = old.with_name(f"zz{old.suffix}")
    shutil.copy(old, new)
    if domain != "series":  # there, what one source lacks the others are scaled with
        old.unlink()
    (found,) = verify(dst, jobs=1)
    assert found.new == [new.name]
    gone = {one.file_name: one.kind for one in found.differences if one.source == row["source"]}
    if domain != "series":
        assert gone[row["file_name"]] == "source"


def test_a_changed_row_and_another_stream_version(made):
    _, _, dst = made
    name = noised(dst).relative_to(dst).as_posix()
    other = next(row["file_name"] for row in rows(dst) if row["file_name"] != name)

    def change(row):
        if row["file_name"] == name:
            row["drawn"] = {"std": 0.5}
        if row["file_name"] == other:
            row["stream_version"] = 0
        return row

    rewrite(dst, change)
    (found,) = verify(dst, jobs=1)
    assert {one.file_name: one.kind for one in found.differences} == {name: "row", other: "version"}
    assert "drawn" in next(one.reason for one in found.differences if one.kind == "row")


def test_another_version_of_augkit_is_told(made):
    _, _, dst = made
    recipe = dst / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("# written by augkit ", "# written by augkit 0.0.0-"))
    assert kinds(dst) == {}
    rewrite(dst, lambda row: row | {"seed": 6})
    other = {one.file_name: one for one in verify(dst, jobs=1)[0].differences}
    assert {one.kind for one in other.values()} == {"row"}


def test_other_samples_of_another_version(tmp_path):
    src = recordings(tmp_path / "src", count=1)
    assert augkit("audio", src, tmp_path / "dst", "--snr", 5, "--seed", 1, "--quiet") == 0
    assert augkit("audio", src, tmp_path / "other", "--snr", 5, "--seed", 2, "--quiet") == 0
    shutil.copy(tmp_path / "other" / "tone0.wav", tmp_path / "dst" / "tone0.wav")
    assert kinds(tmp_path / "dst") == {"tone0.wav": "tampered"}
    recipe = tmp_path / "dst" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("# written by augkit ", "# written by augkit 0.0.0-"))
    (found,) = verify(tmp_path / "dst", jobs=1)
    assert [one.kind for one in found.differences] == ["version"]
    assert "0.0.0-" in found.differences[0].reason


def test_the_same_samples_in_other_bytes(tmp_path):
    src = tmp_path / "src"
    src.mkdir()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)).save(src / "a.png")
    dst = tmp_path / "dst"
    assert augkit("images", src, dst, "--std", 0.1, "--quiet") == 0
    with Image.open(dst / "a.png") as picture:
        picture.load()
    picture.save(dst / "a.png", compress_level=9)
    rewrite(dst, lambda row: row | {"bytes": (dst / "a.png").stat().st_size})
    assert kinds(dst) == {"a.png": "recoded"}


def test_a_moved_dst_finds_its_sources_by_src(made, capsys):
    _, src, dst = made
    shutil.move(src, dst.parent / "elsewhere" / "src2")
    moved = shutil.move(dst, dst.parent / "moved")
    assert augkit("verify", moved) == 2
    assert "--src" in capsys.readouterr().err
    assert augkit("verify", moved, "--src", dst.parent / "elsewhere" / "src2", "--quiet") == 0


def test_labels_lists_and_saved_noise_are_compared_too(tmp_path):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    for name in ("cat/p0", "cat/p2"):
        (src / f"{name}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    coco = {
        "images": [{"id": 1, "file_name": "cat/p0.png", "width": 24, "height": 24}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (src / "instances.json").write_text(json.dumps(coco))
    assert augkit("images", src, dst, "--std", 0.1, "--labels", "copy", "--copies", 2, "--quiet") == 0
    assert kinds(dst) == {}
    (dst / "cat" / "p0_n1.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    (dst / "cat" / "p2_n2.txt").unlink()
    (dst / "instances.json").write_text((dst / "instances.json").read_text() + " ")
    (dst / "stray.png").write_text("x")
    (found,) = verify(dst, jobs=1)
    assert {one.file_name: one.kind for one in found.differences} == {
        "cat/p0_n1.txt": "tampered",
        "cat/p2_n2.txt": "missing",
        "instances.json": "tampered",
    }
    assert found.unknown == ["stray.png"]
    audio = recordings(tmp_path / "speech")
    assert augkit("audio", audio, tmp_path / "out", "--snr", 5, "--save-noise", "added", "--quiet") == 0
    saved = next((tmp_path / "out" / "added").iterdir())
    saved.write_bytes(saved.read_bytes()[:-2] + b"\1\1")
    assert kinds(tmp_path / "out") == {f"added/{saved.name}": "tampered"}


def test_the_trees_of_a_sweep(tmp_path):
    src = pictures(tmp_path / "src")
    dst = tmp_path / "dst"
    assert augkit("images", src, dst, "--preset", "imagenet-c/gaussian_noise:1-2", "--quiet") == 0
    first, second = verify(dst, jobs=1)
    assert (first.exit_code, second.exit_code) == (0, 0)
    (dst / "gaussian_noise" / "2" / "same_a.png").unlink()
    assert [one.exit_code for one in verify(dst, jobs=1)] == [0, 1]


def test_what_is_no_finished_run_is_refused(tmp_path, made):
    _, _, dst = made
    with pytest.raises(UsageError, match=r"there is no recipe\.toml"):
        verify(tmp_path)
    (dst / "metadata.jsonl").write_text("{]\n")
    with pytest.raises(UsageError, match="row 1 cannot be read"):
        verify(dst)
    (dst / "metadata.jsonl").unlink()
    assert augkit("verify", dst) == 2
