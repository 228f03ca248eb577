"""Hostile trees and names: nothing is written outside of DST, no source is touched, no file is lost without a word."""

import json
import os
import socket
import sys
import tempfile
import unicodedata
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.trees import augkit, content, recordings

NOBODY = 65534


class Box:
    """A place with SRC, DST and what is neither."""

    def __init__(self, root):
        self.root, self.src, self.dst, self.outside = root, root / "src", root / "dst", root / "outside"
        for folder in (self.src, self.outside):
            folder.mkdir()
        self.put("victim.png", self.outside, 77)
        self.source, self.target = self.src, self.dst
        self.command = "images"

    def put(self, name, folder=None, gray=99):
        """Write a small picture under a name of any kind."""
        path = (folder or self.src) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG", ".bmp": "BMP"}.get(path.suffix, "PNG")
        with path.open("wb") as file:
            Image.fromarray(np.full((8, 8), gray, np.uint8)).save(file, kind)
        return path

    def made(self, *options):
        """Make DST by a run over what is in SRC so far."""
        assert augkit("images", self.src, self.dst, "--std", "0.1", "--seed", "1", "--quiet", *options) == 0

    def around(self):
        """Return all that is not in DST: names, kinds, contents, modes and times."""
        found = {}
        for folder, folders, files in os.walk(self.root):
            if Path(folder) == self.dst:
                folders.clear()
                continue
            for name in (*folders, *files):
                path = Path(folder) / name
                if path == self.dst:
                    continue
                status = path.lstat()
                data = path.read_bytes() if path.is_file() and not path.is_symlink() else None
                moment = None if path.is_dir() else status.st_mtime_ns
                found[str(path)] = (status.st_mode, moment, data, str(path.readlink()) if path.is_symlink() else "")
        return found


def names(*given, options=(), codes=(0,)):
    """Return a case of sources of these names."""

    def build(box):
        for number, name in enumerate(given):
            box.put(name, gray=60 + number)
        return options

    return build, codes


def case(*codes):
    """Let a function that builds a tree, and returns options, be a case that ends with one of these codes."""

    def decorate(build):
        CASES[build.__name__.replace("_", " ")] = (build, codes)
        return build

    return decorate


NFC, NFD = unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")
LONG = "x" * 251 + ".png"

CASES = {
    "two suffixes": names("a.png", "a.jpg", options=("--format", "png"), codes=(2,)),
    "two cases": names("A.png", "a.png", codes=(2,)),
    "two cases of a folder": names("D/a.png", "d/a.png", codes=(2,)),
    "two cases of a suffix": names("a.PNG", "a.png", codes=(2,)),
    "two normal forms": names(NFC, NFD, codes=(2,)),
    "sharp s": names("straße.png", "STRASSE.png", codes=(2,)),
    "a copy's name": names("a.png", "a_n1.png", options=("--copies", "2", "--keep-original"), codes=(2,)),
    "a copy's name without original": names("a.png", "a_n1.png", options=("--copies", "2")),
    "file and folder": names("a.png/b.png", "a.jpg", options=("--format", "png"), codes=(2,)),
    "a record": names("metadata.jsonl/a.png", codes=(2,)),
    "another record": names("recipe.toml/a.png", codes=(2,)),
    "a record in capitals": names("Failures.JSONL/a.png", codes=(2,)),
    "line ends": names("a\nb.png", "a\r.png"),
    "control characters": names("a\x1b[2J.png", "b\x07.png", "\x7f.png"),
    "quotes": names('a"b.png', "a'b.png", "`a`.png"),
    "backslashes": names("a\\b.png", "..\\..\\outside\\victim.png"),
    "dashes": names("-rf.png", "--overwrite.png", "-.png"),
    "shell": names("$(touch x).png", "a;b.png", "a|b.png", "&.png", "~.png", "~root.png"),
    "globs": names("*.png", "[a].png", "a?.png", "{a,b}.png"),
    "a glob that is a name": names("[a].png", "a.png", options=("--include", "[[]a].png")),
    "spaces": names(" a.png", "a .png", " .png", "a\t.png", "a\u00a0.png"),
    "dots": names("a..png", "a...b.png", "v1.0/a.png", "a./b.png"),
    "hidden": names("a.png", ".hidden.png", ".folder/a.png"),
    "percent signs": names("%s.png", "%2e%2e%2fvictim.png", "{0}.png"),
    "device names": names("con.png", "nul.png", "COM1/a.png", "a:b.png"),
    "far scripts": names("日本/写真.png", "🦄.png", "\u202egnp.a.png", "\u200b.png"),
    "zero width twins": names("a.png", "a\u200b.png"),
    "longest name": names(LONG, "é" * 125 + ".png"),
    "longest name in copies": names(LONG, "a.png", options=("--copies", "2"), codes=(1,)),
    "many dots": names("." * 3 + "a.png", "b.png"),
    "deep folders": names("/".join(["folder"] * 120) + "/a.png"),
    "the path is too long in DST": names("/".join(["f" * 200] * 15) + "/a.png", "a.png", codes=(0, 1)),
    "temporary names": names("augkit-tmp-abc.png", ".augkit-tmp-abc.png", "a.png"),
}


