"""Stores that fail: what passes is waited out, what lasts is named, and nothing half-written is ever seen."""

import json
import random
import zipfile
from itertools import count

import pytest

import augkit as package
from augkit.folder.remote import making, trouble
from augkit.recipe import Recipe, make_section
from tests.store import KEYS, failing
from tests.test_run_same import CutOff
from tests.trees import augkit, content, pictures

COMMON = ("--std", "0.1", "--seed", "7", "--quiet", "-j", "1")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(trouble, "_PAUSE", 0.01)
    monkeypatch.setattr(trouble, "_MOST_GIVEN_UP", 2)


@pytest.fixture(name="trees")
def _trees(tmp_path, bucket):
    """Return sources in the bucket, and the tree that a run over folders makes of them."""
    src = pictures(tmp_path / "src", 3)
    assert augkit("images", src, tmp_path / "whole", *COMMON) == 0
    return bucket.upload(src, "src"), whole_of(content(tmp_path / "whole"))


def whole_of(tree):
    return {name: one for name, one in tree.items() if name != "recipe.toml"}


def failures(bucket, prefix="out"):
    return [json.loads(line) for line in bucket.get(f"{prefix}/failures.jsonl").splitlines()]


def passing(seed):
    """Return faults that go by: each request of a kind fails up to twice in a row before it succeeds."""
    rng, left = random.Random(seed), {}  # noqa: S311 - faults, not secrets

    def fault(method, path):
        tries = left.setdefault((method, path), rng.choice([0, 0, 1, 2]))
        if not tries:
            return None
        left[method, path] -= 1
        return rng.choice([503, 500, "slow", "dead", "reset", *(["cut"] if method == "GET" else [])])

    return fault


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_what_passes_is_waited_out(bucket, trees, monkeypatch, seed):
    url, whole = trees
    with failing(bucket, monkeypatch, passing(seed)) as proxy:
        assert augkit("images", url, bucket.url("out"), *COMMON) == 0
        assert proxy.faults > 8
    assert whole_of(bucket.content("out")) == whole


def test_one_listing_and_no_request_for_a_source_before_it_is_read(bucket, trees, monkeypatch):
    url, _ = trees
    with failing(bucket, monkeypatch, lambda *_: None) as proxy:
        assert augkit("images", url, bucket.url("out"), *COMMON) == 0
        asked = [(method, path) for method, path in proxy.requests if path.endswith(".png") and "/src/" in path]
        listings = [path for method, path in proxy.requests if "list-type=2" in path and "delimiter=&" in path]
    assert sorted(asked) == sorted(set(asked)), "each is fetched once"
    assert {method for method, _ in asked} == {"GET"}
    assert len(listings) == 1


@pytest.mark.parametrize(
    ("method", "part", "told"),
    [
        ("GET", "/src/same_a.png", "could not be read: permission denied"),
        ("PUT", "/out/same_a.png", "written: permission"),
    ],
)
def test_what_is_forbidden_is_named_and_the_rest_is_done(bucket, trees, monkeypatch, method, part, told):
    url, whole = trees

    def fault(asked, path):
        return 403 if asked == method and part in path else None

    with failing(bucket, monkeypatch, fault) as proxy:
        assert augkit("images", url, bucket.url("out"), *COMMON) == 1
        assert proxy.faults == 1, "nothing that lasts is tried again"
    [failure] = failures(bucket)
    assert failure["source"] == "same_a.png"
    assert told in failure["reason"]
    assert "s3://" not in failure["reason"]
    tree = whole_of(bucket.content("out"))
    assert tree.keys() == (whole.keys() | {"failures.jsonl"}) - {"same_a.png"}
    assert augkit("resume", bucket.url("out"), "--quiet") == 0
    assert whole_of(bucket.content("out")) == whole


@pytest.mark.slow
def test_no_output_is_left_without_its_company_nor_that_without_it(bucket, tmp_path, monkeypatch):
    src = pictures(tmp_path / "src", 1)
    (src / "same_a.txt").write_text("0 0.5 0.5 0.1 0.1\n")

    def fault(method, path):
        return 403 if method == "PUT" and path.split("?")[0].endswith("/out/same_a.png") else None

    with failing(bucket, monkeypatch, fault):
        assert augkit("images", src, bucket.url("out"), *COMMON, "--labels", "copy") == 1
    assert "same_a.txt" not in bucket.content("out")
    with failing(bucket, monkeypatch, lambda method, path: 403 if "same_a.txt" in path and method == "PUT" else None):
        assert augkit("resume", bucket.url("out"), "--quiet") == 1
    assert not {"same_a.txt", "same_a.png"} & bucket.content("out").keys()
    assert augkit("resume", bucket.url("out"), "--quiet") == 0
    assert {"same_a.txt", "same_a.png"} <= bucket.content("out").keys()


