"""One run for each system call of a run, which kills it or fails: ``python -m tests.syscalls --full`` does them all.

The calls of a whole run are listed by strace; then that run is done again for each, with a signal or an error injected
there. Afterwards nothing may be torn, no old output may be lost, no failure may pass for a success, and what resumes
the run must end with the tree of one that nothing befell.
"""

import argparse
import gzip
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.shards import shards
from tests.trees import augkit, content, pictures, recordings, tables

CALLS = (
    *("open", "openat", "creat", "write", "pwrite64", "writev", "fsync", "fdatasync", "rename", "renameat"),
    *("renameat2", "link", "linkat", "ftruncate", "truncate", "mkdir", "mkdirat", "chmod", "fchmod", "fchmodat"),
    *("unlink", "unlinkat", "sendfile", "copy_file_range"),
)
FAULTS = ("KILL", "EIO", "ENOSPC", "ENOSPC+", "EACCES", "EMFILE")
"""With a plus, all later calls of that name fail too."""

TEMPORARY = ".augkit-tmp-"
_LINE = re.compile(r"^(\d+)\s+(\w+)\(")


class Case(NamedTuple):
    """A run to be disturbed: its domain, its options, and whether it replaces an older tree."""

    domain: str
    make: object
    options: tuple
    overwrite: bool


