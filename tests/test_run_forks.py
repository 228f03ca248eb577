"""How workers begin: forked from a process of one thread, else from a server, with the same tree either way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_run import write_dat
from tests.trees import augkit, content, pictures

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there workers are forked")


def told(code, *arguments):
    """Run Python code in a process of its own, in which NumPy starts no threads; return what it prints as JSON."""
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], env=env, stdout=subprocess.PIPE, check=True, timeout=60
    )
    return json.loads(done.stdout)


THREAD = """
import json, sys, threading
ended = threading.Event()
def begin_thread():
    threading.Thread(target=ended.wait, daemon=True).start()
"""

ASKED = (
    THREAD
    + """
from augkit.folder import forks
from augkit.folder.domains import DOMAINS, LOADED, module_of
from importlib import import_module
for domain in DOMAINS:
    for module in (module_of(domain), *LOADED.get(domain, ())):
        import_module(module)
answers = [forks.forks()]
begin_thread()
print(json.dumps([*answers, forks.forks()]))
"""
)


def test_nothing_is_forked_where_there_are_threads():
    assert told(ASKED) == [True, False], "what workers need is loaded before, and starts none"


POISONED = (
    THREAD
    + """
from pathlib import Path
from augkit.folder import forks
from tests.test_run import run_poison
if sys.argv[2] == "thread":
    begin_thread()
forked = forks.forks()
report = run_poison(Path(sys.argv[1]))
print(json.dumps([forked, report.outputs, {row["source"]: row["reason"] for row in report.failures}]))
"""
)


@pytest.mark.parametrize("way", ["fork", "thread"])
def test_a_worker_that_dies_costs_its_file_alone_whichever_way_it_began(tmp_path, way):
    texts = {f"f{i:03}": "fine" for i in range(60)}
    write_dat(tmp_path, texts | {"f010": "kill", "f011": "abort", "f040": "bug", "f055": "late"})
    forked, outputs, failures = told(POISONED, tmp_path, way)
    assert forked == (way == "fork")
    assert outputs == 56
    assert sorted(failures) == ["f010.dat", "f011.dat", "f040.dat", "f055.dat"]
    assert "SIGKILL" in failures["f010.dat"]
    assert "SIGABRT" in failures["f011.dat"]


HANDLES = """
import json, sys
from pathlib import Path
from augkit.folder import forks
def work(pipe):
    pipe.send([str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()])
with open(sys.argv[1]):
    other = forks.start_worker("augkit.images.files", work, ())
    process, pipe = forks.start_worker("augkit.images.files", work, ())
    print(json.dumps(pipe.recv()))
"""


def test_a_forked_worker_holds_none_of_the_handles_of_its_main_process(tmp_path):
    (tmp_path / "lock").touch()
    found = told(HANDLES, tmp_path / "lock")
    assert str(tmp_path / "lock") not in found, "it goes with the main process"
    assert sum(name.startswith("socket:") for name in found) == 1, "the pipes of others are no business of its own"


def test_the_command_line_makes_the_same_tree_either_way(tmp_path):
    src = pictures(tmp_path / "src", count=12)
    words = ("images", src, "--std", "0.1", "--seed", "1", "--quiet", "-j", "2")
    assert augkit(*words[:2], tmp_path / "served", *words[2:]) == 0
    code = "import sys; from augkit.cli import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, *map(str, (*words[:2], tmp_path / "forked", *words[2:]))], check=True)
    assert content(tmp_path / "forked") == content(tmp_path / "served")
