"""Tar shards in and out: noise on the members of a domain, and every other byte, name and order as it was."""

import gzip
import io
import json
import subprocess
import tarfile

import numpy as np
import pytest
import zstandard
from PIL import Image
from webdataset import tariterators

import augkit as package
from augkit.errors import InputError
from augkit.folder.tars.noisy import Noiser
from augkit.images import files as image_files
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from augkit.recipe import Recipe, make_section
from tests.shards import LEVELS, SAMPLES, headers, jsonl, members, pack, picture, read, shards
from tests.trees import augkit, content

NOISED = (".png", ".jpg", ".wav", ".flac", ".csv", ".npy")


def noise(domain, src, dst, *options):
    return augkit(domain, src, dst, "--webdataset", *LEVELS[domain], "--seed", "3", "--quiet", *options)


def samples_of(path):
    """Return the samples of a tar as the library of the format cuts them."""
    with path.open("rb") as stream:
        files = tariterators.tar_file_expander([{"url": str(path), "stream": stream}])
        return list(tariterators.group_by_keys(files))


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data))).astype(float)


def test_webdataset_reads_the_same_samples_with_noise(tmp_path):
    src, dst = shards(tmp_path / "src"), tmp_path / "dst"
    assert noise("images", src, dst) == 0
    for path in sorted(src.glob("*.tar")):
        pairs = [samples_of(root / path.name) for root in (src, dst)]
        assert [one["__key__"] for one in pairs[1]] == [one["__key__"] for one in pairs[0]]
        assert len(pairs[0]) == 4
        for clean, noisy in zip(*pairs, strict=True):
            assert list(noisy) == list(clean)
            assert [noisy[name] == clean[name] for name in ("cls", "json")] == [True, True]
            if "png" in clean:
                difference = decoded(noisy["png"]) - decoded(clean["png"])
                assert difference.std() / 255 == pytest.approx(0.1, rel=0.08)


@pytest.mark.parametrize("domain", SAMPLES)
def test_only_noised_members_change_and_only_their_sizes(tmp_path, domain):
    src, dst = shards(tmp_path / "src", domain, count=1), tmp_path / "dst"
    assert noise(domain, src, dst) == 0
    for (name, clean), (same, noisy) in zip(read(src / "shard-000.tar"), read(dst / "shard-000.tar"), strict=True):
        assert same == name
        assert (noisy != clean) == name.endswith(NOISED)
    for (name, clean), (_, noisy) in zip(headers(src / "shard-000.tar"), headers(dst / "shard-000.tar"), strict=True):
        changed = {place for place in range(512) if clean[place] != noisy[place]}
        assert len(noisy) == len(clean) == 512
        assert changed <= (set(range(124, 136)) | set(range(148, 156)) if name.endswith(NOISED) else set())
    listing = [
        subprocess.run(["tar", "tvf", root / "shard-000.tar"], capture_output=True, check=True, text=True)
        for root in (src, dst)
    ]
    assert listing[1].stderr == ""
    columns = [[line.split()[:2] + line.split()[3:] for line in one.stdout.splitlines()] for one in listing]
    assert columns[0] == columns[1]
    assert augkit("verify", dst, "--quiet") == 0


def test_the_noise_of_a_member_follows_from_its_names_and_the_copy(tmp_path):
    src, dst = shards(tmp_path / "src" / "deep", count=1), tmp_path / "dst"
    assert noise("images", tmp_path / "src", dst, "--copies", "2", "--measure", "none") == 0
    made = dict(read(dst / "deep" / "shard-000.tar"))
    for name, data in read(src / "shard-000.tar"):
        stem, _, extension = name.rpartition(".")
        for copy in (1, 2) if name.endswith(NOISED) else ():
            alone, noisy = tmp_path / f"alone.{extension}", tmp_path / "noisy"
            alone.write_bytes(data)
            key = Key(3, path=("deep/shard-000.tar", name, copy))
            image_files.open_item(alone, ImageOptions(std="0.1")).write(noisy, key, measure=False)
            assert made[f"{stem}_n{copy}.{extension}"] == noisy.read_bytes()


