"""Works in steps: the order of steps, of results, and what is held at a time."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from augkit.cli import main
from augkit.folder import make, run
from augkit.folder.options import Job
from augkit.folder.plan import Task
from augkit.images.files import opening
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from augkit.steps import Steps, finish, take_turns

SMALL, LARGE = 2**10, 2**20


def work(name: str, held: list[int], log: list[str]) -> Steps[str]:
    for number, size in enumerate(held):
        log.append(f"{name}{number}")
        yield size
    return name


def test_small_works_take_turns() -> None:
    log: list[str] = []
    assert take_turns(work(name, [SMALL] * 3, log) for name in "abc") == list("abc")
    assert log == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_large_work_is_finished_before_others_go_on() -> None:
    log: list[str] = []
    held = {"a": [SMALL] * 2, "b": [SMALL, LARGE, LARGE], "c": [LARGE, SMALL]}
    assert take_turns(work(name, held[name], log) for name in "abc") == list("abc")
    assert log == ["a0", "b0", "c0", "c1", "a1", "b1", "b2"]


@given(st.lists(st.lists(st.sampled_from([0, SMALL, LARGE]), max_size=4), max_size=6))
def test_results_are_in_order_and_no_two_large_works_are_under_way(works: list[list[int]]) -> None:
    large: set[int] = set()

    def counted(number: int, held: list[int]) -> Steps[int]:
        for size in held:
            if size == LARGE:
                large.add(number)
            assert len(large) <= 1
            yield size
        large.discard(number)
        return number

    assert take_turns(counted(number, held) for number, held in enumerate(works)) == list(range(len(works)))


def test_finish_does_all_steps() -> None:
    log: list[str] = []
    assert finish(work("a", [LARGE, SMALL, 0], log)) == "a"
    assert log == ["a0", "a1", "a2"]


def test_error_of_one_closes_the_others() -> None:
    closed = []

    def careful() -> Steps[None]:
        try:
            yield 0
            yield 0
        finally:
            closed.append(True)

    def broken() -> Steps[None]:
        yield 0
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        take_turns([careful(), broken()])
    assert closed == [True]


def test_image_tells_what_it_holds(tmp_path: Path) -> None:
    path, target = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(np.zeros((300, 400, 3), np.uint8)).save(path)
    steps = opening(path, ImageOptions(std=0.1))
    assert list(steps) == [path.stat().st_size, 360_000, 360_000]
    item = finish(opening(path, ImageOptions(std=0.1)))
    assert set(item.making(Key(1), measure=True)) == {360_000}
    data, outcome = finish(item.making(Key(1), measure=True))
    assert item.write(target, Key(1), measure=True) == outcome
    assert target.read_bytes() == data


def test_labels_that_are_edited_count_as_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "src" / "a.png")
    label = {"version": "5.4", "shapes": [], "imagePath": "a.png", "imageData": None, "more": "x" * LARGE}
    (tmp_path / "src" / "a.json").write_text(json.dumps(label))
    asked: list[tuple[Job, list[Task]]] = []

    def ask(job: Job, tasks: list[Task], *_: object, **__: object) -> None:
        asked.append((job, tasks))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_tasks", ask)
    main(["images", str(tmp_path / "src"), str(tmp_path / "dst"), "--std", "0.1", "--labels", "copy", "--quiet"])
    ((job, tasks),) = asked
    held = list(make._making(job, tasks[0], 0.0))
    assert max(held) > LARGE
    assert sorted(path.suffix for path in (tmp_path / "dst").glob("a*")) == [".json", ".png"]
