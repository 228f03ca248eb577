"""Runs on a Ray cluster: the same tree, culprits named, and an end where the cluster ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
import ray

from tests.clusters import ENVIRONMENT, ray_cluster, ray_head
from tests.engines import outputs, tree_of
from tests.test_executors import recipe
from tests.test_executors_dask import FILES, begun
from tests.trees import augkit, content, pictures


def test_where_no_cluster_is_the_run_ends_within_seconds(tmp_path, capsys):
    src, began = pictures(tmp_path / "src"), time.monotonic()
    for address in ("ray:127.0.0.1:1", "ray://127.0.0.1:1", "ray:nonsense", "ray:127.0.0.1"):
        assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--executor", address) == 2
        said = capsys.readouterr().err
        assert said.startswith("augkit: error: executor=ray:")
        assert len(said.splitlines()) == 1
    assert not (tmp_path / "dst").exists()
    assert not ray.is_initialized()
    assert time.monotonic() - began < 30


def on_ray(src, dst, *options):
    words = (sys.executable, "-m", "augkit", "images", src, dst, "--std", "0.02..0.2", "--seed", "7", *options)
    return subprocess.run([*map(str, words)], capture_output=True, text=True, env=ENVIRONMENT, check=False, timeout=300)


CALLER = """
import sys
import ray
import augkit
from augkit.folder.engines.base import opened
from augkit.folder.engines.chosen import as_engine
from pathlib import Path
from tests.test_executors import recipe
from tests.engines import run_poison_on
if __name__ == "__main__":
    address, place = sys.argv[1], Path(sys.argv[2])
    ray.init(address=address, log_to_driver=False)
    augkit.run(recipe(place / "src"), dst=place / "called", executor="ray:auto")
    assert ray.is_initialized(), "it is the caller's"
    (place / "poison").mkdir()
    (place / "poison" / "src").mkdir()
    poisons, files = ("segv", "abort", "kill", "late"), int(sys.argv[3])
    texts = {f"f{i:05}.dat": poisons[i // 100 % 4] if i % 100 == 50 else "fine" for i in range(files)}
    for name, text in texts.items():
        (place / "poison" / "src" / name).write_text(text)
    culprits = {name for name, text in texts.items() if text != "fine"}
    report = run_poison_on(place / "poison", "ray:auto")
    assert report.outputs == files - len(culprits), report
    assert report.failed == len(culprits)
    assert {row["source"] for row in report.failures} <= culprits
    assert all("WorkerCrashedError" in row["reason"] for row in report.failures)
"""


@pytest.mark.slow
def test_a_cluster_does_what_any_run_does_until_it_goes_away(tmp_path):
    src = pictures(tmp_path / "src", count=1000, size=48)
    expected = tree_of(recipe(src), tmp_path / "one")
    with ray_cluster() as address:
        engine = ("--executor", f"ray:{address}")
        done = on_ray(src, tmp_path / "two", *engine, "--json")
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
        assert outputs(tmp_path / "two") == expected
        for number in (2, 3, 1):
            assert on_ray(src, tmp_path / "three", *engine, "--shard", f"{number}/3").returncode == 0
        assert outputs(tmp_path / "three") == expected
        script = tmp_path / "caller.py"
        script.write_text(CALLER)
        command = [sys.executable, script, address, tmp_path, FILES]
        subprocess.run([*map(str, command)], env=ENVIRONMENT, check=True, timeout=900)
        assert outputs(tmp_path / "called") == expected
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            dst = tmp_path / f"stopped{code}"
            process = begun(src, dst, engine[1])
            os.kill(process.pid, number)
            _, said = process.communicate(timeout=60)
            assert (process.returncode, said.count("\n")) == (code, 1)
            assert augkit("resume", dst, "--quiet") == 0
            assert outputs(dst) == expected
        process = begun(src, tmp_path / "lost", engine[1])
        os.kill(ray_head(address), signal.SIGKILL)
        _, said = process.communicate(timeout=120)
    assert process.returncode in {1, 3}, "Ray itself ends a process whose cluster is gone"
    assert augkit("resume", tmp_path / "lost", "--quiet") == 0
    assert content(tmp_path / "lost").keys() == {*expected, "recipe.toml"}
    assert outputs(tmp_path / "lost") == expected