def test_one_tree_whatever_the_workers_shards_and_interruptions(tmp_path):
    src = shards(tmp_path / "src", count=9)
    (src / "shard-004.tar").write_bytes(b"")
    broken = members()
    broken[1] = (broken[1][0], broken[1][1][:100])
    pack(src / "shard-005.tar", broken)
    assert noise("images", src, tmp_path / "one", "-j", "1") == 1
    expected = content(tmp_path / "one")
    assert {"failures.jsonl", "metadata.jsonl", "shard-000.tar", "shard-005.tar"} <= expected.keys()
    assert noise("images", src, tmp_path / "two", "-j", "2") == 1
    assert content(tmp_path / "two") == expected
    for number in (2, 1):
        assert noise("images", src, tmp_path / "parts", "--shard", f"{number}/2") in (0, 1)
    assert content(tmp_path / "parts") == expected

    def interrupt(tally, plan):
        if tally.outputs >= 1:
            raise KeyboardInterrupt

    section = make_section("images", str(src), str(tmp_path / "cut"), {"std": "0.1", "webdataset": True})
    with pytest.raises(KeyboardInterrupt):
        package.run(Recipe(seed=3, sections=(section,)), jobs=1, progress=interrupt)
    assert augkit("resume", tmp_path / "cut", "--quiet") == 1
    assert content(tmp_path / "cut") == expected


def test_failures_of_members_outlive_a_resumed_run(tmp_path):
    src = shards(tmp_path / "src", count=3)
    broken = members()
    broken[1] = (broken[1][0], b"no picture")
    pack(src / "shard-000.tar", broken)
    assert noise("images", src, tmp_path / "dst") == 1
    expected = content(tmp_path / "dst")
    (tmp_path / "dst" / "shard-002.tar").unlink()
    assert augkit("resume", tmp_path / "dst", "--quiet") == 1
    assert content(tmp_path / "dst") == expected
    assert augkit("verify", tmp_path / "dst", "--quiet") == 0


def test_shards_are_merged_where_a_tar_has_no_sample(tmp_path, capsys):
    src = shards(tmp_path / "src", count=2)
    pack(src / "empty.tar", [("README", b"no sample")])
    for number in (1, 2):
        assert noise("images", src, tmp_path / "parts", "--shard", f"{number}/2") == 0
    assert (tmp_path / "parts" / "empty.tar.jsonl").read_bytes() == b""
    assert noise("images", src, tmp_path / "dst") == 0
    assert content(tmp_path / "parts") == content(tmp_path / "dst")
    assert augkit("resume", tmp_path / "dst", "--json") == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == 0


def test_what_stands_between_members_stays_where_the_first_copy_fails(tmp_path, monkeypatch):
    contents = members(count=2)
    contents.insert(1, ("README", b"keep me"))
    path = pack(tmp_path / "src" / "a.tar", contents)
    write = Noiser._write

    def failing(self, part, item, copy, place):
        if copy == 1:
            raise InputError("cannot be written")
        return write(self, part, item, copy, place)

    monkeypatch.setattr(Noiser, "_write", failing)
    section = make_section("images", str(path), str(tmp_path / "dst"), {"std": "0.1", "webdataset": True, "copies": 2})
    [report] = package.run(Recipe(seed=3, sections=(section,)), jobs=1)
    assert {failure["copy"] for failure in report.failures} == {1}
    assert ("README", b"keep me") in read(tmp_path / "dst" / "a.tar")


def test_a_member_that_fails_takes_its_sample_with_it(tmp_path):
    contents = members(count=6)
    contents[4] = (contents[4][0], contents[4][1][:300])
    path = pack(tmp_path / "src" / "a.tar", contents)
    assert noise("images", path, tmp_path / "dst") == 1
    names = [name for name, _ in read(tmp_path / "dst" / "a.tar")]
    assert names == [name for name, _ in contents if not name.startswith("train/00001.")]
    (failure,) = jsonl(tmp_path / "dst" / "failures.jsonl")
    assert failure["source"] == "a.tar/train/00001.jpg"
    assert ".augkit" not in failure["reason"]
    (row,) = jsonl(tmp_path / "dst" / "metadata.jsonl")
    assert (row["format"]["samples"], row["format"]["noised"], row["format"]["left_out"]) == (6, 5, 1)
    assert len(jsonl(tmp_path / "dst" / "a.tar.jsonl")) == 5


