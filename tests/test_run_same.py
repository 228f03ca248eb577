"""The same tree, byte for byte, whatever the workers, the order of the files, and how often a run was cut off."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

import augkit as package
from augkit.folder import run
from augkit.recipe import Recipe, make_section
from tests.engines import Shuffled, processes
from tests.trees import augkit, content, pictures, recordings, tables

SOURCES = {
    "images": (lambda src, count: pictures(src, count - 2, size=16), {"std": "0.02..0.2"}),
    "audio": (recordings, {"snr_db": "0..20", "color": "pink"}),
    "series": (tables, {"std": "0.1sd"}),
}


def recipe(domain, src, dst):
    table = {**SOURCES[domain][1], "probability": 0.9, "keep_original": True}
    return Recipe(seed=11, sections=(make_section(domain, str(src), str(dst), table),))


def shuffled(left):
    """Return the tasks that are left in another order."""

    def shuffle(*arguments):
        tasks = left(*arguments)
        random.Random(3).shuffle(tasks)  # noqa: S311 - an order, no secret
        return tasks

    return shuffle


class CutOff:
    """Interrupts a run after so many outputs."""

    def __init__(self, outputs):
        self.outputs = outputs

    def __call__(self, tally, plan):
        if tally.outputs + tally.resumed >= self.outputs:
            raise KeyboardInterrupt


def check(tmp_path, monkeypatch, domain, files):
    src = SOURCES[domain][0](tmp_path / "src", files)
    places = iter(tmp_path / f"dst{number}" for number in range(99))
    reached = []

    def done(dst):
        reached.append(dst)
        return {name: one for name, one in content(dst).items() if name != "recipe.toml"}

    def ran(**how):
        dst = next(places)
        package.run(recipe(domain, src, dst), **how)
        return done(dst)

    expected = ran(jobs=1)
    assert len(expected) >= 2 * files
    for jobs in (2, 8):
        assert ran(jobs=jobs) == expected
    with monkeypatch.context() as patched:
        patched.setattr(run, "_left", shuffled(run._left))
        for jobs in (1, 2):
            assert ran(jobs=jobs) == expected
    for jobs in (1, 2):
        dst = next(places)
        for share in (4, 2):
            with pytest.raises(KeyboardInterrupt):
                package.run(recipe(domain, src, dst), jobs=jobs, resume=share < 4, progress=CutOff(files // share))
        assert augkit("resume", dst, "--quiet", "-j", jobs) == 0
        assert done(dst) == expected
    dst = next(places)
    for number in (3, 1, 2):
        package.run(recipe(domain, src, dst), shard=f"{number}/3")
    assert done(dst) == expected
    with ThreadPoolExecutor(3) as threads, processes() as pool:
        for executor in (threads, pool, Shuffled()):
            assert ran(executor=executor) == expected
    with ThreadPoolExecutor(2) as threads:  # two runs at once, each in a thread of its own
        for tree in [threads.submit(ran, jobs=jobs) for jobs in (1, 2)]:
            assert tree.result() == expected


def test_one_tree_from_any_run(tmp_path, monkeypatch):
    check(tmp_path, monkeypatch, "images", 24)


@pytest.mark.slow
@pytest.mark.parametrize("domain", SOURCES)
def test_one_tree_of_a_thousand_files_from_any_run(tmp_path, monkeypatch, domain):
    check(tmp_path, monkeypatch, domain, 1000)