@case(1)
def a_link_out(box):
    box.put("a.png")
    (box.src / "out.png").symlink_to(box.outside / "victim.png")
    return ()


@case(1)
def a_folder_that_leads_out(box):
    box.put("a.png")
    (box.src / "out").symlink_to(box.outside)
    return ()


@case(1)
def links_in_circles(box):
    box.put("a.png")
    (box.src / "self.png").symlink_to("self.png")
    (box.src / "one.png").symlink_to("two.png")
    (box.src / "two.png").symlink_to("one.png")
    (box.src / "loop").symlink_to(box.src)
    (box.src / "gone.png").symlink_to("nowhere.png")
    return ()


@case(0)
def links_within(box):
    path = box.put("a.png")
    (box.src / "b.png").symlink_to("a.png")
    (box.src / "c.png").hardlink_to(path)
    return ()


@case(0)
def a_hard_link_to_what_is_outside(box):
    (box.src / "a.png").hardlink_to(box.outside / "victim.png")
    return ()


@case(1)
def special_files(box):
    box.put("a.png")
    os.mkfifo(box.src / "pipe.png")
    here = os.open(box.src, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/s.png")
    os.close(here)
    (box.src / "null.png").symlink_to("/dev/null")
    return ()


@case(0, 1)
def a_name_that_is_no_utf8(box):
    box.put("a.png")
    box.put(os.fsdecode(b"\xff\xfe.png"))
    return ()


@case(2)
def dst_in_src(box):
    box.put("a.png")
    box.target = box.src / "noisy"
    return ()


@case(2)
def dst_is_src(box):
    box.put("a.png")
    box.target = box.src
    return ("--overwrite",)


@case(2)
def src_in_dst(box):
    box.put("a.png")
    box.target = box.root
    return ("--overwrite",)


@case(2)
def dst_is_a_link_to_src(box):
    box.put("a.png")
    box.dst.symlink_to(box.src)
    return ("--overwrite",)


@case(2)
def dst_is_a_link_into_src(box):
    box.put("deep/a.png")
    box.dst.symlink_to(box.src / "deep")
    return ("--overwrite",)


@case(2)
def dst_is_a_file(box):
    box.put("a.png")
    box.target = box.outside / "victim.png"
    return ("--overwrite",)


@case(2, 3)
def dst_leads_nowhere(box):
    box.put("a.png")
    box.dst.symlink_to(box.root / "nowhere" / "deep")
    return ()


@case(1, 3)
def a_folder_of_dst_leads_out(box):
    box.put("out/victim.png")
    box.put("a.png")
    box.dst.mkdir()
    (box.dst / "out").symlink_to(box.outside)
    return ("--overwrite",)


@case(1, 3)
def a_folder_of_dst_leads_to_src(box):
    box.put("deep/a.png")
    box.put("b.png")
    box.dst.mkdir()
    (box.dst / "deep").symlink_to(box.src / "deep")
    return ("--overwrite",)


@case(0)
def an_output_is_a_link_out(box):
    box.put("a.png")
    box.dst.mkdir()
    (box.dst / "a.png").symlink_to(box.outside / "victim.png")
    return ("--overwrite",)


@case(0)
def an_output_is_a_hard_link_to_its_source(box):
    path = box.put("a.png")
    box.dst.mkdir()
    (box.dst / "a.png").hardlink_to(path)
    return ("--overwrite",)


@case(1)
def an_output_is_a_folder(box):
    box.put("a.png")
    box.put("b.png")
    box.put("a.png/mine.png", box.dst)
    return ("--overwrite",)


@case(0)
def an_output_is_a_pipe(box):
    box.put("a.png")
    box.dst.mkdir()
    os.mkfifo(box.dst / "a.png")
    return ("--overwrite",)


@case(2)
def a_record_is_a_link(box):
    box.put("a.png")
    box.dst.mkdir()
    (box.dst / "metadata.jsonl").symlink_to(box.outside / "victim.png")
    return ("--overwrite",)


@case(2)
def the_recipe_is_a_link(box):
    box.put("a.png")
    box.dst.mkdir()
    (box.dst / "recipe.toml").symlink_to(box.outside / "victim.png")
    return ("--overwrite",)


@case(2)
def a_shard_s_record_is_a_link(box):
    box.put("a.png")
    box.dst.mkdir()
    (box.dst / ".augkit-journal-1-of-2.jsonl").symlink_to(box.outside / "victim.png")
    return ("--overwrite",)


def _rows(box, *given):
    box.put("a.png")
    box.made()
    path = box.dst / "metadata.jsonl"
    row = json.loads(path.read_text())
    path.write_text("".join(json.dumps({**row, **change}) + "\n" for change in given))


@case(0)
def a_manifest_that_names_what_is_outside(box):
    victim = box.outside / "victim.png"
    _rows(box, *({"file_name": name} for name in ("../outside/victim.png", str(victim), "x/../../outside/victim.png")))
    return ("--overwrite",)


@case(0)
def a_manifest_whose_labels_are_outside(box):
    _rows(box, {"labels": ["../outside/victim.png", str(box.outside / "victim.png")]})
    return ("--overwrite",)


@case(0)
def a_manifest_that_leads_out_through_a_link(box):
    _rows(box, {"file_name": "out/victim.png"})
    (box.dst / "out").symlink_to(box.outside)
    return ("--overwrite",)


@case(0)
def a_manifest_that_names_what_is_outside_is_resumed(box):
    _rows(box, {"file_name": "../outside/victim.png"}, {"file_name": str(box.outside / "victim.png")})
    return ("--seed", "1", "--resume")


@case(2)
def a_recipe_that_leads_out_is_resumed(box):
    box.put("a.png")
    box.made()
    path = box.dst / "recipe.toml"
    path.write_text(path.read_text().replace('dst = "."', 'dst = "../outside/new"'))
    box.command = "resume"
    return ()


@case(1)
def a_list_that_leads_out(box):
    box.put("a.png")
    victim = box.outside / "victim.png"
    (box.root / "list.txt").write_text(f"a.png\n../outside/victim.png\n{victim}\n/etc/passwd\n")
    return ("--files-from", box.root / "list.txt")


@case(0, 1, 2)
def annotations_that_lead_out(box):
    box.put("a.png")
    images = [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "../outside/victim.png"}]
    coco = {"images": images, "annotations": [], "categories": []}
    (box.src / "instances.json").write_text(json.dumps(coco))
    return ("--labels", "copy")