@pytest.mark.parametrize(
    ("options", "code"), [((), 1), (("--on-error", "stop"), 3), (("--max-errors", "1"), 3), (("--max-errors", "2"), 1)]
)
def test_members_that_fail_spend_the_budget(tmp_path, options, code):
    contents = members(count=4)
    for place in (4, 7):
        contents[place] = (contents[place][0], b"no picture")
    src = shards(tmp_path / "src", count=4)
    pack(src / "shard-000.tar", contents)
    assert noise("images", src, tmp_path / "dst", *options, "-j", "1") == code
    assert len(jsonl(tmp_path / "dst" / "failures.jsonl")) == 2
    if code == 3:
        assert augkit("resume", tmp_path / "dst", "--quiet", "--on-error", "skip") == 1
        assert len(jsonl(tmp_path / "dst" / "failures.jsonl")) == 2
        assert len(list((tmp_path / "dst").glob("*.tar"))) == 4


def test_copies_stand_together_under_names_of_their_own(tmp_path):
    path = pack(tmp_path / "src" / "a.tar", members(count=2))
    assert noise("images", path, tmp_path / "dst", "--copies", "2", "--keep-original") == 0
    names = [name.removeprefix("train/") for name, _ in read(tmp_path / "dst" / "a.tar")]
    kinds = {"00000": "png", "00001": "jpg"}
    assert names == [
        f"{key}{suffix}.{extension}"
        for key in kinds
        for suffix in ("", "_n1", "_n2")
        for extension in ("cls", kinds[key], "json")
    ]
    made, clean = dict(read(tmp_path / "dst" / "a.tar")), dict(read(path))
    assert {name: made[name] for name in clean} == clean
    assert made["train/00000_n1.png"] != made["train/00000_n2.png"]
    assert made["train/00000_n2.json"] == clean["train/00000.json"]
    assert len(samples_of(tmp_path / "dst" / "a.tar")) == 6


def test_some_samples_are_left_clean_and_formats_are_changed(tmp_path):
    path = pack(tmp_path / "src" / "a.tar", members(count=12))
    assert noise("images", path, tmp_path / "some", "--probability", "0.5") == 0
    clean, made = dict(read(path)), dict(read(tmp_path / "some" / "a.tar"))
    same = sum(made[name] == clean[name] for name in clean if name.endswith(NOISED))
    (row,) = jsonl(tmp_path / "some" / "metadata.jsonl")
    assert 0 < same == row["format"]["left_clean"] < 12
    assert noise("images", path, tmp_path / "png", "--format", "png") == 0
    names = [name for name, _ in read(tmp_path / "png" / "a.tar")]
    assert names == [name.replace(".jpg", ".png") for name in clean]
    assert noise("images", path, tmp_path / "x", "--format", "png", "--probability", "0.5") == 2


def test_what_looks_like_an_image_under_a_longer_extension_is_left_unless_it_is_chosen(tmp_path, capsys):
    contents = [("1.jpg", picture("JPEG")), ("1.seg.png", picture()), ("2.left.JPG", picture("JPEG"))]
    path = pack(tmp_path / "src" / "a.tar", contents)
    assert noise("images", path, tmp_path / "dst") == 0
    assert dict(read(tmp_path / "dst" / "a.tar"))["1.seg.png"] == contents[1][1]
    assert "--members seg.png" in (tmp_path / "dst" / "metadata.jsonl").read_text()
    assert noise("images", path, tmp_path / "left", "--members", "left.jpg,.jpg", "--members", "jpeg") == 0
    changed = [name for name, data in read(tmp_path / "left" / "a.tar") if data != dict(contents)[name]]
    assert changed == ["1.jpg", "2.left.JPG"]
    assert noise("images", path, tmp_path / "none", "--members", "bmp") == 3
    assert "jpg, seg.png, left.JPG" in (tmp_path / "none" / "failures.jsonl").read_text()


