"""Hostile and broken tars: each is carried with every byte, or refused by name; nothing is written outside of DST."""

import gzip
import io
import random
import subprocess
import sys
import tarfile
import zlib

import pytest

from augkit.errors import InputError
from augkit.folder.tars.headers import changed
from augkit.folder.tars.members import read_members
from tests.shards import add, headers, jsonl, members, pack, picture, read
from tests.trees import augkit, content

ZEROS = bytes(1024)
BOMB = 2**31


def raw(name, data=b"", kind=b"0", form=tarfile.GNU_FORMAT, size=None, **fields):
    """Return the blocks of one member, whatever its header says."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data) if size is None else size
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(form) + data + bytes(-len(data) % 512)


def summed(block):
    """Return a header block with its checksum made right."""
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def pax(payload):
    """Return an extended header as it is given."""
    return raw("././@PaxHeader", payload, b"x", tarfile.USTAR_FORMAT)


def run(tmp_path, data, *options, name="a.tar"):
    """Run on one tar of these bytes; return the exit code, what failed, and the output, if there is one."""
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src" / name).write_bytes(data)
    dst = tmp_path / "dst"
    code = augkit("images", tmp_path / "src", dst, "--webdataset", "--std", "0.1", "--quiet", "--overwrite", *options)
    failures = dst / "failures.jsonl"
    reasons = [f"{row['source']}: {row['reason']}" for row in jsonl(failures)] if failures.exists() else []
    assert not list(tmp_path.rglob(".augkit-tmp*"))
    assert {path.name for path in tmp_path.iterdir()} <= {"src", "dst"}
    return code, "\n".join(reasons), dst / name


GOOD = raw("a.png", picture())
PLAIN = raw("a.txt", b"text")
REFUSED = {
    "nothing": (b"", "an empty file"),
    "a word": (b"tar", "no tar"),
    "no tar": (b"x" * 4000, "no tar: its first header is none"),
    "a picture": (picture(size=64), "no tar"),
    "cut in the data": (GOOD[:900], "cut short"),
    "cut in a header": (GOOD + GOOD[:300], "cut short"),
    "cut at a member": (GOOD, "the blocks of zeros at the end of a tar are missing"),
    "a wrong checksum": (GOOD + b"\1" + PLAIN[1:] + ZEROS, f"the header at byte {len(GOOD)} is broken"),
    "a size too large": (GOOD + raw("b.txt", b"", size=10**6) + ZEROS, "a size is wrong"),
    "a size of exabytes": (GOOD + raw("b.txt", b"", size=2**62) + ZEROS, "a size is wrong"),
    "a size too small": (raw("a.png", picture(), size=10) + ZEROS, "is broken"),
    "a size below zero": (GOOD + raw("b.txt", size=-512) + ZEROS, "below 0"),
    "two tars in one": (GOOD + ZEROS + PLAIN + ZEROS, "something follows its end"),
    "garbage after its end": (GOOD + ZEROS + bytes(9000) + b"garbage", "something follows its end"),
    "one name twice": (GOOD + PLAIN + GOOD + ZEROS, "a.png: two members"),
    "a pax bomb": (pax(b"x" * 2**21) + GOOD + ZEROS, "more than 1048576 bytes"),
    "many extended headers": (pax(b"6 a=b\n") * 2000 + GOOD + ZEROS, "more than 1048576 bytes"),
    "a pax header without end": (pax(b"6 a=b\n") + ZEROS, "belongs to nothing"),
    "a pax record that is none": (pax(b"999 path=b\n") + GOOD + ZEROS, "is broken"),
    "a pax record of no length": (pax(b"0 path=b\n") + GOOD + ZEROS, "is broken"),
    "a pax size that is none": (pax(b"11 size=-1\n") + GOOD + ZEROS, "size that is none"),
    "a pax size too large": (pax(b"21 size=999999999999\n") + GOOD + ZEROS, "a size is wrong"),
    "a path for all": (raw("g", b"10 path=b\n", b"g") + GOOD + ZEROS, "as none should"),
    "a name without end": (pax(b"5013 path=%s\n" % (b"a" * 5002)) + GOOD + ZEROS, "a name of 5002 characters"),
    "no image at all": (PLAIN + ZEROS, "no member is of images"),
    "only broken images": (raw("a.png", b"none") + ZEROS, "all of its 1 members to be noised failed; a.png: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_tar_is_refused_by_name(tmp_path, name):
    data, reason = REFUSED[name]
    code, reasons, output = run(tmp_path, data)
    assert code == 3
    assert reason in reasons
    assert reasons.startswith("a.tar: ")
    assert not output.exists()


CARRIED = {
    "absolute": raw("/etc/passwd.png", picture()),
    "above": raw("../../../evil.png", picture()) + raw("../evil.txt", b"1"),
    "a folder": raw("train/", b"", b"5") + GOOD,
    "an old folder": summed(raw("old/")[:512].replace(b"ustar  \0", bytes(8))) + GOOD,
    "a symbolic link": raw("link.png", b"", b"2", linkname="/etc/passwd") + GOOD,
    "a link above": raw("x", b"", b"2", linkname="../..") + raw("x/a.png", picture()),
    "a hard link": GOOD + raw("b.png", b"", b"1", linkname="a.png"),
    "a hard link out": raw("b.png", b"", b"1", linkname="/etc/shadow") + GOOD,
    "devices": raw("c.png", b"", b"3", devmajor=1, devminor=3) + raw("d.png", b"", b"4") + GOOD,
    "a named pipe": raw("pipe.png", b"", b"6") + GOOD,
    "a header for all": raw("pax_global_header", b"13 comment=x\n", b"g", tarfile.USTAR_FORMAT) + GOOD,
    "unknown types": raw("v", b"", b"V") + raw("z", b"12345", b"Z") + GOOD,
    "a name with a line end": raw("a\nb.png", picture()) + raw("a\nb.txt", b"1"),
    "a name that steers": raw("a\x1b[2J.png", picture()),
    "a text that is no UTF-8": raw(b"\xff\xfe.txt".decode("utf-8", "surrogateescape"), b"1") + GOOD,
    "names without extension": raw("README", b"1") + GOOD + raw("LICENSE", b"2"),
    "hidden names": raw(".hidden.png", picture()) + GOOD,
    "meta": raw("__index__", b"1") + raw("__meta__/x.png", picture()) + GOOD,
    "a key in two places": GOOD + raw("b.png", picture()) + raw("a.cls", b"1"),
    "the same folder twice": raw("d/", b"", b"5") + GOOD + raw("d/", b"", b"5"),
    "numbers after spaces": summed(GOOD[:124] + b"%11o " % len(picture()) + GOOD[136:512]) + GOOD[512:],
    "binary numbers": summed(GOOD[:124] + b"\x80" + len(picture()).to_bytes(11, "big") + GOOD[136:512]) + GOOD[512:],
    "a size in pax": pax(b"13 size=%d\n" % len(picture()))
    + summed(GOOD[:124] + b"0" * 11 + b"\0" + GOOD[136:512]) + GOOD[512:],
}  # fmt: skip


@pytest.mark.parametrize("name", CARRIED)
def test_odd_members_are_carried_as_they_are(tmp_path, name):
    data = CARRIED[name] + ZEROS
    code, reasons, output = run(tmp_path, data)
    assert (code, reasons) == (0, "")
    before, after = headers(tmp_path / "src" / "a.tar"), headers(output)
    assert [one for one, _ in before] == [one for one, _ in after]
    noised = {row["source"] for row in jsonl(output.with_name("a.tar.jsonl"))}
    assert noised
    pairs = zip(read(tmp_path / "src" / "a.tar"), read(output), before, after, strict=True)
    for (one, clean), (_, noisy), (_, old), (_, new) in pairs:
        if one in noised:
            assert clean != noisy
            assert old[:124] == new[:124]
            assert old[156:512] == new[156:512]
        else:
            assert (clean, old) == (noisy, new)
    subprocess.run(["tar", "tf", output], check=True, capture_output=True)


def sparse(tmp_path):
    """Return a tar of GNU tar with a picture and a text that have holes."""
    for name in ("a.png", "b.txt"):
        with (tmp_path / name).open("wb") as file:
            file.seek(2**20)
            file.write(b"end")
    with (tmp_path / "c.png").open("wb") as file:
        file.write(picture())
    for form in ("gnu", "posix"):
        command = ["tar", "--sparse", f"--format={form}", "-cf", tmp_path / f"{form}.tar", "b.txt", "a.png", "c.png"]
        subprocess.run(command, cwd=tmp_path, check=True)
    return [tmp_path / "gnu.tar", tmp_path / "posix.tar"]


def test_sparse_members_are_carried_or_named(tmp_path):
    place, box = tmp_path / "made", tmp_path / "box"
    place.mkdir()
    box.mkdir()
    for path in sparse(place):
        code, reasons, output = run(box, path.read_bytes())
        assert code == 1
        assert "a.tar/a.png: it is stored without its holes" in reasons
        assert "c.png" not in reasons
        assert [name for name, _ in read(output)] == ["b.txt", "c.png"]
        assert dict(read(output))["b.txt"] == dict(read(path))["b.txt"]


def test_a_name_that_no_manifest_can_hold_is_told_with_escapes(tmp_path):
    name = b"\xff.png".decode("utf-8", "surrogateescape")
    code, reasons, output = run(tmp_path, raw(name, picture()) + GOOD + ZEROS)
    assert code == 1
    assert reasons == "a.tar/\\xff.png: the name is no UTF-8, so no manifest can hold it; rename it"
    assert [one for one, _ in read(output)] == ["a.png"]


def test_copies_that_would_have_the_name_of_an_original_are_refused(tmp_path):
    data = GOOD + raw("a_n1.png", picture()) + ZEROS
    assert run(tmp_path, data, "--copies", "2")[0] == 0
    code, reasons, _ = run(tmp_path, data, "--copies", "2", "--keep-original")
    assert code == 3
    assert "a.png: two members would have this name" in reasons
    data = GOOD + raw("a_n3.png", picture()) + ZEROS
    assert run(tmp_path, data, "--copies", "2", "--keep-original")[0] == 0
    data = raw("a.jpg", picture("JPEG")) + GOOD + ZEROS
    code, reasons, _ = run(tmp_path, data, "--format", "png")
    assert code == 3
    assert "two members would have this name" in reasons


def test_names_of_incremental_archives_are_kept_or_refused(tmp_path):
    times = summed(GOOD[:345] + b"14412345670\0" * 2 + GOOD[369:512]) + GOOD[512:] + ZEROS
    code, _, output = run(tmp_path, times)
    assert code == 0
    assert output.read_bytes()[345:369] == times[345:369]
    code, reasons, _ = run(tmp_path, times, "--copies", "2")
    assert code == 3
    assert "of an incremental archive" in reasons


def test_hard_links_never_lead_to_nothing(tmp_path):
    link = raw("b.png", b"", b"1", linkname="a.png")
    code, reasons, _ = run(tmp_path, GOOD + link + ZEROS, "--copies", "2")
    assert code == 3
    assert "b.png is a hard link" in reasons
    assert run(tmp_path, GOOD + link + ZEROS, "--copies", "2", "--keep-original")[0] == 0
    code, reasons, output = run(tmp_path, raw("a.png", b"none") + link + raw("c.png", picture()) + ZEROS)
    assert code == 1
    assert "a.tar/b.png: a hard link to a.png, which was left out" in reasons
    assert [name for name, _ in read(output)] == ["c.png"]


def test_one_broken_tar_harms_no_other(tmp_path):
    pack(tmp_path / "src" / "b.tar", members())
    code, reasons, _ = run(tmp_path, GOOD[:900])
    assert code == 1
    assert reasons.count("\n") == 0
    assert len(read(tmp_path / "dst" / "b.tar")) == 12


def test_the_content_tells_the_packing_and_a_link_the_tar(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "blob").write_bytes(gzip.compress(GOOD + ZEROS))
    (tmp_path / "src" / "b.tar").symlink_to("blob")
    code, _, output = run(tmp_path, gzip.compress(GOOD + ZEROS))
    assert code == 0
    for path in (output, output.with_name("b.tar")):
        assert len(gzip.decompress(path.read_bytes())) % 512 == 0
        assert [name for name, _ in read(path)] == ["a.png"]


@pytest.mark.parametrize("cut", [1, 5, 60, -9, -1])
def test_packed_tars_that_are_broken_are_refused(tmp_path, cut):
    data = gzip.compress(GOOD + ZEROS)
    code, reasons, output = run(tmp_path, data[:cut], name="a.tar.gz")
    assert code == 3
    assert reasons.startswith("a.tar.gz: ")
    assert not output.exists()


def test_a_packed_tar_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = packing.compress(raw("a.txt", size=BOMB)) + b"".join(packing.compress(bytes(2**24)) for _ in range(8))
    monkeypatch.setattr("augkit.folder.tars.packing._MOST_UNPACKED", 2**26)
    code, reasons, _ = run(tmp_path, data + packing.flush(), "-j", "1", name="a.tar.gz")
    assert code == 3
    assert "unpacks to more than" in reasons


def test_what_readers_skip_or_stop_at_is_met_here(tmp_path):
    """`tarfile` takes a broken header for the end; what follows it would be lost without a word."""
    data = GOOD + b"\1" + PLAIN[1:] + ZEROS
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["a.png"]
    with pytest.raises(InputError, match="is broken"):
        list(read_members(io.BytesIO(data), len(data)))


NAMES = ("a.png", "d/" * 60 + "k.é.jpg", "x" * 99 + ".txt", "é日" * 60 + ".png", "f" * 60 + "/" + "g" * 90 + ".png")


def random_tar(rng):
    """Return the bytes of a tar of some form, with names and sizes at the limits of fields."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=rng.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])) as tar:
        for number in range(rng.choice([1, 2, 5])):
            data = bytes([number]) * rng.choice([0, 1, 511, 512, 513])
            add(tar, rng.choice(NAMES), data, mtime=rng.choice([0, 1.5, 2**33]), mode=rng.choice([0o644, 0o777]))
    return out.getvalue()


