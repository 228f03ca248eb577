"""Runs that are killed at random moments, or disturbed at each of their system calls."""

import os
import shutil

import pytest

from tests.kills import DOMAINS, kill_runs
from tests.syscalls import CASES, disturb_all
from tests.trees import augkit, content, pictures

SHARE = 0.05
"""Of all system calls and faults; ``python -m tests.syscalls --full`` does all."""


def test_a_killed_run_is_resumed_to_the_same_tree(tmp_path):
    kill_runs("images", tmp_path, kills=2, files=60)


def test_a_killed_run_over_tars_is_resumed_to_the_same_tree(tmp_path):
    kill_runs("tars", tmp_path, kills=2, files=100)


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
def test_runs_killed_at_random_moments_lose_nothing(tmp_path, domain):
    kill_runs(domain, tmp_path, kills=40)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("name", CASES)
def test_runs_disturbed_at_a_system_call_lose_nothing(tmp_path, name):
    chosen, violated = disturb_all(name, tmp_path, share=SHARE)
    assert len(chosen) > 10
    assert violated == []


def test_older_outputs_stay_where_their_sources_cannot_be_read(tmp_path, monkeypatch, capsys):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    options = ("images", src, dst, "--std", "0.1", "-j", "1")
    assert augkit(*options, "--seed", "1") == 0
    older = content(dst)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("src/cat"):
            raise OSError(5, "Input/output error", str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        assert augkit(*options, "--seed", "2", "--overwrite") == 1
    assert "files of the run before stay" in capsys.readouterr().out
    assert {name: one for name, one in content(dst).items() if name.startswith("cat/")} == {
        name: one for name, one in older.items() if name.startswith("cat/")
    }
    assert augkit("resume", dst, "--quiet") == 0
    assert augkit("images", src, tmp_path / "whole", "--std", "0.1", "--seed", "2", "--quiet") == 0
    assert content(dst) == content(tmp_path / "whole")


@pytest.mark.parametrize("broken", ["broken", "half"])
def test_an_output_that_fails_leaves_the_older_one(tmp_path, broken):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    assert augkit("images", src, dst, "--std", "0.1", "--quiet") == 0
    older = content(dst)
    data = (src / "same_a.png").read_bytes()
    (src / "same_a.png").write_bytes(data[: len(data) // 2] if broken == "half" else b"no picture")
    assert augkit("images", src, dst, "--std", "0.2", "--overwrite", "--quiet") == 1
    assert content(dst)["same_a.png"] == older["same_a.png"]
    assert content(dst)["same_b.png"] != older["same_b.png"]
