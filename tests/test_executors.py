"""Runs on executors: the tree of any other run, whatever becomes of the workers, and errors that say how to go on."""

import json
import os
import threading
import time
import warnings
from concurrent.futures import Executor, Future, ThreadPoolExecutor, process

import pytest
from msgspec.structs import replace
from PIL import Image

import augkit as package
from augkit.errors import OutputError, UsageError
from augkit.folder.engines import base, serve, window
from augkit.folder.engines.chosen import as_engine
from augkit.folder.engines.serve import Unfit, place, release, serve_group
from augkit.folder.engines.window import absolute
from augkit.folder.options import FolderOptions, Job, Remote
from augkit.images.pillow import quiet
from augkit.recipe import Recipe, make_section
from tests import poison
from tests.engines import (
    Deadly,
    Direct,
    Pure,
    Shuffled,
    answered,
    failed,
    outputs,
    processes,
    run_poison_on,
    sources,
    tree_of,
)
from tests.test_run import write_dat
from tests.trees import augkit, content, pictures, recordings


def recipe(src, domain="images", **options):
    table = {"std": "0.02..0.2"} if domain == "images" else {"snr_db": "0..20"}
    return Recipe(seed=7, sections=(make_section(domain, str(src), "unused", {**table, **options}),))


@pytest.fixture(name="src")
def _src(tmp_path):
    return pictures(tmp_path / "src", count=30)


@pytest.fixture(name="expected")
def _expected(tmp_path, src):
    return tree_of(recipe(src), tmp_path / "expected", jobs=1)


def test_what_a_callers_executor_made_is_the_same_tree(tmp_path, src, expected):
    shuffled = Shuffled()
    assert tree_of(recipe(src), tmp_path / "shuffled", executor=shuffled) == expected
    assert shuffled.order != sorted(shuffled.order)
    with ThreadPoolExecutor(3) as threads, processes() as pool:
        for number, executor in enumerate((threads, pool)):
            assert tree_of(recipe(src), tmp_path / f"dst{number}", executor=executor) == expected
            assert executor.submit(len, "usable").result() == 6


def test_paths_that_mean_something_here_alone_are_sent_whole(tmp_path, monkeypatch):
    recordings(tmp_path / "speech", 12), recordings(tmp_path / "babble", 3)
    monkeypatch.chdir(tmp_path)
    whole = recipe("speech", "audio", backgrounds="babble")
    expected = tree_of(whole, "one", jobs=1)
    with processes(initializer=os.chdir, initargs=("/",)) as pool:
        assert tree_of(whole, "two", executor=pool) == expected
    job = Job(domain="audio", src="a", dst="c", seed=1, options=poison.Options(), folder=FolderOptions(masks=["m"]))
    far = absolute(job)
    assert (far.src, far.dst, far.folder.masks) == (str(tmp_path / "a"), str(tmp_path / "c"), [str(tmp_path / "m")])


def test_calls_that_are_equal_are_not_taken_for_one(tmp_path, src, expected):
    pure = Pure()
    assert tree_of(recipe(src), tmp_path / "one", executor=pure) == expected
    assert tree_of(recipe(src), tmp_path / "one", executor=pure, overwrite=True) == expected
    assert len({arguments[0] for arguments in pure.known}) == len(pure.known)


def test_shards_and_what_resumes_them(tmp_path, src, expected):
    dst = tmp_path / "dst"
    with ThreadPoolExecutor(2) as threads:
        for number in (2, 1):
            package.run(recipe(src), dst=dst, executor=threads, shard=f"{number}/3")
        package.run(recipe(src), dst=dst, executor=threads, shard="3/3", resume=True)
    assert outputs(dst) == expected


class CutOff:
    def __call__(self, tally, plan):
        if tally.outputs >= 4:
            raise KeyboardInterrupt


@pytest.mark.parametrize("ended", ["interrupted", "lost", "refused"])
def test_a_run_that_ends_early_goes_on(tmp_path, expected, ended):
    class Ending(Direct):
        given = 0

        def submit(self, work, *arguments):
            self.given += 1
            if self.given == 8 and ended == "refused":
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self.given == 8 and ended == "lost":
                future = Future()
                future.cancel()
                future.set_running_or_notify_cancel()
                return future
            return super().submit(work, *arguments)

    whole, dst = recipe(tmp_path / "src"), tmp_path / "dst"
    with ThreadPoolExecutor(2) as threads:
        executor, progress = (threads, CutOff()) if ended == "interrupted" else (Ending(), None)
        wanted = KeyboardInterrupt if ended == "interrupted" else OutputError
        with pytest.raises(wanted) as told:
            package.run(whole, dst=dst, executor=executor, progress=progress)
        if ended != "interrupted":
            assert f"augkit resume {dst} goes on" in str(told.value)
        assert (dst / ".augkit-journal.jsonl").exists()
        assert not list(dst.rglob(".augkit-tmp-*"))
        package.run(whole, dst=dst, executor=threads, resume=True)
    assert outputs(dst) == expected


