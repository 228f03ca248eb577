"""Executors that do what real ones do at their worst, and runs on engines."""

import multiprocessing
import pickle
import random
import threading
from collections import deque
from concurrent.futures import Executor, Future, ProcessPoolExecutor

import augkit as package
from augkit.folder.engines.base import opened
from augkit.folder.engines.chosen import as_engine
from augkit.folder.run import HowToRun
from tests.test_run import run_poison
from tests.trees import content


class KilledWorker(Exception):  # noqa: N818
    """As Dask's, which is known by its name."""


def answered(work, arguments):
    """Return a future that holds what a call gives."""
    future = Future()
    future.set_result(work(*arguments))
    return future


def failed(error):
    """Return a future that holds an error."""
    future = Future()
    future.set_exception(error)
    return future


def sources(arguments):
    """Return the names of the sources in a group, by the arguments of its call."""
    return [task.source for task in pickle.loads(arguments[-1])]  # noqa: S301 - of this process


class Direct(Executor):
    """Does everything at once, in the thread that asks."""

    _max_workers = 2

    def submit(self, work, *arguments):
        return answered(work, arguments)


class Shuffled(Executor):
    """Does what is there in random order, in a thread of its own."""

    _max_workers = 4

    def __init__(self, seed=3):
        self.random = random.Random(seed)  # noqa: S311 - an order, no secret
        self.there, self.order = [], []
        self.come = threading.Semaphore(0)
        threading.Thread(target=self.work, daemon=True).start()

    def submit(self, work, *arguments):
        future = Future()
        self.there.append((future, work, arguments))
        self.come.release()
        return future

    def work(self):
        while True:
            self.come.acquire()
            future, work, arguments = self.there.pop(self.random.randrange(len(self.there)))
            self.order.append(int(arguments[0].rpartition("-")[2]))
            if future.set_running_or_notify_cancel():
                future.set_result(work(*arguments))


class Pure(Direct):
    """Takes calls that are equal for one, as Dask does unless it is told not to."""

    def __init__(self):
        self.known = {}

    def submit(self, work, *arguments):
        if arguments not in self.known:
            self.known[arguments] = super().submit(work, *arguments)
        return self.known[arguments]


class Deadly(Executor):
    """A cluster of one worker of several threads: who shares it with a culprit dies with it, and is told so."""

    _max_workers = 2

    def __init__(self, culprits):
        self.culprits, self.held, self.alone = culprits, deque(), 0

    def submit(self, work, *arguments):
        if not sources(arguments):
            return answered(work, arguments)
        future = Future()
        self.held.append((future, work, arguments))
        threading.Timer(0.05, self.go_on).start()
        return future

    def go_on(self):
        held, self.held = self.held, deque()
        self.alone += len(held) == 1
        dead = any(set(sources(arguments)) & self.culprits for _, _, arguments in held)
        for future, work, arguments in held:
            if future.set_running_or_notify_cancel():
                future.set_exception(KilledWorker()) if dead else future.set_result(work(*arguments))


def processes(workers=2, **how):
    """Return a pool of processes that are not forked from this one, which has threads."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), **how)


def run_poison_on(tmp_path, executor, **how):
    """Run the poisoned domain over tmp_path/src on an engine."""
    engine = as_engine(executor)
    with opened(engine):
        return run_poison(tmp_path, HowToRun(engine=engine, **how))


def outputs(dst):
    """Return the content of a tree without its recipe, which tells where SRC lies."""
    return {name: found for name, found in content(dst).items() if name != "recipe.toml"}


def tree_of(recipe, dst, **how):
    """Run a recipe into a folder and return what is there."""
    package.run(recipe, dst=dst, **how)
    return outputs(dst)
