"""Ctrl-C and SIGTERM: a run stops cleanly, says how it goes on, and goes on to the tree of one that was not stopped."""

import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.trees import augkit, content, pictures

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def begun(src, dst, *options):
    """Start a run in a process group of its own, and wait until its first output is there."""
    words = ["images", src, dst, "--std", "0.1", "--seed", "3", *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "augkit", *map(str, words)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not dst.exists() or not any(not path.name.startswith(".") for path in dst.glob("[!r]*")):
        assert process.poll() is None
        time.sleep(0.005)
    return process


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_asked_to_stop_does_so_cleanly(tmp_path, number, jobs):
    src, dst = pictures(tmp_path / "src", count=400, size=64), tmp_path / "dst"
    process = begun(src, dst, "-j", jobs)
    os.killpg(process.pid, number)  # as a terminal and a scheduler ask all of a group
    _, said = process.communicate(timeout=30)
    assert process.returncode == CODES[number], said
    assert said.splitlines()[-1] == f"augkit: interrupted; augkit resume {dst} goes on from here"
    assert "Traceback" not in said
    assert not list(dst.rglob(".augkit-tmp-*"))
    assert not (dst / "metadata.jsonl").exists()
    assert augkit("resume", dst, "--quiet") == 0
    assert augkit("images", src, tmp_path / "whole", "--std", "0.1", "--seed", "3", "--quiet") == 0
    assert content(dst) == content(tmp_path / "whole")


@pytest.mark.parametrize("number", CODES)
def test_a_run_that_is_asked_twice_ends_at_once(tmp_path, number):
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.mkdir()
    for name in "abcdef":
        Image.new("RGB", (2500, 2500), (90, 80, 70)).save(src / f"{name}.bmp")
    process = begun(src, dst, "-j", 1)
    began = time.monotonic()
    os.kill(process.pid, number)
    while process.poll() is None and time.monotonic() - began < 30:
        time.sleep(0.02)
        process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == CODES[number]
    assert "Traceback" not in said
    assert augkit("resume", dst, "--quiet") == 0
    assert sorted(content(dst)) == [*(f"{name}.bmp" for name in "abcdef"), "metadata.jsonl", "recipe.toml"]


def test_a_signal_that_is_ignored_stays_so(tmp_path):
    src, dst = pictures(tmp_path / "src", count=60), tmp_path / "dst"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background
    try:
        process = begun(src, dst, "-j", 1)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.returncode == 0
