"""What a person is told while a run goes on, and at its end."""

import io
import re
import sys

import pytest

from augkit import show
from tests.trees import augkit, pictures

LINE = re.compile(r"images: (\d+) of 43, ([\d.]+) MB, [\d.,]+ files/s, [\d.,]+ MB/s, 1 failed, \d+:\d\d:\d\d left")


@pytest.fixture(name="src")
def _src(tmp_path):
    src = pictures(tmp_path / "src", count=40)
    (src / "broken.png").write_bytes(b"no picture")
    return src


def test_lines_tell_files_bytes_rates_failures_and_what_is_left(tmp_path, src, monkeypatch, capsys):
    monkeypatch.setattr(show, "_LOG_SECONDS", 0.0)
    monkeypatch.setattr("augkit.folder.commit._GROUP_OUTPUTS", 4)
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "-j", "1") == 1
    said = capsys.readouterr()
    found = [match for line in said.err.splitlines() if (match := LINE.fullmatch(line))]
    assert len(found) >= 2
    counts = [int(match[1]) for match in found]
    assert counts == sorted(counts)
    assert counts[-1] > 40
    assert float(found[-1][2]) > float(found[0][2])
    assert re.search(r"time +[\d.]+ s, [\d.,]+ files/s, [\d.,]+ MB/s", said.out)
    assert re.search(r"bytes +[\d.]+ MB of sources, [\d.]+ MB written", said.out)


def test_nothing_is_said_of_a_short_run_but_its_end(tmp_path, src, capsys):
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1") == 1
    assert capsys.readouterr().err == ""
    assert augkit("images", src, tmp_path / "other", "--std", "0.1", "--json") == 1
    said = capsys.readouterr()
    assert (said.out.count("\n"), said.err) == (1, "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_a_bar(tmp_path, src, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "120")
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "-j", "1") == 1
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen.getvalue())
    assert "43/43" in shown.replace(" ", "")
    assert "1 failed" in shown
    assert "files/s" in shown
    assert "MB/s" in shown
