"""Files on which a decoder crashes, loops or wants all memory: each costs itself alone, and is named with why."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from augkit.errors import UsageError
from augkit.folder.limits import Limits, as_bytes
from augkit.folder.options import Job
from augkit.folder.run import HowToRun, check_job, run_job
from tests import poison
from tests.kills import members
from tests.trees import augkit, content, pictures, tables

REASONS = {
    "segv": "SIGSEGV",
    "abort": "SIGABRT",
    "kill": "SIGKILL",
    "loop": "longer than",
    "eat": "not enough memory",
    "gorge": "SIGSEGV, perhaps for want of memory",
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are kept by Linux only")


def make_sources(src, count, every):
    """Write files of which one in so many is poisoned, each poison in turn; return the culprits."""
    src.mkdir()
    culprits = {}
    for number in range(count):
        text = list(REASONS)[number // every % len(REASONS)] if number % every == every // 2 else "fine"
        (src / f"f{number:04}.dat").write_text(text)
        if text != "fine":
            culprits[f"f{number:04}.dat"] = text
    return culprits


def poisoned(tmp_path, how):
    job = Job(
        domain="tests.poison", src=str(tmp_path / "src"), dst=str(tmp_path / "dst"), seed=1, options=poison.Options()
    )
    return run_job(job, check_job(job, how), b"seed = 1\n", how)


def check(tmp_path, count, every, seconds):
    culprits = make_sources(tmp_path / "src", count, every)
    report = poisoned(tmp_path, HowToRun(jobs=2, limits=Limits(seconds=seconds, memory=1 << 30)))
    assert (report.exit_code, report.failed) == (1, len(culprits))
    assert report.outputs == count - len(culprits)
    rows = (tmp_path / "dst" / "failures.jsonl").read_text().splitlines()
    assert len(rows) == len(culprits)
    for row, (name, poison_) in zip(rows, sorted(culprits.items()), strict=True):
        assert f'"{name}"' in row
        assert REASONS[poison_] in row
    assert len(list((tmp_path / "dst").glob("*.dat"))) == count - len(culprits)
    assert not list((tmp_path / "dst").glob(".augkit*"))


def test_files_that_break_their_worker_cost_themselves_alone(tmp_path):
    check(tmp_path, count=60, every=10, seconds=0.5)


@pytest.mark.slow
def test_one_poisoned_file_in_a_hundred_costs_itself_alone(tmp_path):
    check(tmp_path, count=2000, every=100, seconds=1.0)


def test_a_file_that_ends_a_small_run_is_named_when_it_is_resumed(tmp_path):
    make_sources(tmp_path / "src", 3, 100)
    (tmp_path / "src" / "bad.dat").write_text("segv")
    script = (
        "import sys; from pathlib import Path; from tests.test_run_workers import poisoned; "
        "from augkit.folder.run import HowToRun; "
        "print(poisoned(Path(sys.argv[1]), HowToRun(resume=len(sys.argv) > 2)).failures)"
    )
    command = [sys.executable, "-c", script, tmp_path]
    first = subprocess.run(command, cwd=Path(__file__).parent.parent, check=False, capture_output=True)
    assert first.returncode == -signal.SIGSEGV
    again = subprocess.run([*command, "resume"], cwd=Path(__file__).parent.parent, check=True, capture_output=True)
    assert b"bad.dat" in again.stdout
    assert b"SIGSEGV" in again.stdout
    assert len(list((tmp_path / "dst").glob("*.dat"))) == 3


@pytest.mark.parametrize("domain", ["images", "series"])
def test_limits_change_no_output(tmp_path, domain):
    src, level = (pictures(tmp_path / "src"), "0.1") if domain == "images" else (tables(tmp_path / "src"), "0.1sd")
    options = (domain, src, "--std", level, "--seed", "1", "--quiet")
    assert augkit(options[0], src, tmp_path / "one", *options[2:]) == 0
    limits = ("--timeout", "60", "--max-memory", "1.5G", "-j", "1")
    assert augkit(options[0], src, tmp_path / "two", *options[2:], *limits) == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert augkit("resume", tmp_path / "two", "--timeout", "5", "--quiet") == 0


def test_a_limit_that_is_too_low_is_told(tmp_path):
    src = pictures(tmp_path / "src", count=2)
    Image.new("L", (6000, 6000), 99).save(src / "large.png")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--max-memory", "25M", "--quiet") == 1
    told = (tmp_path / "dst" / "failures.jsonl").read_text()
    assert told.count("large.png") == told.count("source") == 1
    assert "not enough memory for this file: at most 25 MiB (--max-memory)" in told


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), ("2K", 2048), ("1.5G", 3 << 29), ("2MB", 2_000_000), ("1 GiB", 1 << 30)]
)
def test_sizes(text, size):
    assert as_bytes(text) == size


@pytest.mark.parametrize("options", [("--max-memory", "much"), ("--timeout", "0"), ("--timeout", "nan")])
def test_limits_that_mean_nothing_are_refused(tmp_path, options):
    assert augkit("images", pictures(tmp_path / "src"), tmp_path / "dst", "--std", "0.1", *options) == 2
    with pytest.raises(UsageError):
        Limits(memory=-1).check()


def test_no_worker_outlives_a_main_process_that_is_killed(tmp_path):
    make_sources(tmp_path / "src", 20, 100)
    for number in range(4):
        (tmp_path / "src" / f"loop{number}.dat").write_text("loop")
    script = (
        "import sys; from pathlib import Path; from tests.test_run_workers import poisoned; "
        "from augkit.folder.run import HowToRun; poisoned(Path(sys.argv[1]), HowToRun(jobs=2))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, start_new_session=True)
    deadline = time.monotonic() + 30
    while len(members(process.pid)) < 3 or not (tmp_path / "dst").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while members(process.pid):
        assert time.monotonic() < deadline, "a worker goes on"
        time.sleep(0.05)
