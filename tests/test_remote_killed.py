"""Runs between stores that are killed at random moments: nothing is torn, no row lies, a resumed tree is whole."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.kills import killed, members
from tests.trees import content, pictures

OPTIONS = ("--std", "0.1", "--copies", "2", "--quiet", "-j", "2")
OVERWRITTEN = 3
"""One trial in so many replaces the tree of an earlier run."""


def command(*words):
    return [sys.executable, "-m", "augkit", *map(str, words)]


def without_recipe(tree):
    return {name: one for name, one in tree.items() if name != "recipe.toml"}


def check_torn(bucket, prefix, trees):
    """Check every object under a final name, and that each row has its object."""
    there = {key.removeprefix(f"{prefix}/"): bucket.get(key) for key in bucket.keys(f"{prefix}/")}
    for name, data in there.items():
        if not name.startswith(".augkit-") and name != "recipe.toml":
            assert hashlib.sha256(data).hexdigest() in {tree.get(name) for tree in trees}, f"{name}: torn"
    for name, data in there.items():
        for line in data.splitlines() if name.startswith(".augkit-journal/") else ():
            assert json.loads(line)["row"]["file_name"] in there, f"{line}: a row without its file"


def trial(bucket, url, prefix, trees, lasts, rng):
    """Kill a run, and perhaps what resumes it; let it end at last, and compare. Return the kills that hit."""
    new, old = trees[0], trees[-1]
    hits = 0
    words = command("images", url, bucket.url(prefix), *OPTIONS, "--seed", 3, *(["--overwrite"] if old != new else []))
    for _ in range(rng.choice([1, 2])):
        hits += killed(words, rng.uniform(0.35, 1.0) * lasts)
        check_torn(bucket, prefix, trees)
        if not bucket.keys(f"{prefix}/recipe.toml"):
            break
        words = command("resume", bucket.url(prefix), "--quiet", "-j", "2")
    begun = old == new or b"seed = 3" in bucket.get(f"{prefix}/recipe.toml")
    subprocess.run(words, check=True)
    assert without_recipe(bucket.content(prefix)) == (new if begun else old)
    for key in bucket.keys(f"{prefix}/"):
        bucket.delete(key)
    return hits


def kill_runs(bucket, tmp_path, kills, files, seed=1):
    """Do trials until so many runs were killed."""
    src = pictures(tmp_path / "src", files)
    url = bucket.upload(src, "src")
    trees = []
    for number in (3, 4):
        whole = tmp_path / f"whole{number}"
        subprocess.run(command("images", src, whole, *OPTIONS, "--seed", number), check=True)
        trees.append(without_recipe(content(whole)))
    began = time.monotonic()
    subprocess.run(command("images", url, bucket.url("old"), *OPTIONS, "--seed", 4), check=True)
    lasts = time.monotonic() - began
    rng, done, number = random.Random(seed), 0, 0  # noqa: S311 - moments, not secrets
    while done < kills:
        prefix, number = f"out{number}", number + 1
        overwrite = number % OVERWRITTEN == 0
        if overwrite:
            for key in bucket.keys("old/"):
                data = bucket.get(key).replace(f"/{bucket.name}/old".encode(), f"/{bucket.name}/{prefix}".encode())
                bucket.put(prefix + key.removeprefix("old"), data)
        hits = trial(bucket, url, prefix, trees if overwrite else trees[:1], lasts, rng)
        done, lasts = done + hits, lasts * (1.0 if hits else 0.85)


@pytest.fixture(name="scratch")
def _scratch(monkeypatch):
    with tempfile.TemporaryDirectory() as place:  # of a short name, as sockets in it have to have
        monkeypatch.setenv("TMPDIR", place)
        yield Path(place)


def test_a_killed_run_is_resumed_to_the_same_tree(bucket, tmp_path, scratch):
    src = pictures(tmp_path / "src", 60)
    options = ("--std", "0.1", "--seed", 3, "--quiet", "-j", 2)
    subprocess.run(command("images", src, tmp_path / "whole", *options), check=True)
    whole = without_recipe(content(tmp_path / "whole"))
    process = subprocess.Popen(command("images", src, bucket.url("out"), *options), start_new_session=True)
    while not bucket.keys("out/cat/") and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "metadata.jsonl" not in bucket.content("out")
    check_torn(bucket, "out", [whole])
    subprocess.run(command("resume", bucket.url("out"), "--quiet", "-j", 2), check=True)
    assert without_recipe(bucket.content("out")) == whole
    assert [path.name for path in scratch.glob("augkit-*")] == [], "what a killed run left here is gone too"


@pytest.mark.slow
def test_runs_killed_at_random_moments_lose_nothing(bucket, tmp_path, scratch):
    kill_runs(bucket, tmp_path, kills=10, files=60)
    assert [path.name for path in scratch.glob("augkit-*")] == []


@pytest.mark.slow
def test_an_interrupted_run_takes_its_folder_away(bucket, tmp_path, scratch):
    src = pictures(tmp_path / "src", 200)
    process = subprocess.Popen(command("images", src, bucket.url("out"), *OPTIONS, "--seed", 3), stderr=subprocess.PIPE)
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