LONG = "train/" + "folder/" * 20 + "x" * 60 + "/"
FORMS = {"gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT}


@pytest.mark.slow
def test_hugging_face_reads_them(tmp_path):
    import datasets

    contents = [item for i in range(0, 8, 2) for item in members(count=1, first=i)]
    path = pack(tmp_path / "src" / "a.tar", contents)
    assert noise("images", path, tmp_path / "dst", "--copies", "2") == 0
    loaded = datasets.load_dataset(
        "webdataset", data_files=str(tmp_path / "dst" / "*.tar"), cache_dir=str(tmp_path / "cache"), split="train"
    )
    assert loaded["__key__"][:2] == ["train/00000_n1", "train/00000_n2"]
    assert loaded["json"][6:] == [{"id": 6}, {"id": 6}]
    made = dict(read(tmp_path / "dst" / "a.tar"))
    assert (np.asarray(loaded["png"][1]) == decoded(made["train/00000_n2.png"])).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("folder", ["", "d" * 94 + "/", "d" * 60 + "/" + "e" * 60 + "/", "é" * 40 + "/", LONG])
def test_names_of_any_length_are_kept_and_can_be_copied(tmp_path, form, folder):
    contents = [(f"{folder}k.png", picture()), (f"{folder}k.txt", b"a picture")]
    if form == "ustar" and folder in {LONG, "é" * 40 + "/"} and len(f"{folder}k.png".encode()) > 250:
        folder = LONG[-200:]
        contents = [(f"{folder}k.png", picture()), (f"{folder}k.txt", b"a picture")]
    fields = {"pax_headers": {"mtime": "1600000000.25", "comment": "é"}} if form == "pax" else {}
    path = pack(tmp_path / "src" / "a.tar", contents, FORMS[form], **fields)
    assert noise("images", path, tmp_path / "dst") == 0
    assert [name for name, _ in read(tmp_path / "dst" / "a.tar")] == [name for name, _ in contents]
    assert headers(tmp_path / "dst" / "a.tar")[1] == headers(path)[1]
    assert noise("images", path, tmp_path / "copies", "--copies", "12") == 0
    wanted = [f"{folder}k_n{copy}.{extension}" for copy in range(1, 13) for extension in ("png", "txt")]
    made = tmp_path / "copies" / "a.tar"
    assert [name for name, _ in read(made)] == wanted
    listed = subprocess.run(
        ["tar", "--quoting-style=literal", "-tf", made], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert listed.stdout.decode().splitlines() == wanted
    if form == "pax":
        with tarfile.open(made) as tar:
            assert all(info.mtime == 1600000000.25 and info.pax_headers["comment"] == "é" for info in tar)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.zst", ".TAR.GZ"])
def test_packed_tars_come_out_packed_alike(tmp_path, suffix):
    plain = pack(tmp_path / "plain" / "a.tar", members())
    path = tmp_path / "src" / f"a{suffix}"
    path.parent.mkdir()
    if suffix == ".tar.zst":
        path.write_bytes(zstandard.compress(plain.read_bytes()))
    else:
        path.write_bytes(gzip.compress(plain.read_bytes(), mtime=77))
    for dst in ("dst", "again"):
        assert noise("images", path, tmp_path / dst) == 0
    data = (tmp_path / "dst" / path.name).read_bytes()
    assert data == (tmp_path / "again" / path.name).read_bytes()
    if suffix == ".tar.zst":
        unpacked = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    else:
        assert data[3:8] == bytes(5), "no name, no time"
        unpacked = gzip.decompress(data)
    (tmp_path / "out.tar").write_bytes(unpacked)
    names = [name for name, _ in members()]
    assert [name for name, _ in read(tmp_path / "out.tar")] == names
    if suffix != ".tar.zst":
        assert len(samples_of(tmp_path / "dst" / path.name)) == 4
    assert augkit("verify", tmp_path / "dst", "--quiet") == 0
    assert not list((tmp_path / "dst").glob(".augkit*"))


def test_a_level_of_zero_keeps_every_byte_of_lossless_members_and_of_the_tar(tmp_path):
    contents = [item for item in members("series", 4) if not item[0].endswith(".npy")]
    path = pack(tmp_path / "src" / "a.tar", contents, tarfile.PAX_FORMAT, pax_headers={"mtime": "1.5"})
    assert augkit("series", path, tmp_path / "dst", "--webdataset", "--std", "0", "--quiet") == 0
    assert (tmp_path / "dst" / "a.tar").read_bytes() == path.read_bytes()


REFUSED = {
    "labels": ("--labels", "copy"),
    "annotations": ("--labels", "copy", "--annotations", "x.json"),
    "masks": ("--labels", "copy", "--masks", "m"),
    "a share of errors": ("--max-errors", "5%"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_mean_nothing_in_tars_are_refused_by_name(tmp_path, name, capsys):
    assert noise("images", shards(tmp_path / "src", count=1), tmp_path / "dst", *REFUSED[name]) == 2
    assert "webdataset" in capsys.readouterr().err
    assert not (tmp_path / "dst").exists()


def test_options_of_other_domains_that_mean_nothing_in_tars_are_refused_by_name(tmp_path, capsys):
    src, dst = shards(tmp_path / "src", "audio", count=1), tmp_path / "dst"
    assert noise("audio", src, dst, "--save-noise", "n") == 2
    assert "save_noise" in capsys.readouterr().err
    assert noise("series", src, dst, "--scale-over", "folder") == 2
    assert "scale_over" in capsys.readouterr().err
    assert augkit("images", src, dst, "--std", "0.1", "--members", "png") == 2
    assert "members" in capsys.readouterr().err


def test_what_else_is_told_of_tars(tmp_path, capsys):
    src, dst = shards(tmp_path / "src", count=3), tmp_path / "dst"
    (src / "notes.txt").write_text("three shards")
    assert augkit("images", src, dst, "--webdataset", "--std", "0.1", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "3 tars" in said
    assert "members are counted while they are read" in said
    assert not dst.exists()
    assert augkit("images", src, dst, "--webdataset", "--std", "0.1", "--seed", "3", "--copy-others") == 0
    assert "images in tars: 4 files -> 3 outputs" in capsys.readouterr().out
    assert (dst / "notes.txt").exists()
    assert augkit("report", dst, "-o", tmp_path / "page.html") == 0
    assert augkit("measure", src, dst) == 2
    assert augkit("measure", src / "shard-000.tar", dst / "shard-000.tar") == 2
    assert augkit("images", src, tmp_path / "other", "--std", "0.1", "--exclude", "*.txt") == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert "--webdataset takes what is in tars" in errors[2]
    assert augkit("verify", dst, "--quiet") == 0
    data = bytearray((dst / "shard-001.tar").read_bytes())
    data[512] ^= 1
    (dst / "shard-001.tar").write_bytes(data)
    assert augkit("verify", dst) == 1
    assert "train/00004.cls differs" in capsys.readouterr().out


def test_a_recipe_holds_it(tmp_path):
    src = shards(tmp_path / "src", count=1)
    (tmp_path / "r.toml").write_text(
        'seed = 3\n[[images]]\nsrc = "src"\ndst = "dst"\nstd = 0.1\nwebdataset = true\nmembers = ["png"]\n'
    )
    assert augkit("run", tmp_path / "r.toml", "--quiet") == 0
    assert "webdataset = true" in (tmp_path / "dst" / "recipe.toml").read_text()
    assert augkit("run", tmp_path / "dst" / "recipe.toml", "--resume", "--quiet") == 0
    clean, made = dict(read(src / "shard-000.tar")), dict(read(tmp_path / "dst" / "shard-000.tar"))
    assert {name.rpartition(".")[2] for name in clean if clean[name] != made[name]} == {"png"}