def test_a_task_that_never_ends_does_not_keep_a_run_that_is_stopped(tmp_path, src, monkeypatch):
    monkeypatch.setattr(base, "GRACE", 0.3)
    ended = threading.Event()

    class Slow(Direct):
        given = 0

        def submit(self, work, *arguments):
            self.given += 1
            return threads.submit(ended.wait) if self.given == 2 else super().submit(work, *arguments)

    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(KeyboardInterrupt):
            package.run(recipe(src), dst=tmp_path / "dst", executor=Slow(), progress=CutOff())
        ended.set()


def test_an_executor_that_its_worker_breaks_costs_the_culprits_alone(tmp_path):
    texts = {f"f{i:03}": "fine" for i in range(60)} | {"f010": "kill", "f011": "abort", "f040": "segv", "f055": "late"}
    write_dat(tmp_path, texts)
    with processes() as pool:
        report = run_poison_on(tmp_path, pool)
        with pytest.raises(process.BrokenProcessPool):
            pool.submit(len, "").result()
    assert report.outputs == 56
    assert {row["source"] for row in report.failures} == {f"f{n}.dat" for n in ("010", "011", "040", "055")}
    assert any("SIGSEGV" in row["reason"] for row in report.failures)
    assert "left to workers of augkit's own" in report.hints[0]
    assert not list((tmp_path / "dst").glob(".augkit*"))


def test_who_shared_a_worker_with_a_culprit_is_not_blamed(tmp_path):
    write_dat(tmp_path, {f"f{i:03}": "fine" for i in range(60)})
    culprits = {"f007.dat", "f008.dat", "f050.dat"}
    executor = Deadly(culprits)
    report = run_poison_on(tmp_path, executor)
    assert {row["source"] for row in report.failures} == culprits
    assert all("ended the workers that it was given to" in row["reason"] for row in report.failures)
    assert report.outputs == 57
    assert executor.alone > 3


def test_errors_of_a_group_are_those_of_its_files(tmp_path):
    class Picky(Direct):
        def submit(self, work, *arguments):
            bad = "f003.dat" in sources(arguments)
            return failed(ValueError("a message that cannot be sent")) if bad else answered(work, arguments)

    write_dat(tmp_path, {f"f{i:03}": "bug" if i == 5 else "fine" for i in range(200)})
    report = run_poison_on(tmp_path, Picky())
    reasons = {row["source"]: row["reason"] for row in report.failures}
    assert sorted(reasons) == ["f003.dat", "f005.dat"]
    assert reasons["f003.dat"] == "ValueError: a message that cannot be sent"
    assert report.outputs == 198


def test_a_worker_of_another_release_is_named_before_anything_is_made(tmp_path, src, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(window, "release", lambda: ("99.1", 3))
        with ThreadPoolExecutor(1) as threads, pytest.raises(OutputError) as told:
            package.run(recipe(src), dst=tmp_path / "dst", executor=threads)
    assert "ThreadPoolExecutor: the worker " in str(told.value)
    assert "install augkit 99.1 (stream version 3) there" in str(told.value)
    assert not list((tmp_path / "dst").rglob("*.png"))


def test_a_worker_without_augkit_is_told(tmp_path, src):
    class Bare(Direct):
        def submit(self, work, *arguments):
            return failed(ModuleNotFoundError("No module named 'augkit'"))

    with pytest.raises(OutputError, match="Bare: its workers do not have augkit"):
        package.run(recipe(src), dst=tmp_path / "dst", executor=Bare())


@pytest.mark.usefixtures("expected")
def test_a_pool_that_goes_on_holds_no_lock(tmp_path, src):
    with processes() as pool:
        for part in ("1/2", "2/2"):
            [report] = package.run(recipe(src), dst=tmp_path / "dst", executor=pool, shard=part)
        assert not report.hints
        assert outputs(tmp_path / "dst") == outputs(tmp_path / "expected")
        package.run(recipe(src), dst=tmp_path / "dst", executor=pool, overwrite=True)


def test_a_worker_that_cannot_do_even_nothing_ends_the_run(tmp_path, src):
    class Odd(Direct):
        def submit(self, work, *arguments):
            return answered(work, (*arguments[:3], b"no pickle", arguments[-1]))

    with pytest.raises(OutputError, match="Odd: its workers cannot do any of it"):
        package.run(recipe(src), dst=tmp_path / "dst", executor=Odd())


def test_a_worker_that_sees_other_folders_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "_PAUSE", 0.001)
    src, dst, other = (tmp_path / name for name in ("src", "dst", "other"))
    for folder in (src, dst, other):
        folder.mkdir()
    (dst / "recipe.toml").write_text("seed = 1")
    (other / "recipe.toml").write_text("seed = 2")
    job = Job(domain="images", src=str(src), dst=str(dst), seed=1, options=None)
    where = place(job)
    reasons = [
        serve_group("1", release(), wrong, b"", b"").reason
        for wrong in (
            (str(tmp_path / "none"), *where[1:]),
            (where[0], str(tmp_path / "none"), where[2]),
            (where[0], str(other), where[2]),
        )
    ]
    assert f"sees no {tmp_path / 'none'};" in reasons[0]
    assert f"sees no {tmp_path / 'none' / 'recipe.toml'};" in reasons[1]
    assert f"sees another {other};" in reasons[2]
    assert not isinstance(serve_group("1", release(), where, b"", b""), Unfit)
    assert place(replace(job, remote=Remote(src="s3://a/b", dst="s3://a/c", work="/w"))) == ("", "", "")
    assert place(replace(job, remote=Remote(src="s3://a/b", dst=None, work="/w"))) == ("", *where[1:])


