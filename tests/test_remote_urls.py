"""What is a URL and what is a path, and what may be said in one."""

import pytest

from augkit.errors import UsageError
from augkit.folder.remote.urls import as_place, check_apart, check_target, in_one_process, joined, parted
from tests.trees import augkit, content, pictures


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket/photos/", "s3://bucket/photos"),
        ("s3://bucket", "s3://bucket"),
        ("memory://", "memory://"),
        ("memory:///", "memory://"),
        ("zip://::/data/a.zip", "zip://::/data/a.zip"),
        ("zip://in/::s3://b/a.zip", "zip://in::s3://b/a.zip"),
        ("simplecache::s3://b/x", "simplecache::s3://b/x"),
        ("sftp://me@host/x", "sftp://me@host/x"),
        ("file:///data/photos", "/data/photos"),
        ("C:/photos", "C:/photos"),
        ("2026-01-01T10:00/x", "2026-01-01T10:00/x"),
        ("a::b", "a::b"),
        ("./s3://bucket", "./s3://bucket"),
    ],
)
def test_places_are_used_as_they_are_meant(text, place):
    assert as_place(text) == place
    assert as_place(place) == place


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("s3:/bucket/photos", "s3://bucket/photos"),
        ("memory:/x", "two slashes"),
        ("file://data", "from the root"),
        ("sftp://me:hunter2@host/x", "password"),
        ("zip://::https://me:hunter2@host/x.zip", "password"),
        ("https://host/x.zip?X-Amz-Signature=hunter2", "signature"),
        ("az://c/x?sv=1&sig=hunter2", "signature"),
        ("s3://bucket/../other", "without . and .."),
        ("s3://bucket//x", "empty names"),
        ("zip://x::file://a.zip", "from the root"),
        ("reference://::index.json", "reference:// is not read here"),
        ("reference::s3://b/index.json", "reference:// is not read here"),
        ("zip://x::reference://::index.json", "reference:// is not read here"),
    ],
)
def test_what_was_not_meant_is_refused(text, told):
    with pytest.raises(UsageError, match=told) as error:
        as_place(text)
    assert "hunter2" not in str(error.value)


def test_an_archive_is_named_from_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_place("zip://x::a.zip") == f"zip://x::{tmp_path}/a.zip"
    assert as_place("zip://x::../b/a.zip", "/data/c") == "zip://x::/data/b/a.zip"


def test_a_folder_with_a_colon_stays_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "s3:" / "day 10:30")
    common = ("--std", "0.1", "--seed", "1", "--quiet")
    assert augkit("images", "s3:/day 10:30", "out::1", *common) == 0
    assert "same_a.png" in content(tmp_path / "out::1")
    assert augkit("images", "s3:/day 10:30", "gs:/bucket/out", *common) == 2
    assert "gs://bucket/out" in capsys.readouterr().err
    assert not (tmp_path / "gs:").exists()


def test_urls_are_taken_apart_and_put_together():
    assert joined("s3://b", "x/y") == "s3://b/x/y"
    assert joined("memory://", "x") == "memory://x"
    assert joined("zip://in::a.zip", "x") == "zip://in/x::a.zip"
    for url in ("s3://b/p/x.png", "memory://x.png", "zip://x.png::a.zip", "zip://in/x.png::s3://b/a.zip"):
        folder, name = parted(url)
        assert (joined(folder, name), name) == (url, "x.png")
    assert in_one_process("s3://b", "zip://a::memory://x.zip")
    assert not in_one_process("s3://memory", None)


@pytest.mark.parametrize("url", ["zip://x::a.zip", "https://host/x", "tar://x", "simplecache::s3://b/x", "hf://x"])
def test_what_cannot_be_written_to_is_no_target(url, tmp_path, capsys):
    with pytest.raises(UsageError, match="DST cannot be written to"):
        check_target(url)
    assert augkit("images", pictures(tmp_path / "src"), url, "--std", "0.1") == 2
    assert "DST cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("dst", "src", "apart"),
    [
        ("s3://b/out", "s3://b/src", True),
        ("s3://b/src2", "s3://b/src", True),
        ("s3://b/src", "s3://b/src", False),
        ("s3://b/src/out", "s3://b/src", False),
        ("s3://b", "s3://b/src", False),
        ("s3a://b/src", "s3://b/src", False),
        ("s3://b/out", "gs://b/out", True),
        ("s3://b/out", "zip://x::s3://b/out/a.zip", False),
        ("s3://b/out", "/data/src", True),
        ("/data/out", "zip://x::/data/a.zip", True),
        ("/data/out", "zip://x::/data/out/a.zip", False),
        ("/data/out", "zip://x::file:///data/out/a.zip", False),
        ("/data/out/in", "simplecache::file:///data/out", False),
        ("/data/out", "zip://x::s3://b/data/out/a.zip", True),
    ],
)
def test_src_and_dst_lie_apart(dst, src, apart):
    if apart:
        check_apart(dst, src)
    else:
        with pytest.raises(UsageError, match="is, contains or lies inside"):
            check_apart(dst, src)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("images", "foo://b/x", "{out}", "--std", "0.1"), "foo:// is not read here"),
        (("images", "s3://me:hunter2@b/x", "{out}", "--std", "0.1"), "password"),
        (("images", "{src}", "s3://b/out", "--std", "0.1", "--shard", "1/2", "--seed", "1"), "local DST"),
        (("images", "{src}", "s3://b/out", "--std", "0.1", "--report", "p.html"), "a local path was expected"),
        (("images", "{src}", "{out}", "--std", "0.1", "--files-from", "s3://b/names"), "files_from=s3://b/names"),
        (("images", "{src}", "{out}", "--std", "0.1", "--labels", "copy", "--masks", "s3://b/m"), "masks=s3://b/m"),
        (("images", "{src}", "s3://b/out", "--preset", "imagenet-c/shot_noise:1-2"), "need a local DST"),
        (("sweep", "{src}", "s3://b/out", "--std", "0.1,0.2"), "need a local DST"),
        (("sweep", "s3://b/src", "{out}", "--std", "0.1,0.2"), "--domain tells"),
        (("audio", "{src}", "{out}", "--snr", "5", "--backgrounds", "s3://b/x"), "backgrounds=s3://b/x"),
        (("verify", "s3://b/out"), "copy it here"),
        (("report", "s3://b/out"), "copy it here"),
        (("measure", "s3://b/a.png", "s3://b/b.png"), "copy it here"),
        (("preview", "s3://b/a.png"), "copy it here"),
        (("run", "s3://b/recipe.toml"), "copy it here"),
        (("resume", "s3:/b/out"), "two slashes"),
    ],
)
def test_what_is_not_done_with_urls_is_told(words, told, tmp_path, monkeypatch, capsys):
    pytest.importorskip("s3fs")
    monkeypatch.chdir(tmp_path)
    src = pictures(tmp_path / "src")
    words = [word.format(src=src, out=tmp_path / "out") for word in words]
    assert augkit(*words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "hunter2" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["src"]
