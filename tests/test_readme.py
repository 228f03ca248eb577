"""The README's examples do what they say."""

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from augkit.cli import cli
from tests.shards import pack
from tests.trees import FIXTURES, augkit

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    for name, fixture in (("photos", "images"), ("speech", "audio"), ("logs", "series")):
        shutil.copytree(FIXTURES / fixture, tmp_path / name)
    pack(tmp_path / "shards" / "0.tar", [(path.name, path.read_bytes()) for path in FIXTURES.glob("images/*/*.jpg")])
    for block in blocks("toml"):
        named = re.match(r"# (\S+\.toml)\n", block)
        (tmp_path / (named[1] if named else "recipe.toml")).write_text(block)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_work(folder):
    lines = "".join(blocks("console")).replace("\\\n", "").splitlines()
    commands = [line.removeprefix("$ augkit ") for line in lines]
    assert len(commands) >= 7
    for command in commands:
        assert augkit(*shlex.split(command)) == 0, command
    made = sorted(path.name for path in folder.glob("*photos/*/*") if path.suffix in (".png", ".jpg"))
    assert made.count("lake.jpg") == 2
    assert "lake_n3.jpg" in made
    assert (folder / "out" / "speech" / "tune.wav").exists()


def test_python_works():
    namespace = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102
    assert namespace["noisy"].shape == namespace["image"].shape
    assert (namespace["noisy_log"] != namespace["log"]).any()
    means = [point.interval.mean for point in namespace["curve"].points]
    assert means == sorted(means, reverse=True)


def test_every_command_is_told():
    commands = [name for name in cli.commands if isinstance(cli.commands[name], click.Command)]
    assert len(commands) >= 7
    for name in commands:
        assert f"`augkit {name}" in README, name


def test_the_two_commands_set_themselves_up():
    first, second = (block.strip() for block in blocks("sh"))
    for command in (first, second):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert first.endswith("examples/first_run.py")
    assert "pytest" in second