@pytest.mark.slow
def test_an_older_output_stays_where_the_new_one_cannot_be_sent(bucket, trees, monkeypatch):
    url, whole = trees
    assert augkit("images", url, bucket.url("out"), "--copies", "2", *COMMON) == 0
    assert (
        augkit("images", url, bucket.url("out"), "--std", "0.2", "--seed", "7", "--quiet", "-j", "1", "--overwrite")
        == 0
    )
    older = bucket.content("out")
    assert older.keys() == whole.keys() | {"recipe.toml"}, "those of the first run are gone"

    def fault(method, path):
        return 403 if method == "PUT" and "/out/same_a.png" in path else None

    with failing(bucket, monkeypatch, fault):
        assert augkit("images", url, bucket.url("out"), *COMMON, "--overwrite") == 1
    tree = bucket.content("out")
    assert tree["same_a.png"] == older["same_a.png"]
    assert tree["same_b.png"] == whole["same_b.png"]
    assert augkit("resume", bucket.url("out"), "--quiet") == 0
    assert whole_of(bucket.content("out")) == whole


@pytest.mark.slow
def test_a_store_that_goes_away_ends_the_run_and_it_is_resumed(bucket, trees, monkeypatch, capsys):
    url, whole = trees
    for gone_at in (9, 17):
        numbers = count()
        prefix = f"out{gone_at}"
        with failing(bucket, monkeypatch, lambda *_, numbers=numbers, at=gone_at: 503 if next(numbers) > at else None):
            assert augkit("images", url, bucket.url(prefix), *COMMON) == 3
        assert bucket.url(prefix) in capsys.readouterr().err
        there = bucket.content(prefix)
        assert {name: whole[name] for name in there if name in whole} == {
            name: one for name, one in there.items() if name in whole
        }
        assert augkit("resume", bucket.url(prefix), "--quiet", "-j", "1") == 0
        assert whole_of(bucket.content(prefix)) == whole