def damaged(data, rng):
    """Return them with some bytes changed, cut out or put in, and the checksums of some headers made right."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 2, 10])):
        place = rng.randrange(len(data))
        begin = place // 512 * 512
        data[place] = rng.choice([0, 48, 57, 128, 255, rng.randrange(256)])
        if rng.random() < 0.6:
            data[begin : begin + 512] = summed(bytes(data[begin : begin + 512]))
        if rng.random() < 0.2:
            del data[begin : begin + 512]
            data += bytes(512)
    return bytes(data)


def test_what_is_accepted_is_what_other_readers_see():
    rng, accepted = random.Random(6), 0  # noqa: S311 - damage, no secret
    for _ in range(300):
        data = random_tar(rng)
        data = damaged(data, rng) if rng.random() < 0.8 else data
        try:
            ours = list(read_members(io.BytesIO(data), len(data)))
        except InputError:
            continue
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            theirs = [(info.name, info.offset, info.offset_data, info.size) for info in tar if info.isreg()]
        files = [member for member in ours if member.kind in {"file", "sparse"}]
        assert [(member.name, member.begin, member.data, member.size) for member in files] == theirs
        accepted += 1
    assert accepted > 60


def test_headers_are_changed_as_other_readers_understand_them():
    rng = random.Random(7)  # noqa: S311 - choices, no secrets
    for _ in range(150):
        data, name, size = random_tar(rng), rng.choice(NAMES), rng.choice([0, 5, 2**20])
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            theirs = tar.getmembers()
        for member, before in zip(read_members(io.BytesIO(data), len(data)), theirs, strict=True):
            own = data[member.begin : member.data]
            assert changed(own, name=None, size=member.size) == own
            made = changed(own, name=name, size=size) + bytes(size + -size % 512) + ZEROS
            with tarfile.open(fileobj=io.BytesIO(made)) as tar:
                (after,) = tar.getmembers()
            assert (after.name, after.size) == (name, size)
            for field in ("mode", "mtime", "uid", "gid", "uname", "gname", "type"):
                assert getattr(after, field) == getattr(before, field)


def test_members_that_are_links_out_of_dst_are_not_followed(tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "victim").write_text("safe")
    before = content(outside)
    evil = raw("out", b"", b"2", linkname=str(outside)) + raw("out/victim.png", picture()) + GOOD + ZEROS
    assert run(tmp_path, evil, "--copies", "3")[0] == 0
    assert content(outside) == before


def peak(tmp_path, path):
    """Run on one tar in a process of its own; return the most memory that it had, in MB."""
    script = (
        "import re, sys; from pathlib import Path; from augkit.cli import main; code = main(sys.argv[1:]); "
        "print(code, int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    words = ["images", path, tmp_path / path.stem, "--webdataset", "--std", "0.1", "--quiet", "-j", "1"]
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=True)
    code, megabytes = done.stdout.split()
    assert code == "0"
    return int(megabytes)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_members(tmp_path):
    peaks, small = [], picture(size=8)
    for count in (50, 5000):
        path = tmp_path / f"{count}.tar"
        with tarfile.open(path, "w") as tar:
            for number in range(count):
                add(tar, f"{number:05}.png", small)
                add(tar, f"{number:05}.cls", b"1")
        peaks.append(peak(tmp_path, path))
    assert peaks[1] < peaks[0] + 10, peaks


@pytest.mark.slow
def test_empty_members_without_number_take_little_memory(tmp_path):
    """Of a million, as of these, each takes some 16 bytes."""
    one, count = raw("0000000.txt"), 100_000
    path = tmp_path / "many.tar"
    with path.open("wb") as file:
        for number in range(count):
            file.write(summed(b"%07d" % number + one[7:]))
        file.write(GOOD + ZEROS)
    few = tmp_path / "few.tar"
    few.write_bytes(GOOD + ZEROS)
    assert peak(tmp_path, path) < peak(tmp_path, few) + 20
    assert jsonl(tmp_path / "many" / "metadata.jsonl")[0]["format"]["members"] == count + 1


@pytest.mark.slow
def test_members_that_fail_without_end_are_a_failure_of_their_tar(tmp_path):
    one = raw("0000000.png")
    data = b"".join(summed(b"%07d" % number + one[7:]) for number in range(10_100))
    code, reasons, _ = run(tmp_path, data + GOOD + ZEROS, "-j", "1")
    assert code == 3
    assert "more than 10000 of its members failed, such as 0000000.png" in reasons