def images(src):
    """Write pictures with labels, and a file of no domain."""
    pictures(src, count=2, size=16)
    for path in list(src.rglob("*.png")):
        path.with_suffix(".txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (src / "notes.md").write_text("read me")


def audio(src):
    """Write recordings."""
    recordings(src, count=2)


def series(src):
    """Write tables."""
    tables(src, count=2)


def tars(src):
    """Write a shard, and one that is packed."""
    shards(src, count=1, samples=2)
    (src / "packed.tar.gz").write_bytes(gzip.compress((src / "shard-000.tar").read_bytes(), mtime=0))


CASES = {
    f"{make.__name__}{'-overwrite' if overwrite else ''}": Case(domain, make, options, overwrite)
    for domain, make, options in (
        ("images", images, ("--std", "0.1", "--labels", "copy", "--copy-others")),
        ("audio", audio, ("--snr", "10", "--save-noise", "noise")),
        ("series", series, ("--std", "0.1sd")),
        ("images", tars, ("--std", "0.1", "--webdataset")),
    )
    for overwrite in (False, True)
}


class Tried(NamedTuple):
    """One disturbed run."""

    call: str
    number: int
    fault: str


class Lab:
    """The trees of a case, and its run under strace."""

    def __init__(self, name, folder):
        self.case, self.folder = CASES[name], Path(folder)
        self.src, self.dst = self.folder / "src", self.folder / "dst"
        self.case.make(self.src)
        assert augkit(*self._words("new", 3)) == 0
        assert augkit(*self._words("old", 4)) == 0
        self.new, self.old = content(self.folder / "new"), content(self.folder / "old")

    def _words(self, dst, seed):
        return [
            *(self.case.domain, self.src, self.folder / dst, *self.case.options),
            *("--seed", seed, "-j", 1, "--quiet"),
        ]

    def _run(self, *options):
        """Do the run under strace, over the old tree or none."""
        shutil.rmtree(self.dst, ignore_errors=True)
        words = self._words("dst", 3)
        if self.case.overwrite:
            shutil.copytree(self.folder / "old", self.dst)
            words.append("--overwrite")
        traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", self.folder / "log", *options]
        command = [*traced, sys.executable, "-m", "augkit", *words]
        return subprocess.run(
            list(map(str, command)), stderr=subprocess.PIPE, text=True, errors="replace", check=False, timeout=120
        )

    def calls(self):
        """Return the calls of a whole run that name a file of these trees, each with its number in its thread."""
        self._run()  # what is compiled or cached by the first run is there for all others
        done = self._run("-y", "-e", "trace=" + ",".join(f"?{call}" for call in CALLS))
        assert done.returncode == 0, done.stderr
        assert content(self.dst) == self.new
        counts, found = Counter(), []
        for line in (self.folder / "log").read_text(errors="replace").splitlines():
            if match := _LINE.match(line):
                counts[match.groups()] += 1
                if str(self.folder) in line:
                    found.append((match[2], counts[match.groups()]))
        return sorted(set(found))

    def disturb(self, tried):
        """Do the run with one fault, check what it left, and resume it."""
        call, number, fault = tried
        what = "signal=KILL" if fault == "KILL" else f"error={fault.rstrip('+')}"
        when = f"{number}{'+' if fault.endswith('+') else ''}"
        done = self._run("-e", f"trace={call}", "-e", f"inject={call}:{what}:when={when}")
        there = content(self.dst)
        self._check_whole(there)
        if fault != "KILL":
            self._check_told(done, there, tried)
        self._check_resumed()

    def _check_whole(self, there):
        known = self.new.keys() | self.old.keys() | {"failures.jsonl"}
        for name, found in there.items():
            if Path(name).name.startswith(".augkit-"):
                continue
            assert name in known, f"{name}: in no plan"
            if name == "failures.jsonl":
                continue
            whole = {self.new.get(name)} | ({self.old.get(name)} if self.case.overwrite else set())
            unsure = name == "metadata.jsonl"  # rows of what failed are lacking; resuming tells whether it is right
            assert found in whole or unsure, f"{name}: torn"
        if self.case.overwrite:
            outputs = self.old.keys() - {"metadata.jsonl"}
            assert outputs <= there.keys(), f"lost: {sorted(outputs - there.keys())}"

    def _check_told(self, done, there, tried):
        assert done.returncode in {0, 1, 2, 3}, f"exit {done.returncode}: {done.stderr}"
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr, done.stderr
        if done.returncode == 0:
            assert there == self.new, f"a failure passed for a success: {difference(there, self.new)}"
            return
        left = [name for name in there if TEMPORARY in name]
        assert not left or tried.call.startswith("unlink"), f"left: {left}"
        listed = self.dst / "failures.jsonl"
        told = done.stderr + (listed.read_text() if listed.exists() else "")
        names = [str(self.folder), '"source":', *map(str, (path.name for path in self.src.rglob("*.*")))]
        mute = tried.call == "write" and tried.fault.endswith("+")  # stderr takes nothing either
        assert mute or any(name in told for name in names), f"names no file: {told!r}"
        assert "a fault in augkit" not in told, told

    def _check_resumed(self):
        text = (self.dst / "recipe.toml").read_text() if (self.dst / "recipe.toml").exists() else ""
        if not text:
            assert augkit(*self._words("dst", 3)) == 0, "what no run has begun in counts as empty"
        else:
            assert augkit("resume", self.dst, "--quiet", "-j", 1) == 0
        expected = self.old if "seed = 4" in text else self.new
        assert content(self.dst) == expected, f"resumed to another tree: {difference(content(self.dst), expected)}"


def difference(one, other):
    """Return the names that differ between two trees."""
    return sorted({name for name, _ in one.items() ^ other.items()})


def trials(calls, faults, share, rng):
    """Return a share of all trials; EMFILE is an error of calls that open."""
    every = [
        Tried(call, number, fault)
        for call, number in calls
        for fault in faults
        if fault != "EMFILE" or call.startswith("open")
    ]
    return sorted(rng.sample(every, max(1, round(len(every) * share))))


def disturb_all(name, folder, faults=FAULTS, share=1.0, seed=1):
    """Disturb a case at a share of its calls; return the trials and what was violated."""
    lab = Lab(name, folder)
    chosen = trials(lab.calls(), faults, share, random.Random(seed))  # noqa: S311 - a sample, no secret
    violated = []
    for tried in chosen:
        try:
            lab.disturb(tried)
        except AssertionError as error:
            violated.append((tried, str(error)))
    return chosen, violated


def main():
    """Do all trials of all cases, or a share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_const", const=1.0, dest="share", help="every call with every fault")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("cases", nargs="*", default=list(CASES))
    given = parser.parse_args()
    worst = 0
    for name in given.cases:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            chosen, violated = disturb_all(name, folder, given.faults.split(","), given.share, given.seed)
        print(f"{name}: {len(chosen)} trials, {len(violated)} violations ({time.monotonic() - began:.0f} s)")
        for tried, reason in violated:
            print(f"  {tried.call} {tried.number} {tried.fault}: {reason}")
        worst = max(worst, len(violated))
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