def test_a_cluster_without_workers_is_given_up(tmp_path, src, monkeypatch):
    class Empty(Executor):
        _max_workers = 0

        def submit(self, work, *arguments):
            return Future()

    monkeypatch.setattr(window, "_LOOK", 0.1)
    monkeypatch.setattr(window, "FORSAKEN", 0.5)
    began = time.monotonic()
    with pytest.raises(OutputError, match=r"has had no worker for 0\.5 s"):
        package.run(recipe(src), dst=tmp_path / "dst", executor=Empty())
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("text", ["what", "dask", "dask:", "ray:", "spark:here", ""])
def test_a_text_that_names_no_engine(tmp_path, src, capsys, text):
    assert augkit("images", src, tmp_path / "dst", "--std", "0.1", "--executor", text) == 2
    assert "expected dask:ADDRESS" in capsys.readouterr().err
    assert not (tmp_path / "dst").exists()


def test_what_an_engine_cannot_keep_is_refused(tmp_path, src, capsys):
    for option in (("-j", "2"), ("--timeout", "5"), ("--max-memory", "1G")):
        options = ("images", src, tmp_path / "dst", "--std", "0.1", "--executor", "dask:nowhere:1", *option)
        assert augkit(*options) == 2
        assert "executor=dask:nowhere:1" in capsys.readouterr().err
    assert augkit(*options[:-2], "--dry-run") == 0, "it is not asked"
    assert not (tmp_path / "dst").exists()
    with pytest.raises(UsageError, match=r"concurrent\.futures\.Executor"):
        as_engine(17)


def test_places_given_apart_from_the_recipe(tmp_path, src):
    expected = tree_of(recipe(src), tmp_path / "one")
    whole = recipe(tmp_path / "nowhere")
    (report,) = package.run(whole, src, tmp_path / "two")
    assert report.dst == str(tmp_path / "two")
    assert outputs(tmp_path / "two") == expected
    two = Recipe(seed=1, sections=(*whole.sections, *recipe(src).sections))
    with pytest.raises(UsageError, match="the recipe has 2 sections"):
        package.run(two, dst=tmp_path / "three")


def test_threads_put_back_what_was_there():
    before = (Image.MAX_IMAGE_PIXELS, warnings.filters[:])
    inside, go = threading.Barrier(2, timeout=10), threading.Event()

    def first():
        with quiet():
            inside.wait()
            go.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    with quiet():
        inside.wait()
        go.set()
        thread.join()
        warnings.warn("nobody hears it", stacklevel=1)
        assert Image.MAX_IMAGE_PIXELS is None
    assert (Image.MAX_IMAGE_PIXELS, warnings.filters[:]) == before


def test_the_journal_of_an_engine_is_that_of_any_run(tmp_path, src, expected):
    with ThreadPoolExecutor(2) as threads:
        package.run(recipe(src, copies=2, keep_original=True), dst=tmp_path / "dst", executor=threads)
    rows = [json.loads(line) for line in (tmp_path / "dst" / "metadata.jsonl").read_text().splitlines()]
    assert len(rows) == 3 * len([name for name in expected if not name.endswith("jsonl")])
    assert content(tmp_path / "dst").keys() >= {row["file_name"] for row in rows}