@pytest.mark.parametrize("seconds", [0.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_a_run_that_is_cut_off_is_resumed(bucket, trees, monkeypatch, seconds):
    url, whole = trees
    monkeypatch.setattr(making, "_SECONDS", seconds)
    section = make_section("images", url, bucket.url("out"), {"std": "0.1"})
    for number, outputs in enumerate((2, 4)):
        with pytest.raises(KeyboardInterrupt):
            package.run(Recipe(seed=7, sections=(section,)), jobs=1, resume=number > 0, progress=CutOff(outputs))
        pieces = [key for key in bucket.keys("out/") if "/.augkit-journal/" in key]
        rows = [json.loads(line) for key in pieces for line in bucket.get(key).splitlines()]
        assert len({row["index"] for row in rows}) == outputs
        assert "metadata.jsonl" not in bucket.content("out")
    [report] = package.run(Recipe(seed=7, sections=(section,)), jobs=1, resume=True)
    assert report.resumed == 4
    assert whole_of(bucket.content("out")) == whole


@pytest.mark.slow
def test_a_row_without_its_file_is_made_again(bucket, trees):
    url, whole = trees
    assert augkit("images", url, bucket.url("out"), *COMMON) == 0
    bucket.delete("out/same_a.png")
    bucket.put("out/same_b.png", b"cut")
    assert augkit("resume", bucket.url("out"), "-j", "1") == 0
    assert whole_of(bucket.content("out")) == whole


@pytest.mark.slow
def test_another_recipe_is_refused(bucket, trees, capsys):
    url, _ = trees
    assert augkit("images", url, bucket.url("out"), *COMMON) == 0
    before = bucket.content("out")
    for words in (("--std", "0.2", "--seed", "7", "--resume"), ("--std", "0.1", "--seed", "8", "--resume"), COMMON):
        assert augkit("images", url, bucket.url("out"), *words, "--quiet") == 2
        assert bucket.url("out") in capsys.readouterr().err
    assert augkit("resume", bucket.url("nothing")) == 2
    assert "nothing to resume" in capsys.readouterr().err
    bucket.put("moved/recipe.toml", bucket.get("out/recipe.toml"))
    assert augkit("resume", bucket.url("moved")) == 2
    assert bucket.content("out") == before


def test_no_bucket_no_credentials_no_server(bucket, trees, monkeypatch, capsys):
    url, _ = trees
    for words, told in (
        (("s3://no-such-bucket/src", bucket.url("out")), "bucket does not exist"),
        ((bucket.url("nothing"), bucket.url("out")), "no such file or folder"),
        ((url, "s3://no-such-bucket/out"), "bucket does not exist"),
    ):
        assert augkit("images", *words, *COMMON) in {2, 3}
        assert told in capsys.readouterr().err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert augkit("images", url, bucket.url("out"), *COMMON) == 3
    assert "Unable to locate credentials" in capsys.readouterr().err
    assert bucket.keys("out/") == []
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, KEYS[name])


@pytest.mark.slow
def test_an_upload_that_is_cut_off_is_not_seen(bucket, tmp_path, monkeypatch):
    """An output of many parts, of which one is refused: nothing is under its name."""
    import numpy as np

    (tmp_path / "src").mkdir()
    rng = np.random.default_rng(1)
    np.save(tmp_path / "src" / "long.npy", rng.normal(size=(13_500_000, 1)))

    def fault(method, path):
        return 403 if method == "PUT" and "partNumber=2" in path else None

    with failing(bucket, monkeypatch, fault) as proxy:
        assert augkit("series", tmp_path / "src", bucket.url("out"), *COMMON) == 3
        assert proxy.faults
    assert bucket.content("out").keys() == {"failures.jsonl", "metadata.jsonl", "recipe.toml"}
    assert augkit("resume", bucket.url("out"), "--quiet") == 0
    assert "long.npy" in bucket.content("out")


HOSTILE = (
    "src/a/../../x.png",
    "src//b.png",
    "src/a/./b.png",
    "src//abs/b.png",
    f"src/{'n' * 300}.png",
    "src/dirfull.png/",
    "src/c?versionId=1.png",
)


def test_hostile_names_are_faults_and_lead_nowhere(bucket, trees, tmp_path):
    url, whole = trees
    data = bucket.get("src/same_a.png")
    for key in HOSTILE:
        bucket.put(key, data)
    for key in ("src/", "src/folder/", "src/.hidden/a.png"):
        bucket.put(key, b"")
    bucket.put("src2/a.png", data)
    assert augkit("images", url, bucket.url("out"), *COMMON) == 1
    assert augkit("images", url, tmp_path / "out" / "here", *COMMON) == 1
    told = {failure["source"]: failure["reason"] for failure in failures(bucket)}
    assert told.keys() == {key.removeprefix("src/") for key in HOSTILE}
    assert all("rename it" in reason for reason in told.values())
    assert bucket.content("out").keys() == whole.keys() | {"failures.jsonl", "recipe.toml"}
    assert bucket.content("out")["metadata.jsonl"] == whole["metadata.jsonl"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["here"]


def test_hostile_names_in_an_archive(tmp_path):
    pytest.importorskip("fsspec")
    data = (pictures(tmp_path / "src", 1) / "same_a.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("a/../../x.png", "/etc/y.png", "fine/new\nline.png", "deep/", "../z.png"):
            archive.writestr(name, data)
    assert augkit("images", f"zip://::{tmp_path / 'a.zip'}", tmp_path / "out" / "here", *COMMON) == 1
    told = [json.loads(line) for line in (tmp_path / "out" / "here" / "failures.jsonl").read_text().splitlines()]
    assert {row["source"] for row in told} == {"a/../../x.png", "etc/y.png", "../z.png"}
    assert content(tmp_path / "out").keys() == {
        f"here/{name}" for name in ("fine/new\nline.png", "failures.jsonl", "metadata.jsonl", "recipe.toml")
    }


def test_collisions_are_refused(bucket, trees, capsys):
    url, _ = trees
    data = bucket.get("src/same_a.png")
    bucket.put("src/caf\u00e9.png", data)
    for key in ("src/SAME_A.png", "src/cafe\u0301.png"):
        bucket.put(key, data)
        assert augkit("images", url, bucket.url("out"), *COMMON) == 2
        assert "would both be written to" in capsys.readouterr().err
        bucket.delete(key)
    assert bucket.keys("out/") == []
    bucket.put("one/a", data)
    bucket.put("one/a.png", data)
    bucket.put("one/a.png/b.png", data)
    assert augkit("images", bucket.url("one"), bucket.url("out"), *COMMON) == 2
    assert "cannot be a folder too" in capsys.readouterr().err
