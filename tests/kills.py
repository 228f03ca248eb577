"""Runs that are killed at random moments, in each domain: ``python -m tests.kills --full`` does 200 a domain.

Nothing under a final name may be torn, every journalled row must have its file, and what resumes a killed run must end
with the tree of one that was never interrupted, byte for byte.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.shards import shards
from tests.trees import augkit, content, pictures, recordings, tables

DOMAINS = {
    "images": (lambda src, count: pictures(src, count - 2, size=32), ("--std", "0.1")),
    "audio": (recordings, ("--snr", "10")),
    "series": (tables, ("--std", "0.1sd")),
    "tars": (lambda src, count: shards(src, count=count // 10, samples=10), ("--std", "0.1", "--webdataset")),
}
RECORDS = {"metadata.jsonl", "failures.jsonl", "recipe.toml"}
JOURNAL = ".augkit-journal.jsonl"
OVERWRITTEN = 4
"""One trial in so many replaces the tree of an earlier run."""


class Trees(NamedTuple):
    """What a domain's trials share: the sources, the tree of a whole run, that of an older one, and their times."""

    src: Path
    new: dict
    old: dict
    old_tree: Path
    begin: float
    end: float


def command(domain, src, dst, seed, *options):
    """Return the command line of a run with two workers."""
    level = DOMAINS[domain][1]
    words = ["images" if domain == "tars" else domain, src, dst, *level, "--seed", seed, "--quiet", "-j", 2, *options]
    return [sys.executable, "-m", "augkit", *map(str, words)]


def prepare(domain, folder, files):
    """Make the sources and do two whole runs: when their first file is there is when kills begin to matter."""
    src = DOMAINS[domain][0](folder / "src", files)
    trees, times = {}, []
    for name, seed in (("old", 4), ("new", 3)):
        began = time.monotonic()
        process = subprocess.Popen(command(domain, src, folder / name, seed))
        while not (folder / name).exists() and process.poll() is None:
            time.sleep(0.002)
        begin = time.monotonic() - began
        assert process.wait() == 0
        times = [begin, time.monotonic() - began]
        trees[name] = content(folder / name)
    return Trees(src, trees["new"], trees["old"], folder / "old", *times)


def killed(words, after):
    """Start a command in a process group of its own and kill all of it; return whether it was still running."""
    process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    while members(process.pid):  # which may be within a call of the system still
        time.sleep(0.002)
    return code != 0


def members(group):
    """Return the processes of a group that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def check_torn(dst, trees, overwritten):
    """Check every file under a final name, and that each row of the journal has its file."""
    there = content(dst)
    for name in (there.keys() & trees.new.keys()) - {"recipe.toml", "failures.jsonl"}:
        whole = {trees.new[name], trees.old[name]} if overwritten else {trees.new[name]}
        assert there[name] in whole, f"{name}: torn"
    hidden = {name for name in there if Path(name).name.startswith(".augkit-")}
    assert there.keys() - hidden <= trees.new.keys() | RECORDS, "files of no plan"
    if (dst / JOURNAL).exists():
        for line in (dst / JOURNAL).read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                name = json.loads(line)["row"]["file_name"]
                assert there[name] == trees.new[name] or overwritten, f"{name}: a row without its file"


def trial(domain, dst, trees, rng, *, overwrite, pace=1.0):
    """Kill a run, and perhaps what resumes it, check what they left, and let one end; return the number of kills.

    Runs are taken to last `pace` times as long as they did at first.
    """
    if overwrite:
        shutil.copytree(trees.old_tree, dst)
    kills = 0
    words = command(domain, trees.src, dst, 3, *(["--overwrite"] if overwrite else []))
    for _ in range(rng.choice([1, 1, 2, 3])):
        alive = killed(words, pace * rng.uniform(0.9 * trees.begin, 0.95 * trees.end))
        kills += alive
        if dst.exists():
            check_torn(dst, trees, overwrite)
        if not (dst / "recipe.toml").exists():
            break
        words = [sys.executable, "-m", "augkit", "resume", str(dst), "--quiet", "-j", "2"]
    if (dst / "recipe.toml").exists():
        assert augkit("resume", dst, "--quiet", "-j", 2) == 0
    else:
        assert augkit(*command(domain, trees.src, dst, 3)[3:]) == 0, "what no run has begun in counts as empty"
    begun = overwrite and (dst / "recipe.toml").read_text().find("seed = 4") >= 0
    assert content(dst) == (trees.old if begun else trees.new), "another tree than that of an uninterrupted run"
    shutil.rmtree(dst)
    return kills


def kill_runs(domain, folder, kills, files=300, seed=1):
    """Do trials until so many runs were killed; return how many trials that took."""
    rng = random.Random(seed)  # noqa: S311 - moments, not secrets
    trees = prepare(domain, folder, files)
    done = number = 0
    pace = 1.0
    while done < kills:
        overwrite = number % OVERWRITTEN == OVERWRITTEN - 1
        try:
            hit = trial(domain, folder / f"killed{number}", trees, rng, overwrite=overwrite, pace=pace)
        except AssertionError as error:
            raise AssertionError(f"{domain}, trial {number} of seed {seed}: {error}") from error
        pace *= 1.0 if hit else 0.8  # a machine that was busy at first has become quicker
        done, number = done + hit, number + 1
    return number


def main():
    """Do the full count, or another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_const", const=200, dest="kills", help="200 kills a domain")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("domains", nargs="*", default=list(DOMAINS))
    given = parser.parse_args()
    for domain in given.domains:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            trials = kill_runs(domain, Path(folder), given.kills, given.files, given.seed)
        seconds = time.monotonic() - began
        print(f"{domain}: {given.kills} kills in {trials} trials, nothing torn, nothing lost ({seconds:.0f} s)")


if __name__ == "__main__":
    main()
