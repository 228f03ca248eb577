"""The compiled library: it is built, loaded where it fits its sources, and done without where it is not there."""

import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import augkit.compiled
from augkit.compiled import SOURCES, compiler, library
from augkit.noise.distributions import Gaussian, as_distribution
from augkit.noise.keys import Key
from augkit.noise.lattice import add_lattice
from augkit.series.files import open_item
from augkit.series.options import SeriesOptions
from tests.golden import LAWS
from tests.ways import plain

ROOT = Path(__file__).parent.parent


def noised_table(folder):
    """Return a noised table of few decimals, many cells of which stay as they are."""
    source, target = folder / "a.csv", folder / "b.csv"
    source.write_text(
        "x,y\n" + "".join(f"{number / 10:.1f},{number * number % 89 / 4:.2f}\n" for number in range(5000))
    )
    open_item(source, SeriesOptions(std="0.05")).write(target, Key(1), measure=True)
    return target.read_bytes()


def noisy():
    clean = np.full(1000, 128, np.uint8)
    out = np.empty_like(clean)
    add_lattice(clean, Gaussian(), 20.0, Key(1), out=out)
    return out.tobytes()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Have the loader look for the library in an empty folder, which is returned."""
    monkeypatch.setattr(augkit.compiled, "__file__", str(tmp_path / "__init__.py"))
    library.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    library.cache_clear()


def test_the_sources_are_those_that_the_loader_expects():
    """After a change of a .c or .h file, ``python augkit/compiled/compiler.py`` builds it and prints the number."""
    assert f"{SOURCES:#018x}" == f"{compiler.sources_number():#018x}"


def test_it_was_built_where_a_compiler_is_sure_to_be():
    if os.environ.get("CI") != "true" and library() is None:
        pytest.skip("nothing is compiled here")
    assert library() is not None


def test_it_is_built_and_loaded(elsewhere):
    compiler.compile_library(elsewhere / compiler.LIBRARY)
    assert [path.name for path in elsewhere.iterdir()] == [compiler.LIBRARY]
    assert library() is not None
    made = noisy()
    with plain():
        assert library() is None
        assert noisy() == made


@pytest.mark.parametrize("broken", [None, b"", b"\x7fELF" + bytes(100)])
def test_without_a_library_that_loads_numpy_does_it(elsewhere, broken):
    if broken is not None:
        (elsewhere / compiler.LIBRARY).write_bytes(broken)
    assert library() is None
    assert len(noisy()) == 1000


def test_a_library_of_other_sources_is_not_loaded(elsewhere, monkeypatch):
    monkeypatch.setattr(compiler, "sources_number", lambda: SOURCES + 1)
    compiler.compile_library(elsewhere / compiler.LIBRARY)
    assert library() is None


@pytest.mark.parametrize("cc", ["/bin/false", "no-such-compiler", "'unclosed", "true"])
def test_a_compiler_that_fails_is_told_in_one_line_and_leaves_nothing(tmp_path, monkeypatch, cc):
    monkeypatch.setenv("CC", cc)
    with pytest.raises(compiler.CompileError) as caught:
        compiler.compile_library(tmp_path / compiler.LIBRARY)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cc", ["gcc -ffast-math", "gcc -Ofast -march=native", "  "])
def test_flags_of_a_compiler_change_no_bit(elsewhere, monkeypatch, cc):
    if shutil.which("gcc") is None:
        pytest.skip("no gcc")
    monkeypatch.setenv("CC", cc)
    compiler.compile_library(elsewhere / compiler.LIBRARY)
    assert library() is not None
    made, table = noisy(), noised_table(elsewhere)
    with plain():
        assert (noisy(), noised_table(elsewhere)) == (made, table)


def test_instructions_that_only_some_machines_have_change_no_bit(elsewhere):
    clean = np.random.default_rng(1).integers(0, 256, 300_001, np.uint8)

    def made():
        for law, scale in product(LAWS, (0.3, 12.75, 25.5, 60.0, 110.0, 255.0)):
            out = np.empty_like(clean)
            add_lattice(clean, as_distribution(law), scale, Key(1), out=out, start=65_000)
            yield out

    compiler.compile_library(elsewhere / compiler.LIBRARY)
    usual = list(made())
    compiler.compile_library(elsewhere / compiler.LIBRARY, compiler.PLAIN)
    library.cache_clear()
    assert library() is not None
    for one, other in zip(made(), usual, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_compiler_that_does_not_know_the_newest_instructions_does(elsewhere, monkeypatch):
    old = elsewhere / "old-cc"
    old.write_text('#!/bin/sh\ncase "$*" in *AUGKIT_PLAIN*) exec cc "$@";; *) echo no such target >&2; exit 1;; esac\n')
    old.chmod(0o755)
    monkeypatch.setenv("CC", str(old))
    compiler.compile_library(elsewhere / compiler.LIBRARY)
    made = noisy()
    assert library() is not None
    with plain():
        assert noisy() == made


def test_no_compiler_at_all_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(compiler.CompileError, match="no C compiler"):
        compiler.compile_library(tmp_path / compiler.LIBRARY)


def test_the_short_commands_do_not_load_it():
    ask = "import sys; from augkit.cli import main; main(['--version']); print('augkit.compiled' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "False"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "cc", "built"),
    [((), "", True), (("-e",), "", True), ((), "/bin/false", False), (("-e",), "/bin/false", False)],
)
def test_an_install_builds_it_and_never_fails_for_it(tmp_path, way, cc, built):
    tree, python = tmp_path / "tree", str(tmp_path / "venv" / "bin" / "python")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if name.startswith("augkit/") or "/" not in name:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "CC"}}
    environment |= {"CC": cc} if cc else {}
    install = [python, "-m", "pip", "install", "-q", "--no-deps", *way, str(tree)]
    subprocess.run(install, check=True, env=environment)
    ask = "import augkit.compiled as c; print(c.library() is not None)"
    told = subprocess.run(
        [python, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(built)
