"""Runs between stores that are killed at random moments: nothing is torn, no row lies, a resumed tree is whole."""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.kills import killed, members
from tests.trees import content, pictures

OPTIONS = ("--std", "0.1", "--copies", "2", "--seed", "3", "--quiet", "-j", "2")


def command(*words):
    return [sys.executable, "-m", "augkit", *map(str, words)]


def check_torn(bucket, prefix, whole):
    """Check every object under a final name, and that each row has its object."""
    there = {key.removeprefix(f"{prefix}/"): bucket.get(key) for key in bucket.keys(f"{prefix}/")}
    for name, data in there.items():
        if not name.startswith(".augkit-") and name != "recipe.toml":
            assert hashlib.sha256(data).hexdigest() == whole[name], f"{name}: torn"
    for name, data in there.items():
        for line in data.splitlines() if name.startswith(".augkit-journal/") else ():
            assert json.loads(line)["row"]["file_name"] in there, f"{line}: a row without its file"


def kill_runs(bucket, tmp_path, kills, files, seed=1):
    """Kill runs, and what resumes them, at random moments; let each end at last, and compare."""
    src = pictures(tmp_path / "src", files)
    url = bucket.upload(src, "src")
    whole = tmp_path / "whole"
    subprocess.run(command("images", src, whole, *OPTIONS), check=True)
    whole = {name: one for name, one in content(whole).items() if name != "recipe.toml"}
    began = time.monotonic()
    subprocess.run(command("images", url, bucket.url("timed"), *OPTIONS), check=True)
    lasts = time.monotonic() - began
    rng, done, number = random.Random(seed), 0, 0  # noqa: S311 - moments, not secrets
    while done < kills:
        prefix, number = f"out{number}", number + 1
        words = command("images", url, bucket.url(prefix), *OPTIONS)
        for _ in range(rng.choice([1, 2])):
            hit = killed(words, rng.uniform(0.35, 1.0) * lasts)
            done, lasts = done + hit, lasts * (1.0 if hit else 0.85)
            check_torn(bucket, prefix, whole)
            if not bucket.keys(f"{prefix}/recipe.toml"):
                break
            words = command("resume", bucket.url(prefix), "--quiet", "-j", "2")
        if words[3] == "images" and bucket.keys(f"{prefix}/recipe.toml"):  # it ended before it was killed
            words = command("resume", bucket.url(prefix), "--quiet")
        subprocess.run(words, check=True)
        tree = bucket.content(prefix)
        assert {name: one for name, one in tree.items() if name != "recipe.toml"} == whole
        for key in bucket.keys(f"{prefix}/"):
            bucket.delete(key)


@pytest.fixture(name="scratch")
def _scratch(monkeypatch):
    with tempfile.TemporaryDirectory() as place:  # of a short name, as sockets in it have to have
        monkeypatch.setenv("TMPDIR", place)
        yield Path(place)


def test_a_killed_run_is_resumed_to_the_same_tree(bucket, tmp_path, scratch):
    kill_runs(bucket, tmp_path, kills=1, files=14)
    assert [path.name for path in scratch.glob("augkit-*")] == [], "what a killed run left here is gone too"


@pytest.mark.slow
def test_runs_killed_at_random_moments_lose_nothing(bucket, tmp_path, scratch):
    kill_runs(bucket, tmp_path, kills=20, files=60)
    assert [path.name for path in scratch.glob("augkit-*")] == []


@pytest.mark.slow
def test_an_interrupted_run_takes_its_folder_away(bucket, tmp_path, scratch):
    src = pictures(tmp_path / "src", 200)
    process = subprocess.Popen(command("images", src, bucket.url("out"), *OPTIONS), stderr=subprocess.PIPE)
    while not bucket.keys("out/dog/"):
        time.sleep(0.05)
    process.terminate()
    _, told = process.communicate()
    assert process.returncode == 143
    assert f"augkit resume {bucket.url('out')} goes on".encode() in told
    assert members(process.pid) == []
    assert [path.name for path in scratch.glob("augkit-*")] == []
    pieces = [key for key in bucket.keys("out/") if "/.augkit-journal/" in key]
    assert pieces