@case(0, 1, 2)
def commands_in_a_list_of_recordings(box):
    recordings(box.src, count=1)
    (box.src / "wav.scp").write_text(f"one tone0.wav\ntwo touch {box.outside}/made |\n")
    box.command = "audio"
    return ("--files-from", box.src / "wav.scp")


@case(2, 3)
def a_folder_for_noise_that_leads_out(box):
    recordings(box.src, count=1)
    box.command = "audio"
    return ("--save-noise", "../outside")


@case(0)
def src_is_one_file_behind_a_link(box):
    (box.src / "a.png").symlink_to(box.outside / "victim.png")
    box.source = box.src / "a.png"
    return ()


def test_there_are_sixty():
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_tree_touches_nothing_but_dst(tmp_path, name):
    build, codes = CASES[name]
    box = Box(tmp_path)
    options = build(box)
    before = box.around()
    if box.command == "resume":
        code = augkit("resume", box.dst, "--quiet")
    else:
        level = ("--snr", "10") if box.command == "audio" else ("--std", "0.1")
        code = augkit(box.command, box.source, box.target, *level, "--quiet", *options)
    assert code in codes
    after = box.around()
    assert {path: one for path, one in after.items() if path in before} == before
    assert after.keys() == before.keys()
    if code in {0, 1} and box.command == "images" and box.source == box.src and "--files-from" not in options:
        check_complete(box, options)


