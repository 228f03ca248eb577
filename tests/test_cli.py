"""The command line: one clear line for every mistake, the right exit code, and nothing half-written."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augkit.__main__ import run
from augkit.compiled import library
from tests.trees import FIXTURES, augkit, content, pictures
from tests.ways import plain


@pytest.fixture(name="src")
def _src(tmp_path):
    src = pictures(tmp_path / "src")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    return src


MISTAKES = [
    (("images", "nowhere", "dst", "--std", "0.1"), "no such file or folder"),
    (("images", "empty", "dst", "--std", "0.1"), "no images found"),
    (("images", "src", "dst"), "exactly one level"),
    (("images", "src", "dst", "--std", "0.1", "--snr", "3"), "std and snr_db"),
    (("images", "src", "dst", "--std", "25"), "25/255"),
    (("images", "src", "dst", "--std", "abc"), "'abc' is no level"),
    (("images", "src", "dst", "--std", "-0.1"), "0 or more"),
    (("images", "src", "dst", "--std", "0.1", "--noise", "gausian"), "did you mean 'gaussian'"),
    (("images", "src", "dst", "--std", "0.1", "--noise", "cauchy"), "no finite variance"),
    (("images", "src", "dst", "--std", "0.1", "--copys", "3"), "--copies"),
    (("images", "src", "dst", "--std", "0.1", "--copies", "0"), "copies=0"),
    (("images", "src", "dst", "--std", "0.1", "--probability", "2"), "from 0 to 1"),
    (("images", "src", "dst", "--std", "0.1", "--max-errors", "x%"), "max_errors"),
    (("images", "src", "dst", "--std", "0.1", "-j", "0"), "jobs"),
    (("images", "src", "dst", "--std", "0.1", "--seed", "-1"), "seed"),
    (("images", "src", "dst", "--std", "0.1", "--format", "xyz"), "xyz"),
    (("images", "src", "full", "--std", "0.1"), "not empty"),
    (("images", "src", "src", "--std", "0.1"), "SRC itself"),
    (("images", "src", "src/out", "--std", "0.1"), "inside SRC"),
    (("images", "src/cat", "src", "--std", "0.1", "--overwrite"), "contains SRC"),
    (("images", "src", "full/a.txt", "--std", "0.1"), "DST is a folder"),
    (("images", "src", "dst", "--std", "0.1", "--resume"), "nothing to resume"),
    (("images", "src", "full", "--std", "0.1", "--resume", "--overwrite"), "one of them"),
    (("images", "src/same_a.png", "out.png", "--std", "0.1"), "DST is a folder"),
    (("audio", "src", "dst", "--snr", "3", "--format", "m4a"), "format=m4a"),
    (("images", "src"), "Missing argument"),
    (("imagse", "src", "dst"), "did you mean 'images'"),
    (("audio", "src", "dst", "--snr", "3"), "no audio found"),
    (("run", "nothing.toml"), "No such file"),
    (("resume", "full"), "nothing to resume"),
    (("measure", "src/same_a.png", "nowhere.png"), "a file was expected"),
    (("measure", "src/same_a.png", "full/a.txt"), "were expected"),
]


@pytest.mark.parametrize(("arguments", "hint"), MISTAKES, ids=lambda value: value if isinstance(value, str) else None)
def test_mistakes_get_one_clear_line(tmp_path, src, monkeypatch, capsys, arguments, hint):
    monkeypatch.chdir(tmp_path)
    before = content(tmp_path)
    assert augkit(*arguments) == 2
    said = capsys.readouterr()
    assert hint in said.err
    assert said.err.startswith("augkit: error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("recipe", "hint"),
    [
        ("seed = 1", "a section was expected"),
        ("seed = 'x'", "seed: an integer"),
        ("nonsense", "no recipe could be read"),
        ("[[imges]]", "did you mean 'images'"),
        ("[[images]]\ndst = 'b'\nstd = 0.1", "images[0].src: a path"),
        ("[[images]]\nsrc = 'src'\ndst = 'b'\nst = 0.1", "images[0].st: no such option of images; did you mean 'std'"),
        (
            "[[images]]\nsrc = 'src'\ndst = 'b'\nstd = 0.1\ncopies = 'two'",
            "images[0].copies: expected `int`, got `str`",
        ),
        (
            "[[images]]\nsrc = 'src'\ndst = 'b'\nstd = 0.1\n[[images]]\nsrc = 'src'\ndst = 'b'\nstd = 0.1",
            "another section",
        ),
        ("version = 9", "version"),
    ],
)
def test_faults_of_a_recipe_are_named(tmp_path, src, capsys, recipe, hint):
    (tmp_path / "r.toml").write_text(recipe)
    assert augkit("run", tmp_path / "r.toml") == 2
    assert hint in capsys.readouterr().err


def test_outputs_of_one_name_are_refused_before_anything_is_written(tmp_path, capsys):
    (tmp_path / "src").mkdir()
    gray = Image.fromarray(np.full((8, 8), 9, np.uint8))
    gray.save(tmp_path / "src" / "a.png")
    gray.save(tmp_path / "src" / "a.bmp")
    assert augkit("images", tmp_path / "src", tmp_path / "dst", "--std", "0.1", "--format", "png") == 2
    assert "both be written to a.png" in capsys.readouterr().err
    gray.save(tmp_path / "src" / "A.png")
    assert augkit("images", tmp_path / "src", tmp_path / "dst", "--std", "0.1") == 2
    assert not (tmp_path / "dst").exists()


def test_a_single_file_is_a_folder_of_one(tmp_path, capsys):
    assert augkit("images", FIXTURES / "images/object/balls.png", tmp_path / "dst", "--psnr", "20..30") == 0
    assert set(content(tmp_path / "dst")) == {"balls.png", "metadata.jsonl", "recipe.toml"}
    said = capsys.readouterr().out
    for word in ("1 file -> 1 output", "MB/s", "achieved", "seed"):
        assert word in said


def test_negative_decibels_are_no_option(tmp_path):
    assert augkit("audio", FIXTURES / "audio", tmp_path / "dst", "--snr", "-5..5", "--quiet") == 0


def test_measure_and_formats(tmp_path, capsys):
    source = FIXTURES / "images/object/balls.png"
    augkit("images", source, tmp_path / "dst", "--std", "0.1", "--quiet", "--seed", "1")
    row = json.loads((tmp_path / "dst/metadata.jsonl").read_text())
    assert augkit("measure", source, tmp_path / "dst/balls.png", "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["std"] == pytest.approx(row["achieved"]["std"])
    assert measured["snr_db"] == pytest.approx(row["achieved"]["snr_db"])
    assert augkit("measure", source, tmp_path / "dst/balls.png") == 0
    assert "SNR" in capsys.readouterr().out
    assert augkit("formats") == 0
    said = capsys.readouterr().out.upper()
    for name in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "WAV", "FLAC", "OGG", "AIFF", "CSV", ".NPY"):
        assert name in said
    assert "COMPILED NOISE: IN USE" in said or not library()
    with plain():
        augkit("formats")
    assert "NumPy makes the same" in capsys.readouterr().out


def test_both_ways_to_start_are_the_same_command():
    script = Path(sys.executable).parent / "augkit"
    commands = [[sys.executable, "-m", "augkit"], *([[str(script)]] if script.exists() else [])]
    said = [subprocess.run([*command, "-h"], capture_output=True, text=True, check=True).stdout for command in commands]
    assert all(text.startswith("Usage: augkit ") for text in said)
    assert len(set(said)) == 1
    (entry,) = entry_points(group="console_scripts", name="augkit")
    assert entry.load() is run


@pytest.mark.parametrize(("words", "code"), [(["formats"], 0), (["formats", "--no-such"], 2)])
def test_leaving_at_once_loses_nothing(words, code):
    ask = (
        "import atexit, sys; from augkit.__main__ import run; atexit.register(print, 'the end'); "
        f"sys.argv = ['augkit', *{words!r}]; run()"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout.endswith("the end\n")
    assert ("compiled noise" in done.stdout) == (code == 0)
    assert bool(done.stderr) == (code != 0)


@pytest.mark.parametrize(
    "host",
    [
        "import runpy\n"
        "try: runpy.run_module('augkit', run_name='__main__')\nexcept SystemExit as end: print('code', end.code)",
        "from augkit.__main__ import run\n"
        "def called():\n  try: run()\n  except SystemExit as end: print('code', end.code)\ncalled()",
    ],
)
def test_a_program_that_calls_the_command_goes_on(host):
    done = subprocess.run([sys.executable, "-c", host, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("code 0\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_no_success():
    ask = "import atexit; from augkit.__main__ import run; atexit.register(print, 'the end'); run()"
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        command = [sys.executable, "-c", ask, "--version"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert "No space left" in done.stderr


def test_an_internal_error_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("augkit.cli._run_folder", lambda *_: 1 / 0)
    assert augkit("images", "a", "b", "--std", "0.1") == 4
    said = capsys.readouterr().err
    assert "internal error: ZeroDivisionError" in said
    assert said.count("\n") == 1


def test_without_a_command_help_is_printed(capsys):
    assert augkit() == 0
    assert "Commands:\n" in capsys.readouterr().out


def test_what_was_missed_is_told(tmp_path, capsys):
    (tmp_path / "src").mkdir()
    Image.fromarray(np.full((60, 60), 255, np.uint8)).save(tmp_path / "src" / "white.png")
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "rates.csv").write_text(
        "rate,x\n" + "".join(f"{i % 4},{i * 0.37 % 5:.2f}\n" for i in range(200))
    )
    assert augkit("images", tmp_path / "src", tmp_path / "a", "--std", "0.1") == 0
    assert "not 0.1, after saturation" in capsys.readouterr().out
    assert augkit("series", tmp_path / "log", tmp_path / "b", "--std", "0.05sd") == 0
    said = capsys.readouterr().out
    assert "decimals of rate changes" in said
    assert "noised    rate, x" in said
    assert augkit("images", FIXTURES / "images", tmp_path / "c", "--snr", "10", "--noise", "cauchy") == 0
    assert "geometric SNR, before clipping, 10.00 dB" in capsys.readouterr().out


@pytest.mark.parametrize("domain", ["images", "audio", "series"])
def test_a_domain_is_whole_for_each_thread_that_asks_for_it(domain):
    """As on engines whose workers have several threads, of which one loads the domain first."""
    ask = (
        "import sys, threading; from augkit.folder.domains import load_domain, module_of; found = []\n"
        f"def ask(): found.append(hasattr(load_domain({domain!r}), 'open_item'))\n"
        "threads = [threading.Thread(target=ask) for _ in range(2)]\n"
        "threads[0].start()\n"
        f"while module_of({domain!r}) not in sys.modules: pass\n"
        "threads[1].start()\n"
        "for thread in threads: thread.join()\nprint(found)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, True]\n"


def test_whoever_imports_the_command_keeps_collecting_garbage():
    code = (
        "import gc, augkit.__main__; assert gc.isenabled(); gc.disable(); import augkit.cli; assert not gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
