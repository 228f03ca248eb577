"""Folder runs: the tree that comes out, its records, and what happens when files or workers fail."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augkit as package
from augkit.errors import OutputError, UsageError
from augkit.folder.commit import Committer
from augkit.folder.options import FolderOptions, Job
from augkit.folder.run import HowToRun, check_job, run_job
from augkit.folder.storage import TEMP_PREFIX, held, write_atomically
from augkit.recipe import options_type
from tests import poison
from tests.trees import FIXTURES, augkit, content, pictures, recordings, tables

RECORDS = {"metadata.jsonl", "failures.jsonl", "recipe.toml"}


def rows(dst):
    return [json.loads(line) for line in (dst / "metadata.jsonl").read_text().splitlines()]


def run_poison(tmp_path, how=None, **folder):
    """Run the poisoned domain over tmp_path/src."""
    job = Job(
        domain="tests.poison",
        src=str(tmp_path / "src"),
        dst=str(tmp_path / "dst"),
        seed=1,
        options=poison.Options(),
        folder=FolderOptions(**folder),
    )
    how = how or HowToRun(jobs=2)
    return run_job(job, check_job(job, how), b"seed = 1\n", how)


def write_dat(tmp_path, texts):
    (tmp_path / "src").mkdir()
    for name, text in texts.items():
        (tmp_path / "src" / f"{name}.dat").write_text(text)


@pytest.mark.parametrize(
    ("domain", "make", "level"),
    [
        ("images", pictures, ("--std", "0.02..0.1")),
        ("audio", recordings, ("--snr", "0..20")),
        ("series", tables, ("--std", "0.1sd")),
    ],
)
def test_same_seed_same_tree_whatever_the_workers(tmp_path, domain, make, level):
    src = make(tmp_path / "src")
    before = content(src)
    for dst, seed, jobs in (("one", 4, 1), ("two", 4, 2), ("other", 5, 2)):
        assert augkit(domain, src, tmp_path / dst, *level, "--seed", seed, "-j", jobs, "--copies", 2, "--quiet") == 0
    assert content(tmp_path / "one") == content(tmp_path / "two")
    outputs = {name: digest for name, digest in content(tmp_path / "one").items() if name not in RECORDS}
    others = content(tmp_path / "other")
    assert len(outputs) == 2 * len(before)
    assert all(others[name] != digest for name, digest in outputs.items())
    assert content(src) == before
    assert len(set(outputs.values())) == len(outputs), "two outputs have the same noise"


def test_a_finished_folder_holds_outputs_and_records_only(tmp_path):
    src = pictures(tmp_path / "src")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--quiet") == 0
    assert set(content(tmp_path / "dst")) == set(content(src)) | {"metadata.jsonl", "recipe.toml"}


def test_rows_say_what_an_independent_reader_finds(tmp_path):
    src = pictures(tmp_path / "src")
    assert (
        augkit("images", src, tmp_path / "dst", "--std", "0.05,0.2", "--seed", "1", "--quiet", "--measure", "all") == 0
    )
    found = rows(tmp_path / "dst")
    assert [row["file_name"] for row in found] == sorted(row["file_name"] for row in found)
    for row in found:
        clean, noisy = (np.asarray(Image.open(root / row["file_name"]), float) for root in (src, tmp_path / "dst"))
        power = np.mean((noisy - clean) ** 2)
        assert row["achieved"]["std"] == pytest.approx(np.sqrt(power) / 255, rel=1e-9)
        assert row["achieved"]["snr_db"] == pytest.approx(10 * np.log10(np.mean(clean**2) / power), abs=1e-6)
        assert row["drawn"]["std"] in (0.05, 0.2)
        assert row["requested"] == {"std": "0.05,0.2"}
        assert row["label"] == (None if "/" not in row["source"] else row["source"].split("/")[0])
        assert row["bytes"] == (tmp_path / "dst" / row["file_name"]).stat().st_size
        assert (row["seed"], row["copy"], row["stream_version"]) == (1, 1, 1)


def test_one_broken_file_is_listed_and_the_rest_is_done(tmp_path):
    src = pictures(tmp_path / "src")
    (src / "zero.png").touch()
    (src / "text.jpg").write_text("this is no picture")
    good = src / "cat" / "p0.png"
    (src / "cut.png").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    os.mkfifo(src / "pipe.png")
    (src / "away.png").symlink_to("/etc/hostname")
    (src / "within.png").symlink_to(good)
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--quiet") == 1
    failures = [json.loads(line) for line in (tmp_path / "dst" / "failures.jsonl").read_text().splitlines()]
    assert [row["source"] for row in failures] == ["away.png", "cut.png", "pipe.png", "text.jpg", "zero.png"]
    assert all(len(row["reason"]) > 10 and "\n" not in row["reason"] for row in failures)
    assert "unexpected" not in "".join(row["reason"] for row in failures)
    assert len(rows(tmp_path / "dst")) == 9
    assert not list((tmp_path / "dst").rglob(TEMP_PREFIX + "*"))


def test_resume_makes_what_is_missing_and_nothing_else(tmp_path):
    src = pictures(tmp_path / "src")
    whole, part = tmp_path / "whole", tmp_path / "part"
    for dst in (whole, part):
        assert augkit("images", src, dst, "--std", "0.05..0.2", "--seed", "9", "--quiet") == 0
    (part / "same_b.png").unlink()
    (part / "cat" / "p0.png").write_bytes(b"torn")
    (part / (TEMP_PREFIX + "abc")).write_bytes(b"left by a kill")
    kept = (part / "dog" / "p1.png").stat().st_mtime_ns
    assert augkit("images", src, part, "--std", "0.05..0.2", "--quiet") == 2, "not empty"
    assert augkit("images", src, part, "--std", "0.05..0.2", "--quiet", "--resume") == 0
    assert content(part) == content(whole)
    assert (part / "dog" / "p1.png").stat().st_mtime_ns == kept
    assert augkit("resume", part, "--quiet") == 0
    assert content(part) == content(whole)
    assert augkit("images", src, part, "--std", "0.3", "--quiet", "--resume") == 2, "another recipe"
    assert augkit("images", src, part, "--std", "0.3", "--quiet", "--overwrite", "--seed", "9") == 0
    assert content(part) != content(whole)


@pytest.mark.parametrize("damage", ["torn", "nothing", "zeros", "numbers", "cut within a character"])
def test_a_damaged_manifest_costs_the_outputs_of_its_rows_only(tmp_path, damage):
    src, dst, whole = pictures(tmp_path / "src"), tmp_path / "dst", tmp_path / "whole"
    for place in (dst, whole):
        augkit("images", src, place, "--std", "0.1", "--seed", "9", "--quiet")
    lines = (dst / "metadata.jsonl").read_bytes().splitlines()
    lines[3 if damage != "torn" else -1] = {
        "torn": lines[-1][:60],
        "nothing": b"",
        "zeros": b"\0" * 512,
        "numbers": b"17",
        "cut within a character": '{"file_name":"é'.encode()[:-1],
    }[damage]
    (dst / "metadata.jsonl").write_bytes(b"\n".join(lines))
    assert augkit("resume", dst, "--quiet") == 0
    assert content(dst) == content(whole)


def test_a_torn_journal_line_is_cut_off(tmp_path):
    src = pictures(tmp_path / "src")
    whole, part = tmp_path / "whole", tmp_path / "part"
    for dst in (whole, part):
        augkit("images", src, dst, "--std", "0.1", "--seed", "9", "--quiet")
    lines = (part / "metadata.jsonl").read_bytes().splitlines()
    journal = b"".join(b'{"index":%d,"row":%s}\n' % (i, line) for i, line in enumerate(lines[:3]))
    (part / ".augkit-journal.jsonl").write_bytes(journal + b'{"index":3,"row":{"file_na')
    (part / "metadata.jsonl").unlink()
    assert augkit("resume", part, "--quiet") == 0
    assert content(part) == content(whole)


def test_a_worker_that_dies_costs_its_file_alone(tmp_path):
    texts = {f"f{i:03}": "fine" for i in range(60)}
    texts |= {"f010": "kill", "f011": "abort", "f040": "bug", "f050": "half", "f051": "broken", "f055": "late"}
    write_dat(tmp_path, texts)
    report = run_poison(tmp_path)
    reasons = {row["source"]: row["reason"] for row in report.failures}
    assert report.exit_code == 1
    assert report.outputs == 54
    assert sorted(reasons) == ["f010.dat", "f011.dat", "f040.dat", "f050.dat", "f051.dat", "f055.dat"]
    assert "SIGKILL" in reasons["f055.dat"]
    assert "SIGKILL" in reasons["f010.dat"]
    assert "SIGABRT" in reasons["f011.dat"]
    assert "ZeroDivisionError" in reasons["f040.dat"]
    assert "No space left" in reasons["f050.dat"]
    assert len(list((tmp_path / "dst").glob("*.dat"))) == 54
    assert not list((tmp_path / "dst").glob(TEMP_PREFIX + "*"))


def test_workers_that_keep_dying_cost_their_files_alone(tmp_path):
    write_dat(tmp_path, {f"f{i:03}": "kill" if i % 3 == 0 else "fine" for i in range(24)})
    report = run_poison(tmp_path)
    assert sorted(row["source"] for row in report.failures) == [f"f{i:03}.dat" for i in range(0, 24, 3)]
    assert report.outputs == 16


@pytest.mark.parametrize(
    ("folder", "allowed"), [({"on_error": "stop"}, 0), ({"max_errors": 2}, 2), ({"max_errors": "10%"}, 3)]
)
def test_the_error_budget_ends_a_run(tmp_path, folder, allowed):
    write_dat(tmp_path, {f"f{i:03}": "broken" if i % 2 else "fine" for i in range(30)})
    report = run_poison(tmp_path, HowToRun(jobs=1), **folder)
    assert report.stopped
    assert report.exit_code == 3
    assert report.failed > allowed


def test_a_run_that_spent_its_error_budget_goes_on_with_another(tmp_path, capsys):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    for number in range(3):
        (src / f"broken{number}.png").write_text("no image")
    options = ("images", src, tmp_path / "whole", "--std", "0.1", "--seed", "1", "--quiet")
    assert augkit(*options) == 1
    assert augkit("images", src, dst, "--std", "0.1", "--seed", "1", "--max-errors", "1", "-j", "1") == 3
    assert f"augkit resume {dst} --max-errors N" in capsys.readouterr().out
    assert not (dst / "metadata.jsonl").exists()
    assert augkit("resume", dst, "--quiet") == 3, "the recipe's own budget is spent again"
    assert augkit("resume", dst, "--max-errors", "no") == 2
    assert augkit("resume", dst, "--max-errors", "50%", "--quiet") == 1
    kept = {name: one for name, one in content(dst).items() if name != "recipe.toml"}
    assert kept == {name: one for name, one in content(tmp_path / "whole").items() if name != "recipe.toml"}
    assert "max_errors" in (dst / "recipe.toml").read_text(), "it stays what it was"
    assert augkit("images", src, dst, "--std", "0.1", "--resume", "--on-error", "stop", "--quiet") == 3
    assert augkit("images", src, dst, "--std", "0.2", "--resume", "--quiet") == 2


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the name behind a handle is known on Linux only")
@pytest.mark.parametrize("record", [".augkit-journal.jsonl", "metadata.jsonl", "failures.jsonl"])
def test_a_full_disk_is_told_with_the_record_it_hit(tmp_path, monkeypatch, capsys, record):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    (src / "broken.png").write_text("no image")
    written, fsync = [], os.fsync

    def full(handle):
        place = str(Path(f"/proc/self/fd/{handle}").readlink())
        if record in place or (TEMP_PREFIX in place and record == "metadata.jsonl"):
            written.append(place)
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert augkit("images", src, dst, "--std", "0.1", "--seed", "1", "--quiet", "-j", "1") == 3
    told = capsys.readouterr().err
    assert written
    assert f"{dst / record}: could not be written: No space left on device; mend that, then augkit resume" in told
    monkeypatch.setattr(os, "fsync", fsync)
    assert augkit("resume", dst, "--quiet") == 1
    assert len(rows(dst)) == 8


def test_nothing_written_is_not_a_success(tmp_path):
    write_dat(tmp_path, {"a": "broken", "b": "broken"})
    assert run_poison(tmp_path).exit_code == 3


def test_copies_original_probability_and_others(tmp_path):
    src = pictures(tmp_path / "src")
    (src / "notes.txt").write_text("read me")
    dst = tmp_path / "dst"
    options = ("--copies", "3", "--keep-original", "--copy-others", "--probability", "0.5", "--seed", "2", "--quiet")
    assert augkit("images", src, dst, "--std", "0.1", *options) == 0
    found = rows(dst)
    assert len(found) == 8 * 4
    assert (dst / "notes.txt").read_text() == "read me"
    for row in found:
        same = (dst / row["file_name"]).read_bytes() == (src / row["source"]).read_bytes()
        assert same == (row["noise"] is None)
        assert row["copy"] > 0 or same
    clean = sum(row["noise"] is None for row in found if row["copy"])
    assert 4 <= clean <= 20
    assert {row["file_name"] for row in found if row["source"] == "cat/p0.png"} == {
        "cat/p0.png",
        "cat/p0_n1.png",
        "cat/p0_n2.png",
        "cat/p0_n3.png",
    }


def test_include_exclude_and_lists(tmp_path):
    src = pictures(tmp_path / "src")

    def chosen(*options):
        dst = tmp_path / f"dst{len(list(tmp_path.iterdir()))}"
        assert augkit("images", src, dst, "--std", "0.1", "--quiet", *options) in (0, 1)
        return {row["source"] for row in rows(dst)}

    assert chosen("--include", "cat/*") == {"cat/p0.png", "cat/p2.jpg", "cat/p4.png"}
    assert chosen("--include", "*.jpg") == {"cat/p2.jpg", "dog/p3.jpg"}
    assert chosen("--include", "**/*.png", "--exclude", "same_?.png") == {
        "cat/p0.png",
        "cat/p4.png",
        "dog/p1.png",
        "dog/p5.png",
    }
    listing = tmp_path / "list.txt"
    listing.write_text("dog/p1.png\nnot/there.png\n")
    assert chosen("--files-from", listing) == {"dog/p1.png"}


def test_dry_run_writes_nothing(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--dry-run", "--copies", "2") == 0
    assert not (tmp_path / "dst").exists()
    said = capsys.readouterr().out
    assert "cat/p0.png -> cat/p0_n1.png" in said
    assert "16 outputs" in said


def test_names_do_not_steer_the_terminal(tmp_path, capsys):
    src = tmp_path / "src"
    src.mkdir()
    for name in ("red\x1b[31m.png", "two\nlines.png", "\u202egnp.exe.png", "p\xe4\u30dd.png"):
        (src / name).write_text("no image")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--dry-run") == 0
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1") == 3
    assert augkit("images", src / "no\x1b[2J.png", tmp_path / "other", "--std", "0.1") == 2
    told = capsys.readouterr()
    for line in (told.out + told.err).splitlines():
        assert not set(line) & {"\x1b", "\u202e"}
    for name in ("red\\x1b[31m.png", "two\\nlines.png: expected one of", "\\u202egnp.exe.png", "p\xe4\u30dd.png"):
        assert f"            {name}" in told.out
    assert "no\\x1b[2J.png: no such file" in told.err


def test_json_is_one_object(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["outputs"], report["failed"], report["domain"]) == (8, 0, "images")
    assert report["achieved"]["std"]["mean"] == pytest.approx(0.1, abs=0.02)


def test_the_recipe_of_a_run_repeats_it(tmp_path):
    src = pictures(tmp_path / "src")
    first = tmp_path / "first"
    assert augkit("images", src, first, "--std", "0.05..0.2", "--noise", "laplace", "--copies", "2", "--quiet") == 0
    recipe = (first / "recipe.toml").read_text()
    assert str(tmp_path) not in recipe
    (tmp_path / "again").mkdir()
    (tmp_path / "again.toml").write_text(recipe.replace('"../src"', '"src"').replace('dst = "."', 'dst = "again"'))
    assert augkit("run", tmp_path / "again.toml", "--quiet") == 0
    assert content(tmp_path / "again") == content(first)


def test_a_recipe_with_several_sections(tmp_path):
    pictures(tmp_path / "img"), recordings(tmp_path / "snd"), tables(tmp_path / "log")
    (tmp_path / "all.toml").write_text(
        'seed = 3\n[[images]]\nsrc = "img"\ndst = "out/img"\nstd = 0.1\n'
        '[[audio]]\nsrc = "snd"\ndst = "out/snd"\nsnr_db = [0, 10]\nnoise = "student-t:df=3"\n'
        '[[series]]\nsrc = "log"\ndst = "out/log"\nstd = "0.1sd"\n'
    )
    reports = package.run(tmp_path / "all.toml", jobs=1)
    assert [(report.domain, report.outputs, report.failed) for report in reports] == [
        ("images", 8, 0),
        ("audio", 3, 0),
        ("series", 2, 0),
    ]
    with pytest.raises(UsageError, match="not empty"):
        package.run(tmp_path / "all.toml")


def test_an_atomic_write_leaves_the_old_file_or_the_new_one(tmp_path):
    target = tmp_path / "a" / "b.txt"
    write_atomically(target, lambda temporary: temporary.write_text("old"))

    def fail(temporary):
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space") as caught:
        write_atomically(target, fail)
    assert caught.value.filename == str(target)
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["b.txt"]
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask():
    now = os.umask(0)
    os.umask(now)
    return now


def test_a_symbolic_link_in_dst_is_not_followed_out(tmp_path):
    src = pictures(tmp_path / "src")
    (tmp_path / "outside").mkdir()
    (tmp_path / "dst").mkdir()
    (tmp_path / "dst" / "cat").symlink_to(tmp_path / "outside")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--quiet", "--overwrite") == 1
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    src = pictures(tmp_path / "src")
    (tmp_path / "file").write_text("")
    assert augkit("images", src, tmp_path / "file" / "dst", "--std", "0.1", "--quiet") == 3


@pytest.mark.parametrize("domain", ["images", "audio", "series"])
def test_options_of_a_domain_and_of_folders_have_names_of_their_own(domain):
    assert not set(options_type(domain).__struct_fields__) & set(FolderOptions.__struct_fields__)


def test_the_folder_of_a_single_source_is_no_place_for_its_output(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    before = content(src)
    assert augkit("images", src / "same_a.png", src, "--std", "0.1", "--overwrite") == 2
    assert "the folder of same_a.png" in capsys.readouterr().err
    assert content(src) == before


def test_sources_that_appear_between_two_parts_of_a_run_get_rows_of_their_own(tmp_path):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    augkit("images", src, dst, "--std", "0.1", "--seed", "9", "--quiet")
    lines = (dst / "metadata.jsonl").read_bytes().splitlines()
    (dst / ".augkit-journal.jsonl").write_bytes(
        b"".join(b'{"index":%d,"row":%s}\n' % pair for pair in enumerate(lines))
    )
    (dst / "metadata.jsonl").unlink()
    Image.fromarray(np.full((9, 9), 50, np.uint8)).save(src / "a_first.png")
    assert augkit("resume", dst, "--quiet") == 0
    names = [row["file_name"] for row in rows(dst)]
    assert names == sorted(set(names))
    assert len(names) == len(lines) + 1


def test_rows_of_another_stream_version_are_made_again(tmp_path):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    augkit("images", src, dst, "--std", "0.1", "--seed", "9", "--quiet")
    expected = content(dst)
    text = (dst / "metadata.jsonl").read_text()
    (dst / "metadata.jsonl").write_text(text.replace('"stream_version":1', '"stream_version":0'))
    for path in dst.rglob("*.png"):
        path.write_bytes(b"\0" * path.stat().st_size)
    assert augkit("resume", dst, "--quiet") == 0
    assert content(dst) == expected


def test_a_clean_output_is_never_misnamed(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--format", "png", "--probability", "0.5") == 2
    assert "one of probability and format" in capsys.readouterr().err


def test_symbolic_links_to_src_and_dst(tmp_path):
    src = pictures(tmp_path / "deep" / "src")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "one.png").symlink_to(src / "same_a.png")
    assert augkit("images", src, tmp_path / "link" / "dst", "--std", "0.1", "--quiet") == 0
    expected = content(tmp_path / "real" / "dst")
    assert augkit("resume", tmp_path / "link" / "dst", "--quiet") == 0
    assert content(tmp_path / "real" / "dst") == expected
    assert augkit("images", tmp_path / "one.png", tmp_path / "single", "--std", "0.1", "--quiet") == 0
    assert augkit("resume", tmp_path / "single", "--quiet") == 0
    assert set(content(tmp_path / "single")) == {"one.png", "metadata.jsonl", "recipe.toml"}


def test_a_name_that_is_no_utf8_is_a_failure_of_its_own(tmp_path):
    src = pictures(tmp_path / "src")
    (tmp_path / "src" / os.fsdecode(b"bad\xff.png")).write_bytes((src / "same_a.png").read_bytes())
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--quiet") == 1
    failure = json.loads((tmp_path / "dst" / "failures.jsonl").read_text())
    assert failure["source"] == "bad\\xff.png"
    assert len(rows(tmp_path / "dst")) == 8


def test_overwriting_leaves_nothing_of_the_run_before(tmp_path):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    assert augkit("images", src, dst, "--std", "0.1", "--copies", "2", "--quiet") == 0
    (dst / "mine.txt").write_text("not augkit's")
    assert augkit("images", src, dst, "--std", "0.1", "--overwrite", "--quiet") == 0
    assert set(content(dst)) == set(content(src)) | {"metadata.jsonl", "recipe.toml", "mine.txt"}


def test_two_runs_do_not_share_a_folder(tmp_path, capsys):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    assert augkit("images", src, dst, "--std", "0.1", "--quiet") == 0
    with held(dst):
        assert augkit("resume", dst, "--quiet") == 2
    assert "another run" in capsys.readouterr().err


def test_a_worker_that_dies_once_leaves_nothing(tmp_path):
    write_dat(tmp_path, {f"f{i:03}": "once" if i == 7 else "fine" for i in range(40)})
    report = run_poison(tmp_path)
    assert report.exit_code == 0
    assert not list((tmp_path / "dst").glob(TEMP_PREFIX + "*"))


def test_sections_keep_out_of_each_other_and_draw_noise_of_their_own(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((16, 16), 90, np.uint8)).save(tmp_path / name / "0.png")
    sections = "".join(
        f'[[images]]\nsrc = "{src}"\ndst = "{dst}"\nstd = {std}\n'
        for src, dst, std in (("train", "out/a", 0.1), ("test", "out/b", 0.1), ("train", "out/c", 0.1))
    )
    (tmp_path / "r.toml").write_text("seed = 3\n" + sections)
    assert augkit("run", tmp_path / "r.toml", "--quiet") == 0
    a, b, c = ((tmp_path / "out" / name / "0.png").read_bytes() for name in "abc")
    assert a != b
    assert a == c
    assert augkit("run", tmp_path / "out" / "b" / "recipe.toml", "--overwrite", "--quiet") == 0
    assert (tmp_path / "out" / "b" / "0.png").read_bytes() == b
    (tmp_path / "bad.toml").write_text(sections.replace('dst = "out/b"', 'dst = "train/out"'))
    assert augkit("run", tmp_path / "bad.toml", "--overwrite", "--quiet") == 2


def test_bad_globs_and_others(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    (src / "metadata.jsonl").write_text("{}\n")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--include", "[z-a]") == 2
    assert "[z-a]" in capsys.readouterr().err
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--copy-others", "--quiet") == 2
    options = ("--copy-others", "--exclude", "metadata.jsonl", "--quiet")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", *options) == 0


def test_a_link_to_a_folder_is_told(tmp_path):
    src = pictures(tmp_path / "src")
    (src / "v1.0").symlink_to(src / "cat")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--quiet") == 1


def test_a_recipe_of_several_sections_goes_on_where_it_was(tmp_path):
    pictures(tmp_path / "img"), recordings(tmp_path / "snd")
    recipe = tmp_path / "all.toml"
    recipe.write_text('[[images]]\nsrc = "img"\ndst = "a"\nstd = 0.1\n[[audio]]\nsrc = "snd"\ndst = "b"\nsnr_db = 10\n')
    assert augkit("run", recipe, "--quiet") == 0
    expected = content(tmp_path / "b")
    shutil.rmtree(tmp_path / "b")
    (tmp_path / "a" / "same_a.png").unlink()
    assert augkit("run", recipe, "--quiet") == 2
    assert augkit("run", recipe, "--quiet", "--resume") == 0
    assert content(tmp_path / "b") == expected


def test_the_budget_is_seen_at_once(tmp_path):
    write_dat(tmp_path, {f"f{i:03}": "broken" if i == 3 else "fine" for i in range(30)})
    report = run_poison(tmp_path, HowToRun(jobs=1), on_error="stop")
    assert report.stopped
    assert report.outputs == 3


def test_a_script_without_a_main_guard_works(tmp_path):
    pictures(tmp_path / "src", count=30)
    (tmp_path / "r.toml").write_text('[[images]]\nsrc = "src"\ndst = "dst"\nstd = 0.1\n')
    script = tmp_path / "script.py"
    script.write_text('import augkit\nprint("begun")\nprint(augkit.run("r.toml", jobs=2)[0].outputs)\n')
    environment = {**os.environ, "PYTHONPATH": str(FIXTURES.parent)}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["begun", "32"]


def test_listed_names_never_vanish(tmp_path):
    src = pictures(tmp_path / "src")
    (src / "notes.txt").write_text("no picture")
    (tmp_path / "list.txt").write_bytes("\ufeffdog/p1.png\r\ntypo.pgn\nnotes.txt\n".encode())
    assert (
        augkit("images", src, tmp_path / "dst", "--std", "0.1", "--files-from", tmp_path / "list.txt", "--quiet") == 1
    )
    failures = [json.loads(line)["source"] for line in (tmp_path / "dst" / "failures.jsonl").read_text().splitlines()]
    assert failures == ["notes.txt", "typo.pgn"]
    assert [row["source"] for row in rows(tmp_path / "dst")] == ["dog/p1.png"]


def test_a_list_of_names_has_no_endless_line(tmp_path, capsys):
    src = pictures(tmp_path / "src")
    (tmp_path / "list.txt").write_text("dog/p1.png\n" + "x" * 5000 + "\n")
    words = ("images", src, tmp_path / "dst", "--std", "0.1", "--files-from", tmp_path / "list.txt")
    assert augkit(*words) == 2
    assert "line 2 has 5000 characters; a name was expected" in capsys.readouterr().err
    assert not (tmp_path / "dst").exists()


def test_a_file_is_never_to_be_a_folder_too(tmp_path, capsys):
    src = tmp_path / "src"
    (src / "x.png").mkdir(parents=True)
    gray = Image.fromarray(np.full((8, 8), 9, np.uint8))
    gray.save(src / "x.png" / "inner.png")
    gray.save(src / "x.bmp")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--format", "png") == 2
    assert "cannot be a folder" in capsys.readouterr().err
    (tmp_path / "other" / "metadata.jsonl").mkdir(parents=True)
    gray.save(tmp_path / "other" / "metadata.jsonl" / "a.png")
    assert augkit("images", tmp_path / "other", tmp_path / "dst", "--std", "0.1") == 2


def test_records_that_are_links_are_refused(tmp_path):
    src, dst = pictures(tmp_path / "src"), tmp_path / "dst"
    assert augkit("images", src, dst, "--std", "0.1", "--quiet") == 0
    before = content(src)
    (dst / ".augkit-journal.jsonl").symlink_to(src / "same_a.png")
    assert augkit("resume", dst, "--quiet") == 2
    assert content(src) == before


def test_deep_folders(tmp_path):
    deep = tmp_path / "src"
    for _ in range(60):
        deep = deep / "folder"
    deep.mkdir(parents=True)
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(deep / "a.png")
    assert augkit("images", tmp_path / "src", tmp_path / "dst", "--std", "0.1", "--quiet") == 0


@pytest.mark.parametrize(
    "recipe",
    [
        "copies = " + "[" * 900 + "]" * 900,
        "seed = " + "9" * 5000,
        '[[images]]\nsrc = "src"\ndst = "a\\u0000b"\nstd = 0.1',
        '[[images]]\nsrc = "src"\ndst = "dst"\nstd = 0.1\ncopies = 99999999999999999',
        '[[images]]\nsrc = "src"\ndst = "dst"\nstd = 1e400',
    ],
)
def test_hostile_recipes_are_refused(tmp_path, recipe):
    pictures(tmp_path / "src")
    (tmp_path / "r.toml").write_text(recipe)
    assert augkit("run", tmp_path / "r.toml") == 2


def test_where_no_worker_can_be_had_the_run_is_done_all_the_same(tmp_path, monkeypatch):
    src = pictures(tmp_path / "src", count=30)

    def refuse(*_):
        raise OSError(36, "AF_UNIX path too long")

    monkeypatch.setattr("augkit.folder.workers.start_worker", refuse)
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "-j", "2", "--quiet") == 0


def test_a_disk_that_takes_nothing_more_loses_nothing(tmp_path, monkeypatch, capsys):
    src = pictures(tmp_path / "src")

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "-j", "1", "--quiet", "--seed", "1") == 3
    assert "No space left" in capsys.readouterr().err
    assert not (tmp_path / "dst" / "metadata.jsonl").exists()
    how = ("--std", "0.1", "--seed", "1", "--quiet")
    assert augkit("images", src, tmp_path / "dst", *how, "--overwrite") == 0
    assert augkit("images", src, tmp_path / "whole", *how) == 0
    assert content(tmp_path / "dst") == content(tmp_path / "whole")


def test_a_journal_that_cannot_be_written_is_named(tmp_path):
    with Committer(tmp_path) as committer, pytest.raises(OutputError, match=r"journal.*augkit resume"):
        committer._file.close()
        committer._file = _Full()
        committer._append(b"{}")


class _Full:
    def write(self, _):
        raise OSError(28, "No space left on device")

    def close(self):
        pass
