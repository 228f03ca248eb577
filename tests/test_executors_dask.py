"""Runs on a Dask cluster with nannies: the same tree, culprits named, and an end where the cluster ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
from distributed import Client

from augkit.folder.engines import dask
from tests.clusters import ENVIRONMENT, dask_cluster
from tests.engines import outputs, run_poison_on, tree_of
from tests.test_executors import recipe
from tests.test_run import write_dat
from tests.test_run_same import SOURCES
from tests.test_run_same import recipe as recipe_of
from tests.trees import augkit, pictures

DEADLY = ("segv", "abort", "kill", "late")
FILES = int(os.environ.get("AUGKIT_POISONED_FILES", "400"))
"""One in a hundred is deadly; 2000 for the full count."""


@pytest.fixture(name="cluster", scope="module")
def _cluster(tmp_path_factory):
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


def test_where_no_scheduler_is_the_run_ends_within_seconds(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dask, "_CONNECT", "1s")
    src, began = pictures(tmp_path / "src"), time.monotonic()
    for address in ("dask:tcp://127.0.0.1:1", "dask:nonsense://here", "dask:127.0.0.1"):
        assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--executor", address) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"augkit: error: executor={address}: ")
        assert len(said.splitlines()) == 1
    assert not (tmp_path / "dst").exists()
    assert time.monotonic() - began < 30


@pytest.mark.slow
@pytest.mark.parametrize(("domain", "files"), [("images", 1000), ("audio", 100), ("series", 100)])
def test_one_tree_of_a_thousand_files(tmp_path, cluster, domain, files):
    whole = recipe_of(domain, SOURCES[domain][0](tmp_path / "src", files), "unused")
    expected = tree_of(whole, tmp_path / "one")
    address = f"dask:{cluster.address}"
    assert tree_of(whole, tmp_path / "two", executor=address) == expected
    for number in (2, 3, 1):
        tree_of(whole, tmp_path / "three", executor=address, shard=f"{number}/3")
    assert outputs(tmp_path / "three") == expected


@pytest.mark.slow
def test_a_callers_client_and_equal_calls(tmp_path, cluster):
    src = pictures(tmp_path / "src", count=30)
    expected = tree_of(recipe(src), tmp_path / "one")
    with Client(cluster.address, set_as_default=False) as client:
        executor = client.get_executor(pure=True)
        for _ in range(2):
            assert tree_of(recipe(src), tmp_path / "two", executor=executor, overwrite=True) == expected
        assert executor.submit(len, "usable").result() == 6


@pytest.mark.slow
def test_files_that_kill_workers_are_named_and_the_rest_is_done(tmp_path, cluster):
    texts = {f"f{i:05}": DEADLY[i // 100 % 4] if i % 100 == 50 else "fine" for i in range(FILES)}
    culprits = {f"{name}.dat" for name, text in texts.items() if text != "fine"}
    write_dat(tmp_path, texts)
    report = run_poison_on(tmp_path, f"dask:{cluster.address}")
    assert {row["source"] for row in report.failures} <= culprits
    assert report.failed == len(culprits)
    assert all("ended the workers that it was given to (KilledWorker)" in row["reason"] for row in report.failures)
    assert report.outputs == FILES - len(culprits)
    assert not list((tmp_path / "dst").glob(".augkit*"))


def begun(src, dst, address, *options):
    words = ("images", src, dst, "--std", "0.02..0.2", "--seed", "7", "--executor", address, *options)
    process = subprocess.Popen(
        [sys.executable, "-m", "augkit", *map(str, words)], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    journal = dst / ".augkit-journal.jsonl"
    while not (journal.exists() and journal.stat().st_size):
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.slow
def test_ctrl_c(tmp_path, cluster):
    src, dst, address = pictures(tmp_path / "src", count=1500, size=64), tmp_path / "dst", f"dask:{cluster.address}"
    process = begun(src, dst, address)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == f"augkit: interrupted; augkit resume {dst} --executor {address} goes on from here\n"
    assert not (dst / "metadata.jsonl").exists()
    assert not list(dst.rglob(".augkit-tmp-*"))
    assert augkit("resume", dst, "--quiet", "--executor", address) == 0
    assert outputs(dst) == tree_of(recipe(src), tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_cluster_that_goes_away(tmp_path, number):
    src, dst = pictures(tmp_path / "src", count=1500, size=64), tmp_path / "dst"
    with dask_cluster(tmp_path) as cluster:
        process = begun(src, dst, f"dask:{cluster.address}")
        cluster.scheduler.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 3
    assert f"augkit resume {dst} goes on, with this engine or without" in said
    assert len(said.splitlines()) == 1
    assert augkit("resume", dst, "--quiet") == 0
    assert outputs(dst) == tree_of(recipe(src), tmp_path / "whole")
