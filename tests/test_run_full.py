"""Disks and lists of files that are full, on a tiny file system of their own: nothing is half-written, nothing lost."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from augkit.folder import run
from tests.everything import COUNT, LEVELS, suffixes, write_sources
from tests.trees import augkit, content, recordings

FEW = {"images": (".png",), "audio": (".wav",), "series": (".csv",)}
EVERY = [(domain, suffix) for domain in FEW for suffix in suffixes(domain)]
FAST = [(domain, suffix) for domain, few in FEW.items() for suffix in few]
ROOMY = "size=50m,nr_inodes=9999"
RECORDS = {"metadata.jsonl", "failures.jsonl", "recipe.toml"}


def _may_mount():
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("mount") is not None


pytestmark = pytest.mark.skipif(not _may_mount(), reason="only root mounts a file system")


@contextmanager
def tiny(folder, options):
    """Mount a small file system in memory; yield what gives it other limits."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tiny", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield lambda more: subprocess.run(["mount", "-o", f"remount,{more}", folder], check=True)
    finally:
        subprocess.run(["umount", folder], check=True)


def space(folder):
    """Return what a tree needs in whole pages, and the number of its files and folders."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // 4096) * 4096 for size in sizes), 1 + len(list(folder.rglob("*")))


def tree(dst):
    """Return the content of a tree without its recipe, which tells where SRC lies."""
    return {name: found for name, found in content(dst).items() if name != "recipe.toml"}


def check_disk(tmp_path, monkeypatch, domain, suffix):
    """Run into every limit, without and with older outputs; no look ahead prevents it."""
    monkeypatch.setattr(run, "check_space", lambda job, plan: plan)
    src = tmp_path / "src"
    write_sources(domain, suffix, src)
    shutil.rmtree(tmp_path / "src-given", ignore_errors=True)
    for record in RECORDS:
        (src / record).unlink(missing_ok=True)
    options = (*LEVELS[domain], "--quiet", "-j", "1")
    for name, seed in (("new", 3), ("old", 4)):
        assert augkit(domain, src, tmp_path / name, *options, "--seed", seed) == 0
    new, old = (tree(tmp_path / name) for name in ("new", "old"))
    size, nodes = space(tmp_path / "new")
    for overwrite in (False, True):
        held, taken = space(tmp_path / "old") if overwrite else (0, 1)
        file = size // COUNT
        limits = (
            f"size={max(held + file // 3, 8192) if overwrite else size // 2},nr_inodes=9999",
            f"size={4 * size + held},nr_inodes={taken + (1 if overwrite else nodes // 2) + 1}",
        )
        for number, limit in enumerate(limits):
            place = tmp_path / f"disk{int(overwrite)}{number}"
            with tiny(place, ROOMY) as limited_to:
                dst = place / "dst"
                if overwrite:
                    assert augkit(domain, src, dst, *options, "--seed", 4) == 0
                limited_to(limit)
                code = augkit(domain, src, dst, *options, "--seed", 3, *(["--overwrite"] if overwrite else []))
                left = content(dst) if dst.exists() else {}
                assert code in {1, 2, 3}, f"{limit}: exit {code}"
                assert not [name for name in left if ".augkit-tmp-" in name], limit
                for name in left.keys() & new.keys() - RECORDS:
                    assert left[name] in {new[name], old[name] if overwrite else new[name]}, f"{limit}: {name} is torn"
                if overwrite:
                    assert old.keys() - RECORDS <= left.keys(), f"{limit}: lost"
                limited_to(ROOMY)
                again = ("resume", dst, "--quiet") if "recipe.toml" in left else (domain, src, dst, *options)
                assert augkit(*again, *(() if "recipe.toml" in left else ("--seed", 3))) == 0
                begun = overwrite and "seed = 4" in (dst / "recipe.toml").read_text()
                assert tree(dst) == (old if begun else new), limit


@pytest.mark.parametrize(("domain", "suffix"), FAST)
def test_a_full_disk_tears_and_loses_nothing(tmp_path, monkeypatch, domain, suffix):
    check_disk(tmp_path, monkeypatch, domain, suffix)


@pytest.mark.slow
@pytest.mark.parametrize(("domain", "suffix"), [pair for pair in EVERY if pair not in FAST])
def test_a_full_disk_tears_and_loses_nothing_in_any_format(tmp_path, monkeypatch, domain, suffix):
    check_disk(tmp_path, monkeypatch, domain, suffix)


def test_a_disk_that_is_too_small_is_refused_before_the_first_byte(tmp_path, capsys):
    src = recordings(tmp_path / "src", count=40)
    with tiny(tmp_path / "disk", "size=200k,nr_inodes=999") as limited_to:
        dst = tmp_path / "disk" / "dst"
        options = ("audio", src, dst, "--snr", "10", "--seed", "1")
        assert augkit(*options) == 2
        assert "at least 0.29 MB are needed, and 0.20 MB are free" in capsys.readouterr().err
        assert not dst.exists()
        limited_to("size=330k")
        assert augkit(*options, "--dry-run") == 0
        assert "about 0.32 MB may be needed" not in capsys.readouterr().out
        limited_to("size=300k")
        assert augkit(*options, "--dry-run") == 0
        assert "about 0.32 MB may be needed" in capsys.readouterr().out
        limited_to("size=9m,nr_inodes=20")
        assert augkit(*options) == 2
        assert "40 files are to be made, and its file system takes 19 more" in capsys.readouterr().err
        limited_to("size=420k,nr_inodes=60")
        assert augkit(*options, "--quiet") == 0
        assert augkit(*options, "--overwrite", "--quiet") == 0, "what is replaced needs no room of its own"