def check_complete(box, options):
    """Check that every source has its outputs and their rows, or is named as a failure."""
    rows = [json.loads(line) for line in (box.dst / "metadata.jsonl").read_text().splitlines()]
    listed = box.dst / "failures.jsonl"
    failed = {json.loads(line)["source"] for line in listed.read_text().splitlines()} if listed.exists() else set()
    sources = {row["source"] for row in rows}
    places = [row["file_name"] for row in rows]
    assert len({unicodedata.normalize("NFC", place).casefold() for place in places}) == len(places)
    for place in places:
        path = box.dst / place
        assert path.is_file()
        assert not path.is_symlink()
        assert path.resolve().is_relative_to(box.dst.resolve())
    expected = set()
    for path in box.src.rglob("*"):
        relative = path.relative_to(box.src)
        if path.suffix in {".png", ".jpg"} and not path.is_dir() and not any(p.startswith(".") for p in relative.parts):
            expected.add(os.fsencode(str(relative)).decode("utf-8", "backslashreplace"))
    if "--include" not in options:
        assert expected <= sources | failed
    assert not sources & failed or "--copies" in options
    assert not list(box.dst.rglob(".augkit-*"))


@pytest.fixture
def open_box():
    """Give a box that another user can reach."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        Path(root).chmod(0o755)
        yield Box(Path(root))


class Done(NamedTuple):
    returncode: int
    told: str


def as_nobody(box, *options):
    """Run the command as another user, in a child, as this Python need not be theirs to start."""
    log = box.root.parent / f"{box.root.name}.log"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads that libraries have begun; none is at work
        child = os.fork()
    if child == 0:
        code = 70
        try:
            os.dup2(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 2)
            sys.stderr = os.fdopen(2, "w")
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            code = augkit("images", box.source, box.target, "--std", "0.1", "--quiet", "-j", "1", *options)
            sys.stderr.flush()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told = log.read_text()
    log.unlink()
    return Done(code, told)


def test_what_another_user_may_not_read_is_named(open_box):
    box = open_box
    box.put("a.png"), box.put("closed.png").chmod(0)
    box.put("locked/b.png")
    (box.src / "locked").chmod(0)
    box.dst.mkdir()
    os.chown(box.dst, NOBODY, NOBODY)
    before = box.around()
    done = as_nobody(box)
    assert done.returncode == 1, done.told
    failed = [json.loads(line) for line in (box.dst / "failures.jsonl").read_text().splitlines()]
    assert [row["source"] for row in failed] == ["closed.png", "locked"]
    assert all("ermission denied" in row["reason"] for row in failed)
    assert sorted(content(box.dst)) == ["a.png", "failures.jsonl", "metadata.jsonl", "recipe.toml"]
    assert box.around() == before


@pytest.mark.parametrize("mode", ["dst", "parent", "folder", "record"])
def test_where_another_user_may_not_write_is_named(open_box, mode):
    box = open_box
    box.put("a.png"), box.put("deep/b.png")
    options = ()
    if mode != "parent":
        box.made()
        for path in (box.dst, *box.dst.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        closed = {"dst": box.dst, "folder": box.dst / "deep", "record": box.dst / "recipe.toml"}[mode]
        os.chown(closed, 0, 0)
        closed.chmod(0o755 if closed.is_dir() else 0o600)
        options = ("--overwrite",)
    before, older = box.around(), content(box.dst)
    done = as_nobody(box, *options)
    told = done.told + "".join(path.read_text() for path in box.dst.glob("failures.jsonl"))
    assert done.returncode == {"dst": 3, "parent": 3, "folder": 1, "record": 2}[mode], told
    assert "ermission denied" in told
    assert box.around() == before
    if mode in {"dst", "record"}:
        assert content(box.dst) == older
    if mode == "folder":
        assert content(box.dst)["deep/b.png"] == older["deep/b.png"]


def test_temporary_files_are_for_their_owner_only(tmp_path, monkeypatch):
    box, seen = Box(tmp_path), []
    box.put("a.png"), box.put("b.png")
    chmod = os.chmod

    def look(path, mode, **how):
        seen.append(Path(path).stat().st_mode & 0o777)
        chmod(path, mode, **how)

    monkeypatch.setattr(os, "chmod", look)
    assert augkit("images", box.src, box.dst, "--std", "0.1", "--quiet", "-j", "1") == 0
    assert len(seen) >= 4
    assert set(seen) == {0o600}
