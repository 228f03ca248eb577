"""Runs that are cut into shards: the records and the tree are those of one run, whoever ends last, and in any order."""

import os
import signal
import subprocess
import sys
import time

import pytest

from augkit.folder import storage
from augkit.folder.storage import held
from tests.trees import augkit, content, pictures, recordings, tables

LEVELS = {"images": ("--std", "0.02..0.2"), "audio": ("--snr", "0..20"), "series": ("--std", "0.1sd")}
MAKE = {"images": pictures, "audio": recordings, "series": tables}


def words(domain, src, dst, *options):
    return (domain, src, dst, *LEVELS[domain], "--seed", "5", "--quiet", *options)


def sources(tmp_path, domain="images", count=20):
    """Write sources, of which one is broken, and run over them as a whole."""
    src = MAKE[domain](tmp_path / "src", count)
    (src / f"broken.{'csv' if domain == 'series' else 'wav' if domain == 'audio' else 'png'}").write_bytes(b"")
    (src / "notes.md").write_text("read me")
    assert augkit(*words(domain, src, tmp_path / "whole", "--copy-others")) == 1
    return src, content(tmp_path / "whole")


def together(src, dst, domain="images", count=3, options=()):
    """Start all shards at the same time, and return their exit codes."""
    commands = [
        words(domain, src, dst, "--copy-others", "-j", "1", "--shard", f"{number + 1}/{count}", *options)
        for number in range(count)
    ]
    started = [subprocess.Popen([sys.executable, "-m", "augkit", *map(str, command)]) for command in commands]
    return [process.wait() for process in started]


@pytest.mark.parametrize("domain", MAKE)
@pytest.mark.parametrize("order", ["123", "312"])
def test_three_shards_make_the_tree_of_one_run(tmp_path, domain, order):
    src, whole = sources(tmp_path, domain)
    dst = tmp_path / "dst"
    codes = [augkit(*words(domain, src, dst, "--copy-others", "--shard", f"{number}/3")) for number in order]
    assert sorted(codes) == [0, 0, 1]
    assert content(dst) == whole


def test_shards_that_run_at_the_same_time(tmp_path):
    src, whole = sources(tmp_path, count=40)
    for number in range(2):
        dst = tmp_path / f"dst{number}"
        assert sorted(together(src, dst)) == [0, 0, 1]
        assert content(dst) == whole


@pytest.mark.slow
@pytest.mark.parametrize("domain", MAKE)
def test_shards_of_a_thousand_files(tmp_path, domain):
    src, whole = sources(tmp_path, domain, count=1000)
    assert sorted(together(src, tmp_path / "dst", domain)) == [0, 0, 1]
    assert content(tmp_path / "dst") == whole


def test_shards_on_a_file_system_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "fcntl", None)
    src, whole = sources(tmp_path)
    for number in (2, 1, 3):
        augkit(*words("images", src, tmp_path / "dst", "--copy-others", "--shard", f"{number}/3"))
    assert content(tmp_path / "dst") == whole


def test_a_shard_that_was_killed_is_resumed(tmp_path):
    src, whole = sources(tmp_path, count=400)
    dst = tmp_path / "dst"
    command = words("images", src, dst, "--copy-others", "-j", "2", "--shard", "2/3")
    process = subprocess.Popen([sys.executable, "-m", "augkit", *map(str, command)], start_new_session=True)
    while not (dst / "cat").exists():
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (dst / "metadata.jsonl").exists()
    assert augkit(*command[:-2], "--shard", "1/3") in {0, 1}
    assert augkit(*command) == 2, "it was begun"
    assert augkit("resume", dst, "--shard", "2/3", "--quiet") in {0, 1}
    assert augkit(*command[:-2], "--shard", "3/3", "--resume") in {0, 1}, "one may always ask for --resume"
    assert content(dst) == whole
    for number in (1, 2, 3):
        augkit("resume", dst, "--shard", f"{number}/3", "--quiet")
        assert content(dst) == whole


def test_the_whole_run_takes_over_what_shards_made(tmp_path):
    src, whole = sources(tmp_path)
    dst = tmp_path / "dst"
    assert augkit(*words("images", src, dst, "--copy-others", "--shard", "1/3")) in {0, 1}
    kept = {path: path.stat().st_mtime_ns for path in dst.rglob("*.png")}
    assert kept
    assert augkit("resume", dst, "--quiet") == 1
    assert content(dst) == whole
    assert all(path.stat().st_mtime_ns == moment for path, moment in kept.items())
    assert augkit(*words("images", src, dst, "--copy-others", "--shard", "1/3")) == 2, "they are merged"


def test_overwriting_what_shards_have_begun(tmp_path):
    src, whole = sources(tmp_path)
    dst = tmp_path / "dst"
    augkit(*words("images", src, dst, "--copy-others", "--copies", "2", "--shard", "1/3"))
    assert augkit(*words("images", src, dst, "--copy-others", "--overwrite")) == 1
    assert content(dst) == whole


def test_a_source_that_no_shard_saw_is_told(tmp_path, capsys):
    src, _ = sources(tmp_path)
    dst = tmp_path / "dst"
    augkit(*words("images", src, dst, "--shard", "1/2"))
    seen = sorted(path.name for path in dst.rglob("*.png"))
    (dst / next(path.relative_to(dst) for path in dst.rglob("*.png"))).unlink()
    assert seen
    assert augkit(*words("images", src, dst, "--shard", "2/2")) == 3
    assert f"augkit resume {dst} makes what is missing" in capsys.readouterr().err
    assert augkit("resume", dst, "--quiet") == 1
    assert augkit(*words("images", src, tmp_path / "again")) == 1
    assert content(dst) == content(tmp_path / "again")


def test_shards_that_do_not_belong_together_are_refused(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    dst = tmp_path / "dst"
    assert augkit("images", src, dst, "--std", "0.1", "--shard", "1/2") == 2
    assert "one --seed" in capsys.readouterr().err
    assert augkit(*words("images", src, dst, "--shard", "1/2")) == 0
    for wrong in (
        ("--shard", "2/2", "--report", tmp_path / "page.html"),
        ("--shard", "1/3"),
        ("--shard", "2/2", "--overwrite"),
        ("--shard", "1/2"),
        ("--copies", "2"),
    ):
        assert augkit(*words("images", src, dst, *wrong)) == 2
    assert augkit("images", src, dst, "--std", "0.3", "--seed", "5", "--shard", "2/2") == 2, "another recipe"
    for wrong in ("0/2", "3/2", "2", "a/b", "1/0", "-1/2"):
        assert augkit(*words("images", src, tmp_path / "other", "--shard", wrong)) == 2
    with held(dst, shared=True):
        assert augkit("resume", dst, "--quiet") == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    assert augkit(*words("images", src, tmp_path / "full", "--shard", "1/2")) == 2


def test_a_sweep_in_shards(tmp_path):
    src = pictures(tmp_path / "src")
    options = ("images", src, "--preset", "imagenet-c/shot_noise:1-2", "--seed", "5", "--quiet")
    assert augkit(*options[:2], tmp_path / "whole", *options[2:]) == 0
    for number in (1, 2):
        assert augkit(*options[:2], tmp_path / "dst", *options[2:], "--shard", f"{number}/2") == 0
    assert content(tmp_path / "dst") == content(tmp_path / "whole")
